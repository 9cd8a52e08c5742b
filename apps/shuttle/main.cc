// shuttle: proxy of TCP, UDP, HTTP and HTTPS services, changed while it runs through an HTTP API.
// Flags in, exit code out; everything else is in the modules.
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <new>
#include <optional>
#include <set>
#include <string>
#include <system_error>

#include "admin/admin_servers.h"
#include "admin/event_stream.h"
#include "base/heap.h"
#include "base/log.h"
#include "base/text.h"
#include "build_version.h"
#include "config/checks.h"
#include "config/flag_texts.h"
#include "config/shuttle_flags.h"
#include "live/endpoint_address.h"
#include "live/server.h"
#include "metrics/export.h"
#include "server/listen_sockets.h"
#include "service/json.h"
#include "service/registry.h"
#include "service/start.h"
#include "service/state_file.h"
#include "tls/certificate_folder.h"

namespace {

using namespace httpteleport;  // NOLINT(google-build-using-namespace): the program is all of it
using config::LoadedShuttleOptions;
using config::ShuttleOptions;

constexpr int kExitBadCommandLine = 2;
constexpr int kExitError = 1;

void print_help() {
  ShuttleOptions options;
  config::GoFlags flags;
  config::add_shuttle_flags(options, flags);
  std::printf("usage: shuttle [flags]\n\n%s", config::help_text(flags).c_str());
}

int refuse_command_line(const LoadedShuttleOptions& loaded) {
  for (const std::string& error : loaded.errors)
    std::fprintf(stderr, "%s\n", error.c_str());
  std::fprintf(stderr, "run 'shuttle -help' for the flags\n");
  return kExitBadCommandLine;
}

void log_lines(LogLevel level, const std::vector<std::string>& lines) {
  for (const std::string& line : lines)
    log_line(level, line);
}

// Nothing can be taken back at the places where memory is asked for: who starts the program starts
// it again.
[[noreturn]] void die_without_memory() {
  static constexpr std::string_view kText =
      "shuttle: out of memory; choose a smaller -max-memory, or give the process more\n";
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, kText.data(), kText.size());
  std::abort();
}

void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

std::vector<std::string> list_of(char** texts) {
  std::vector<std::string> list;
  for (; *texts != nullptr; ++texts)
    list.emplace_back(*texts);
  return list;
}

bool configure_log(const ShuttleOptions& options) {
  LogOptions log{.file = options.log_file,
                 .format = config::parse_log_format(options.log_format).value_or(LogFormat::kText),
                 .level = config::parse_log_level(options.log_level).value_or(LogLevel::kInfo)};
  if (options.debug) log.level = LogLevel::kDebug;
  const Result<void> opened = program_log().configure(log);
  if (!opened) {
    log_line(LogLevel::kError,
             "cannot open -log-file=\"" + options.log_file + "\": " + in_words(opened.error()));
  }
  return opened.has_value();
}

std::vector<service::ReservedAddress> reserved_addresses(const ShuttleOptions& options) {
  std::vector<service::ReservedAddress> reserved;
  const auto add = [&](const char* flag, const std::string& address) {
    if (address.empty()) return;
    const bool is_path = address.starts_with('/') || address.starts_with("unix:");
    reserved.push_back({.flag = flag, .address = address, .network = is_path ? "unix" : "tcp"});
  };
  add("-http", options.http);
  add("-https", options.https);
  add("-admin", options.admin);
  add("-metrics-addr", options.metrics_address);
  return reserved;
}

service::Registry::Options registry_options(const ShuttleOptions& options) {
  service::Registry::Options registry;
  registry.reserved = reserved_addresses(options);
  return registry;
}

service::StartConfig read_configuration(const ShuttleOptions& options) {
  service::StartConfig start = service::read_start_config(
      {.state = options.state, .initial = options.config, .reserved = reserved_addresses(options)});
  log_lines(LogLevel::kWarn, start.warnings);
  log_lines(LogLevel::kError, start.problems);
  return start;
}

