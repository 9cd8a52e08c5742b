// Large bodies of answers that pass through a pipe, without being looked at.
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "net/pipe_pool.h"
#include "upstream/test_http1_pool.h"

namespace httpteleport::upstream {
namespace {

constexpr size_t kLargeBytes = 1'000'000;

std::string text_of(size_t bytes) {
  std::string text(bytes, '\0');
  uint32_t state = 1;
  for (char& c : text)
    c = static_cast<char>('a' + (state = state * 1664525 + 1013904223) / 170'000'000);
  return text;
}

std::string answer_of(const std::string& body) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

// Takes bodies in both ways.
class PipeHandler final : public http::ResponseHandler {
 public:
  std::string body;
  size_t piped = 0;  // bytes of it
  bool gives_pipe = true;
  bool ended = false;
  std::optional<Error> failure;
  net::PipePool pipes;

  bool is_over() const { return ended || failure.has_value(); }

  void on_response_head(http::ResponseHead&) override {}
  void on_response_body(std::string_view bytes) override {
    HT_ASSERT(!pipe_.is_open());
    body += bytes;
  }
  int response_pipe() override {
    HT_ASSERT(!pipe_.is_open());
    if (!gives_pipe) return -1;
    pipe_ = pipes.take();
    return pipe_.in.fd();
  }
  void on_response_piped(size_t bytes) override {
    std::string part(bytes, '\0');
    for (size_t at = 0; at < bytes;) {
      const ssize_t count = read(pipe_.out.fd(), part.data() + at, bytes - at);
      ASSERT_GT(count, 0);
      at += static_cast<size_t>(count);
    }
    body += part;
    piped += bytes;
    pipes.give_back(std::exchange(pipe_, {}), true);
  }
  void on_response_end(const http::Fields&) override {
    drop_pipe();
    ended = true;
  }
  void on_upstream_reset(const Error& error) override {
    drop_pipe();
    failure = error;
  }
  void on_request_blocked() override {}
  void on_request_unblocked() override {}

 private:
  void drop_pipe() {
    if (pipe_.is_open()) pipes.give_back(std::exchange(pipe_, {}), true);
  }

  net::Pipe pipe_;
};

class PipedBodyTest : public Http1PoolTest {
 protected:
  // The endpoint's side, once it has the request.
  net::TestPeer& ask() {
    stream_ = &pool_->open_stream(handler_, {});
    send_request(*stream_);
    net::TestPeer* peer = net_.accept(listening_);
    HT_ASSERT(peer != nullptr);
    EXPECT_TRUE(net_.run_until([&] { return peer->received.ends_with("\r\n\r\n"); }));
    peer->take();
    return *peer;
  }
  [[nodiscard]] bool run_until_over() {
    return net_.run_until([&] { return handler_.is_over(); });
  }

