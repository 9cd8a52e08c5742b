#include "config/load.h"

#include <algorithm>

#include "base/assert.h"
#include "config/environment.h"
#include "config/flag_file.h"
#include "config/httptp_flags.h"

namespace httpteleport::config {

namespace {

using Outcome = LoadedOptions::Outcome;

// Go stops at the first argument that is no flag and drops the rest silently, which hides mistakes.
std::string describe_ignored(const std::vector<std::string>& ignored) {
  std::string text = "\"" + ignored.front() + "\"";
  if (ignored.size() > 1) text += " and " + std::to_string(ignored.size() - 1) + " more arguments";
  return text;
}

std::string switch_hint(const std::string& argument) {
  bool value = false;
  return parse_bool(argument, value) ? "; to switch a flag off write -flag=false" : "";
}

void judge_ignored(const std::vector<std::string>& ignored, LoadedOptions& loaded) {
  if (ignored.empty()) return;
  const std::string what = describe_ignored(ignored);
  const std::string hint = switch_hint(ignored.front());
  if (!loaded.options.strict_args) {
    loaded.warnings.push_back("ignoring " + what + hint);
    return;
  }
  loaded.outcome = Outcome::kBadCommandLine;
  loaded.errors = {what + " behind the flags, which -strictArgs does not accept" + hint};
}

std::vector<FlagValue> values_of(const GoFlags& flags) {
  std::vector<FlagValue> values;
  for (const GoFlags::Flag& flag : flags.all()) {
    values.push_back({.name = flag.info.name,
                      .text = flag.text(),
                      .origin = flag.origin,
                      .marks = flag.info.marks});
  }
  return values;
}

}  // namespace

LoadedOptions load_httptp_options(const std::vector<std::string>& arguments,
                                  const std::vector<std::string>& environment) {
  LoadedOptions loaded;
  GoFlags flags;
  add_httptp_flags(loaded.options, flags);
  switch (flags.parse(arguments)) {
    case GoFlags::Outcome::kOk:
      break;
    case GoFlags::Outcome::kHelp:
      loaded.outcome = Outcome::kHelp;
      return loaded;
    case GoFlags::Outcome::kError:
      loaded.outcome = Outcome::kBadCommandLine;
      loaded.errors = {flags.error()};
      return loaded;
  }
  read_environment(environment, "HTTPTP_", flags, loaded.errors, loaded.warnings);
  if (!loaded.options.config.empty()) read_flag_file(loaded.options.config, flags, loaded.errors);
  if (!loaded.errors.empty()) loaded.outcome = Outcome::kBadValues;
  loaded.values = values_of(flags);
  judge_ignored(flags.ignored(), loaded);
  return loaded;
}

std::vector<std::string> keep_what_needs_restart(const LoadedOptions& running,
                                                 LoadedOptions& loaded) {
  HT_ASSERT(running.values.size() == loaded.values.size());
  GoFlags flags;
  add_httptp_flags(loaded.options, flags);
  std::vector<std::string> kept;
  for (size_t i = 0; i < running.values.size(); ++i) {
    const FlagValue& in_force = running.values[i];
    if (!in_force.is(FlagInfo::kNeedsRestart) || in_force.text == loaded.values[i].text) continue;
    const std::string problem = flags.set(flags.all()[i], in_force.text, in_force.origin);
    HT_ASSERT(problem.empty());
    loaded.values[i] = in_force;
    kept.push_back(in_force.name);
  }
  return kept;
}

bool same_values(const LoadedOptions& a, const LoadedOptions& b) {
  return std::equal(
      a.values.begin(), a.values.end(), b.values.begin(), b.values.end(),
      [](const FlagValue& x, const FlagValue& y) { return x.name == y.name && x.text == y.text; });
}

}  // namespace httpteleport::config
