#pragma once
/// @file  One SQL statement with the name of the file that holds it. A value; any thread.

namespace oiab::pg {

/// Made by the build from lib/<layer>/sql/<file>.sql. Where preparing is allowed it is prepared under `name`, which is
/// <layer>_<file>, once a
/// session. Both point to static storage.
struct Statement {
    const char* name;
    const char* text;
};

}  // namespace oiab::pg
