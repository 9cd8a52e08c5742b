#include "config/go_flags.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>

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

// Number of single-letter changes that turn `a` into `b`, upper and lower case alike.
size_t distance(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; };
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j)
    row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t changed = diagonal + (lower(a[i - 1]) == lower(b[j - 1]) ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, changed});
    }
  }
  return row[b.size()];
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
  int64_t left = duration.count();
  if (left == 0) return "0s";
  std::string text = left < 0 ? "-" : "";
  left = std::abs(left);
  for (const Unit& unit :
       {Unit{"h", 3'600'000'000'000}, Unit{"m", 60'000'000'000}, Unit{"s", 1'000'000'000},
        Unit{"ms", 1'000'000}, Unit{"us", 1'000}, Unit{"ns", 1}}) {
    if (left < unit.nanoseconds) continue;
    text += std::to_string(left / unit.nanoseconds);
    text += unit.name;
    left %= unit.nanoseconds;
  }
  return text;
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

void GoFlags::add(std::string name, std::string& value, std::string help) {
  flags_.push_back({std::move(name), std::move(help), value, Type::kString, &value});
}
void GoFlags::add(std::string name, int64_t& value, std::string help) {
  flags_.push_back({std::move(name), std::move(help), std::to_string(value), Type::kInt, &value});
}
void GoFlags::add(std::string name, bool& value, std::string help) {
  flags_.push_back(
      {std::move(name), std::move(help), value ? "true" : "false", Type::kBool, &value});
}
void GoFlags::add(std::string name, Duration& value, std::string help) {
  flags_.push_back(
      {std::move(name), std::move(help), format_duration(value), Type::kDuration, &value});
}

GoFlags::Flag* GoFlags::find(std::string_view name) {
  for (Flag& flag : flags_) {
    if (flag.name == name) return &flag;
  }
  return nullptr;
}

const GoFlags::Flag* GoFlags::nearest(std::string_view name) const {
  const Flag* best = nullptr;
  size_t best_distance = std::max<size_t>(2, name.size() / 3) + 1;
  for (const Flag& flag : flags_) {
    const size_t d = distance(name, flag.name);
    if (d < best_distance) {
      best_distance = d;
      best = &flag;
    }
  }
  return best;
}

bool GoFlags::assign(const Flag& flag, const std::string& text) {
  bool good = true;
  switch (flag.type) {
    case Type::kString:
      *static_cast<std::string*>(flag.value) = text;
      break;
    case Type::kInt:
      good = parse_int(text, *static_cast<int64_t*>(flag.value));
      break;
    case Type::kBool:
      good = parse_bool(text, *static_cast<bool*>(flag.value));
      break;
    case Type::kDuration:
      good = parse_duration(text, *static_cast<Duration*>(flag.value));
      break;
  }
  if (good) return true;
  static constexpr const char* kAccepted[] = {"", "a number", "true or false",
                                              "a duration with its unit, like 3s or 500ms"};
  const std::string kind =
      flag.type == Type::kBool ? "invalid boolean value \"" : "invalid value \"";
  const std::string between = flag.type == Type::kBool ? "\" for -" : "\" for flag -";
  error_ = kind + text + between + flag.name + ": parse error; " +
           kAccepted[static_cast<size_t>(flag.type)] + " is accepted";
  return false;
}

GoFlags::Outcome GoFlags::parse(const std::vector<std::string>& arguments) {
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (argument.size() < 2 || argument[0] != '-' || argument == "--") {
      ignored_.assign(arguments.begin() + static_cast<ptrdiff_t>(i + (argument == "--" ? 1 : 0)),
                      arguments.end());
      return Outcome::kOk;
    }
    const std::string_view body = std::string_view(argument).substr(argument[1] == '-' ? 2 : 1);
    if (body.empty() || body[0] == '-' || body[0] == '=') {
      error_ = "bad flag syntax: " + argument;
      return Outcome::kError;
    }
    const size_t equals = body.find('=');
    const std::string name(body.substr(0, equals));
    const Flag* flag = find(name);
    if (flag == nullptr) {
      if (name == "h" || name == "help") return Outcome::kHelp;
      const Flag* near = nearest(name);
      error_ = "flag provided but not defined: -" + name +
               (near != nullptr ? "; did you mean -" + near->name + "?" : "");
      return Outcome::kError;
    }
    std::string value =
        equals == std::string_view::npos ? "true" : std::string(body.substr(equals + 1));
    if (equals == std::string_view::npos && flag->type != Type::kBool) {
      if (++i == arguments.size()) {
        error_ = "flag needs an argument: -" + name;
        return Outcome::kError;
      }
      value = arguments[i];
    }
    if (!assign(*flag, value)) return Outcome::kError;
  }
  return Outcome::kOk;
}

std::string GoFlags::usage() const {
  std::vector<const Flag*> sorted;
  for (const Flag& flag : flags_)
    sorted.push_back(&flag);
  std::sort(sorted.begin(), sorted.end(),
            [](const Flag* a, const Flag* b) { return a->name < b->name; });
  static constexpr const char* kTypes[] = {" string", " int", "", " duration"};
  std::string text;
  for (const Flag* flag : sorted) {
    text += "  -" + flag->name + kTypes[static_cast<size_t>(flag->type)] + "\n    \t" + flag->help;
    if (!flag->default_text.empty() && flag->default_text != "0s" &&
        flag->default_text != "false") {
      text += " (default " + flag->default_text + ")";
    }
    text += "\n";
  }
  return text;
}

}  // namespace httpteleport::config
