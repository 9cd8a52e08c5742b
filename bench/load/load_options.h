// The command line of http_load.
#pragma once

#include <cstdint>
#include <string>

namespace httpteleport::bench {

struct LoadOptions {
  uint64_t port = 0;
  std::string target = "/";
  std::string pairs;        // a file of pairs.h, in place of `target`
  uint64_t body_bytes = 0;  // of an answer to `target`
  uint64_t connections = 64;
  uint64_t seconds = 4;
  uint64_t requests = 0;  // the run ends when so many have been answered; 0: with its time
  uint64_t rate = 0;      // requests a second; 0: the next when the last is answered
  // The first and the last part of the time do not count for latencies.
  uint64_t margin_ms = 500;
  uint64_t tls = 0;  // 12 or 13; 0: plain
  bool resume = false;
  bool close_each = false;
  bool handshake_only = false;
  bool hold = false;  // one request on each connection, then they stay open until SIGTERM
  std::string counters;
};

// Ends the program with code 2 and a line on standard error when the arguments are wrong.
LoadOptions parse_load_options(int argc, char** argv);

}  // namespace httpteleport::bench
