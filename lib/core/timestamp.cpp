#include "core/timestamp.hpp"

#include <array>
#include <chrono>
#include <cstdio>

namespace oiab::core {
namespace {

/// Reads from the front; once something does not fit, every later answer is a failure.
class Reader {
public:
    explicit Reader(std::string_view text) : rest_{text} {}

    /// Exactly `digits` of them.
    int number(int digits, int least, int most) {
        int value = 0;
        for (int i = 0; i < digits; ++i) {
            if (rest_.empty() || rest_.front() < '0' || rest_.front() > '9') return fail();
            value = value * 10 + (rest_.front() - '0');
            rest_.remove_prefix(1);
        }
        return value < least || value > most ? fail() : value;
    }
    /// Up to six digits of a fraction, as microseconds; further ones are dropped.
    int micros() {
        int value = 0, digits = 0;
        while (!rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9') {
            if (digits < 6) value = value * 10 + (rest_.front() - '0');
            ++digits;
            rest_.remove_prefix(1);
        }
        if (digits == 0) return fail();
        for (; digits < 6; ++digits) value *= 10;
        return value;
    }
    bool skip(std::string_view any_of) {
        if (rest_.empty() || any_of.find(rest_.front()) == std::string_view::npos) return false;
        rest_.remove_prefix(1);
        return true;
    }
    void expect(std::string_view any_of) {
        if (!skip(any_of)) fail();
    }
    [[nodiscard]] char next() const { return rest_.empty() ? '\0' : rest_.front(); }
    [[nodiscard]] bool done() const { return sound_ && rest_.empty(); }

private:
    int fail() {
        sound_ = false;
        return 1;
    }

    std::string_view rest_;
    bool sound_ = true;
};

}  // namespace

std::optional<WallTime> parse_timestamp(std::string_view text) {
    using namespace std::chrono;
    Reader reader{text};
    const auto y = reader.number(4, 1, 9999);
    reader.expect("-");
    const auto m = reader.number(2, 1, 12);
    reader.expect("-");
    const auto d = reader.number(2, 1, 31);
    reader.expect("T ");
    const auto hour = reader.number(2, 0, 23);
    reader.expect(":");
    const auto minute = reader.number(2, 0, 59);
    const auto second = reader.skip(":") ? reader.number(2, 0, 59) : 0;
    const auto fraction = reader.skip(".") ? reader.micros() : 0;
    minutes offset{0};
    if (const char sign = reader.next(); sign == '+' || sign == '-') {
        reader.skip("+-");
        offset = hours{reader.number(2, 0, 15)};
        reader.skip(":");
        offset += minutes{reader.number(2, 0, 59)};
        if (sign == '-') offset = -offset;
    } else {
        reader.skip("Zz");
    }
    const year_month_day date{year{y}, month{static_cast<unsigned>(m)}, day{static_cast<unsigned>(d)}};
    if (!reader.done() || !date.ok()) return std::nullopt;
    return WallTime{sys_days{date}} + hours{hour} + minutes{minute} + seconds{second} + microseconds{fraction} - offset;
}

std::string format_timestamp(WallTime time) {
    using namespace std::chrono;
    const auto day = floor<days>(time);
    const year_month_day date{day};
    const hh_mm_ss clock{time - day};
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d", static_cast<int>(date.year()),
                  static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                  static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                  static_cast<int>(clock.seconds().count()));
    std::string whole{text.data()};
    if (const auto micros = clock.subseconds().count(); micros != 0) {
        std::snprintf(text.data(), text.size(), ".%06d", static_cast<int>(micros));
        whole += text.data();
    }
    return whole + "Z";
}

}  // namespace oiab::core
