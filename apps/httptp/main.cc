// httptp: reverse proxy and load balancer that carries HTTP over teleport links. Flags in, exit
// code out; everything else is in the modules.
#include <sys/resource.h>

#include <cstdio>
#include <cstring>

#include "admin/admin_server.h"
#include "base/log.h"
#include "config/httptp_options.h"
#include "server/server.h"

namespace {

using namespace httpteleport;  // NOLINT(google-build-using-namespace): the program is all of it

constexpr int kExitBadCommandLine = 2;
constexpr int kExitError = 1;

void print_usage(const config::GoFlags& flags) {
  std::fprintf(stderr, "Usage of httptp:\n%s", flags.usage().c_str());
}

// Go stops at the first argument that is no flag and drops the rest silently, which hides mistakes.
void warn_about_ignored(const config::GoFlags& flags) {
  if (flags.ignored().empty()) return;
  const std::string& first = flags.ignored().front();
  std::string text = "ignoring \"" + first + "\"";
  if (flags.ignored().size() > 1)
    text += " and " + std::to_string(flags.ignored().size() - 1) + " more arguments";
  bool value = false;
  if (config::parse_bool(first, value)) text += "; to switch a flag off write -flag=false";
  log_line(LogLevel::kWarn, text);
}

// nullptr, with the reason logged, when the address cannot be had; a null address gives no server.
std::unique_ptr<admin::AdminServer> start_admin(server::Server& server,
                                                const net::Address& address) {
  Result<net::Socket> socket = net::listen_on(address, {.reuse_port = false});
  if (!socket) {
    log_line(LogLevel::kError, "cannot listen on -expvarAddr (" + address.to_string() +
                                   "): " + std::strerror(socket.error().sys_errno) +
                                   "; choose another address, or none with -expvarAddr=");
    return nullptr;
  }
  auto pages =
      std::make_unique<admin::AdminServer>(server.loop(), *std::move(socket), server.all_metrics());
  if (!pages->start()) return nullptr;
  log_line(LogLevel::kInfo, "metrics on " + pages->address().to_string());
  return pages;
}

// Connections are limited by descriptors, and the usual soft limit of 1,024 is there for programs
// that use select().
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

int serve(const config::HttptpOptions& options, std::shared_ptr<const config::Snapshot> snapshot) {
  server::Server server(snapshot);
  if (const std::string problem = server.start(); !problem.empty()) {
    log_line(LogLevel::kError, "-in: " + problem);
    return kExitError;
  }
  std::unique_ptr<admin::AdminServer> pages;
  if (snapshot->admin_address) {
    pages = start_admin(server, *snapshot->admin_address);
    if (!pages) return kExitError;
  }
  log_line(LogLevel::kInfo, "listening on " + server.address().to_string() +
                                " type=" + options.in_type + " out=" + options.out + " outType=" +
                                options.out_type + " workers=" + std::to_string(snapshot->workers));
  return server.run();
}

}  // namespace

int main(int argc, char** argv) {
  config::HttptpOptions options;
  config::GoFlags flags;
  config::add_httptp_flags(options, flags);
  switch (flags.parse({argv + 1, argv + argc})) {
    case config::GoFlags::Outcome::kOk:
      break;
    case config::GoFlags::Outcome::kHelp:
      print_usage(flags);
      return 0;
    case config::GoFlags::Outcome::kError:
      std::fprintf(stderr, "%s\nrun 'httptp -help' for the flags\n", flags.error().c_str());
      return kExitBadCommandLine;
  }
  warn_about_ignored(flags);
  raise_descriptor_limit();
  std::vector<std::string> errors;
  const auto snapshot = config::make_snapshot(options, errors);
  for (const std::string& error : errors)
    log_line(LogLevel::kError, error);
  return snapshot ? serve(options, snapshot) : kExitError;
}
