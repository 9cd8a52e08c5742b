// Which of several links to a peer a request takes.
#include "upstream/teleport_links.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <list>
#include <memory>
#include <string>

#include "support/content.h"
#include "upstream/test_v2_link.h"

namespace httpteleport::upstream {
namespace {

class TeleportLinksTest : public testing::Test {
 protected:
  TeleportLinksTest() {
    options_.versions = {.v2 = true};
    options_.links = 2;
    // A stream's window holds nothing back here.
    hello_.stream_window = hello_.link_window = 0x7fffffff;
  }

  struct Peer {
    net::TestPeer* socket = nullptr;
    std::unique_ptr<FarEnd> far_end;
  };

  // Both links, open.
  void open_links() {
    links_ = std::make_unique<TeleportLinks>(TransportContext{net_.loop, net_.metrics, addresses_},
                                             options_);
    std::array<RecordingHandler, 2> first;
    for (RecordingHandler& handler : first)
      send_request(links_->open_stream(handler, {}));
    for (Peer& peer : peers_)
      ASSERT_NO_FATAL_FAILURE(accept(peer));
    ASSERT_TRUE(run_until([&] {
      return peers_[0].far_end->requests.size() == 1 && peers_[1].far_end->requests.size() == 1;
    }));
    for (Peer& peer : peers_)
      peer.far_end->answer(peer.far_end->requests.front(), "");
    ASSERT_TRUE(run_until([&] { return first[0].is_over() && first[1].is_over(); }));
  }
  void accept(Peer& peer) {
    peer.socket = net_.accept(listening_);
    ASSERT_NE(peer.socket, nullptr);
    const auto bytes = teleport::encode_handshake(
        {.version = teleport::Version::kV2, .coding = teleport::Coding::kZstd});
    const std::string handshake(bytes.data(), bytes.size());
    peer.socket->send(handshake + v2::encode_hello(hello_));
    const std::string near_hello = v2::encode_hello(options_.v2.hello);
    const size_t size = handshake.size() + near_hello.size();
    ASSERT_TRUE(net_.run_until([&] { return peer.socket->received.size() >= size; }));
    peer.socket->received.erase(0, size);
    peer.far_end = std::make_unique<FarEnd>(*peer.socket, hello_, near_hello);
  }
  template <class Condition>
  bool run_until(Condition&& condition) {
    return net_.run_until([&] {
      for (Peer& peer : peers_) {
        if (peer.far_end && peer.socket->reading) peer.far_end->pump();
      }
      return condition();
    });
  }
  // An upload that is not over, on one of the links.
  http::UpstreamStream& begin_upload(RecordingHandler& handler) {
    const TestRequest what{.method = "POST"};
    http::RequestHead head = head_of(what);
    head.body = http::BodyLength::unknown();
    http::UpstreamStream& stream = links_->open_stream(handler, {});
    stream.send_request_head(head);
    return stream;
  }
  // The peer that has got a second request, once one of them has.
  Peer* wait_for_upload() {
    const auto has_it = [](const Peer& peer) { return peer.far_end->requests.size() == 2; };
    if (!run_until([&] { return has_it(peers_[0]) || has_it(peers_[1]); })) return nullptr;
    return has_it(peers_[0]) ? &peers_[0] : &peers_[1];
  }
  // `count` requests at a time, all of which the healthy peer gets and answers.
  void expect_all_at(Peer& healthy, size_t count) {
    const size_t before = healthy.far_end->requests.size();
    std::list<RecordingHandler> handlers(count);
    for (RecordingHandler& handler : handlers)
      send_request(links_->open_stream(handler, {}));
    ASSERT_TRUE(run_until([&] { return healthy.far_end->requests.size() == before + count; }));
    auto request = std::next(healthy.far_end->requests.begin(), static_cast<ptrdiff_t>(before));
    for (; request != healthy.far_end->requests.end(); ++request)
      healthy.far_end->answer(*request, "ok");
    ASSERT_TRUE(run_until([&] {
      return std::ranges::all_of(handlers, [](const auto& handler) { return handler.is_over(); });
    }));
  }

  net::TestNet net_;
  net::Socket listening_ = net::TestNet::listen_socket();
  std::vector<net::Address> addresses_{net::local_address(listening_.fd())};
  TeleportOptions options_;
  v2::Hello hello_;  // of the peers
  std::unique_ptr<TeleportLinks> links_;
  std::array<Peer, 2> peers_;
};

TEST_F(TeleportLinksTest, GiveNothingToALinkWhoseBytesDoNotMove) {
  ASSERT_NO_FATAL_FAILURE(open_links());
  RecordingHandler handler;
  http::UpstreamStream& upload = begin_upload(handler);
  Peer* stalled = wait_for_upload();
  ASSERT_NE(stalled, nullptr);
  Peer& healthy = stalled == &peers_[0] ? peers_[1] : peers_[0];
  stalled->socket->reading = false;
  const std::string body = test::Content::bytes(32 * 1024 * 1024, 1).to_string();
  upload.send_request_body(body);
  // Far more than the one that waits on the other link.
  for (int round = 0; round < 3; ++round)
    ASSERT_NO_FATAL_FAILURE(expect_all_at(healthy, 20));
  stalled->socket->reading = true;
  const FarRequest& request = stalled->far_end->requests.back();
  EXPECT_TRUE(run_until([&] { return request.body.size() == body.size(); }));
}

TEST(TeleportLinkLoad, IsWorseWhereThePeerTakesNothingThanWhereMuchWaits) {
  using Load = TeleportLink::Load;
  const Load loads[] = {{.pending = 9},
                        {.unsent_bytes = 1, .pending = 1},
                        {.unsent_bytes = 1, .pending = 2},
                        {.unsent_bytes = 1'000'000},
                        {.is_stuck = true},
                        {.is_closed = true}};
  EXPECT_TRUE(std::is_sorted(std::begin(loads), std::end(loads)));
}

TEST_F(TeleportLinksTest, GiveNewStreamsToTheLinkWithTheFewest) {
  ASSERT_NO_FATAL_FAILURE(open_links());
  std::array<RecordingHandler, 6> handlers;
  for (RecordingHandler& handler : handlers) {
    send_request(links_->open_stream(handler, {}));
    const size_t sent = static_cast<size_t>(&handler - handlers.data()) + 1;
    ASSERT_TRUE(run_until([&] {
      return peers_[0].far_end->requests.size() + peers_[1].far_end->requests.size() == sent + 2;
    }));
  }
  EXPECT_EQ(peers_[0].far_end->requests.size(), 1 + handlers.size() / 2);
}

}  // namespace
}  // namespace httpteleport::upstream
