#include "service/start.h"

#include "base/text.h"
#include "service/journal.h"
#include "service/json.h"
#include "service/merge.h"
#include "service/validate.h"
#include "service/whole_file.h"

namespace httpteleport::service {

namespace {

void build(ConfigPatch& patch, StartConfig& start, const std::vector<ReservedAddress>& reserved) {
  start.problems = validate(merge(Globals(), patch.globals));
  // Services would only repeat what is wrong with them.
  if (!start.problems.empty()) patch.globals = GlobalsPatch();
  ConfigMerge merged = merge(Config(), patch, {.zero_is_none = patch.version.has_value()});
  ListenIndex listening(reserved);
  start.config.globals = std::move(merged.globals);
  for (ServiceChange& change : merged.services) {
    const std::vector<std::string> problems = validate(*change.after);
    start.problems.insert(start.problems.end(), problems.begin(), problems.end());
    // What is wrong in itself may have no address to compare.
    if (problems.empty()) {
      if (const std::optional<std::string> taken = listening.add(*change.after))
        start.problems.push_back(*taken);
    }
    start.config.services.emplace(change.after->name, std::move(change.after));
  }
}

StartConfig check_config(JsonRead<ConfigPatch> read, const std::vector<ReservedAddress>& reserved) {
  StartConfig start;
  start.warnings = std::move(read.warnings);
  if (!read.ok()) {
    start.problems.push_back(std::move(read.error));
    return start;
  }
  build(read.value, start, reserved);
  if (read.value.version.value_or(0) > 0)
    start.version = static_cast<uint64_t>(*read.value.version);
  if (!start.problems.empty()) start.config = Config();
  return start;
}

void name_file(std::vector<std::string>& lines, const std::string& file) {
  for (std::string& line : lines)
    line.insert(0, file + ": ");
}

enum class FileKind : uint8_t { kInitial, kState };

// The configuration in `file`; with problems it is empty. Nothing if there is no such file.
std::optional<StartConfig> read_file(const std::string& file, FileKind kind,
                                     const std::vector<ReservedAddress>& reserved) {
  const Result<std::string> text = read_whole(file, JsonReadLimits().bytes_max);
  StartConfig start;
  if (text) {
    JsonRead<ConfigPatch> read = read_config(*text);
    std::string problem;
    if (kind == FileKind::kState && read.ok()) problem = apply_journal(file, read.value);
    start = check_config(std::move(read), reserved);
    if (!problem.empty()) start.warnings.push_back(std::move(problem));
  } else if (text.error().sys_errno == ENOENT) {
    return std::nullopt;
  } else {
    start.problems.push_back(in_words(text.error()));
  }
  name_file(start.problems, file);
  name_file(start.warnings, file);
  return start;
}

// The backup is older than the broken state by a change, or by more where it could not be made: so
// far above its version no number has been given out, unless that many changes were.
constexpr uint64_t kVersionStep = 1000;

// Of the backup of a state that cannot be read; 0 if that cannot be either.
uint64_t version_of_backup(const std::string& state) {
  const Result<std::string> text = read_whole(state + ".bak", JsonReadLimits().bytes_max);
  if (!text) return 0;
  const int64_t version = read_config(*text).value.version.value_or(0);
  return version > 0 ? static_cast<uint64_t>(version) : 0;
}

// What of a good configuration a flag stands in the way of.
std::vector<std::string> taken_by_flags(const Config& config,
                                        const std::vector<ReservedAddress>& reserved) {
  ListenIndex listening(reserved);
  std::vector<std::string> lines;
  for (const auto& [name, service] : config.services) {
    if (std::optional<std::string> taken = listening.add(*service))
      lines.push_back(*std::move(taken));
  }
  return lines;
}

// Nothing if there is no such file.
std::optional<StartConfig> read_state(const StartFiles& files) {
  std::optional<StartConfig> state = read_file(files.state, FileKind::kState, {});
  if (!state) return std::nullopt;
  state->from = StartConfig::From::kState;
  state->state_is_broken = !state->problems.empty();
  if (state->state_is_broken) return state;
  state->problems = taken_by_flags(state->config, files.reserved);
  name_file(state->problems, files.state);
  state->is_fatal = !state->problems.empty();
  if (state->is_fatal) state->config = Config();
  return state;
}

void append(std::vector<std::string>& to, std::vector<std::string> lines) {
  to.insert(to.end(), std::make_move_iterator(lines.begin()), std::make_move_iterator(lines.end()));
}

}  // namespace

StartConfig check_config_text(std::string_view text, const std::vector<ReservedAddress>& reserved) {
  return check_config(read_config(text), reserved);
}

StartConfig read_start_config(const StartFiles& files) {
  StartConfig start;
  if (!files.state.empty()) {
    if (std::optional<StartConfig> state = read_state(files)) {
      if (!state->state_is_broken) return *std::move(state);
      start.state_is_broken = true;
      start.version = version_of_backup(files.state) + kVersionStep;
      append(start.problems, std::move(state->problems));
    }
  }
  if (files.initial.empty()) return start;
  std::optional<StartConfig> initial = read_file(files.initial, FileKind::kInitial, files.reserved);
  if (!initial) {
    start.problems.push_back(files.initial + ": there is no such file");
    return start;
  }
  append(start.warnings, std::move(initial->warnings));
  if (initial->problems.empty()) {
    start.config = std::move(initial->config);
    start.from = StartConfig::From::kInitial;
  }
  append(start.problems, std::move(initial->problems));
  return start;
}

}  // namespace httpteleport::service
