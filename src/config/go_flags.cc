#include "config/go_flags.h"

#include "base/nearest_name.h"

namespace httpteleport::config {

namespace {

using Kind = GoFlags::Kind;

// What is accepted for a value that is not.
const char* accepted_by(Kind kind) {
  switch (kind) {
    case Kind::kInt:
      return "a number is accepted";
    case Kind::kBool:
      return "true or false is accepted";
    case Kind::kDuration:
      return "a duration with its unit, like 3s or 500ms is accepted";
    case Kind::kMilliseconds:
      return "a duration like 3s or 500ms, or a number of milliseconds is accepted";
    case Kind::kString:
    case Kind::kStrings:
      break;
  }
  return "any text is accepted";
}

// Whole ones only: what is given must not be lost by rounding.
bool parse_milliseconds(std::string_view text, std::chrono::milliseconds& value) {
  int64_t number = 0;
  if (parse_int(text, number)) {
    value = std::chrono::milliseconds(number);
    return true;
  }
  Duration duration{};
  if (!parse_duration(text, duration)) return false;
  value = std::chrono::duration_cast<std::chrono::milliseconds>(duration);
  return value == duration;
}

// Reads `text` into a value of its kind; leaves the value alone when that is not possible.
template <class T>
bool read_into(bool (*parse)(std::string_view, T&), const std::string& text, void* value) {
  T parsed{};
  if (!parse(text, parsed)) return false;
  if (value != nullptr) *static_cast<T*>(value) = parsed;
  return true;
}

// `value`: nullptr to check the text only.
bool read_value(Kind kind, const std::string& text, void* value) {
  switch (kind) {
    case Kind::kInt:
      return read_into<int64_t>(parse_int, text, value);
    case Kind::kBool:
      return read_into<bool>(parse_bool, text, value);
    case Kind::kDuration:
      return read_into<Duration>(parse_duration, text, value);
    case Kind::kMilliseconds:
      return read_into<std::chrono::milliseconds>(parse_milliseconds, text, value);
    case Kind::kStrings:
      if (value != nullptr) static_cast<std::vector<std::string>*>(value)->push_back(text);
      return true;
    case Kind::kString:
      break;
  }
  if (value != nullptr) *static_cast<std::string*>(value) = text;
  return true;
}

std::string joined(const std::vector<std::string>& texts) {
  std::string list;
  for (const std::string& text : texts)
    list.append(list.empty() ? "" : ",").append(text);
  return list;
}

}  // namespace

std::string Origin::text() const {
  switch (layer) {
    case Layer::kFile:
      return where;
    case Layer::kEnvironment:
      return "env " + where;
    case Layer::kFlag:
      return "flag";
    case Layer::kDefault:
      break;
  }
  return "default";
}

std::string GoFlags::Flag::text() const {
  switch (kind) {
    case Kind::kInt:
      return std::to_string(*static_cast<const int64_t*>(value));
    case Kind::kBool:
      return *static_cast<const bool*>(value) ? "true" : "false";
    case Kind::kDuration:
      return format_duration(*static_cast<const Duration*>(value));
    case Kind::kMilliseconds:
      return std::to_string(static_cast<const std::chrono::milliseconds*>(value)->count());
    case Kind::kStrings:
      return joined(*static_cast<const std::vector<std::string>*>(value));
    case Kind::kString:
      break;
  }
  return *static_cast<const std::string*>(value);
}

void GoFlags::add(const FlagInfo& info, std::string& value) {
  add(info, Kind::kString, &value);
}
void GoFlags::add(const FlagInfo& info, int64_t& value) {
  add(info, Kind::kInt, &value);
}
void GoFlags::add(const FlagInfo& info, bool& value) {
  add(info, Kind::kBool, &value);
}
void GoFlags::add(const FlagInfo& info, Duration& value) {
  add(info, Kind::kDuration, &value);
}
void GoFlags::add(const FlagInfo& info, std::chrono::milliseconds& value) {
  add(info, Kind::kMilliseconds, &value);
}
void GoFlags::add(const FlagInfo& info, std::vector<std::string>& value) {
  add(info, Kind::kStrings, &value);
}

void GoFlags::add(const FlagInfo& info, Kind kind, void* value) {
  Flag flag{.info = info, .group = group_, .kind = kind, .default_text = {}, .value = value};
  flag.default_text = flag.text();
  flags_.push_back(std::move(flag));
}

std::vector<std::string> GoFlags::names() const {
  std::vector<std::string> names;
  for (const Flag& flag : flags_)
    names.emplace_back(flag.info.name);
  return names;
}

const GoFlags::Flag* GoFlags::find(std::string_view name) const {
  for (const Flag& flag : flags_) {
    if (flag.info.name == name) return &flag;
  }
  return nullptr;
}

std::string GoFlags::set(const Flag& flag, const std::string& text, const Origin& origin) {
  Flag& mine = flags_[static_cast<size_t>(&flag - flags_.data())];
  const bool stronger = origin.layer >= mine.origin.layer;
  if (mine.kind == Kind::kStrings && origin.layer > mine.origin.layer)
    static_cast<std::vector<std::string>*>(mine.value)->clear();
  if (!read_value(mine.kind, text, stronger ? mine.value : nullptr)) return accepted_by(mine.kind);
  if (stronger) mine.origin = origin;
  return {};
}

GoFlags::Outcome GoFlags::parse_flag(const std::vector<std::string>& arguments, size_t& index) {
  const std::string& argument = arguments[index];
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
    error_ = "flag provided but not defined: -" + name + did_you_mean(name, names(), "-");
    return Outcome::kError;
  }
  std::string value =
      equals == std::string_view::npos ? "true" : std::string(body.substr(equals + 1));
  if (equals == std::string_view::npos && flag->kind != Kind::kBool) {
    if (++index == arguments.size()) {
      error_ = "flag needs an argument: -" + name;
      return Outcome::kError;
    }
    value = arguments[index];
  }
  const std::string accepted = set(*flag, value, {.layer = Layer::kFlag});
  if (accepted.empty()) return Outcome::kOk;
  const bool is_switch = flag->kind == Kind::kBool;
  error_ = (is_switch ? "invalid boolean value \"" : "invalid value \"") + value +
           (is_switch ? "\" for -" : "\" for flag -") + name + ": parse error; " + accepted;
  return Outcome::kError;
}

GoFlags::Outcome GoFlags::parse(const std::vector<std::string>& arguments) {
  ignored_.clear();
  error_.clear();
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (argument.size() < 2 || argument[0] != '-' || argument == "--") {
      ignored_.assign(arguments.begin() + static_cast<ptrdiff_t>(i + (argument == "--" ? 1 : 0)),
                      arguments.end());
      return Outcome::kOk;
    }
    const Outcome outcome = parse_flag(arguments, i);
    if (outcome != Outcome::kOk) return outcome;
  }
  return Outcome::kOk;
}

}  // namespace httpteleport::config
