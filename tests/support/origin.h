// An HTTP/1.1 origin server for tests: what it answers follows from the request alone, so a client
// can check every byte without knowing this server.
//
//   GET  /bytes/N?seed=S      Content::bytes(N, S), by Content-Length
//   GET  /stream/N?seed=S     the same; the name for bodies of any size
//   GET  /json/N?seed=S       Content::json(N, S), by Content-Length
//   GET  /mixed/N?seed=S      Content::mixed(N, S), by Content-Length
//   GET  /chunked/N?seed=S    Content::json(N, S), chunked in varied sizes
//   GET  /close/N?seed=S      Content::bytes(N, S), delimited by the end of the connection
//   GET  /slow/MS/N?seed=S    /bytes/N after MS milliseconds
//   GET  /stall               never answered
//   GET  /sse                 an event stream: one event for each send_event()
//   any  /echo                the request's body and trailers with the request's framing, streamed
//   any  /hash                Hash64::line() of the request's body
//   any  /headers             the request's head as text
//   GET  /tunnel              101 if the request has Upgrade; from there on bytes are sent back
//   any  /status/CODE?length=N   that status, with a short text; 304 and HEAD name N if given
// Every path but /echo, /sse and /tunnel also takes delay=MS, and hold=1: the answer waits for
// open_gate(). /hash takes slow=1: the body is read in bursts with pauses between them. HEAD gets
// the head of the same answer. A request's X-Tag is repeated in its answer. Anything else is 404.
//
// Control, not counted as requests: GET /counters (JSON), /control/open, /control/close (the gate).
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "support/http_message.h"
#include "support/socket.h"

namespace httpteleport::test {

enum class PathKind : uint8_t {
  kBytes,
  kStream,
  kJson,
  kChunked,
  kClose,
  kSlow,
  kStall,
  kSse,
  kEcho,
  kHash,
  kHeaders,
  kStatus,
  kMixed,
  kTunnel,
  kUnknown,
};
inline constexpr size_t kPathKindCount = 15;
// The first segment of such paths, as it stands in /counters.
const char* path_kind_name(PathKind kind);

struct OriginCounters {
  uint64_t connections_accepted = 0;
  uint64_t connections_open = 0;
  uint64_t requests = 0;      // heads read
  uint64_t pending = 0;       // requests read completely and not answered completely
  uint64_t pending_max = 0;   // the most there were at one time
  uint64_t held = 0;          // of the pending ones, those that wait for the gate
  uint64_t answered = 0;      // answers written completely
  uint64_t aborted = 0;       // connections that ended inside a request or before its whole answer
  uint64_t stalled_gone = 0;  // of the aborted ones, those that waited for /stall
  uint64_t malformed = 0;     // requests that are not HTTP as MessageParser wants it
  uint64_t bytes_received = 0;
  uint64_t bytes_sent = 0;
  std::array<uint64_t, kPathKindCount> by_kind{};

  uint64_t of(PathKind kind) const { return by_kind[static_cast<size_t>(kind)]; }
  std::string to_json() const;
};

// Owns a thread with one epoll loop; started by the constructor, ended by the destructor, which
// closes every connection. Methods are for other threads. As many connections as there are
// descriptors; memory of a connection does not depend on the size of a body.
class Origin {
 public:
  // A server that lies, to see that a client notices.
  enum class Corruption : uint8_t {
    kNone,
    kFlipByte,   // one bit of a body
    kShortBody,  // one byte less, with a Content-Length to match
    kWrongBody,  // the body of another seed
    kWrongTag,   // the X-Tag of another request
    kTruncate,   // the connection ends in the middle of a body
  };

  // Whether it does its job at all. Who is not well looks at no path but the control ones'.
  enum class Mood : uint8_t {
    kWell,
    kHangs,  // every request is one for /stall
    kFails,  // every request is one for /status/500
  };

  struct Options {
    bool ipv6 = false;
    uint16_t port = 0;             // 0: the kernel chooses; else that of an origin that has ended
    std::string unix_path{};       // if not empty, it listens there
    int receive_buffer_bytes = 0;  // > 0: the kernel's buffer of each connection
    Corruption corruption = Corruption::kNone;
    uint64_t corrupt_every = 10;  // every so many requests that get a body
    // Told of each request as soon as its head is read, before a byte of its answer; in the loop's
    // thread.
    std::function<void(const MessageHead& head)> on_request{};
  };

  Origin() : Origin(Options{}) {}
  explicit Origin(const Options& options);
  ~Origin();
  Origin(const Origin&) = delete;
  Origin& operator=(const Origin&) = delete;

  Address address() const;
  // As of now: with all that a peer of the origin has seen of it.
  OriginCounters counters() const;
  // Waits until `condition(counters)` holds; false when the deadline passed first.
  bool wait_for(const std::function<bool(const OriginCounters&)>& condition,
                Deadline deadline = after());

  // Answers what is held, and from now on holds nothing, until close_gate(). Closed at the start.
  void open_gate();
  void close_gate();
  // For requests whose head comes from now on. What hangs goes on hanging.
  void set_mood(Mood mood);
  // Sends `data` (one line) as an event to every client of /sse.
  void send_event(std::string data);

 private:
  class Loop;
  std::unique_ptr<Loop> loop_;
};

}  // namespace httpteleport::test
