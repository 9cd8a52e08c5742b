// The request of one exchange as far as it is kept: its head, and what of its body and trailers is
// to be sent later or may have to be sent again.
#pragma once

#include <string_view>

#include "base/arena.h"
#include "base/buffer.h"
#include "http/message.h"
#include "http/stream.h"

namespace httpteleport::proxy {

// `pool` must outlive it. Its exchange bounds what is kept.
class KeptRequest {
 public:
  explicit KeptRequest(BlockPool& pool) : arena_(pool), body_(pool) {}

  http::RequestHead& head() { return head_; }
  const http::RequestHead& head() const { return head_; }
  // For text that is to last as long as the request.
  Arena& arena() { return arena_; }

  // Moves the head here. Its text is the caller's until keep_text().
  void take_head(http::RequestHead& head) { head_ = std::move(head); }
  // Copies `raw`, which the views of the head point into.
  void keep_text(std::string_view raw);
  // An HTTP/1.0 client may name no host at all, but HTTP/1.1 is what goes to the endpoint.
  void ensure_host(std::string_view name);
  // The host that the client has named; empty: none.
  std::string_view host_of_client() const { return host_is_ours_ ? "" : head_.authority; }

  // The body so far, kept or not.
  uint64_t body_bytes() const { return body_bytes_; }
  void count_body(size_t bytes) { body_bytes_ += bytes; }
  // For a piece that is sent only later.
  void hold_body(std::string_view bytes) { body_.append(bytes); }
  // For a piece that is being sent: when all of them are more than `bytes_max`, none is kept.
  void keep_body(std::string_view bytes, size_t bytes_max);
  // Nothing will be sent again.
  void drop_body() { body_.clear(); }

  // Nothing more comes. `held`: it is sent only later.
  void end(const http::Fields& trailers, bool held);
  // The body has been held until its end: this is how long it is.
  void declare_held_length() { head_.body = http::BodyLength::known(body_bytes_); }
  bool has_ended() const { return has_ended_; }

  // Everything that has come so far is here, so that it can be sent again.
  bool is_repeatable() const { return is_repeatable_; }
  // All of it as far as it is here, and the end if that has come.
  void send_to(http::UpstreamStream& stream) const;

 private:
  Arena arena_;
  http::RequestHead head_;
  BufferChain body_;
  http::Fields trailers_;
  uint64_t body_bytes_ = 0;
  bool host_is_ours_ = false;  // the client has named none
  bool is_repeatable_ = true;
  bool has_ended_ = false;
};

}  // namespace httpteleport::proxy
