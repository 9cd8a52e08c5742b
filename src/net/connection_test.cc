#include "net/connection.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "net/test_connection.h"
#include "support/content.h"

namespace httpteleport::net {
namespace {

using test::Content;

// ---- Reading.

TEST_F(ConnectionTest, DeliversEverythingInOrder) {
  open();
  const Content content = Content::bytes(5'000'000, 1);
  peer_->send(content.to_string());
  ASSERT_TRUE(run_until_received(content.size()));
  EXPECT_TRUE(content.matches(0, handler_.received));
  EXPECT_EQ(metrics_.bytes_read.value(), content.size());
  EXPECT_EQ(connection_->unread_bytes(), 0u);
  for (const size_t offered : handler_.offers)
    EXPECT_LE(offered, event::Loop::kReadBufferBytes);
}

TEST_F(ConnectionTest, SeesTheEndThatComesTogetherWithTheLastBytes) {
  // Sizes around that of one read, whose being short says something about what is left.
  for (const size_t bytes :
       {size_t{0}, size_t{1}, event::Loop::kReadBufferBytes - 1, event::Loop::kReadBufferBytes,
        event::Loop::kReadBufferBytes + 1, 5 * event::Loop::kReadBufferBytes}) {
    SCOPED_TRACE(bytes);
    handler_ = {};
    open(4 * 1024 * 1024);
    peer_->send(std::string(bytes, 'x'));
    peer_->finish();
    EXPECT_TRUE(peer_->all_sent());
    ASSERT_TRUE(run_until_event('e'));
    EXPECT_EQ(handler_.received.size(), bytes);
    EXPECT_TRUE(connection_->peer_closed());
    EXPECT_TRUE(connection_->is_open());
    // The other direction still works.
    connection_->write("answer");
    ASSERT_TRUE(run_until_peer_has(6));
    EXPECT_EQ(handler_.events, "e");
  }
}

TEST_F(ConnectionTest, OffersUnusedBytesAgainWithMoreBehind) {
  open();
  handler_.use = [](std::string_view bytes) { return bytes.size() >= 10 ? 10u : 0u; };
  for (const char byte : std::string_view("0123456789abcdefghij-")) {
    peer_->send({&byte, 1});
    net_.settle();
  }
  EXPECT_EQ(handler_.received, "0123456789abcdefghij");
  EXPECT_EQ(connection_->unread_bytes(), 1u);
  peer_->send("123456789---");
  ASSERT_TRUE(run_until_received(30));
  EXPECT_EQ(handler_.received, "0123456789abcdefghij-123456789");
  EXPECT_EQ(connection_->unread_bytes(), 3u);
}

TEST_F(ConnectionTest, OffersWhatIsLeftAtOnceWhileSomethingIsUsed) {
  open();
  handler_.use = [](std::string_view) { return 1u; };
  peer_->send("abcdef");
  ASSERT_TRUE(run_until_received(6));
  EXPECT_EQ(handler_.offers, (std::vector<size_t>{6, 5, 4, 3, 2, 1}));
}

TEST_F(ConnectionTest, GivesUnusedBytesBeforeTheEnd) {
  open();
  handler_.use = [](std::string_view) { return 0u; };
  peer_->send("half a message");
  peer_->finish();
  ASSERT_TRUE(run_until_event('e'));
  EXPECT_EQ(handler_.offers.back(), 14u);
  EXPECT_EQ(connection_->unread_bytes(), 14u);
}

TEST_F(ConnectionTest, DeliversNothingWhilePausedAndLosesNothing) {
  open(256 * 1024);
  connection_->pause(PauseReason::kBusy);
  connection_->pause(PauseReason::kOtherSideFull);
  connection_->pause(PauseReason::kBusy);
  const Content content = Content::bytes(3'000'000, 1);
  peer_->send(content.to_string());
  net_.settle();
  EXPECT_EQ(handler_.offers.size(), 0u);
  EXPECT_FALSE(peer_->all_sent());
  connection_->resume(PauseReason::kBusy);
  net_.settle();
  EXPECT_EQ(handler_.offers.size(), 0u) << "there is another reason";
  connection_->resume(PauseReason::kOtherSideFull);
  EXPECT_EQ(handler_.offers.size(), 0u) << "offered inside resume()";
  ASSERT_TRUE(run_until_received(content.size()));
  EXPECT_TRUE(content.matches(0, handler_.received));
}

TEST_F(ConnectionTest, MayBePausedAndResumedInsideOnData) {
  open();
  const Content content = Content::bytes(2'000'000, 1);
  // Uses a little, pauses, and goes on in the next turn; every third time at once.
  int calls = 0;
  handler_.use = [&](std::string_view bytes) {
    connection_->pause(PauseReason::kOtherSideFull);
    if (++calls % 3 == 0) connection_->resume(PauseReason::kOtherSideFull);
    return std::min<size_t>(bytes.size(), 40'000);
  };
  peer_->send(content.to_string());
  peer_->finish();
  ASSERT_TRUE(net_.run_until([&] {
    connection_->resume(PauseReason::kOtherSideFull);
    return handler_.has('e');
  }));
  EXPECT_TRUE(content.matches(0, handler_.received));
  EXPECT_EQ(handler_.received.size(), content.size());
}

TEST_F(ConnectionTest, OffersUnreadBytesAgainWhenResumedThoughNothingNewCame) {
  open();
  bool ready = false;
  handler_.use = [&](std::string_view bytes) {
    if (!ready) connection_->pause(PauseReason::kBusy);
    return ready ? bytes.size() : 0;
  };
  peer_->send("waiting");
  ASSERT_TRUE(net_.run_until([&] { return handler_.offers.size() == 1; }));
  net_.settle();
  EXPECT_EQ(handler_.offers.size(), 1u);
  ready = true;
  connection_->resume(PauseReason::kBusy);
  ASSERT_TRUE(run_until_received(7));
  EXPECT_EQ(handler_.received, "waiting");
}

TEST_F(ConnectionTest, TellsOnceThatThePeerIsClosingWhilePaused) {
  open();
  connection_->pause(PauseReason::kBusy);
  peer_->send("last words");
  net_.settle();
  EXPECT_EQ(handler_.events, "");
  peer_->finish();
  ASSERT_TRUE(run_until_event('p'));
  net_.settle();
  EXPECT_EQ(handler_.events, "p");
  EXPECT_EQ(handler_.received, "");
  connection_->resume(PauseReason::kBusy);
  ASSERT_TRUE(run_until_event('e'));
  EXPECT_EQ(handler_.received, "last words");
  EXPECT_EQ(handler_.events, "pe");
}

TEST_F(ConnectionTest, TellsThatThePeerIsClosingWhenItIsResetWhilePaused) {
  open();
  connection_->pause(PauseReason::kBusy);
  peer_->reset();
  ASSERT_TRUE(run_until_event('p'));
  connection_->resume(PauseReason::kBusy);
  ASSERT_TRUE(run_until_event('x'));
  EXPECT_EQ(handler_.events, "px");
}

TEST_F(ConnectionTest, TellsOfAResetBehindTheEndThoughNothingIsRead) {
  for (const bool paused : {true, false}) {
    SCOPED_TRACE(paused);
    handler_.events.clear();
    open();
    if (paused) connection_->pause(PauseReason::kOtherSideFull);
    peer_->finish();
    ASSERT_TRUE(net_.run_until([&] { return !handler_.events.empty(); }));
    EXPECT_FALSE(connection_->peer_reset());
    const std::string before = handler_.events;
    peer_->reset();
    ASSERT_TRUE(net_.run_until([&] { return connection_->peer_reset(); }));
    net_.settle();
    EXPECT_EQ(handler_.events, before + "p") << "once";
    connection_->close();
    net_.settle();
  }
}

TEST_F(ConnectionTest, TakesTurnsWithOtherConnections) {
  // The loop gets to the others after a bounded number of reads of a peer that never stops.
  open();
  RecordingHandler other_handler;
  auto [socket, other_peer] = net_.connected_pair();
  Connection other(net_.loop, std::move(socket), metrics_, Source::kDownstream);
  ASSERT_TRUE(other.start(other_handler));
  peer_->send(std::string(10'000'000, 'x'));
  other_peer->send("me too");
  net_.loop.run_once(Duration::zero());
  EXPECT_EQ(other_handler.received, "me too");
  EXPECT_LE(handler_.received.size(),
            size_t{Connection::kReadsPerTurn} * 2 * event::Loop::kReadBufferBytes);
  ASSERT_TRUE(run_until_received(10'000'000));
}

// ---- Writing.

TEST_F(ConnectionTest, SendsWritesOfEverySizeInOrder) {
  open(64 * 1024);
  std::string expected;
  size_t number = 0;
  for (const size_t size : {1, 100, 8191, 8192, 20'000, 5, 300'000, 3, 1'000'000, 8192, 8192, 1}) {
    const std::string piece = Content::bytes(size, ++number).to_string();
    expected += piece;
    if (number % 3 == 0) {
      BufferChain chain(net_.loop.pool());
      chain.append(piece);
      connection_->write(std::move(chain));
    } else if (number % 3 == 1) {
      connection_->write(piece);
    } else {
      connection_->output().append(piece);
      connection_->output_added();
    }
  }
  ASSERT_TRUE(run_until_peer_has(expected.size()));
  EXPECT_TRUE(peer_->received == expected);
  EXPECT_EQ(connection_->bytes_sent(), expected.size());
  EXPECT_EQ(connection_->unsent_bytes(), 0u);
}

TEST_F(ConnectionTest, SendsTheSmallWritesOfATurnWithOneCall) {
  open();
  net_.settle();
  const uint64_t calls = metrics_.write_calls.value();
  for (int i = 0; i < 100; ++i)
    connection_->write("0123456789");
  EXPECT_EQ(connection_->bytes_sent(), 0u);
  ASSERT_TRUE(run_until_peer_has(1000));
  EXPECT_EQ(metrics_.write_calls.value(), calls + 1);
}

TEST_F(ConnectionTest, SendsALargeWriteAtOnceBehindTheSmallOnesBeforeIt) {
  open();
  connection_->write("small");
  connection_->write(std::string(10'000, 'x'));
  EXPECT_EQ(connection_->bytes_sent(), 10'005u);
  ASSERT_TRUE(run_until_peer_has(10'005));
  EXPECT_TRUE(peer_->received.starts_with("smallxxx"));
}

TEST_F(ConnectionTest, FlushesWhenAsked) {
  open();
  connection_->write("now");
  connection_->flush();
  EXPECT_EQ(connection_->bytes_sent(), 3u);
}

TEST_F(ConnectionTest, TellsWhenItsOutputIsOverTheHighWatermarkAndBelowTheLowOne) {
  open(64 * 1024);
  peer_->reading = false;
  const std::string piece(4096, 'x');
  size_t written = 0;
  while (!handler_.has('b')) {
    connection_->write(piece);
    written += piece.size();
    ASSERT_LT(written, 100'000'000u);
  }
  EXPECT_TRUE(connection_->is_write_blocked());
  EXPECT_GT(connection_->unsent_bytes(), Connection::kHighWatermarkBytes);
  EXPECT_LE(connection_->unsent_bytes(), Connection::kHighWatermarkBytes + piece.size());
  connection_->write(piece);
  net_.settle();
  EXPECT_EQ(handler_.events, "b") << "told once";
  size_t unsent_when_told = SIZE_MAX;
  handler_.inside = [&](char event) {
    if (event == 'u') unsent_when_told = connection_->unsent_bytes();
  };
  peer_->reading = true;
  ASSERT_TRUE(run_until_peer_has(written + piece.size()));
  EXPECT_EQ(handler_.events, "bu");
  EXPECT_LT(unsent_when_told, Connection::kLowWatermarkBytes);
  EXPECT_FALSE(connection_->is_write_blocked());
}

TEST_F(ConnectionTest, BlocksOnOneLargeWriteToo) {
  open(64 * 1024);
  peer_->reading = false;
  connection_->write(std::string(5'000'000, 'x'));
  EXPECT_EQ(handler_.events, "b");
  peer_->reading = true;
  ASSERT_TRUE(run_until_peer_has(5'000'000));
  EXPECT_EQ(handler_.events, "bu");
}

TEST_F(ConnectionTest, ReportsAResetFoundByAWrite) {
  open();
  peer_->reset();
  connection_->write(std::string(20'000, 'x'));
  ASSERT_TRUE(run_until_event('x'));
  EXPECT_EQ(handler_.events, "x");
  EXPECT_EQ(handler_.error->code, Code::kConnectionLost);
  EXPECT_EQ(handler_.error->source, Source::kDownstream);
  connection_->write("ignored");
  EXPECT_EQ(connection_->unsent_bytes(), 0u);
}

TEST_F(ConnectionTest, ReadsWhatAPeerSaidBeforeItRefusedOurBytes) {
  open();
  net_.settle();
  peer_->reading = false;
  connection_->write("unread by the peer");
  connection_->flush();
  peer_->send("no, because");
  peer_->close();  // with bytes unread: RST
  connection_->write(std::string(20'000, 'x'));
  ASSERT_TRUE(run_until_event('x'));
  // The kernel drops what it has for us when RST comes, in some orders of events; what must not be
  // is an end that looks proper.
  EXPECT_EQ(handler_.events, "x");
  EXPECT_TRUE(handler_.received.empty() || handler_.received == "no, because");
}

}  // namespace
}  // namespace httpteleport::net
