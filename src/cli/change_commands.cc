// config update remove drain maint down up auto maintenance history undo
#include <poll.h>

#include <chrono>

#include "cli/commands.h"
#include "cli/terminal.h"
#include "config/go_values.h"

namespace httpteleport::cli {

namespace {

constexpr std::chrono::milliseconds kLookAgain{250};

struct Target {
  std::string service;
  std::string backend;  // empty: the service is meant

  explicit Target(const std::string& text) {
    const size_t slash = text.find('/');
    service = text.substr(0, slash);
    if (slash != std::string::npos) backend = text.substr(slash + 1);
  }
  std::string path() const {
    return "/" + encoded(service) + (backend.empty() ? "" : "/" + encoded(backend));
  }
};

// Waits until `path`'s backend is as it was asked for, or -wait is over.
int wait_for_backend(Session& session, const std::string& path, bool until_up) {
  using Clock = std::chrono::steady_clock;
  const auto deadline = Clock::now() + session.line().options.wait;
  for (;;) {
    const Reply reply = session.client().get(path);
    if (!reply.ok()) return session.refuse(reply, false);
    const auto stats = parse_backend_stats(reply.body);
    if (!stats) return session.refuse_document();
    const int64_t active = stats->active + stats->http_active;
    if (until_up ? stats->up : active == 0) return kExitOk;
    if (Clock::now() >= deadline) {
      complain(
          session.line().arguments[0] +
          (until_up ? " is " + stats->status : " still has " + std::to_string(active) + " active") +
          " after " + config::format_duration(session.line().options.wait) +
          ". Its state is set and stays; see 'shuttle-cli status'");
      return kExitError;
    }
    ::poll(nullptr, 0, kLookAgain.count());
  }
}

}  // namespace

int run_config(Session& session) {
  if (!session.line().fields.empty())
    return session.change("PUT", "/_config", change_body("", session.line().fields));
  const Reply reply = session.client().get("/_config");
  if (!reply.ok()) return session.refuse(reply, false);
  return print_document(reply.body) ? kExitOk : kExitError;
}

int run_update(Session& session) {
  const Target target(session.line().arguments[0]);
  const std::string& name = target.backend.empty() ? target.service : target.backend;
  return session.change("PUT", target.path(), change_body(name, session.line().fields));
}

int run_remove(Session& session) {
  return session.change("DELETE", Target(session.line().arguments[0]).path(), "");
}

int run_state(Session& session) {
  const CommandLine& line = session.line();
  const std::string state = line.verb->name;
  const std::string path = Target(line.arguments[0]).path();
  const int code = session.change("PUT", path + "/_state", state);
  if (code != kExitOk || line.options.wait.count() <= 0) return code;
  return wait_for_backend(session, path, state == "up" || state == "auto");
}

int run_maintenance(Session& session) {
  const CommandLine& line = session.line();
  return session.change("PUT", "/" + encoded(line.arguments[0]) + "/_maintenance",
                        line.arguments[1]);
}

int run_history(Session& session) {
  const Reply reply = session.client().get("/_config/history");
  if (!reply.ok()) return session.refuse(reply, false);
  if (session.wants_json()) return print_document(reply.body) ? kExitOk : kExitError;
  const auto rows = parse_history(reply.body);
  if (!rows) return session.refuse_document();
  return print(history_table(*rows, session.table_options().colors)) ? kExitOk : kExitError;
}

int run_undo(Session& session) {
  const auto& arguments = session.line().arguments;
  const std::string to = arguments.empty() ? "" : "?to=" + encoded(arguments[0]);
  return session.change("POST", "/_config/rollback" + to, "");
}

}  // namespace httpteleport::cli
