// check diff apply
#include <optional>

#include "cli/commands.h"
#include "cli/files.h"
#include "cli/terminal.h"
#include "service/start.h"

namespace httpteleport::cli {

namespace {

// The file that the command names. Nothing, and says why, when it cannot be read.
std::optional<std::string> read_document(const CommandLine& line) {
  std::string error;
  auto document = read_file(line.arguments[0], error);
  if (!document) complain(error);
  return document;
}

std::string counted(size_t count, const char* what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
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
  if (session.wants_json()) return print_document(answer.body) ? kExitOk : kExitError;
  std::string text;
  for (const std::string& change : answer.plan->changes)
    text += printable(change) + "\n";
  return print(text.empty() ? "nothing changes\n" : text) ? kExitOk : kExitError;
}

}  // namespace

int run_check(const CommandLine& line) {
  const auto document = read_document(line);
  if (!document) return kExitError;
  const service::StartConfig checked = service::check_config_text(*document, {});
  const std::string& file = line.arguments[0];
  for (const std::string& warning : checked.warnings)
    complain(std::string(file).append(": warning: ").append(warning));
  for (const std::string& problem : checked.problems)
    complain(std::string(file).append(": ").append(problem));
  if (!checked.problems.empty()) return kExitError;
  size_t backends = 0;
  for (const auto& [name, service] : checked.config.services)
    backends += service->backends.size();
  return print("ok: " + counted(checked.config.services.size(), "service") + ", " +
               counted(backends, "backend") + "\n")
             ? kExitOk
             : kExitError;
}

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
  // The answer to a change has none.
  for (const std::string& warning : service::check_config_text(*document, {}).warnings)
    complain("warning: " + warning);
  const char* query = session.line().options.replace ? "?replace=1" : "";
  return session.change("PUT", std::string("/_config") + query, *document);
}

}  // namespace httpteleport::cli
