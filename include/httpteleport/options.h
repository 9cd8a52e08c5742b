// What clients and servers can be told in common.
#ifndef HTTPTELEPORT_OPTIONS_H_
#define HTTPTELEPORT_OPTIONS_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "httpteleport/export.h"

namespace httpteleport {

// Every duration of std::chrono that is a whole number of nanoseconds converts to it.
using Duration = std::chrono::nanoseconds;

inline namespace abi0 {

// "0.1.0". Static storage.
HTTPTELEPORT_EXPORT const char* library_version() noexcept;

// Of the bytes that one end sends. Each end chooses its own; the other one reads all of them.
enum class Compression : std::uint8_t {
  kFlate,   // the best ratio
  kNone,    // the least CPU
  kSnappy,  // between the two
};

enum class LogSeverity : std::uint8_t { kDebug, kInfo, kWarning, kError };

// What the library has to say of its own accord, such as that a host name cannot be looked up, goes
// to `handler`, a line each, without its end; an empty handler, as at first, drops it. Nothing is
// said of single requests. Any thread; called on any thread, and must not call the library.
HTTPTELEPORT_EXPORT void set_log_handler(
    std::function<void(LogSeverity severity, std::string_view line)> handler);

// Bytes and messages over links since the object was made. `raw` counts messages before
// compression, `wire` what the sockets carried (without TLS's own bytes).
struct LinkStats {
  std::uint64_t links_open = 0;
  std::uint64_t raw_bytes_sent = 0;
  std::uint64_t wire_bytes_sent = 0;
  std::uint64_t raw_bytes_received = 0;
  std::uint64_t wire_bytes_received = 0;
  std::uint64_t batches_sent = 0;  // one compressed run of messages each
  std::uint64_t messages_sent = 0;
  std::uint64_t messages_received = 0;
};

}  // namespace abi0
}  // namespace httpteleport

#endif  // HTTPTELEPORT_OPTIONS_H_
