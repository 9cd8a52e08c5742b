#include "cli/verbs.h"

#include <array>

namespace httpteleport::cli {

namespace {

using config::FlagInfo;

constexpr auto kVerbs = std::to_array<Verb>({
    {VerbId::kStatus, "status", "", "services and backends, their state and counters", 0, 0},
    {VerbId::kTop, "top", "",
     "the same as it changes: rates of each second, and keys to sort (s), "
     "drain (d) and quit (q)",
     0, 0},
    {VerbId::kTail, "tail", "", "follow events: backends up and down, changes", 0, 0},
    {VerbId::kConfig, "config", "",
     "print the configuration, or with flags change the values for "
     "services that have none of their own",
     0, 0},
    {VerbId::kUpdate, "update", "SERVICE | SERVICE/BACKEND",
     "add a service or a backend, or change "
     "what the flags name of it",
     1, 1, ArgumentKind::kTarget},
    {VerbId::kUpdate, "add", "SERVICE | SERVICE/BACKEND", "the same", 1, 1, ArgumentKind::kTarget},
    {VerbId::kRemove, "remove", "SERVICE | SERVICE/BACKEND", "remove it", 1, 1,
     ArgumentKind::kTarget},
    {VerbId::kCheck, "check", "FILE",
     "look for mistakes in a file of configuration, without a "
     "server",
     1, 1, ArgumentKind::kFile},
    {VerbId::kDiff, "diff", "FILE", "what apply would change; exit code 1: something", 1, 1,
     ArgumentKind::kFile},
    {VerbId::kApply, "apply", "FILE",
     "add and change what a file of configuration names; - is the "
     "standard input",
     1, 1, ArgumentKind::kFile},
    {VerbId::kState, "drain", "SERVICE/BACKEND", "a backend gets nothing new", 1, 1,
     ArgumentKind::kTarget},
    {VerbId::kState, "maint", "SERVICE/BACKEND", "the same, and its health is not checked", 1, 1,
     ArgumentKind::kTarget},
    {VerbId::kState, "down", "SERVICE/BACKEND", "a backend is taken to be down", 1, 1,
     ArgumentKind::kTarget},
    {VerbId::kState, "up", "SERVICE/BACKEND", "a backend is taken to be up, whatever checks say", 1,
     1, ArgumentKind::kTarget},
    {VerbId::kState, "auto", "SERVICE/BACKEND", "the checks decide again", 1, 1,
     ArgumentKind::kTarget},
    {VerbId::kMaintenance, "maintenance", "SERVICE on|off", "every request of a service gets 503",
     2, 2, ArgumentKind::kOnOff},
    {VerbId::kHistory, "history", "", "the latest versions of the configuration", 0, 0},
    {VerbId::kUndo, "undo", "[VERSION]", "go back to a version, or to the one before", 0, 1},
    {VerbId::kVersion, "version", "", "print the version of this program", 0, 0},
});

// Static text for FlagInfo.
const char* output_help(VerbId id) {
  if (id == VerbId::kApply) return "of -dry-run: table or json";
  return id == VerbId::kStatus ? "table, json or wide; if not given, a table on a terminal, else "
                                 "JSON"
                               : "table or json; if not given, a table on a terminal, else JSON";
}

struct Group {
  const char* title;
  const char* verb;
  const char* target;
};
// Commands that have flags of their own; the title is what the help shows.
constexpr auto kGroups = std::to_array<Group>({
    {"status", "status", ""},
    {"tail", "tail", ""},
    {"config", "config", ""},
    {"update SERVICE", "update", "service"},
    {"update SERVICE/BACKEND", "update", "service/backend"},
    {"diff", "diff", ""},
    {"apply", "apply", ""},
    {"drain, maint, down, up, auto", "drain", ""},
    {"history", "history", ""},
});

void add_field_flags(const Verb& verb, std::string_view target, FieldValues& fields,
                     config::GoFlags& flags) {
  if (verb.id == VerbId::kConfig) fields.add_to(flags, FieldSet::kGlobals);
  if (verb.id == VerbId::kUpdate)
    fields.add_to(flags, names_backend(target) ? FieldSet::kBackend : FieldSet::kService);
}

}  // namespace

std::span<const Verb> verbs() {
  return kVerbs;
}

const Verb* find_verb(std::string_view name) {
  for (const Verb& verb : kVerbs) {
    if (verb.name == name) return &verb;
  }
  return nullptr;
}

std::vector<std::string> verb_names() {
  std::vector<std::string> names;
  for (const Verb& verb : kVerbs)
    names.emplace_back(verb.name);
  return names;
}

std::vector<std::string> outputs_of(VerbId id) {
  switch (id) {
    case VerbId::kStatus:
      return {"table", "json", "wide"};
    case VerbId::kTail:
    case VerbId::kDiff:
    case VerbId::kApply:
    case VerbId::kHistory:
      return {"table", "json"};
    default:
      return {};
  }
}

void add_common_flags(Options& options, config::GoFlags& flags) {
  flags.begin_group("every command");
  flags.add({"addr", "ADDRESS",
             "where shuttle's admin API is: host:port, or the path of a unix "
             "socket"},
            options.address);
  flags.add({"timeout", "TIME", "longest wait for an answer"}, options.timeout);
  flags.add({"token-file", "FILE", "file with the token that shuttle's -admin-token asks for"},
            options.token_file);
  flags.add({"completion", "SHELL", "print completions for bash, zsh or fish"}, options.completion);
}

void add_verb_flags(const Verb& verb, std::string_view target, Options& options,
                    FieldValues& fields, config::GoFlags& flags) {
  if (verb.id == VerbId::kStatus) flags.add({"w", "", "draw anew each second"}, options.watch);
  if (!outputs_of(verb.id).empty())
    flags.add({"o", "FORMAT", output_help(verb.id)}, options.output);
  if (verb.id == VerbId::kDiff || verb.id == VerbId::kApply)
    flags.add({"replace", "", "remove services and backends that the file does not name"},
              options.replace);
  if (verb.id == VerbId::kApply)
    flags.add({"dry-run", "", "only print what would change"}, options.dry_run);
  if (verb.id == VerbId::kState) {
    flags.add({"wait", "TIME",
               "wait so long until nothing is active on it, or with up and auto "
               "until it is up",
               FlagInfo::kNoDefault},
              options.wait);
  }
  add_field_flags(verb, target, fields, flags);
}

AllFlags::AllFlags() {
  add_common_flags(options_, flags_);
  for (const Group& group : kGroups) {
    flags_.begin_group(group.title);
    add_verb_flags(*find_verb(group.verb), group.target, options_, fields_, flags_);
  }
}

}  // namespace httpteleport::cli