// What -https would have to show; false, with the reason logged, when that is not there.
bool check_certificates(const ShuttleOptions& options) {
  if (options.https.empty()) return true;
  tls::CertificateFolder folder(options.certs);
  bool good = true;
  for (const tls::CertificateChange& change : folder.reload()) {
    if (change.kind != tls::CertificateChange::Kind::kBroken) continue;
    log_line(LogLevel::kError,
             "-certs=\"" + options.certs + "\": " + change.pair + ": " + change.text);
    good = false;
  }
  if (folder.find("").certificate) return good;
  log_line(LogLevel::kError, live::no_certificate_line(options));
  return false;
}

int check(const ShuttleOptions& options) {
  const service::StartConfig start = read_configuration(options);
  const bool has_certificates = check_certificates(options);
  if (!start.problems.empty() || !has_certificates) return kExitError;
  size_t backends = 0;
  for (const auto& [name, service] : start.config.services)
    backends += service->backends.size();
  std::printf("ok: %zu services, %zu backends\n", start.config.services.size(), backends);
  return 0;
}

// A listening socket for the program's own HTTP; closed, with the reason logged, when the address
// cannot be had.
net::Socket open_own_socket(const char* flag, const std::string& text) {
  const std::string name = std::string(flag) + "=\"" + text + "\"";
  const Result<net::Address> address = live::listen_address("tcp", text);
  if (!address) {
    log_line(LogLevel::kError, name + ": " + address.error().detail);
    return {};
  }
  Result<net::Socket> socket = net::listen_on(*address, {.reuse_port = false, .unix_mode = 0600});
  if (socket) return *std::move(socket);
  log_line(LogLevel::kError, server::describe_listen_error(name, *address, socket.error()));
  return {};
}

admin::AdminServers::Options admin_options(const ShuttleOptions& options,
                                           const live::Server& server) {
  admin::AdminServers::Options admin;
  admin.api.build = {{"name", "shuttle"}, {"version", kProgramVersion}, {"git", kGitCommit}};
  admin.api.is_draining = [&server] { return server.is_draining(); };
  admin.api.more_metrics = [&server] { return metrics::to_prometheus(server.all_metrics()); };
  admin.hosts = config::list_elements(options.admin_hosts);
  // Who is to listen at a name may be called by it.
  const Result<net::HostPort> own = net::parse_host_port(options.admin);
  if (own && !own->host.empty()) admin.hosts.push_back(own->host);
  admin.token_file = options.admin_token;
  return admin;
}

// False, with the reason logged, when it cannot be read.
bool read_token(admin::AdminServers& admin) {
  const std::string problem = admin.load_token();
  if (!problem.empty()) log_line(LogLevel::kError, "-admin-token: " + problem);
  return problem.empty();
}

// Services of -config that were not in it before. What was there is the API's matter since: it may
// have been changed, or removed.
class ConfigFile {
 public:
  explicit ConfigFile(const ShuttleOptions& options) : options_(options) { read(); }

  // False: the file has problems.
  bool add_new_services(service::Registry& registry) {
    std::set<std::string> before = names_;
    const service::StartConfig found = read();
    log_lines(LogLevel::kWarn, found.warnings);
    log_lines(LogLevel::kError, found.problems);
    for (const auto& [name, config] : found.config.services) {
      if (before.contains(name) || registry.find(name)) continue;
      std::string text;
      service::append_json(text, *config);
      registry.put_service(name, text, {}, [name = name](const service::Outcome& outcome) {
        log_line(outcome.ok() ? LogLevel::kInfo : LogLevel::kError,
                 outcome.ok() ? "service added" : outcome.message, {{"service", name}});
      });
    }
    return found.problems.empty();
  }

 private:
  service::StartConfig read() {
    if (options_.config.empty()) return {};
    service::StartConfig found = service::read_start_config(
        {.state = "", .initial = options_.config, .reserved = reserved_addresses(options_)});
    for (const auto& [name, config] : found.config.services)
      names_.insert(name);
    return found;
  }

  const ShuttleOptions& options_;
  std::set<std::string> names_;  // that were ever in it
};

// What connects the registry's parts with the loop, which is made with the server.
class LateEvents final : public service::EventSink {
 public:
  void on_event(const service::Event& event) override {
    if (sink != nullptr) sink->on_event(event);
  }
  service::EventSink* sink = nullptr;
};

