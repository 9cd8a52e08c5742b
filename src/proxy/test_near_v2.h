// The near end of a v2 link, for tests of the far one: the same multiplexer, and owners that note
// what comes.
#pragma once

#include <gtest/gtest.h>

#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/link_acceptor.h"
#include "proxy/test_sessions.h"
#include "teleport/v2/multiplexer.h"

namespace httpteleport::proxy {

// One request with its response.
class NearStream final : public teleport::v2::StreamOwner {
 public:
  NearStream(teleport::v2::Multiplexer& multiplexer, BlockPool& pool)
      : multiplexer_(multiplexer), pool_(pool), stream_(&multiplexer.open(*this)) {}

  std::vector<std::string> heads;
  std::string body;
  uint64_t body_bytes = 0;
  std::string trailers;
  bool ended = false;  // the response
  std::optional<teleport::v2::EndCode> reset_code;
  bool is_reading = true;  // what comes is consumed at once
  bool keeps_body = true;
  std::function<void(std::string_view bytes)> at_body;
  std::function<void()> at_room;

  NearStream& terms(const teleport::v2::Terms& terms) {
    multiplexer_.set_terms(*stream_, terms);
    return *this;
  }
  NearStream& head(std::string_view text) {
    BufferChain chain(pool_);
    chain.append(text);
    multiplexer_.send_head(*stream_, std::move(chain));
    return *this;
  }
  NearStream& send(std::string_view bytes) {
    multiplexer_.send_body(*stream_, bytes);
    return *this;
  }
  NearStream& end(std::string_view with_trailers = {}) {
    multiplexer_.send_end(*stream_, with_trailers);
    request_ended_ = true;
    release_if_over();
    return *this;
  }
  void cancel() {
    multiplexer_.reset(*std::exchange(stream_, nullptr), teleport::v2::EndCode::kCancelled);
  }
  // Takes what has come, and goes on reading or not.
  void read(bool on) {
    is_reading = on;
    if (stream_ != nullptr) multiplexer_.consumed(*stream_, unread_);
    unread_ = 0;
  }
  size_t unread() const { return unread_; }
  bool is_full() const { return stream_->is_full(); }
  bool is_over() const { return ended || reset_code; }
  // Of the last head.
  int status() const { return heads.empty() ? 0 : std::stoi(heads.back().substr(9, 3)); }

 private:
  void on_stream_head(std::string_view text, bool end) override {
    heads.emplace_back(text);
    ended = end;
    release_if_over();
  }
  void on_stream_body(std::string_view bytes, bool end) override {
    if (at_body) at_body(bytes);
    body_bytes += bytes.size();
    if (keeps_body) body += bytes;
    if (is_reading) {
      multiplexer_.consumed(*stream_, bytes.size());
    } else {
      unread_ += bytes.size();
    }
    ended = end;
    release_if_over();
  }
  void on_stream_trailers(std::string_view text) override {
    trailers = text;
    ended = true;
    release_if_over();
  }
  void on_stream_reset(teleport::v2::EndCode code) override {
    // After its end it says that nobody reads the rest of the request.
    if (!ended) reset_code = code;
    stream_ = nullptr;
  }
  void on_stream_room() override {
    if (at_room) at_room();
  }

  void release_if_over() {
    if (ended && request_ended_ && stream_ != nullptr)
      multiplexer_.release(*std::exchange(stream_, nullptr));
  }

  teleport::v2::Multiplexer& multiplexer_;
  BlockPool& pool_;
  teleport::v2::Stream* stream_;  // nullptr: it is over
  size_t unread_ = 0;
  bool request_ended_ = false;
};

// A link with its streams. pump() is what a loop would do.
class NearV2 final : private teleport::v2::MultiplexerEvents {
 public:
  static constexpr std::string_view kMagic = "httpteleport";

  static teleport::v2::Multiplexer::Options plain_options() {
    teleport::v2::Multiplexer::Options options;
    options.method = teleport::v2::EncoderOptions::Method::kNone;
    return options;
  }
  static std::string handshake(char coding, bool tls = false) {
    return std::string(kMagic) + '\2' + coding + (tls ? '\1' : '\0');
  }

  explicit NearV2(net::TestPeer& peer,
                  const teleport::v2::Multiplexer::Options& options = plain_options())
      : peer_(peer), options_(options) {
    using Method = teleport::v2::EncoderOptions::Method;
    peer_.send(handshake(options.method == Method::kZstd ? '\3' : '\1') +
               teleport::v2::encode_hello(options.own));
  }

