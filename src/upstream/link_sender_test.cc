#include "upstream/link_sender.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "net/test_net.h"
#include "support/independent_codecs.h"

namespace httpteleport::upstream {
namespace {

using namespace std::chrono_literals;
using teleport::v0::BatchWriter;
using teleport::v0::OutgoingFrame;
using test::link_frame;
using testing::ElementsAre;

// A sender without compression on a connection to a peer, and its owner, which destroys frames as
// soon as they have begun.
class LinkSenderTest : public testing::Test, private net::ConnectionHandler, private BatchEvents {
 protected:
  void start(Duration batch_delay = Duration::zero(), int buffer_bytes = 0) {
    auto [socket, peer] = net_.connected_pair(buffer_bytes);
    peer_ = peer;
    connection_ = std::make_unique<net::Connection>(
        net_.loop, std::move(socket), net_.metrics.upstream_sockets, Source::kUpstream);
    ASSERT_TRUE(connection_->start(*this));
    sender_ = std::make_unique<LinkSender>(
        *connection_, net_.metrics.link, static_cast<BatchEvents&>(*this),
        LinkSender::Options{.compression = {.method = compress::Method::kNone},
                            .timing = {.delay = batch_delay}});
  }
  OutgoingFrame& add(uint32_t id, std::string_view message) {
    auto& frame = frames_[id] = std::make_unique<OutgoingFrame>(net_.loop.pool());
    frame->id = id;
    frame->message.append(message);
    sender_->add(*frame);
    return *frame;
  }
  void turn() { net_.loop.run_once(Duration::zero()); }
  uint64_t batches() const { return net_.metrics.link.batches_sent.value(); }
  bool run_until_peer_has(size_t bytes) {
    return net_.run_until([&] { return peer_->received.size() >= bytes; });
  }

  net::TestNet net_;
  std::map<uint32_t, std::unique_ptr<OutgoingFrame>> frames_;  // not yet begun
  std::unique_ptr<net::Connection> connection_;
  std::unique_ptr<LinkSender> sender_;
  net::TestPeer* peer_ = nullptr;
  std::vector<uint32_t> begun_;
  uint64_t batches_told_ = 0;

 private:
  size_t on_data(std::string_view bytes) override { return bytes.size(); }
  void on_end() override {}
  void on_closed(const Error&) override {}
  void on_write_unblocked() override { sender_->on_write_unblocked(); }

