// What the flags of httptp say, and the snapshot that follows from it. docs/flags.md is the
// reference.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "config/go_flags.h"
#include "config/snapshot.h"

namespace httpteleport::config {

// The flags as given, with the Go program's defaults.
struct HttptpOptions {
  std::string in = "127.0.0.1:8080";
  std::string in_type = "http";
  Duration in_delay{};
  std::string in_compress = "flate";
  int64_t in_header_bytes_max = 4096;
  int64_t in_body_bytes_max = 4 * 1024 * 1024;
  std::string out = "127.0.0.1:8043";
  std::string out_type = "teleport";
  Duration out_delay{};
  std::string out_compress = "flate";
  int64_t out_header_bytes_max = 4096;
  int64_t out_body_bytes_max = 64 * 1024 * 1024;
  Duration out_timeout = std::chrono::seconds(3);
  Duration out_idle_timeout = std::chrono::seconds(60);
  int64_t out_connections = 1;
  int64_t concurrency = 100'000;
  std::string client_ip_header;
  bool x_forwarded = false;
  std::string via;
  bool reuse_port = false;
  std::string expvar_address = "localhost:8040";
  int64_t buffer_bytes_max = int64_t{4} << 30;
  int64_t workers = 0;  // 0: as many as cores
  Duration shutdown_timeout = std::chrono::seconds(10);
};

void add_httptp_flags(HttptpOptions& options, GoFlags& flags);

// Checks everything and resolves the names (blocks on that). On errors returns nullptr and one line
// for each: the flag, its value, what is accepted.
std::shared_ptr<const Snapshot> make_snapshot(const HttptpOptions& options,
                                              std::vector<std::string>& errors);

}  // namespace httpteleport::config
