#include <gtest/gtest.h>

#include <string>

#include "net/connection.h"
#include "net/test_connection.h"
#include "support/socket.h"

namespace httpteleport::net {
namespace {

// ---- Connecting.

TEST_F(ConnectionTest, SendsWhatWasWrittenBeforeTheConnectWasComplete) {
  const Socket listening = TestNet::listen_socket();
  start_connecting(local_address(listening.fd()));
  EXPECT_FALSE(connection_->is_connected());
  connection_->write("early");
  connection_->write(std::string(20'000, 'x'));
  EXPECT_EQ(connection_->bytes_sent(), 0u);
  peer_ = net_.accept(listening);
  ASSERT_NE(peer_, nullptr);
  ASSERT_TRUE(run_until_peer_has(20'005));
  EXPECT_TRUE(peer_->received.starts_with("earlyxxx"));
  EXPECT_EQ(handler_.events, "c");
  EXPECT_TRUE(connection_->is_connected());
  peer_->send("hello");
  ASSERT_TRUE(run_until_received(5));
}

TEST_F(ConnectionTest, BlocksOnOutputThatWaitsForTheConnect) {
  const Socket listening = TestNet::listen_socket();
  start_connecting(local_address(listening.fd()));
  connection_->write(std::string(Connection::kHighWatermarkBytes + 1, 'x'));
  EXPECT_EQ(handler_.events, "b");
  peer_ = net_.accept(listening);
  ASSERT_NE(peer_, nullptr);
  ASSERT_TRUE(run_until_peer_has(Connection::kHighWatermarkBytes + 1));
  EXPECT_EQ(handler_.events, "bcu");
}

TEST_F(ConnectionTest, ReportsARefusedConnect) {
  start_connecting(loopback(test::dead_address().port));
  connection_->write("never sent");
  ASSERT_TRUE(run_until_event('x'));
  EXPECT_EQ(handler_.events, "x");
  EXPECT_EQ(handler_.error->code, Code::kConnectFailed);
  EXPECT_EQ(handler_.error->source, Source::kUpstream);
  EXPECT_EQ(handler_.error->sys_errno, ECONNREFUSED);
  EXPECT_FALSE(connection_->is_open());
  EXPECT_EQ(connection_->bytes_sent(), 0u);
}

TEST_F(ConnectionTest, SendsOneFinWhenShutDownBeforeTheConnectWasComplete) {
  const Socket listening = TestNet::listen_socket();
  start_connecting(local_address(listening.fd()));
  connection_->write("all of it");
  connection_->shutdown_write();
  peer_ = net_.accept(listening);
  ASSERT_NE(peer_, nullptr);
  ASSERT_TRUE(net_.run_until([&] { return peer_->ended; }));
  EXPECT_EQ(peer_->received, "all of it");
}

// ---- The end.

TEST_F(ConnectionTest, ReportsAResetOnce) {
  open();
  peer_->reset();
  ASSERT_TRUE(run_until_event('x'));
  net_.settle();
  EXPECT_EQ(handler_.events, "x");
  EXPECT_EQ(handler_.error->code, Code::kConnectionLost);
  EXPECT_EQ(handler_.error->sys_errno, ECONNRESET);
  EXPECT_FALSE(connection_->is_open());
  EXPECT_EQ(metrics_.open.value(), 0);
}

TEST_F(ConnectionTest, SendsFinBehindAllOutputAndReadsOn) {
  open(64 * 1024);
  connection_->write(std::string(2'000'000, 'x'));
  connection_->shutdown_write();
  net_.settle();
  peer_->send("still talking");
  ASSERT_TRUE(net_.run_until([&] { return peer_->ended; }));
  EXPECT_EQ(peer_->received.size(), 2'000'000u);
  ASSERT_TRUE(run_until_received(13));
  EXPECT_TRUE(connection_->is_open());
  peer_->finish();
  ASSERT_TRUE(run_until_event('x'));
  EXPECT_EQ(handler_.events.substr(handler_.events.size() - 2), "ex");
  EXPECT_FALSE(connection_->is_open());
}

TEST_F(ConnectionTest, IsOverWhenThePeerEndedFirst) {
  open();
  peer_->finish();
  ASSERT_TRUE(run_until_event('e'));
  connection_->write("bye");
  connection_->shutdown_write();
  ASSERT_TRUE(run_until_event('x'));
  ASSERT_TRUE(net_.run_until([&] { return peer_->ended; }));
  EXPECT_EQ(peer_->received, "bye");
  EXPECT_EQ(handler_.events, "ex");
}

// What the kernel took is not what the peer took, which alone tells a slow reader from a dead one.
TEST_F(ConnectionTest, KnowsWhatThePeerHasAcknowledged) {
  open();
  peer_->reading = false;
  const std::string bytes(16 * 1024 * 1024, 'x');
  connection_->write(bytes);
  net_.settle();
  EXPECT_GT(connection_->bytes_sent(), 0u);
  EXPECT_LT(connection_->bytes_acknowledged(), connection_->bytes_sent());
  peer_->reading = true;
  ASSERT_TRUE(net_.run_until([&] { return peer_->received.size() == bytes.size(); }));
  EXPECT_TRUE(net_.run_until([&] { return connection_->bytes_acknowledged() == bytes.size(); }));
}

TEST_F(ConnectionTest, ClosesOnceWithoutAnEvent) {
  open();
  connection_->close();
  connection_->close();
  connection_->abort();
  EXPECT_EQ(metrics_.open.value(), 0);
  EXPECT_FALSE(connection_->is_open());
  connection_->write("ignored");
  connection_->shutdown_write();
  connection_->flush();
  net_.settle();
  EXPECT_EQ(handler_.events, "");
  EXPECT_EQ(peer_->received, "");
  EXPECT_TRUE(peer_->ended);
}

TEST_F(ConnectionTest, ResetsAPeerWhoseOutputItDrops) {
  open();
  connection_->write("sent");
  connection_->flush();
  connection_->write("dropped");
  connection_->close();
  ASSERT_TRUE(net_.run_until([&] { return peer_->broken || peer_->ended; }));
  EXPECT_TRUE(peer_->broken) << "the peer may take what it has got for all there was";
  EXPECT_EQ(handler_.events, "");
}

TEST_F(ConnectionTest, AbortsWithRst) {
  open();
  connection_->write("sent");
  connection_->flush();
  connection_->abort();
  ASSERT_TRUE(net_.run_until([&] { return peer_->broken || peer_->ended; }));
  EXPECT_TRUE(peer_->broken);
  EXPECT_EQ(handler_.events, "");
}

TEST_F(ConnectionTest, MayBeClosedInsideEveryCallback) {
  for (const char event : std::string("dbupecx")) {
    for (const bool abort : {false, true}) {
      SCOPED_TRACE(std::string(1, event) + (abort ? " abort" : " close"));
      handler_ = {};
      const auto happened = [&](char seen) { return seen == event; };
      bool closed = false;
      handler_.inside = [&](char seen) {
        if (!happened(seen)) return;
        closed = true;
        abort ? connection_->abort() : connection_->close();
        // As owners do: it goes at the end of the turn.
        net_.loop.delete_later(std::move(connection_));
      };
      if (event == 'c') {
        const Socket listening = TestNet::listen_socket();
        start_connecting(local_address(listening.fd()));
        connection_->write("queued");
        ASSERT_TRUE(net_.run_until([&] { return closed; }));
      } else {
        open(64 * 1024);
        if (event == 'd') peer_->send(std::string(500'000, 'x'));
        if (event == 'e') peer_->finish();
        if (event == 'x') peer_->reset();
        if (event == 'p') {
          connection_->pause(PauseReason::kBusy);
          peer_->finish();
        }
        if (event == 'b') {
          connection_->output().append(std::string(1'000'000, 'x'));
          connection_->output_added();
        }
        if (event == 'u') connection_->write(std::string(1'000'000, 'x'));
        ASSERT_TRUE(net_.run_until([&] { return closed; }));
      }
      const std::string events = handler_.events;
      net_.settle();
      EXPECT_EQ(handler_.events, events);
      EXPECT_EQ(metrics_.open.value(), 0);
    }
  }
}

TEST_F(ConnectionTest, GivesItsEventsToTheNextHandler) {
  open();
  peer_->send("first");
  ASSERT_TRUE(run_until_received(5));
  RecordingHandler next;
  connection_->set_handler(next);
  peer_->send("second");
  peer_->finish();
  ASSERT_TRUE(net_.run_until([&] { return next.has('e'); }));
  EXPECT_EQ(handler_.received, "first");
  EXPECT_EQ(next.received, "second");
  connection_->close();
}

}  // namespace
}  // namespace httpteleport::net
