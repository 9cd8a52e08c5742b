// One call of a client, from the caller's thread to an I/O thread and back.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <mutex>
#include <vector>

#include "api/encode_request.h"
#include "event/loop.h"
#include "http/stream.h"
#include "httpteleport/client.h"

namespace httpteleport::upstream {
class TeleportStream;
}

namespace httpteleport::api {

class ClientWorker;

// Belongs to whoever has it: the caller until ClientWorker::submit(), then the worker until it is
// over. Then the worker gives it back to the pool, or a caller that waits does.
class Call final : public IntrusiveNode, private http::ResponseHandler {
 public:
  explicit Call(uint32_t index) : index_(index) {}

  // ---- The caller's thread, before submit().
  EncodedRequest request;
  Client::Callback callback;  // empty: somebody is in wait()
  TimePoint deadline = TimePoint::max();
  bool wants_answer = true;
  Call* next_in_inbox = nullptr;

  uint32_t index() const { return index_; }
  // Another one each time the call is used.
  uint32_t generation() const { return generation_.load(std::memory_order_relaxed); }

  // As new, for another use.
  void reset();

  // Returns when the call is over, with how; then `response` may be taken.
  Status wait();
  Response response;

  // ---- The worker's thread.
  void start(ClientWorker& worker);
  // Asks the peer, once its addresses are known.
  void send();
  bool is_sent() const { return stream_ != nullptr; }
  // Ends it early. Whether the peer may have seen the request is found here.
  void fail(const Status& status);

 private:
  // Last: the object is somebody else's then.
  void finish(const Status& status);
  void on_timeout();

  void on_response_head(http::ResponseHead& head) override;
  void on_response_body(std::string_view bytes) override;
  void on_response_end(const http::Fields& trailers) override;
  void on_upstream_reset(const Error& error) override;
  void on_request_blocked() override {}
  void on_request_unblocked() override {}

  const uint32_t index_;
  std::atomic<uint32_t> generation_{0};  // changed by the worker that has it
  std::atomic<uint32_t> over_{0};
  Status status_;  // once over_, for wait()
  ClientWorker* worker_ = nullptr;
  upstream::TeleportStream* stream_ = nullptr;
  event::MemberTimer<Call, &Call::on_timeout> timer_{*this};
};

// Calls that are over and reset, to be used again. Any thread.
class CallPool {
 public:
  Call& acquire();
  void release(Call& call);
  // nullptr: there never was one.
  Call* find(uint32_t index);

 private:
  std::mutex mutex_;
  std::deque<Call> calls_;
  std::vector<Call*> free_;
};

}  // namespace httpteleport::api
