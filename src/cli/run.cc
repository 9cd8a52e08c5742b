#include "cli/run.h"

#include "cli/commands.h"
#include "cli/files.h"
#include "cli/terminal.h"
#include "cli/texts.h"

namespace httpteleport::cli {

namespace {

int print_all(std::string_view text) {
  return print(text) ? kExitOk : kExitError;
}

// False, and says why, when there should be a token and is none.
bool read_token(const std::string& file, std::string& token) {
  if (file.empty()) return true;
  std::string error;
  const auto text = read_file(file, error);
  if (!text) {
    complain(error + "; it is what -token-file names");
    return false;
  }
  token = text->substr(0, text->find('\n'));
  while (!token.empty() && (token.back() == '\r' || token.back() == ' '))
    token.pop_back();
  if (!token.empty() && printable(token) == token) return true;
  complain("the first line of -token-file=" + file + " is no token");
  return false;
}

int run_verb(Session& session) {
  switch (session.line().verb->id) {
    case VerbId::kConfig:
      return run_config(session);
    case VerbId::kUpdate:
      return run_update(session);
    case VerbId::kRemove:
      return run_remove(session);
    case VerbId::kStatus:
      return run_status(session);
    case VerbId::kTop:
      return run_top(session);
    case VerbId::kTail:
      return run_tail(session);
    case VerbId::kDiff:
      return run_diff(session);
    case VerbId::kApply:
      return run_apply(session);
    case VerbId::kState:
      return run_state(session);
    case VerbId::kMaintenance:
      return run_maintenance(session);
    case VerbId::kHistory:
      return run_history(session);
    case VerbId::kUndo:
      return run_undo(session);
    case VerbId::kVersion:
    case VerbId::kCheck:  // without a server
      break;
  }
  return kExitOk;
}

int run_with_server(const CommandLine& line) {
  const auto address = AdminAddress::parse(line.options.address);
  if (!address) {
    complain("-addr=" + line.options.address +
             " is no address; host:port or the path of a unix socket is accepted");
    return kExitError;
  }
  std::string token;
  if (!read_token(line.options.token_file, token)) return kExitError;
  Session session(line, {.address = *address, .timeout = line.options.timeout, .token = token});
  return run_verb(session);
}

}  // namespace

int run(const std::vector<std::string>& arguments, const Environment& environment,
        const std::string& version_line) {
  const CommandLine line = parse_command_line(arguments, environment);
  switch (line.outcome) {
    case CommandLine::Outcome::kHelp:
      return print_all(line.verb == nullptr ? help_text() : verb_help(*line.verb));
    case CommandLine::Outcome::kError:
      complain(line.error);
      return kExitError;
    case CommandLine::Outcome::kRun:
      break;
  }
  if (!line.options.completion.empty()) {
    if (const auto text = completion_text(line.options.completion)) return print_all(*text);
    complain("there are no completions for \"" + line.options.completion +
             "\"; bash, zsh and fish are accepted");
    return kExitError;
  }
  end_orderly_on_signals();
  if (line.verb->id == VerbId::kVersion) return print_all(version_line + "\n");
  if (line.verb->id == VerbId::kCheck) return run_check(line);
  return run_with_server(line);
}

}  // namespace httpteleport::cli
