// One of the clients of load_client.h: one connection, one exchange at a time. Part of its
// implementation.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "support/content.h"
#include "support/fd.h"
#include "support/http_message.h"
#include "support/load_client.h"

namespace httpteleport::test {

// Where a request is given up.
struct AbortPlan {
  enum class Point : uint8_t { kNever, kSending, kWaiting, kReceiving };
  Point point = Point::kNever;
  uint64_t at = 0;  // bytes of the request sent, ms of waiting, bytes of the answer's body read
  bool reset = false;

  static AbortPlan choose(double fraction, uint64_t dice, const LoadRequest& request);
};

// Owned by the loop and used in its thread only.
class LoadConnection {
 public:
  enum class Progress : uint8_t {
    kGoing,
    kSent,  // the request has just gone out completely; the exchange goes on
    kEnded  // verdict() says how
  };

  // `scratch` is room for bytes in passing; it outlives this.
  LoadConnection(const Address& address, std::span<char> scratch)
      : address_(address), scratch_(scratch) {}

  // Begins an exchange, on the open connection if there is one. fd() is good afterwards, unless the
  // exchange ended at once.
  Progress start(LoadRequest request, uint64_t tag, const AbortPlan& plan);
  Progress on_events(uint32_t events);
  // Gives the exchange up as planned; for AbortPlan::kWaiting, whose time the loop keeps.
  Progress abort_now();
  // Ends the exchange because there is no time left.
  void time_out() { end(Verdict::kTimedOut, "no time left"); }

  bool is_open() const { return static_cast<bool>(fd_); }
  bool in_exchange() const { return phase_ != Phase::kIdle; }
  bool is_connecting() const { return phase_ == Phase::kConnecting; }
  void close() { fd_.reset(); }
  int fd() const { return fd_.get(); }
  const AbortPlan& plan() const { return plan_; }
  // Counts the exchanges, so that a timer can tell that its own is over.
  uint64_t exchange_count() const { return exchange_count_; }
  uint32_t events_wanted() const;
  uint32_t events_registered = 0;  // by the loop; 0: not in epoll

  // About the last exchange that ended.
  Verdict verdict() const { return verdict_; }
  const std::string& detail() const { return detail_; }
  Deadline started_at() const { return started_at_; }
  uint64_t body_bytes_sent() const { return body_sent_; }
  uint64_t body_bytes_received() const { return parser_.body_bytes(); }

 private:
  enum class Phase : uint8_t { kIdle, kConnecting, kExchanging };

  Progress end(Verdict verdict, std::string detail);
  Progress connect();
  void write_head();
  void append_next_chunk();
  bool all_sent() const;
  // How many of `bytes` may still be sent before the planned end.
  size_t sendable(size_t bytes) const;
  Progress pump();
  // Sends the body's next piece straight from scratch_: bytes sent, 0 when full, -1 when gone.
  ssize_t send_piece();
  ssize_t send_bytes(std::string_view bytes);
  Progress receive();
  Progress take_input(std::string_view input);
  void check_piece(std::string_view piece);
  Progress finish_answer(bool more_input);

  const Address address_;
  const std::span<char> scratch_;
  Fd fd_;
  Phase phase_ = Phase::kIdle;
  LoadRequest request_;
  AbortPlan plan_;
  std::string tag_;
  uint64_t exchange_count_ = 0;
  Deadline started_at_{};

  std::string out_;
  size_t out_sent_ = 0;
  uint64_t sent_total_ = 0;
  uint64_t body_sent_ = 0;
  uint64_t chunk_index_ = 0;
  bool last_chunk_made_ = false;
  bool sent_reported_ = false;
  Hash64 sent_hash_;

  MessageParser parser_;
  uint64_t checked_ = 0;
  bool body_differs_ = false;
  std::string text_;

  Verdict verdict_ = Verdict::kGood;
  std::string detail_;
};

}  // namespace httpteleport::test
