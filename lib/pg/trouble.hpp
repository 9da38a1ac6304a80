#pragma once
/// @file  Turns what libpqxx throws into a DatabaseError. Private to the pg layer.

namespace oiab::pg {

/// What was under way when the exception came; it decides what a broken connection means.
enum class Moment {
    kConnecting,
    kInTransaction,  ///< the server rolls back: nothing happened
    kAutocommit,     ///< a statement may have committed though its answer was lost
};

/// Call inside a catch block. @throws DatabaseError always.
[[noreturn]] void throw_translated(Moment moment);

}  // namespace oiab::pg
