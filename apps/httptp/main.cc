// httptp: reverse proxy and load balancer that carries HTTP over teleport links. Flags in, exit
// code out; everything else is in the modules.
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <optional>
#include <system_error>

#include "admin/challenge_pages.h"
#include "admin/local_server.h"
#include "admin/metrics_pages.h"
#include "base/heap.h"
#include "base/log.h"
#include "config/flag_texts.h"
#include "config/httptp_flags.h"
#include "config/load.h"
#include "config/make_snapshot.h"
#include "demo.h"
#include "server/server.h"
#include "version.h"

namespace {

using namespace httpteleport;  // NOLINT(google-build-using-namespace): the program is all of it

constexpr int kExitBadCommandLine = 2;
constexpr int kExitError = 1;

using config::LoadedOptions;

void print_help() {
  config::HttptpOptions options;
  config::GoFlags flags;
  config::add_httptp_flags(options, flags);
  std::printf("usage: httptp [flags]\n\n%s", config::help_text(flags).c_str());
}

int refuse_command_line(const LoadedOptions& loaded) {
  for (const std::string& error : loaded.errors)
    std::fprintf(stderr, "%s\n", error.c_str());
  std::fprintf(stderr, "run 'httptp -help' for the flags\n");
  return kExitBadCommandLine;
}

void log_lines(LogLevel level, const std::vector<std::string>& lines) {
  for (const std::string& line : lines)
    log_line(level, line);
}

// The socket of an HTTP server of our own on `address`, which was handed over under `kind` or is
// bound now. Closed, with the reason logged, when the address cannot be had; `flag` is what it is
// called there.
net::Socket open_local_socket(server::Inheritance& inheritance, const std::string& kind,
                              const std::string& flag, const net::Address& address) {
  net::Socket inherited = inheritance.take_socket(kind, address);
  if (inherited.is_open()) return inherited;
  Result<net::Socket> socket = net::listen_on(address, {.reuse_port = false});
  if (socket) return *std::move(socket);
  log_line(LogLevel::kError, server::describe_listen_error(flag, address, socket.error()));
  return {};
}

// The server on it, handed over under `kind`. nullptr when it cannot be watched.
std::unique_ptr<admin::LocalServer> start_local_server(server::Server& server, net::Socket socket,
                                                       const std::string& kind,
                                                       admin::PageSource& source) {
  const int fd = socket.fd();
  auto local = std::make_unique<admin::LocalServer>(server.loop(), std::move(socket), source);
  if (!local->start()) return nullptr;
  server.share({{kind, fd}, [local = local.get()] { local->stop_accepting(); }});
  return local;
}

// Connections are limited by descriptors, and the usual soft limit of 1,024 is there for programs
// that use select().
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

// Nothing can be taken back at the places where memory is asked for: who starts the program starts
// it again.
[[noreturn]] void die_without_memory() {
  static constexpr std::string_view kText =
      "httptp: out of memory; choose a smaller -maxMemory, or give the process more\n";
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, kText.data(), kText.size());
  std::abort();
}

std::vector<std::string> list_of(char** texts) {
  std::vector<std::string> list;
  for (; *texts != nullptr; ++texts)
    list.emplace_back(*texts);
  return list;
}

// What comes while the program starts waits for the server; it would end the process. SIGTERM and
// SIGINT may end it then.
void block_early_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGHUP);
  sigaddset(&signals, SIGUSR2);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
}

LoadedOptions load_flags(char** argv) {
  return config::load_httptp_options(list_of(argv + 1), list_of(environ));
}

// nullptr when something is wrong; all of it is logged. `running`: the snapshot in force.
std::shared_ptr<const config::Snapshot> judge(const LoadedOptions& loaded,
                                              const config::Snapshot* running = nullptr) {
  config::Problems problems(loaded.values);
  auto snapshot = config::make_snapshot(loaded.options, problems, running);
  log_lines(LogLevel::kWarn, loaded.warnings);
  log_lines(LogLevel::kWarn, problems.warnings());
  log_lines(LogLevel::kError, loaded.errors);
  log_lines(LogLevel::kError, problems.errors());
  return loaded.outcome == LoadedOptions::Outcome::kOk ? snapshot : nullptr;
}

// False, with the reason logged where the log went before, when the file cannot be had.
bool configure_log(const LogOptions& options) {
  const Result<void> opened = program_log().configure(options);
  if (!opened) {
    log_line(LogLevel::kError, "cannot open -logFile=\"" + options.file +
                                   "\": " + std::strerror(opened.error().sys_errno));
  }
  return opened.has_value();
}

// The configuration of a command line, its environment and its file, read again for each reload.
class CommandLine final : public config::ConfigSource {
 public:
  // `in_force`: what the program was started with.
  CommandLine(char** argv, LoadedOptions in_force) : argv_(argv), in_force_(std::move(in_force)) {}

  const config::HttptpOptions& options() const { return in_force_.options; }

