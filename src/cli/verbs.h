// The commands of shuttle-cli and their flags: the one table that the command line, the help, the
// man page and the completions are made of.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/fields.h"
#include "cli/options.h"
#include "config/go_flags.h"

namespace httpteleport::cli {

enum class VerbId : uint8_t {
  kConfig,
  kUpdate,
  kRemove,
  kVersion,
  kStatus,
  kTop,
  kTail,
  kCheck,
  kDiff,
  kApply,
  kState,  // drain maint up down auto: the name of the command is the state
  kMaintenance,
  kHistory,
  kUndo,
};

// What an argument is, for the completions.
enum class ArgumentKind : uint8_t { kNone, kTarget, kFile, kOnOff };

struct Verb {
  VerbId id;
  const char* name;
  const char* arguments;  // as the help shows them; without flags
  const char* help;
  size_t arguments_min;
  size_t arguments_max;
  ArgumentKind argument_kind = ArgumentKind::kNone;
};

std::span<const Verb> verbs();
// nullptr when there is none of that name.
const Verb* find_verb(std::string_view name);
std::vector<std::string> verb_names();

// The flags of every command.
void add_common_flags(Options& options, config::GoFlags& flags);
// Those of one alone. `target` is the first argument of update and decides which flags it has.
void add_verb_flags(const Verb& verb, std::string_view target, Options& options,
                    FieldValues& fields, config::GoFlags& flags);
// What -o of this command may say; empty: it has no such flag.
std::vector<std::string> outputs_of(VerbId id);

// Whether a target names a backend: SERVICE/BACKEND.
inline bool names_backend(std::string_view target) {
  return target.find('/') != std::string_view::npos;
}

// All of them, under the titles of the help; names stand once in each group. For texts, not for
// parsing.
class AllFlags {
 public:
  AllFlags();
  const config::GoFlags& flags() const { return flags_; }

 private:
  Options options_;
  FieldValues fields_;
  config::GoFlags flags_;
};

}  // namespace httpteleport::cli