int serve(const ShuttleOptions& options) {
  net::Socket admin_socket = open_own_socket("-admin", options.admin);
  if (!admin_socket.is_open()) return kExitError;
  net::Socket metrics_socket;
  if (!options.metrics_address.empty()) {
    metrics_socket = open_own_socket("-metrics-addr", options.metrics_address);
    if (!metrics_socket.is_open()) return kExitError;
  }
  std::vector<net::Address> own = {net::local_address(admin_socket.fd())};
  if (metrics_socket.is_open()) own.push_back(net::local_address(metrics_socket.fd()));

  LateEvents late_events;
  live::Server server(options, late_events);
  if (const std::string problem = server.start(own); !problem.empty()) {
    log_line(LogLevel::kError, problem);
    return kExitError;
  }
  admin::EventStream events(server.loop());
  late_events.sink = &events;

  std::optional<service::StateFile> state;
  if (!options.state.empty()) {
    state.emplace(options.state,
                  [&server](std::function<void()> call) { server.loop().post(std::move(call)); });
    if (const std::string problem = state->lock(); !problem.empty()) {
      log_line(LogLevel::kError, "-state: " + problem);
      return kExitError;
    }
  }
  const service::StartConfig start = read_configuration(options);
  if (start.is_fatal) return kExitError;
  service::Registry registry(server.runtime(), state ? &*state : nullptr,
                             registry_options(options));
  const service::Outcome begun = registry.start(start);
  if (!begun.ok()) {
    log_line(LogLevel::kError, begun.message);
    return kExitError;
  }
  log_lines(LogLevel::kError, begun.warnings);
  net::SocketFile admin_file;
  if (own.front().is_unix()) admin_file = net::SocketFile(own.front());
  admin::AdminServers admin(server.loop(), registry, server.runtime(), events,
                            admin_options(options, server));
  if (!read_token(admin)) return kExitError;
  admin.api().note_reload(start.problems.empty() && begun.warnings.empty());
  if (!admin.serve(std::move(admin_socket))) return kExitError;
  if (metrics_socket.is_open() && !admin.serve_metrics(std::move(metrics_socket)))
    return kExitError;
  log_line(LogLevel::kInfo, "Admin server listening on " + own.front().to_string());
  ConfigFile config_file(options);
  server.on_reload([&] {
    const bool has_token = read_token(admin);
    admin.api().note_reload(config_file.add_new_services(registry) && has_token);
  });
  server.on_stop_accepting([&] {
    admin_file.remove();
    admin.drain();
  });
  if (!options.http.empty())
    log_line(LogLevel::kInfo, "HTTP server listening on " + server.http_address().to_string());
  if (!options.https.empty())
    log_line(LogLevel::kInfo, "HTTPS server listening on " + server.https_address().to_string());
  const int exit_code = server.run();
  late_events.sink = nullptr;
  return exit_code;
}

int run(const LoadedShuttleOptions& loaded) {
  config::Problems problems(loaded.values);
  config::check_shuttle_options(loaded.options, problems);
  log_lines(LogLevel::kWarn, loaded.warnings);
  log_lines(LogLevel::kError, loaded.errors);
  log_lines(LogLevel::kError, problems.errors());
  if (!loaded.errors.empty() || !problems.errors().empty()) return kExitError;
  if (loaded.options.check) return check(loaded.options);
  if (!configure_log(loaded.options)) return kExitError;
  raise_descriptor_limit();
  return serve(loaded.options);
}

}  // namespace

int main(int argc, char** argv) {
  std::set_new_handler(die_without_memory);
  give_large_blocks_pages();
  (void)argc;
  const LoadedShuttleOptions loaded =
      config::load_shuttle_options(list_of(argv + 1), list_of(environ));
  switch (loaded.outcome) {
    case LoadedShuttleOptions::Outcome::kHelp:
      print_help();
      return 0;
    case LoadedShuttleOptions::Outcome::kBadCommandLine:
      return refuse_command_line(loaded);
    case LoadedShuttleOptions::Outcome::kOk:
    case LoadedShuttleOptions::Outcome::kBadValues:
      break;
  }
  if (loaded.options.version) {
    std::printf("shuttle %s (git %s)\n", kProgramVersion, kGitCommit);
    return 0;
  }
  try {
    return run(loaded);
  } catch (const std::system_error& error) {  // no descriptors or threads left at the start
    std::fprintf(stderr, "%s\n", error.what());
    return kExitError;
  }
}