  Loaded load(const config::Snapshot& running) override {
    LoadedOptions loaded = load_flags(argv_);
    for (const std::string& flag : config::keep_what_needs_restart(in_force_, loaded))
      log_line(LogLevel::kWarn, "-" + flag + " has a new value, which needs a restart");
    const auto snapshot = judge(loaded, &running);
    if (!snapshot || !configure_log(snapshot->log)) return {};
    const bool same = config::same_values(in_force_, loaded);
    in_force_ = std::move(loaded);
    return {.snapshot = snapshot, .files_only = same};
  }

 private:
  char** argv_;
  LoadedOptions in_force_;
};

// The path of the program file, so that a new file of that name is what SIGUSR2 starts.
std::vector<std::string> successor_command(int argc, char** argv) {
  std::vector<std::string> command(argv, argv + argc);
  std::array<char, 4096> path{};
  const ssize_t size = readlink("/proc/self/exe", path.data(), path.size());
  if (size > 0) command[0].assign(path.data(), static_cast<size_t>(size));
  return command;
}

int serve(std::shared_ptr<const config::Snapshot> snapshot, CommandLine& source,
          server::Inheritance inheritance, std::vector<std::string> command) {
  const config::HttptpOptions& options = source.options();
  server::Server server(snapshot, std::move(command), source);
  // Before the listener: see Server::start().
  net::Socket metrics_socket;
  if (snapshot->admin_address) {
    metrics_socket =
        open_local_socket(inheritance, "admin", "-expvarAddr=\"" + options.expvar_address + "\"",
                          *snapshot->admin_address);
    if (!metrics_socket.is_open()) return kExitError;
  }
  net::Socket challenge_socket;
  if (snapshot->autocert_http_address) {
    challenge_socket = open_local_socket(
        inheritance, "acme", "-autocertHTTPAddr=\"" + options.autocert_http_address + "\"",
        *snapshot->autocert_http_address);
    if (!challenge_socket.is_open()) return kExitError;
  }
  const std::string problem = server.start("-in=\"" + options.in + "\"", inheritance);
  if (!problem.empty()) {
    log_line(LogLevel::kError, problem);
    return kExitError;
  }
  admin::MetricsPages metrics_pages(server.all_metrics(), [&server] { return server.is_ready(); });
  std::unique_ptr<admin::LocalServer> metrics_server;
  if (metrics_socket.is_open()) {
    metrics_server = start_local_server(server, std::move(metrics_socket), "admin", metrics_pages);
    if (!metrics_server) return kExitError;
    log_line(LogLevel::kInfo, "metrics on " + metrics_server->address().to_string());
  }
  std::optional<admin::ChallengePages> challenge_pages;
  std::unique_ptr<admin::LocalServer> challenge_server;
  if (challenge_socket.is_open()) {
    challenge_pages.emplace(*snapshot->autocert, server.address().port());
    challenge_server =
        start_local_server(server, std::move(challenge_socket), "acme", *challenge_pages);
    if (!challenge_server) return kExitError;
    log_line(LogLevel::kInfo, "http-01 challenges on " + challenge_server->address().to_string());
  }
  log_line(LogLevel::kInfo, "listening on " + server.address().to_string() +
                                " type=" + options.in_type + " out=" + options.out + " outType=" +
                                options.out_type + " workers=" + std::to_string(snapshot->workers));
  return server.run(inheritance);
}

// What the command line asks for, with values that could be read or not.
int run(LoadedOptions loaded, server::Inheritance inheritance, int argc, char** argv) {
  if (loaded.options.dump_config) {
    log_lines(LogLevel::kWarn, loaded.warnings);
    log_lines(LogLevel::kError, loaded.errors);
    std::printf("%s", config::dump_text(loaded.values).c_str());
    return loaded.errors.empty() ? 0 : kExitError;
  }
  if (loaded.options.demo && !loaded.options.check) {
    log_lines(LogLevel::kError, loaded.errors);
    return loaded.errors.empty() ? run_demo() : kExitError;
  }
  const auto snapshot = judge(loaded);
  if (!snapshot) return kExitError;
  if (loaded.options.check) {
    std::printf("%s\n", config::summary(loaded.options, *snapshot).c_str());
    return 0;
  }
  if (!configure_log(snapshot->log)) return kExitError;
  raise_descriptor_limit();
  CommandLine source(argv, std::move(loaded));
  return serve(snapshot, source, std::move(inheritance), successor_command(argc, argv));
}

}  // namespace

int main(int argc, char** argv) {
  std::set_new_handler(die_without_memory);
  give_large_blocks_pages();
  block_early_signals();
  // Early, because it takes its variable out of the environment, where the flags look.
  server::Inheritance inheritance = server::Inheritance::take();
  LoadedOptions loaded = load_flags(argv);
  switch (loaded.outcome) {
    case LoadedOptions::Outcome::kHelp:
      print_help();
      return 0;
    case LoadedOptions::Outcome::kBadCommandLine:
      return refuse_command_line(loaded);
    case LoadedOptions::Outcome::kOk:
    case LoadedOptions::Outcome::kBadValues:
      break;
  }
  if (loaded.options.version) {
    std::printf("%s\n", version_line().c_str());
    return 0;
  }
  try {
    return run(std::move(loaded), std::move(inheritance), argc, argv);
  } catch (const std::system_error& error) {  // no descriptors or threads left at the start
    std::fprintf(stderr, "%s\n", error.what());
    return kExitError;
  }
}