  const sighandler_t old_handler_ = std::signal(SIGPIPE, SIG_IGN);
  const std::string body_ = text_of(kLargeBytes);
  PipeHandler handler_;
};

TEST_F(PipedBodyTest, MostOfALargeBodyIsNotLookedAt) {
  ask().send(answer_of(body_));
  ASSERT_TRUE(run_until_over());
  EXPECT_TRUE(handler_.ended);
  EXPECT_TRUE(handler_.body == body_);
  EXPECT_GT(handler_.piped, kLargeBytes / 2);
  EXPECT_EQ(net_.metrics.upstream_sockets.bytes_read.value(), answer_of(body_).size());
}

TEST_F(PipedBodyTest, SmallBodiesAreRead) {
  const std::string body = text_of(100'000);
  ask().send(answer_of(body));
  ASSERT_TRUE(run_until_over());
  EXPECT_TRUE(handler_.body == body);
  EXPECT_EQ(handler_.piped, 0u);
}

TEST_F(PipedBodyTest, TheConnectionIsUsedAgain) {
  net::TestPeer& peer = ask();
  for (const size_t bytes : {kLargeBytes, size_t{10}, size_t{200'000}, kLargeBytes}) {
    peer.send(answer_of(body_.substr(0, bytes)));
    ASSERT_TRUE(run_until_over());
    EXPECT_TRUE(handler_.body == body_.substr(0, bytes)) << bytes;
    handler_.body.clear();
    handler_.ended = false;
    stream_ = &pool_->open_stream(handler_, {});
    send_request(*stream_);
    ASSERT_TRUE(net_.run_until([&] { return peer.received.ends_with("\r\n\r\n"); }));
    peer.take();
  }
  EXPECT_EQ(net_.metrics.connects.value(), 1u);
}

TEST_F(PipedBodyTest, BytesBehindTheBodyEndTheConnection) {
  ask().send(answer_of(body_) + "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  ASSERT_TRUE(run_until_over());
  EXPECT_TRUE(handler_.ended);
  EXPECT_TRUE(handler_.body == body_);
  EXPECT_TRUE(net_.run_until([&] { return net_.metrics.upstream_sockets.open.value() == 0; }));
}

TEST_F(PipedBodyTest, ABodyThatBreaksOffIsTruncated) {
  for (const size_t bytes : {size_t{300'000}, kLargeBytes - 1}) {
    handler_.body.clear();
    handler_.failure.reset();
    net::TestPeer& peer = ask();
    std::string answer = answer_of(body_);
    answer.resize(answer.size() - (kLargeBytes - bytes));
    peer.send(answer);
    peer.finish();
    ASSERT_TRUE(run_until_over());
    ASSERT_TRUE(handler_.failure);
    EXPECT_EQ(handler_.failure->code, Code::kTruncated);
    EXPECT_TRUE(handler_.body == body_.substr(0, bytes));
  }
}

TEST_F(PipedBodyTest, AResetInsideTheBodyIsATruncation) {
  net::TestPeer& peer = ask();
  peer.send(answer_of(body_).substr(0, 400'000));
  ASSERT_TRUE(net_.run_until([&] { return handler_.piped > 0; }));
  peer.reset();
  ASSERT_TRUE(run_until_over());
  ASSERT_TRUE(handler_.failure);
  EXPECT_EQ(handler_.failure->code, Code::kTruncated);
}

TEST_F(PipedBodyTest, TheEndOfTheConnectionIsTheEndOfABodyWithoutLength) {
  net::TestPeer& peer = ask();
  peer.send("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + body_);
  peer.finish();
  ASSERT_TRUE(run_until_over());
  EXPECT_TRUE(handler_.ended);
  EXPECT_TRUE(handler_.body == body_);
  EXPECT_GT(handler_.piped, kLargeBytes / 2);
}

TEST_F(PipedBodyTest, AHandlerWithoutAPipeGetsBytes) {
  handler_.gives_pipe = false;
  ask().send(answer_of(body_));
  ASSERT_TRUE(run_until_over());
  EXPECT_TRUE(handler_.body == body_);
  EXPECT_EQ(handler_.piped, 0u);
}

TEST_F(PipedBodyTest, NothingIsPutThereWhilePaused) {
  net::TestPeer& peer = ask();
  peer.send(answer_of(body_).substr(0, 300'000));
  ASSERT_TRUE(net_.run_until([&] { return handler_.piped > 0; }));
  stream_->pause_response();
  const size_t before = handler_.body.size();
  peer.send(answer_of(body_).substr(300'000));
  net_.settle();
  EXPECT_EQ(handler_.body.size(), before);
  stream_->resume_response();
  ASSERT_TRUE(run_until_over());
  EXPECT_TRUE(handler_.body == body_);
}

TEST_F(PipedBodyTest, WhatComesInSmallPiecesIsRead) {
  net::TestPeer& peer = ask();
  const std::string answer = answer_of(body_.substr(0, 400'000));
  for (size_t at = 0; at < answer.size();) {
    const size_t piece = at == 0 ? 100'000 : 1000;
    const size_t before = handler_.body.size();
    peer.send(answer.substr(at, piece));
    at += piece;
    ASSERT_TRUE(net_.run_until([&] { return handler_.body.size() > before; }));
  }
  ASSERT_TRUE(run_until_over());
  EXPECT_TRUE(handler_.body == body_.substr(0, 400'000));
  EXPECT_LT(handler_.piped, size_t{110'000});
}

TEST_F(PipedBodyTest, CancelledInTheMiddleItIsOver) {
  net::TestPeer& peer = ask();
  peer.send(answer_of(body_).substr(0, 400'000));
  ASSERT_TRUE(net_.run_until([&] { return handler_.piped > 0; }));
  stream_->cancel();
  EXPECT_TRUE(net_.run_until([&] { return peer.ended || peer.broken; }));
  EXPECT_FALSE(handler_.is_over());
}

}  // namespace
}  // namespace httpteleport::upstream