  void on_frame_begun(OutgoingFrame& frame) override {
    begun_.push_back(frame.id);
    frames_.erase(frame.id);
  }
  void on_batch_sent() override { EXPECT_EQ(batches(), ++batches_told_); }
};

TEST_F(LinkSenderTest, SendsAtTheEndOfATurnWhatTheTurnHasBrought) {
  start();
  for (uint32_t id = 1; id <= 3; ++id)
    add(id, "message");
  EXPECT_EQ(begun_.size(), 0u) << "told inside add()";
  turn();
  EXPECT_THAT(begun_, ElementsAre(1, 2, 3));
  EXPECT_FALSE(sender_->has_work());
  EXPECT_EQ(batches_told_, 1u);
  add(4, "another");
  turn();
  EXPECT_THAT(begun_, ElementsAre(1, 2, 3, 4));
  EXPECT_EQ(batches_told_, 2u);
  const std::string expected = link_frame(1, "message") + link_frame(2, "message") +
                               link_frame(3, "message") + link_frame(4, "another");
  ASSERT_TRUE(run_until_peer_has(expected.size()));
  EXPECT_EQ(peer_->received, expected);
  const metrics::LinkMetrics& counts = net_.metrics.link;
  EXPECT_EQ(counts.messages_sent.value(), 4u);
  EXPECT_EQ(counts.batches_sent.value(), 2u);
  EXPECT_EQ(counts.raw_sent.value(), expected.size());
  EXPECT_EQ(counts.wire_sent.value(), expected.size());
}

TEST_F(LinkSenderTest, SendsABatchThatIsLargeEnoughBeforeItsDelayIsOver) {
  start(1h);
  const std::string half(BatchTiming{}.bytes / 2, 'x');
  add(1, half);
  net_.settle();
  EXPECT_EQ(begun_.size(), 0u);
  EXPECT_GE(sender_->queued_memory(), half.size());
  add(2, half);
  turn();
  EXPECT_THAT(begun_, ElementsAre(1, 2));
  // The next batch waits again.
  add(3, half);
  net_.settle();
  EXPECT_EQ(batches(), 1u);
}

TEST_F(LinkSenderTest, SendsWhatWaitsWhenTheDelayIsOver) {
  constexpr Duration kDelay = 30ms;
  start(kDelay);
  for (uint32_t batch = 0; batch < 2; ++batch) {
    begun_.clear();
    const TimePoint start = net_.loop.now();
    add(1, "first");
    add(2, "second");
    ASSERT_TRUE(net_.run_until([&] { return !begun_.empty(); }));
    EXPECT_GE(net_.loop.now() - start, kDelay);
    EXPECT_THAT(begun_, ElementsAre(1, 2));
    EXPECT_EQ(batches(), batch + 1);
  }
}

TEST_F(LinkSenderTest, HoldsBatchesBackWhileTheConnectionIsBlocked) {
  start(Duration::zero(), 16 * 1024);
  peer_->reading = false;
  const std::string filler(2 * net::Connection::kHighWatermarkBytes, 'x');
  connection_->write(filler);
  ASSERT_TRUE(connection_->is_write_blocked());
  add(1, "message");
  net_.settle();
  add(2, "message");
  net_.settle();
  EXPECT_EQ(begun_.size(), 0u);
  EXPECT_EQ(batches(), 0u);
  peer_->reading = true;
  const std::string expected = filler + link_frame(1, "message") + link_frame(2, "message");
  ASSERT_TRUE(run_until_peer_has(expected.size()));
  EXPECT_TRUE(peer_->received == expected);
  EXPECT_EQ(batches(), 1u);
}

TEST_F(LinkSenderTest, KeepsABatchDueWhileTheConnectionIsBlockedWhateverItsDelay) {
  start(1h, 16 * 1024);
  peer_->reading = false;
  connection_->write(std::string(2 * net::Connection::kHighWatermarkBytes, 'x'));
  add(1, std::string(BatchTiming{}.bytes, 'y'));
  net_.settle();
  EXPECT_EQ(begun_.size(), 0u);
  peer_->reading = true;
  ASSERT_TRUE(net_.run_until([&] { return !begun_.empty(); }));
}

TEST_F(LinkSenderTest, GoesOnInTheNextTurnWithWhatIsLeftOver) {
  start();
  const std::string large(4 * BatchWriter::kPlainBytesPerStep, 'x');
  add(1, large);
  add(2, "small");
  const std::string expected = link_frame(1, large) + link_frame(2, "small");
  turn();
  EXPECT_THAT(begun_, ElementsAre(1));
  EXPECT_EQ(batches(), 1u);
  EXPECT_TRUE(sender_->has_work());
  ASSERT_TRUE(net_.run_until([&, before = batches()]() mutable {
    EXPECT_LE(batches(), before + 1) << "more than one step in one turn";
    before = batches();
    return !sender_->has_work();
  }));
  EXPECT_THAT(begun_, ElementsAre(1, 2));
  ASSERT_TRUE(run_until_peer_has(expected.size()));
  EXPECT_TRUE(peer_->received == expected);
}

TEST_F(LinkSenderTest, ForgetsABatchThatWasTakenBackAsAWhole) {
  start(1h);
  add(1, std::string(BatchTiming{}.bytes, 'x')).unlink();
  EXPECT_FALSE(sender_->has_work());
  turn();
  // It was due; what comes after it is not.
  add(2, "message");
  net_.settle();
  EXPECT_EQ(batches(), 0u);
  EXPECT_EQ(begun_.size(), 0u);
  EXPECT_EQ(batches_told_, 0u);
}

TEST_F(LinkSenderTest, LetsGoOfWhatWaitsWhenItIsDestroyed) {
  // Due at the end of the turn, by its delay, and in the next turn.
  for (const auto& [delay, bytes, turns] :
       {std::tuple(Duration::zero(), size_t{10}, 0), std::tuple(Duration(1ms), size_t{10}, 0),
        std::tuple(Duration::zero(), size_t{1'000'000}, 1)}) {
    SCOPED_TRACE(testing::Message() << bytes << " bytes, " << delay.count() << " ns");
    start(delay);
    begun_.clear();
    add(1, std::string(bytes, 'x'));
    OutgoingFrame& waiting = add(2, "message");
    for (int i = 0; i < turns; ++i)
      turn();
    const size_t begun_before = begun_.size();
    ASSERT_TRUE(waiting.is_linked());
    sender_.reset();
    EXPECT_FALSE(waiting.is_linked());
    const TimePoint delay_is_over = net_.loop.now() + 2 * delay;
    ASSERT_TRUE(net_.run_until([&] { return net_.loop.now() >= delay_is_over; }));
    net_.settle();
    EXPECT_EQ(begun_.size(), begun_before);
  }
}

}  // namespace
}  // namespace httpteleport::upstream
