#include "net/lingering.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "net/test_net.h"

namespace httpteleport::net {
namespace {

using namespace std::chrono_literals;

// The session that the connection comes from; it must hear nothing more.
class SilentHandler final : public ConnectionHandler {
 public:
  size_t on_data(std::string_view) override {
    ADD_FAILURE();
    return 0;
  }
  void on_end() override { ADD_FAILURE(); }
  void on_closed(const Error&) override { ADD_FAILURE(); }
};

class LingeringTest : public testing::Test {
 protected:
  void make(const LingeringConnections::Options& options) {
    lingering_ = std::make_unique<LingeringConnections>(net_.loop, options);
  }
  // A connection with `output` still to be sent, handed over.
  TestPeer& hand_over(std::string_view output, bool peer_may_send, int buffer_bytes = 0,
                      bool peer_reads = true) {
    auto [socket, peer] = net_.connected_pair(buffer_bytes);
    peer->reading = peer_reads;
    auto connection =
        std::make_unique<Connection>(net_.loop, std::move(socket), metrics_, Source::kDownstream);
    EXPECT_TRUE(connection->start(handler_));
    connection->pause(PauseReason::kBusy);
    connection->pause(PauseReason::kOtherSideFull);
    connection->write(output);
    lingering_->take(std::move(connection), peer_may_send);
    return *peer;
  }
  bool run_until_none_left() {
    return net_.run_until([&] { return lingering_->count() == 0 && metrics_.open.value() == 0; });
  }

  TestNet net_;
  metrics::SocketMetrics metrics_;
  SilentHandler handler_;
  std::unique_ptr<LingeringConnections> lingering_ =
      std::make_unique<LingeringConnections>(net_.loop, LingeringConnections::Options{});
};

TEST_F(LingeringTest, GivesTheWholeAnswerToAPeerThatStillSends) {
  const std::string answer(3'000'000, 'x');
  TestPeer& peer = hand_over(answer, true, 64 * 1024);
  const std::string upload(5'000'000, 'y');
  peer.send(upload);
  ASSERT_TRUE(net_.run_until([&] { return peer.ended || peer.broken; }));
  EXPECT_FALSE(peer.broken) << "bytes that nobody reads made the kernel send RST";
  EXPECT_TRUE(peer.received == answer);
  ASSERT_TRUE(net_.run_until([&] { return peer.all_sent(); }));
  EXPECT_EQ(lingering_->count(), 1u);
  peer.finish();
  EXPECT_TRUE(run_until_none_left());
}

TEST_F(LingeringTest, ClosesAtOnceWhenNothingIsLeftToDo) {
  TestPeer& peer = hand_over("short", false);
  EXPECT_EQ(lingering_->count(), 0u);
  EXPECT_EQ(metrics_.open.value(), 0);
  ASSERT_TRUE(net_.run_until([&] { return peer.ended; }));
  EXPECT_EQ(peer.received, "short");
}

TEST_F(LingeringTest, SendsTheRestToASlowPeerThatMaySendNothing) {
  TestPeer& peer = hand_over(std::string(2'000'000, 'x'), false, 64 * 1024, false);
  EXPECT_EQ(lingering_->count(), 1u);
  net_.settle();
  peer.reading = true;
  ASSERT_TRUE(net_.run_until([&] { return peer.ended; }));
  EXPECT_EQ(peer.received.size(), 2'000'000u);
  peer.finish();
  EXPECT_TRUE(run_until_none_left());
}

TEST_F(LingeringTest, GivesUpOnAPeerThatNeverEnds) {
  LingeringConnections::Options options;
  options.drain_timeout = 10ms;
  make(options);
  TestPeer& peer = hand_over("answer", true);
  ASSERT_TRUE(net_.run_until([&] { return peer.ended; }));
  EXPECT_EQ(peer.received, "answer");
  EXPECT_TRUE(run_until_none_left());
}

TEST_F(LingeringTest, GivesUpOnAPeerThatTakesNothing) {
  LingeringConnections::Options options;
  options.send_timeout = options.drain_timeout = 10ms;
  make(options);
  hand_over(std::string(2'000'000, 'x'), true, 64 * 1024, false);
  EXPECT_EQ(lingering_->count(), 1u);
  EXPECT_TRUE(run_until_none_left());
}

TEST_F(LingeringTest, GivesUpOnAPeerThatSendsWithoutEnd) {
  LingeringConnections::Options options;
  options.discard_bytes_max = 1'000'000;
  make(options);
  TestPeer& peer = hand_over("answer", true);
  peer.send(std::string(30'000'000, 'y'));
  EXPECT_TRUE(run_until_none_left());
  EXPECT_LT(metrics_.bytes_read.value(), 2'000'000u);
}

TEST_F(LingeringTest, DropsTheOldestOverTheLimit) {
  LingeringConnections::Options options;
  options.connections_max = 2;
  make(options);
  TestPeer& first = hand_over("1", true);
  TestPeer& second = hand_over("2", true);
  net_.settle();
  TestPeer& third = hand_over("3", true);
  EXPECT_EQ(lingering_->count(), 2u);
  net_.settle();
  EXPECT_EQ(metrics_.open.value(), 2);
  EXPECT_EQ(first.received, "1");
  EXPECT_EQ(third.received, "3");
  second.finish();
  third.finish();
  EXPECT_TRUE(run_until_none_left());
}

TEST_F(LingeringTest, EndsWithAPeerThatResets) {
  TestPeer& peer = hand_over(std::string(2'000'000, 'x'), true, 64 * 1024, false);
  net_.settle();
  peer.reset();
  EXPECT_TRUE(run_until_none_left());
}

TEST_F(LingeringTest, ClosesEverythingWhenDestroyed) {
  TestPeer& peer = hand_over(std::string(2'000'000, 'x'), true, 64 * 1024, false);
  lingering_.reset();
  net_.settle();
  EXPECT_EQ(metrics_.open.value(), 0);
  peer.reading = true;
  ASSERT_TRUE(net_.run_until([&] { return peer.ended || peer.broken; }));
}

}  // namespace
}  // namespace httpteleport::net
