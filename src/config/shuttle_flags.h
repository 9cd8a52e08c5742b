// The flags of shuttle.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/go_flags.h"
#include "config/problems.h"

namespace httpteleport::config {

// What variables of the environment that set flags begin with.
inline constexpr std::string_view kShuttleVariables = "SHUTTLE_";

// Values as they are given. The defaults are here.
struct ShuttleOptions {
  std::string http;
  std::string https;
  std::string admin = "127.0.0.1:9090";
  std::string config;
  std::string state;
  std::string certs = "./";
  bool debug = false;
  bool version = false;
  bool https_redirect = false;
  bool ssl_only = false;  // the older word for https-redirect

  bool check = false;
  int64_t workers = 0;  // 0: one a core
  std::string log_file;
  std::string log_format = "text";
  std::string log_level = "info";
  std::string access_log;
  std::string access_log_format = "text";
  std::string admin_token;
  std::string admin_hosts;
  std::string metrics_address;
  std::string pid_file;
  int64_t buffer_bytes_max = int64_t{4} << 30;
  int64_t concurrency = 100'000;
  int64_t body_bytes_max = int64_t{1} << 40;
  Duration shutdown_timeout = std::chrono::seconds(10);
  Duration drain_delay{};

  bool redirects_to_https() const { return https_redirect || ssl_only; }
};

// Binds every flag to `options`.
void add_shuttle_flags(ShuttleOptions& options, GoFlags& flags);

struct LoadedShuttleOptions {
  enum class Outcome : uint8_t { kOk, kHelp, kBadCommandLine, kBadValues };

  Outcome outcome = Outcome::kOk;
  ShuttleOptions options;
  std::vector<FlagValue> values;  // of every flag
  std::vector<std::string> errors;
  std::vector<std::string> warnings;
};

// Flags before the environment (SHUTTLE_HTTP, SHUTTLE_LOG_FORMAT) before defaults. `arguments`: the
// command line without the program's name; `environment`: "NAME=value".
LoadedShuttleOptions load_shuttle_options(const std::vector<std::string>& arguments,
                                          const std::vector<std::string>& environment);

// Adds every value that is not accepted to `problems`; reads and resolves nothing.
void check_shuttle_options(const ShuttleOptions& options, Problems& problems);

}  // namespace httpteleport::config
