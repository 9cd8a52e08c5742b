// diff apply
#include <optional>

#include "cli/commands.h"
#include "cli/files.h"
#include "cli/terminal.h"

namespace httpteleport::cli {

namespace {

// The file that the command names. Nothing, and says why, when it cannot be read.
std::optional<std::string> read_document(const CommandLine& line) {
  std::string error;
  auto document = read_file(line.arguments[0], error);
  if (!document) complain(error);
  return document;
}

struct Answer {
  int code = kExitError;  // when there is no plan
  std::optional<Plan> plan{};
  std::string body{};
};

// What the server would do with the file.
Answer ask(Session& session, const std::string& document) {
  const std::string path =
      std::string("/_config?dry_run=1") + (session.line().options.replace ? "&replace=1" : "");
  const Reply reply = session.client().change("PUT", path, document);
  if (!reply.ok()) return {.code = session.refuse(reply, false)};
  auto plan = parse_plan(reply.body);
  if (!plan) return {.code = session.refuse_document()};
  return {.code = kExitOk, .plan = std::move(plan), .body = reply.body};
}

int print_plan(Session& session, const Answer& answer) {
  for (const std::string& warning : answer.plan->warnings)
    complain("warning: " + warning);
  if (session.wants_json()) return print(answer.body) ? kExitOk : kExitError;
  std::string text;
  for (const std::string& change : answer.plan->changes)
    text += printable(change) + "\n";
  return print(text.empty() ? "nothing changes\n" : text) ? kExitOk : kExitError;
}

}  // namespace

int run_diff(Session& session) {
  const auto document = read_document(session.line());
  if (!document) return kExitError;
  const Answer answer = ask(session, *document);
  if (!answer.plan) return answer.code;
  const int code = print_plan(session, answer);
  return answer.plan->changes.empty() ? code : kExitError;
}

int run_apply(Session& session) {
  const auto document = read_document(session.line());
  if (!document) return kExitError;
  if (session.line().options.dry_run) {
    const Answer answer = ask(session, *document);
    return answer.plan ? print_plan(session, answer) : answer.code;
  }
  const char* query = session.line().options.replace ? "?replace=1" : "";
  return session.change("PUT", std::string("/_config") + query, *document);
}

}  // namespace httpteleport::cli
