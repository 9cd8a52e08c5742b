// One connection of the origin server: reads a request, decides the answer, writes it. Part of
// origin.h's implementation.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "support/content.h"
#include "support/fd.h"
#include "support/http_message.h"
#include "support/origin.h"

namespace httpteleport::test {

// What a request target asks for.
struct OriginRoute {
  PathKind kind = PathKind::kUnknown;
  bool control = false;
  bool hold = false;
  bool slow = false;
  uint64_t size = 0;
  uint64_t seed = 0;
  uint64_t delay_ms = 0;
  int status = 404;
  bool has_length = false;
  uint64_t length = 0;
};
OriginRoute parse_origin_target(std::string_view target);

class OriginConnection;

// What a connection needs from the loop that owns it.
class OriginHost {
 public:
  virtual ~OriginHost() = default;
  virtual OriginCounters& live_counters() = 0;
  virtual bool gate_is_open() const = 0;
  virtual void set_gate(bool open) = 0;
  virtual Origin::Mood mood() const = 0;
  // Calls connection.on_timer() after `delay_ms`.
  virtual void schedule(OriginConnection& connection, uint64_t delay_ms) = 0;
  // How the answer to a request that gets a body is to be spoiled.
  virtual Origin::Corruption next_corruption() = 0;
  virtual void on_request(const MessageHead& head) = 0;
  // Room for bytes in passing, the same for all connections.
  virtual std::span<char> scratch() = 0;
};

// Owned by the loop and used in its thread only. `host` outlives it. A method that returns false
// wants the connection to be closed now.
class OriginConnection {
 public:
  OriginConnection(uint64_t id, Fd fd, OriginHost& host);
  ~OriginConnection();

  uint64_t id() const { return id_; }
  int fd() const { return fd_.get(); }

  bool on_readable();
  bool on_writable() { return pump(); }
  bool on_timer();
  // The gate has been opened.
  bool release();
  bool send_event(const std::string& data);

  // The epoll events that matter now, and those the loop last registered.
  uint32_t events_wanted() const;
  uint32_t events_registered = 0;

 private:
  enum class Phase : uint8_t {
    kHead,
    kBody,
    kHeld,
    kDelayed,
    kStalled,
    kSending,
    kEvents,
    kTunnel
  };

  bool in_exchange() const { return phase_ != Phase::kHead || parser_.started(); }
  bool process(std::string_view input);
  void on_head();
  void on_body(std::string_view body);
  bool on_request_complete();
  bool begin_answer();
  void begin_echo();
  void begin_tunnel();
  void answer_content(const Content& content, bool chunked);
  void answer_text(std::string_view text);
  void answer_status();
  bool answer_control();
  // The status line and the fields every answer has; the caller adds the rest and the empty line.
  std::string start_head(int status) const;
  bool pump();
  // Sends `bytes`; how many went out, 0 when the socket is full, -1 when the connection is gone.
  ssize_t send_bytes(std::string_view bytes);
  // Makes the next piece of the body: into out_, or in the scratch space for a direct send.
  bool pump_content(bool* progress);
  void append_next_chunk();
  void read_content(uint64_t offset, std::span<char> out);
  bool finish_exchange();

  const uint64_t id_;
  Fd fd_;
  OriginHost* host_;
  Phase phase_ = Phase::kHead;
  MessageParser parser_;
  OriginRoute route_;
  Hash64 hash_;
  std::string rest_;  // input that came before its turn
  bool reading_paused_ = false;
  uint64_t read_since_pause_ = 0;

  std::string out_;
  size_t out_sent_ = 0;
  Content content_;
  uint64_t content_sent_ = 0;
  uint64_t content_end_ = 0;
  uint64_t chunk_index_ = 0;
  bool chunked_ = false;
  bool close_after_ = false;
  Origin::Corruption corruption_ = Origin::Corruption::kNone;
};

}  // namespace httpteleport::test
