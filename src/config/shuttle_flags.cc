#include "config/shuttle_flags.h"

#include "config/checks.h"
#include "config/environment.h"

namespace httpteleport::config {

namespace {

// Variables of shuttle-cli.
constexpr std::string_view kOtherVariables[] = {"SHUTTLE_ADDR=", "SHUTTLE_TOKEN_FILE="};

constexpr auto kCommandLineOnly = FlagInfo::kCommandLineOnly;

void add_listen_flags(ShuttleOptions& o, GoFlags& flags) {
  flags.begin_group("Listening");
  flags.add({"http", "ADDRESS",
             "where requests for virtual hosts are taken: host:port, :port or unix:PATH; empty: "
             "nowhere"},
            o.http);
  flags.add({"https", "ADDRESS", "the same over TLS, with the certificates of -certs"}, o.https);
  flags.add({"certs", "FOLDER",
             "certificates for -https and for services that listen with TLS: NAME.pem with "
             "NAME.key; read again when they change"},
            o.certs);
  flags.add({"https-redirect", "", "send all requests that come without TLS to https"},
            o.https_redirect);
  flags.add({"sslOnly", "", "the same as -https-redirect, which replaces it"}, o.ssl_only);
}

void add_service_flags(ShuttleOptions& o, GoFlags& flags) {
  flags.begin_group("Services");
  flags.add({"config", "FILE", "services to begin with (JSON); never written"}, o.config);
  flags.add({"state", "FILE",
             "where every change is kept; if it is there, it is read instead of -config"},
            o.state);
  flags.add({"concurrency", "N", "requests at a time; more wait for a second, then get 429"},
            o.concurrency);
  flags.add({"max-body-size", "BYTES", "largest request body; a larger one gets 413"},
            o.body_bytes_max);
  flags.add({"max-memory", "BYTES",
             "memory of messages on their way, of all workers; at most half of what the process "
             "may have"},
            o.buffer_bytes_max);
}

void add_admin_flags(ShuttleOptions& o, GoFlags& flags) {
  flags.begin_group("Admin");
  flags.add({"admin", "ADDRESS", "where the admin API is: host:port, or the path of a unix socket"},
            o.admin);
  flags.add({"admin-token", "FILE",
             "requests to the admin API must bear the token that the file holds "
             "(Authorization: Bearer ...)"},
            o.admin_token);
  flags.add({"admin-hosts", "LIST",
             "names by which browsers and clients may call the admin API, beside those of this "
             "machine; *: any"},
            o.admin_hosts);
  flags.add({"metrics-addr", "ADDRESS",
             "another address where metrics, statistics and health are read, and nothing changed"},
            o.metrics_address);
}

void add_process_flags(ShuttleOptions& o, GoFlags& flags) {
  flags.begin_group("Process");
  flags.add({"workers", "N", "threads that carry traffic; 0: one a core"}, o.workers);
  flags.add({"shutdown-timeout", "TIME", "how long what runs may go on after SIGTERM"},
            o.shutdown_timeout);
  flags.add({"drain-delay", "TIME",
             "how long new connections are taken after SIGTERM, with /_ready at 503"},
            o.drain_delay);
  flags.add({"pid-file", "FILE", "where the process's id is written; empty: nowhere"}, o.pid_file);
  flags.add({"check", "", "check flags, configuration and certificates, and end", kCommandLineOnly},
            o.check);
  flags.add({"v", "", "print the version and end", kCommandLineOnly}, o.version);
}

void add_log_flags(ShuttleOptions& o, GoFlags& flags) {
  flags.begin_group("Logging");
  flags.add({"debug", "", "the same as -log-level=debug"}, o.debug);
  flags.add({"log-level", "LEVEL", "least level that is logged: debug, info, warn or error"},
            o.log_level);
  flags.add({"log-format", "FORMAT", "text, json or logfmt"}, o.log_format);
  flags.add({"log-file", "FILE", "file of the log; empty: standard error"}, o.log_file);
  flags.add({"access-log", "FILE", "file of a line for each request; -: standard output"},
            o.access_log);
  flags.add({"access-log-format", "FORMAT", "text or json"}, o.access_log_format);
}

std::vector<FlagValue> values_of(const GoFlags& flags) {
  std::vector<FlagValue> values;
  for (const GoFlags::Flag& flag : flags.all()) {
    values.push_back({.name = flag.info.name,
                      .text = flag.text(),
                      .origin = flag.origin,
                      .marks = flag.info.marks});
  }
  return values;
}

std::vector<std::string> without_others(const std::vector<std::string>& environment) {
  std::vector<std::string> ours;
  for (const std::string& entry : environment) {
    bool other = false;
    for (const std::string_view name : kOtherVariables)
      other = other || entry.starts_with(name);
    if (!other) ours.push_back(entry);
  }
  return ours;
}

}  // namespace

void add_shuttle_flags(ShuttleOptions& options, GoFlags& flags) {
  add_listen_flags(options, flags);
  add_service_flags(options, flags);
  add_admin_flags(options, flags);
  add_process_flags(options, flags);
  add_log_flags(options, flags);
}

LoadedShuttleOptions load_shuttle_options(const std::vector<std::string>& arguments,
                                          const std::vector<std::string>& environment) {
  LoadedShuttleOptions loaded;
  GoFlags flags;
  add_shuttle_flags(loaded.options, flags);
  switch (flags.parse(arguments)) {
    case GoFlags::Outcome::kOk:
      break;
    case GoFlags::Outcome::kHelp:
      loaded.outcome = LoadedShuttleOptions::Outcome::kHelp;
      return loaded;
    case GoFlags::Outcome::kError:
      loaded.outcome = LoadedShuttleOptions::Outcome::kBadCommandLine;
      loaded.errors = {flags.error()};
      return loaded;
  }
  read_environment(without_others(environment), kShuttleVariables, flags, loaded.errors,
                   loaded.warnings);
  if (!loaded.errors.empty()) loaded.outcome = LoadedShuttleOptions::Outcome::kBadValues;
  if (!flags.ignored().empty()) {
    loaded.warnings.push_back("ignoring \"" + flags.ignored().front() +
                              "\" and what follows it: it is no flag");
  }
  loaded.values = values_of(flags);
  return loaded;
}

void check_shuttle_options(const ShuttleOptions& options, Problems& problems) {
  if (options.admin.empty())
    problems.fail("admin", options.admin, "host:port or the path of a unix socket is accepted");
  problems.within("workers", options.workers, 0, 1024);
  problems.within("concurrency", options.concurrency, 1, INT32_MAX);
  problems.within("max-body-size", options.body_bytes_max, 0, INT64_MAX);
  problems.within("max-memory", options.buffer_bytes_max, 1024 * 1024, INT64_MAX);
  problems.not_negative("shutdown-timeout", options.shutdown_timeout);
  problems.not_negative("drain-delay", options.drain_delay);
  if (!parse_log_format(options.log_format))
    problems.fail("log-format", options.log_format, "text, json and logfmt are accepted");
  if (!parse_log_level(options.log_level))
    problems.fail("log-level", options.log_level, "debug, info, warn and error are accepted");
  problems.one_of("access-log-format", options.access_log_format, {"text", "json"});
}

}  // namespace httpteleport::config
