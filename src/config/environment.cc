#include "config/environment.h"

#include "base/nearest_name.h"

namespace httpteleport::config {

namespace {

bool is_capital(char c) {
  return c >= 'A' && c <= 'Z';
}
bool is_small(char c) {
  return c >= 'a' && c <= 'z';
}

bool begins_word(std::string_view flag, size_t i) {
  if (i == 0 || !is_capital(flag[i])) return false;
  const bool before_small = i + 1 < flag.size() && is_small(flag[i + 1]);
  return !is_capital(flag[i - 1]) || before_small || flag.substr(0, i).ends_with("TLS");
}

const GoFlags::Flag* find_by_variable(const GoFlags& flags, std::string_view prefix,
                                      std::string_view name) {
  for (const GoFlags::Flag& flag : flags.all()) {
    if (environment_name(flag.info.name, prefix) == name) return &flag;
  }
  return nullptr;
}

// "; did you mean HTTPTP_...?", or nothing. The prefix, which all have in common, does not count.
std::string proposal(const GoFlags& flags, std::string_view prefix, const std::string& name) {
  std::vector<std::string> names;
  for (const GoFlags::Flag& flag : flags.all()) {
    if (!flag.is(FlagInfo::kCommandLineOnly)) names.push_back(environment_name(flag.info.name, ""));
  }
  return did_you_mean(name.substr(prefix.size()), names, prefix);
}

}  // namespace

std::string environment_name(std::string_view flag, std::string_view prefix) {
  std::string name(prefix);
  for (size_t i = 0; i < flag.size(); ++i) {
    if (begins_word(flag, i)) name += '_';
    if (flag[i] == '-') {
      name += '_';
      continue;
    }
    name += is_small(flag[i]) ? static_cast<char>(flag[i] - 'a' + 'A') : flag[i];
  }
  return name;
}

void read_environment(const std::vector<std::string>& environment, std::string_view prefix,
                      GoFlags& flags, std::vector<std::string>& errors,
                      std::vector<std::string>& warnings) {
  for (const std::string& entry : environment) {
    const size_t equals = entry.find('=');
    if (!entry.starts_with(prefix) || equals == std::string::npos) continue;
    const std::string name = entry.substr(0, equals);
    const std::string value = entry.substr(equals + 1);
    const GoFlags::Flag* flag = find_by_variable(flags, prefix, name);
    if (flag == nullptr) {
      warnings.push_back("environment variable " + name + " is the name of no flag" +
                         proposal(flags, prefix, name));
    } else if (flag->is(FlagInfo::kCommandLineOnly)) {
      warnings.push_back("environment variable " + name + " is ignored: -" + flag->info.name +
                         " is for the command line only");
    } else if (const std::string accepted =
                   flags.set(*flag, value, {.layer = Layer::kEnvironment, .where = name});
               !accepted.empty()) {
      errors.push_back("environment variable " + entry.substr(0, equals + 1));
      errors.back().append("\"").append(value).append("\": ").append(accepted);
    }
  }
}

}  // namespace httpteleport::config
