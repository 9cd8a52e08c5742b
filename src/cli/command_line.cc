#include "cli/command_line.h"

#include <algorithm>

#include "base/nearest_name.h"

namespace httpteleport::cli {

namespace {

using config::GoFlags;
using Texts = std::vector<std::string>;

constexpr const char* kSeeHelp = "'shuttle-cli -help' shows what there is";

// Behind a line that may end in a question.
std::string with_advice(const std::string& error, const std::string& advice) {
  return error + (error.ends_with('?') ? " " : "; ") + advice;
}

bool refuse(CommandLine& line, std::string error) {
  line.outcome = CommandLine::Outcome::kError;
  line.error = std::move(error);
  return false;
}

// Reads `texts` up to the first that is no flag. `rest` is what follows.
bool parse_flags(CommandLine& line, GoFlags& flags, const Texts& texts, Texts& rest) {
  switch (flags.parse(texts)) {
    case GoFlags::Outcome::kOk:
      rest = flags.ignored();
      return true;
    case GoFlags::Outcome::kHelp:
      line.outcome = CommandLine::Outcome::kHelp;
      return false;
    case GoFlags::Outcome::kError:
      break;
  }
  const std::string help = line.verb == nullptr ? "" : std::string(line.verb->name) + " ";
  return refuse(line, with_advice(flags.error(), "see 'shuttle-cli " + help + "-help'"));
}

void take_environment(GoFlags& flags, const Environment& environment) {
  const auto set = [&flags](const char* name, const char* variable, const std::string& text) {
    if (text.empty()) return;
    // Texts, all of which are accepted.
    flags.set(*flags.find(name), text, {.layer = config::Layer::kEnvironment, .where = variable});
  };
  set("addr", "SHUTTLE_ADDR", environment.address);
  set("token-file", "SHUTTLE_TOKEN_FILE", environment.token_file);
}

std::string joined(const Texts& texts) {
  std::string list;
  for (const std::string& text : texts)
    list.append(list.empty() ? "" : " ").append(text);
  return list;
}

// How a command is written.
std::string usage_of(const Verb& verb) {
  return std::string("write shuttle-cli ") + verb.name + " " + verb.arguments;
}

// Arguments and flags behind the command, in any order.
bool parse_behind_verb(CommandLine& line, GoFlags& flags, Texts rest) {
  while (!rest.empty()) {
    Texts behind;
    if (!parse_flags(line, flags, rest, behind)) return false;
    const size_t read = rest.size() - behind.size();
    const bool flags_ended = read > 0 && rest[read - 1] == "--";
    if (flags_ended) {
      line.arguments.insert(line.arguments.end(), behind.begin(), behind.end());
      return true;
    }
    if (behind.empty()) return true;
    line.arguments.push_back(behind.front());
    behind.erase(behind.begin());
    rest = std::move(behind);
  }
  return true;
}

bool check_target(CommandLine& line) {
  const Verb& verb = *line.verb;
  if (verb.id != VerbId::kUpdate && verb.id != VerbId::kRemove && verb.id != VerbId::kState &&
      verb.id != VerbId::kMaintenance)
    return true;
  const std::string& target = line.arguments[0];
  const size_t slash = target.find('/');
  if (target.starts_with('_'))
    return refuse(line, "\"" + target + "\" is no service: their names do not begin with _");
  const bool whole = slash != 0 && slash + 1 != target.size() && !target.empty();
  const bool needs_backend = verb.id == VerbId::kState;
  const bool takes_backend = verb.id != VerbId::kMaintenance;
  const bool has_backend = slash != std::string::npos;
  if (whole && (has_backend ? takes_backend : !needs_backend)) return true;
  return refuse(line, "\"" + target + "\" is no " + verb.arguments + "; " + usage_of(verb));
}

bool check_arguments(CommandLine& line) {
  const Verb& verb = *line.verb;
  if (line.arguments.size() < verb.arguments_min)
    return refuse(line, std::string(verb.name) + " needs an argument: " + usage_of(verb));
  if (line.arguments.size() > verb.arguments_max) {
    const Texts extra(line.arguments.begin() + static_cast<ptrdiff_t>(verb.arguments_max),
                      line.arguments.end());
    const bool is_switch = extra[0] == "true" || extra[0] == "false";
    return refuse(line,
                  std::string(verb.name) + " does not take \"" + joined(extra) + "\"; " +
                      (is_switch ? "a switch is turned off with -name=false" : usage_of(verb)));
  }
  if (!check_target(line)) return false;
  if (verb.id == VerbId::kMaintenance && line.arguments[1] != "on" && line.arguments[1] != "off")
    return refuse(line, "\"" + line.arguments[1] + "\" is neither on nor off; " + usage_of(verb));
  return true;
}

bool check_values(CommandLine& line) {
  if (line.options.timeout.count() <= 0)
    return refuse(line, "invalid value for flag -timeout: a time above 0 is accepted");
  if (line.options.wait.count() < 0)
    return refuse(line, "invalid value for flag -wait: a time from 0 on is accepted");
  const Texts outputs = outputs_of(line.verb->id);
  const std::string& output = line.options.output;
  if (!output.empty() && std::find(outputs.begin(), outputs.end(), output) == outputs.end())
    return refuse(line, "invalid value \"" + output + "\" for flag -o: accepted are " +
                            joined(outputs) + did_you_mean(output, outputs));
  for (const FieldValue& field : line.fields) {
    std::string url;
    std::vector<int64_t> statuses;
    if (field.info->kind == FieldKind::kStatuses && !field.text.empty() &&
        !parse_statuses(field.text, statuses))
      return refuse(line, "invalid value \"" + field.text + "\" for flag -" +
                              field.info->flag.name + ": statuses like 200,204 are accepted");
    if (field.info->kind != FieldKind::kErrorPages) continue;
    for (const std::string& page : field.list) {
      if (page.empty() ? field.list.size() == 1 : parse_error_page(page, url, statuses)) continue;
      return refuse(line, "invalid value \"" + page +
                              "\" for flag -error-page: "
                              "a page and its statuses like 'http://example.com/|500,503' are "
                              "accepted");
    }
  }
  return true;
}

// The flags of update depend on its target, so that comes first. Flags of every command may stand
// before it.
bool find_update_target(CommandLine& line, const Texts& behind, std::string& target) {
  Texts rest;
  GoFlags common;
  add_common_flags(line.options, common);
  if (!parse_flags(line, common, behind, rest)) {
    if (line.outcome == CommandLine::Outcome::kError)
      line.error += std::string("; the service comes before its flags: ") + usage_of(*line.verb);
    return false;
  }
  if (!rest.empty()) target = rest.front();
  return true;
}

void parse_verb(CommandLine& line, Texts rest) {
  const std::string name = rest.front();
  rest.erase(rest.begin());
  line.verb = find_verb(name);
  if (line.verb == nullptr) {
    const std::string near = did_you_mean(name, verb_names());
    refuse(line, with_advice("there is no command \"" + name + "\"" + near, kSeeHelp));
    return;
  }
  std::string target;
  if (line.verb->id == VerbId::kUpdate && !find_update_target(line, rest, target)) return;
  GoFlags flags;
  FieldValues fields;
  add_common_flags(line.options, flags);
  add_verb_flags(*line.verb, target, line.options, fields, flags);
  if (!parse_behind_verb(line, flags, std::move(rest))) return;
  line.fields = fields.given(flags);
  if (check_arguments(line)) check_values(line);
}

}  // namespace

CommandLine parse_command_line(const Texts& arguments, const Environment& environment) {
  CommandLine line;
  GoFlags flags;
  add_common_flags(line.options, flags);
  take_environment(flags, environment);
  Texts rest;
  if (!parse_flags(line, flags, arguments, rest)) return line;
  if (!line.options.completion.empty()) return line;
  if (rest.empty()) {
    refuse(line, with_advice("a command is missing", kSeeHelp));
    return line;
  }
  if (rest.front() == "help") {
    line.outcome = CommandLine::Outcome::kHelp;
    if (rest.size() > 1) line.verb = find_verb(rest[1]);
    return line;
  }
  parse_verb(line, std::move(rest));
  return line;
}

}  // namespace httpteleport::cli
