// What the tests of teleport links share: a link, and the far end that the test plays.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/test_net.h"
#include "support/independent_codecs.h"
#include "upstream/teleport_link.h"
#include "upstream/test_upstream.h"

namespace httpteleport::upstream {

inline std::string answer(std::string_view body, std::string_view extra = {}) {
  return "HTTP/1.1 200 OK\r\n" + std::string(extra) +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

// A v0 link without compression; the test plays the far end.
class TeleportLinkTest : public testing::Test {
 protected:
  TeleportLinkTest() {
    options_.versions = {.v0 = true};
    options_.compression.method = compress::Method::kNone;
  }
  void SetUp() override { make_link(); }
  void make_link() {
    link_ = std::make_unique<TeleportLink>(TransportContext{net_.loop, net_.metrics, addresses_},
                                           options_, peer_version_);
  }

  http::UpstreamStream& request(RecordingHandler& handler, const TestRequest& what = {}) {
    http::UpstreamStream& stream = link_->open_stream(handler);
    send_request(stream, what);
    return stream;
  }

  // Takes the next connection as the far end, up to and including the handshakes.
  bool accept_link() {
    far_ = net_.accept(listening_);
    if (far_ == nullptr) return false;
    if (!net_.run_until([&] { return far_->received.size() >= test::kLinkHandshakeBytes; }))
      return false;
    EXPECT_EQ(far_->received.substr(0, test::kLinkHandshakeBytes),
              test::link_handshake(test::LinkCoding::kNone));
    far_->received.erase(0, test::kLinkHandshakeBytes);
    far_->send(test::link_handshake(test::LinkCoding::kNone));
    return true;
  }
  test::LinkFrames requests_at_far_end() {
    test::LinkFrames frames = test::split_requests(far_->received);
    EXPECT_EQ(frames.error, "");
    return frames;
  }
  // The ids and targets of the first `count` requests that the far end has got, when it has them.
  std::vector<std::pair<uint32_t, std::string>> wait_for_requests(size_t count) {
    EXPECT_TRUE(net_.run_until([&] { return requests_at_far_end().frames.size() >= count; }));
    std::vector<std::pair<uint32_t, std::string>> seen;
    for (const test::LinkFrame& frame : requests_at_far_end().frames)
      seen.emplace_back(frame.id, frame.head.target);
    return seen;
  }
  bool run_until_over(const RecordingHandler& handler) {
    return net_.run_until([&] { return handler.is_over(); });
  }
  // A round trip on the link as it is now: whatever was sent before it has been read.
  void expect_usable() {
    RecordingHandler handler;
    far_->take();
    request(handler, {.target = "/usable"});
    ASSERT_EQ(wait_for_requests(1).size(), 1u);
    far_->send(test::link_frame(requests_at_far_end().frames[0].id, answer("yes")));
    ASSERT_TRUE(run_until_over(handler));
    EXPECT_EQ(handler.body, "yes");
  }

  net::TestNet net_;
  net::Socket listening_ = net::TestNet::listen_socket();
  std::vector<net::Address> addresses_{net::local_address(listening_.fd())};
  TeleportOptions options_;
  PeerVersion peer_version_;
  std::unique_ptr<TeleportLink> link_;
  net::TestPeer* far_ = nullptr;
};

}  // namespace httpteleport::upstream