  net::TestPeer& peer() { return peer_; }
  // Once both ends have said their hello.
  bool is_open() const { return multiplexer_.has_value(); }
  teleport::v2::Multiplexer& multiplexer() { return *multiplexer_; }
  const teleport::v2::Hello& far_hello() const { return far_hello_; }
  BlockPool& pool() { return pool_; }
  NearStream& open() { return streams_.emplace_back(*multiplexer_, pool_); }
  NearStream& get(std::string_view target, std::string_view extra = {}) {
    return open()
        .head("GET " + std::string(target) + " HTTP/1.1\r\nHost: h\r\n" + std::string(extra) +
              "\r\n")
        .end();
  }
  NearStream& begin_post(std::string_view target, std::string_view framing) {
    return open().head("POST " + std::string(target) + " HTTP/1.1\r\nHost: h\r\n" +
                       std::string(framing) + "\r\n\r\n");
  }
  std::optional<teleport::v2::EndCode> goaway;
  bool failed = false;  // what came makes no sense

  void pump() {
    if (failed || (!is_open() && !read_hello())) return;
    for (;;) {
      const auto step = multiplexer_->receive(peer_.received);
      if (!step) {
        failed = true;
        return;
      }
      if (step->consumed == 0) break;
      peer_.received.erase(0, step->consumed);
    }
    while (multiplexer_->has_work() && peer_.all_sent()) {
      BufferChain wire(pool_);
      multiplexer_->make_batch(wire);
      peer_.send(wire.to_string());
    }
  }

 private:
  bool read_hello() {
    const std::string_view bytes = peer_.received;
    if (bytes.size() < teleport::kHandshakeBytes) return false;
    EXPECT_EQ(bytes[12], '\2');
    size_t consumed = 0;
    const auto hello = teleport::v2::parse_hello(bytes.substr(teleport::kHandshakeBytes),
                                                 Source::kUpstream, consumed);
    EXPECT_TRUE(hello);
    if (!hello || consumed == 0) return false;
    far_hello_ = *hello;
    peer_.received.erase(0, teleport::kHandshakeBytes + consumed);
    multiplexer_.emplace(options_, far_hello_, static_cast<teleport::v2::MultiplexerEvents&>(*this),
                         pool_);
    return true;
  }

  void on_request(std::string_view, bool) override { failed = true; }
  void on_goaway(teleport::v2::EndCode code) override { goaway = code; }

  net::TestPeer& peer_;
  const teleport::v2::Multiplexer::Options options_;
  BlockPool pool_;
  teleport::v2::Hello far_hello_;
  std::optional<teleport::v2::Multiplexer> multiplexer_;
  std::list<NearStream> streams_;
};

// A session, and links to it.
class V2SessionTest : public testing::Test {
 protected:
  V2SessionTest() { options_.v2.method = teleport::v2::EncoderOptions::Method::kNone; }

  // A new link, hellos said.
  NearV2& connect(int buffer_bytes = 0,
                  const teleport::v2::Multiplexer::Options& options = NearV2::plain_options()) {
    near_ = &links_.emplace_back(sessions_.connect<LinkAcceptor>(buffer_bytes), options);
    EXPECT_TRUE(run_until([&] { return near_->is_open(); }));
    return *near_;
  }
  template <class Condition>
  [[nodiscard]] bool run_until(Condition&& condition) {
    return sessions_.run_until([&] {
      pump();
      return condition();
    });
  }
  [[nodiscard]] bool wait_for_exchanges(size_t count) {
    return run_until([&] { return handlers_.exchanges.size() >= count; });
  }
  [[nodiscard]] bool wait_session_gone() {
    return run_until([&] {
      return sessions_.context.sessions.empty() &&
             sessions_.net.metrics.downstream_sockets.open.value() == 0;
    });
  }
  void settle() {
    for (int i = 0; i < 20; ++i) {
      sessions_.net.pump();
      pump();
      sessions_.net.loop.run_once(Duration::zero());
    }
  }
  void pump() {
    for (NearV2& link : links_)
      link.pump();
  }
  void answer_everything() {
    handlers_.at_end = [](TestExchange& exchange) { exchange.reply("to " + exchange.target); };
  }
  // A round trip on the link as it is now.
  void expect_usable() {
    answer_everything();
    handlers_.at_head = nullptr;
    NearStream& stream = near_->get("/usable");
    EXPECT_TRUE(run_until([&] { return stream.is_over(); }));
    EXPECT_EQ(stream.body, "to /usable");
    handlers_.at_end = nullptr;
  }
  uint64_t failures(Code code) {
    return sessions_.net.metrics.failures[static_cast<size_t>(code)].value();
  }
  // In blocks, of everything at the far end.
  size_t far_bytes() { return sessions_.net.loop.pool().bytes_in_use(); }

  TestSessions sessions_;
  TestHandlers& handlers_ = sessions_.handlers;
  TeleportSessionOptions& options_ = sessions_.teleport_options;
  std::list<NearV2> links_;
  NearV2* near_ = nullptr;
};

}  // namespace httpteleport::proxy
