// What the tests of v2 links share: a far end that does what it is told.
#pragma once

#include <gtest/gtest.h>

#include <list>
#include <memory>
#include <string>
#include <string_view>

#include "net/test_net.h"
#include "teleport/handshake.h"
#include "teleport/v2/multiplexer.h"
#include "upstream/teleport_link.h"
#include "upstream/test_upstream.h"

namespace httpteleport::upstream {

namespace v2 = teleport::v2;

// A request as the far end has got it.
struct FarRequest final : v2::StreamOwner {
  std::string head;
  std::string body;
  std::string trailers;
  bool ended = false;
  std::optional<v2::EndCode> reset;
  bool consumes = true;
  size_t unconsumed = 0;
  v2::Multiplexer* multiplexer = nullptr;
  v2::Stream* stream = nullptr;
  v2::Terms terms;

  void on_stream_head(std::string_view, bool) override { ADD_FAILURE() << "a second head"; }
  void on_stream_body(std::string_view bytes, bool end) override {
    body += bytes;
    ended |= end;
    unconsumed += bytes.size();
    if (consumes) consume();
  }
  void on_stream_trailers(std::string_view text) override {
    trailers = text;
    ended = true;
  }
  void on_stream_reset(v2::EndCode code) override {
    reset = code;
    stream = nullptr;
  }
  void on_stream_room() override {}
  void consume() { multiplexer->consumed(*stream, std::exchange(unconsumed, 0)); }
};

// The far end of one connection.
class FarEnd final : private v2::MultiplexerEvents {
 public:
  FarEnd(net::TestPeer& peer, const v2::Hello& own, std::string_view near_hello) : peer_(peer) {
    size_t used = 0;
    const auto near = v2::parse_hello(near_hello, Source::kDownstream, used);
    multiplexer_ = std::make_unique<v2::Multiplexer>(
        v2::Multiplexer::Options{.end = v2::Multiplexer::End::kFar, .own = own}, *near,
        static_cast<v2::MultiplexerEvents&>(*this), pool_);
  }

  std::list<FarRequest> requests;
  std::optional<Error> failure;
  bool accepts = true;
  bool consumes = true;
  v2::Multiplexer& multiplexer() { return *multiplexer_; }

  // Reads what has come.
  void pump() {
    while (!failure && !peer_.received.empty()) {
      const auto step = multiplexer_->receive(peer_.received);
      if (!step) {
        failure = step.error();
      } else if (step->consumed == 0) {
        break;
      } else {
        peer_.received.erase(0, step->consumed);
      }
    }
    flush();
  }
  void flush() {
    while (multiplexer_->has_work()) {
      BufferChain wire(pool_);
      multiplexer_->make_batch(wire);
      peer_.send(wire.to_string());
    }
  }
  BufferChain chain(std::string_view text) {
    BufferChain bytes(pool_);
    bytes.append(text);
    return bytes;
  }
  void head(FarRequest& request, std::string_view text) {
    multiplexer_->send_head(*request.stream, chain(text));
    flush();
  }
  void body(FarRequest& request, std::string_view bytes) {
    multiplexer_->send_body(*request.stream, bytes);
    flush();
  }
  void end(FarRequest& request, std::string_view trailers = {}) {
    multiplexer_->send_end(*request.stream, trailers);
    multiplexer_->release(*std::exchange(request.stream, nullptr));
    flush();
  }
  void answer(FarRequest& request, std::string_view text_of_body) {
    head(request,
         "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(text_of_body.size()) + "\r\n\r\n");
    body(request, text_of_body);
    end(request);
  }
  void reset(FarRequest& request, v2::EndCode code) {
    multiplexer_->reset(*std::exchange(request.stream, nullptr), code);
    flush();
  }

 private:
  void on_request(std::string_view head, bool end) override {
    if (!accepts) return;
    FarRequest& request = requests.emplace_back();
    request.head = head;
    request.ended = end;
    request.consumes = consumes;
    request.multiplexer = multiplexer_.get();
    request.stream = &multiplexer_->accept(request);
    request.terms = multiplexer_->terms();
  }
  void on_goaway(v2::EndCode) override {}

  net::TestPeer& peer_;
  BlockPool pool_;
  std::unique_ptr<v2::Multiplexer> multiplexer_;
};

class V2LinkTest : public testing::Test {
 protected:
  V2LinkTest() { options_.versions = {.v2 = true}; }
  void SetUp() override { make_link(); }
  void make_link() {
    link_ = std::make_unique<TeleportLink>(TransportContext{net_.loop, net_.metrics, addresses_},
                                           options_, peer_version_);
  }

  static std::string handshake(teleport::Version version, teleport::Coding coding) {
    const auto bytes = teleport::encode_handshake({.version = version, .coding = coding});
    return {bytes.data(), bytes.size()};
  }

  // Takes the next connection, whose first bytes are `expected`.
  bool accept_connection(const std::string& expected) {
    far_end_.reset();
    far_ = net_.accept(listening_);
    if (far_ == nullptr) return false;
    if (!net_.run_until([&] { return far_->received.size() >= expected.size(); })) return false;
    EXPECT_EQ(far_->received.substr(0, expected.size()), expected);
    far_->received.erase(0, expected.size());
    return true;
  }
  // The same, up to and including the hellos.
  bool accept_link() {
    const std::string v2 = handshake(teleport::Version::kV2, teleport::Coding::kZstd);
    if (!accept_connection(v2)) return false;
    far_->send(v2 + v2::encode_hello(hello_));
    const std::string near_hello = v2::encode_hello(options_.v2.hello);
    if (!net_.run_until([&] { return far_->received.size() >= near_hello.size(); })) return false;
    EXPECT_EQ(far_->received.substr(0, near_hello.size()), near_hello);
    far_->received.erase(0, near_hello.size());
    far_end_ = std::make_unique<FarEnd>(*far_, hello_, near_hello);
    return true;
  }
  template <class Condition>
  bool run_until(Condition&& condition) {
    return net_.run_until([&] {
      if (far_end_) far_end_->pump();
      return condition();
    });
  }
  FarRequest* wait_for_request(size_t count = 1) {
    if (!run_until([&] { return far_end_->requests.size() >= count; })) return nullptr;
    return &far_end_->requests.back();
  }
  // A round trip on the link as it is now.
  void expect_usable() {
    const size_t before = far_end_->requests.size();
    RecordingHandler handler;
    send_request(link_->open_stream(handler), {.target = "/usable"});
    FarRequest* request = wait_for_request(before + 1);
    ASSERT_NE(request, nullptr);
    far_end_->answer(*request, "yes");
    ASSERT_TRUE(run_until([&] { return handler.is_over(); }));
    EXPECT_EQ(handler.body, "yes");
  }

  net::TestNet net_;
  net::Socket listening_ = net::TestNet::listen_socket();
  std::vector<net::Address> addresses_{net::local_address(listening_.fd())};
  TeleportOptions options_;
  PeerVersion peer_version_;
  v2::Hello hello_;  // of the far end
  std::unique_ptr<TeleportLink> link_;
  net::TestPeer* far_ = nullptr;
  std::unique_ptr<FarEnd> far_end_;
};

}  // namespace httpteleport::upstream
