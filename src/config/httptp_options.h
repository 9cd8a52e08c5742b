// What the flags of httptp say, as given: unchecked, in the words of the command line. The fields
// stand in the groups of httptp_flags.cc, which says what each is for.
#pragma once

#include <cstdint>
#include <string>

#include "base/clock.h"

namespace httpteleport::config {

// The defaults are the Go program's where it has the flag and knows as much.
struct HttptpOptions {
  // In
  std::string in = "127.0.0.1:8080";
  std::string in_type = "http";
  std::string in_unix_mode = "0666";
  Duration in_delay{};
  std::string in_protocol = "auto";
  std::string in_compress = "auto";
  int64_t in_header_bytes_max = 4096;
  int64_t in_body_bytes_max = 4 * 1024 * 1024;
  bool in_get_only = false;
  std::string in_allow_ip;
  bool in_allow_plaintext = false;
  std::string in_proxy_protocol;
  std::string in_proxy_protocol_from;
  bool reuse_port = false;
  std::string client_ip_header;
  bool x_forwarded = false;
  std::string via;
  std::string request_id_header;

  // TLS in
  std::string in_tls_cert;
  std::string in_tls_key;
  std::string in_tls_ticket_key;
  std::string in_tls_client_ca;
  Duration in_handshake_timeout = std::chrono::seconds(10);

  // Automatic certificates
  std::string autocert_cache_dir = "autocert-cache";
  std::string autocert_host_regexp = "^.*$";
  std::string autocert_url = "https://acme-v02.api.letsencrypt.org/directory";
  std::string autocert_ca_file;
  std::string autocert_email;
  std::string autocert_http_address;

  // Out
  std::string out = "127.0.0.1:8043";
  std::string out_type = "teleport";
  Duration out_delay{};
  std::string out_protocol = "auto";
  std::string out_compress = "auto";
  int64_t out_header_bytes_max = 4096;
  int64_t out_body_bytes_max = 64 * 1024 * 1024;
  int64_t out_connections = 1;
  int64_t out_requests_max = 0;  // at one address; 0: no limit
  std::string out_proxy_protocol;
  Duration out_resolve_interval = std::chrono::seconds(30);  // 0: once

  // Links
  std::string link_memory = "normal";
  std::string link_plain_bodies;
  std::string link_secret_headers =
      "authorization, cookie, proxy-authorization, set-cookie, x-api-key";

  // TLS out
  std::string out_tls_ca;
  std::string out_tls_server_name;
  bool out_tls_insecure = false;
  std::string out_tls_cert;
  std::string out_tls_key;

  // Balancing
  std::string out_balance = "least-loaded";
  std::string out_check;
  Duration out_check_interval = std::chrono::seconds(5);
  Duration out_slow_start{};
  int64_t out_eject_failures = 5;         // in a row; 0: never
  int64_t out_eject_ratio_percent = 50;   // of failed requests; 0: off
  int64_t out_eject_share_percent = 50;   // of the addresses
  int64_t out_retries = 2;                // of one request
  int64_t out_retry_budget_percent = 20;  // of all requests
  Duration out_try_timeout{};             // 0: half of out_timeout

  // Timeouts
  Duration in_head_timeout = std::chrono::seconds(10);
  Duration in_body_idle_timeout = std::chrono::seconds(30);
  Duration in_keep_alive_timeout = std::chrono::seconds(120);
  Duration in_write_idle_timeout = std::chrono::seconds(60);
  Duration out_connect_timeout = std::chrono::seconds(3);
  Duration out_timeout = std::chrono::seconds(3);
  Duration out_total_timeout{};  // 0: none
  Duration out_idle_timeout = std::chrono::seconds(60);
  Duration tunnel_idle_timeout = std::chrono::hours(1);
  Duration shutdown_timeout = std::chrono::seconds(10);
  Duration drain_delay{};

  // Limits
  int64_t concurrency = 100'000;
  int64_t queue_size = 1024;
  Duration queue_timeout = std::chrono::seconds(1);
  int64_t buffer_bytes_max = int64_t{4} << 30;
  int64_t workers = 0;  // 0: as many as cores

  // Logging
  std::string log_file;
  std::string log_format = "text";
  std::string log_level = "info";
  bool log_all_errors = false;
  std::string access_log;
  std::string access_log_format = "text";

  // Operations
  std::string expvar_address = "localhost:8040";
  std::string config;
  std::string pid_file;
  bool check = false;
  bool dump_config = false;
  bool strict_args = false;
  bool version = false;
  bool demo = false;
};

}  // namespace httpteleport::config
