#include "config/go_values.h"

#include <charconv>

namespace httpteleport::config {

namespace {

struct Unit {
  std::string_view name;
  int64_t nanoseconds;
};

constexpr Unit kUnits[] = {
    {"ns", 1},         {"us", 1'000},        {"\xC2\xB5s", 1'000},  {"\xCE\xBCs", 1'000},
    {"ms", 1'000'000}, {"s", 1'000'000'000}, {"m", 60'000'000'000}, {"h", 3'600'000'000'000}};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// One "12.5s" off the front of `text`, added to `total`.
bool take_duration_part(std::string_view& text, int64_t& total) {
  int64_t whole = 0;
  int64_t fraction =
      0;  // the digits behind the point, as many as fit: the rest is too small to count
  double scale = 1;
  bool digits = false;
  size_t i = 0;
  for (; i < text.size() && is_digit(text[i]); ++i) {
    digits = true;
    if (__builtin_mul_overflow(whole, 10, &whole) ||
        __builtin_add_overflow(whole, text[i] - '0', &whole))
      return false;
  }
  if (i < text.size() && text[i] == '.') {
    for (++i; i < text.size() && is_digit(text[i]); ++i) {
      digits = true;
      if (fraction >= INT64_MAX / 10) continue;
      fraction = fraction * 10 + (text[i] - '0');
      scale *= 10;
    }
  }
  if (!digits) return false;
  size_t unit_end = i;
  while (unit_end < text.size() && text[unit_end] != '.' && !is_digit(text[unit_end]))
    ++unit_end;
  const std::string_view unit_name = text.substr(i, unit_end - i);
  for (const Unit& unit : kUnits) {
    if (unit.name != unit_name) continue;
    int64_t part = 0;
    const double rest =
        static_cast<double>(fraction) * (static_cast<double>(unit.nanoseconds) / scale);
    if (__builtin_mul_overflow(whole, unit.nanoseconds, &part) ||
        __builtin_add_overflow(part, static_cast<int64_t>(rest), &part))
      return false;
    text.remove_prefix(unit_end);
    return !__builtin_add_overflow(total, part, &total);
  }
  return false;
}

constexpr uint64_t kSecond = 1'000'000'000;

// `amount` in units of `unit`, a power of ten, without zeros at the end: "1.5".
std::string decimal(uint64_t amount, uint64_t unit) {
  std::string text = std::to_string(amount / unit);
  if (amount % unit == 0) return text;
  const std::string digits = std::to_string(unit + amount % unit).substr(1);
  return text + "." + digits.substr(0, digits.find_last_not_of('0') + 1);
}

}  // namespace

bool parse_duration(std::string_view text, Duration& duration) {
  bool negative = false;
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) {
    negative = text.front() == '-';
    text.remove_prefix(1);
  }
  if (text == "0") {
    duration = Duration::zero();
    return true;
  }
  if (text.empty()) return false;
  int64_t total = 0;
  while (!text.empty()) {
    if (!take_duration_part(text, total)) return false;
  }
  duration = Duration(negative ? -total : total);
  return true;
}

std::string format_duration(Duration duration) {
  uint64_t left = static_cast<uint64_t>(duration.count());
  if (left == 0) return "0s";
  std::string text;
  if (duration < Duration::zero()) {
    text = "-";
    left = 0 - left;
  }
  if (left < kSecond) {
    const Unit unit = left < 1'000 ? kUnits[0] : left < 1'000'000 ? kUnits[2] : kUnits[4];
    return text + decimal(left, static_cast<uint64_t>(unit.nanoseconds)) + std::string(unit.name);
  }
  const uint64_t hours = left / (3600 * kSecond);
  const uint64_t minutes = left / (60 * kSecond) % 60;
  if (hours > 0) text += std::to_string(hours) + "h";
  if (hours > 0 || minutes > 0) text += std::to_string(minutes) + "m";
  return text + decimal(left % (60 * kSecond), kSecond) + "s";
}

bool parse_int(std::string_view text, int64_t& number) {
  std::string digits;
  bool negative = false;
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) {
    negative = text.front() == '-';
    text.remove_prefix(1);
  }
  int base = 10;
  if (text.size() > 1 && text.front() == '0') {
    const char mark = static_cast<char>(text[1] | 0x20);
    base = mark == 'x' ? 16 : mark == 'b' ? 2 : 8;
    text.remove_prefix(mark == 'x' || mark == 'b' || mark == 'o' ? 2 : 1);
  }
  // An underscore may stand between digits and after the base prefix.
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') {
      digits += text[i];
    } else if (i + 1 == text.size() || text[i + 1] == '_' || (i == 0 && base == 10)) {
      return false;
    }
  }
  if (digits.starts_with('-')) return false;  // a second sign
  if (negative) digits.insert(0, "-");
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), number, base);
  return error == std::errc() && end == digits.data() + digits.size() && !digits.empty();
}

bool parse_bool(std::string_view text, bool& value) {
  for (const std::string_view yes : {"1", "t", "T", "true", "TRUE", "True"}) {
    if (text == yes) return value = true, true;
  }
  for (const std::string_view no : {"0", "f", "F", "false", "FALSE", "False"}) {
    if (text == no) return value = false, true;
  }
  return false;
}

}  // namespace httpteleport::config
