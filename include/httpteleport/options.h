// What clients and servers can be told in common.
#ifndef HTTPTELEPORT_OPTIONS_H_
#define HTTPTELEPORT_OPTIONS_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "httpteleport/export.h"

namespace httpteleport {

// Every duration of std::chrono that is a whole number of nanoseconds converts to it.
using Duration = std::chrono::nanoseconds;

inline namespace abi0 {

// "0.1.0". Static storage.
HTTPTELEPORT_EXPORT const char* library_version() noexcept;

// The version of the link. v2 is frames that interleave, compressed with what both ends remember;
// v0 is the wire of the Go package.
enum class Protocol : std::uint8_t {
  kAuto,  // a client asks for v2, and a peer that does not know it gets v0; a server takes both
  kV2,
  kV0,
};

// Of the bytes that one end sends. Each end chooses its own; the other one reads all of them. Flate
// and snappy are v0's: with Protocol::kAuto they choose v0 too.
enum class Compression : std::uint8_t {
  kFlate,   // the best ratio of v0
  kNone,    // the least CPU; of both versions
  kSnappy,  // between the two
  kZstd,    // of v2; with a peer that knows only v0, flate
  kAuto,    // zstd over v2, flate over v0
};

// What an end of a v2 link has room for, of what it has received, so that the other end can send it
// shorter.
enum class LinkMemory : std::uint8_t { kNormal, kSmall, kLarge };

// Fields whose values never meet other text in the compressor of a v2 link, unless a program says
// otherwise: the size of what is sent would tell whether a guess is like them.
inline std::vector<std::string> default_secret_headers() {
  return {"authorization", "cookie", "proxy-authorization", "set-cookie", "x-api-key"};
}

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
