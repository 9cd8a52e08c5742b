#include "tls/stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "support/content.h"
#include "tls/test_stream.h"

namespace httpteleport::tls {
namespace {

using test::Content;
using testing::HasSubstr;

INSTANTIATE_TEST_SUITE_P(Versions, StreamTest, testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         version_name);

// ---- Bytes.

TEST_P(StreamTest, CarriesBytesOfEverySizeBothWays) {
  for (const size_t size : {size_t{0}, size_t{1}, size_t{16383}, size_t{16384}, size_t{16385},
                            size_t{70'000}, size_t{2} << 20}) {
    SCOPED_TRACE(size);
    open_secured();
    const std::string there = Content::bytes(size, 1).to_string();
    const std::string back = Content::bytes(size, 2).to_string();
    peer_->send(there);
    connection().write(back);
    connection().shutdown_write();
    ASSERT_TRUE(run_until([&] {
      return server_->received.size() == size && peer_->received().size() == size &&
             peer_->tls().has_ended();
    }));
    EXPECT_EQ(server_->received, there);
    EXPECT_EQ(peer_->received(), back);
    peer_->end();
    ASSERT_TRUE(run_until_event('x'));
    EXPECT_EQ(server_->error->code, Code::kConnectionLost);
    EXPECT_THAT(server_->detail(), HasSubstr("both directions"));
  }
}

TEST_P(StreamTest, PutsSmallWritesOfATurnIntoOneRecord) {
  open_secured();
  settle();
  const uint64_t calls = net_.metrics.downstream_sockets.write_calls.value();
  BufferChain chain(net_.loop.pool());
  for (int i = 0; i < 100; ++i)
    chain.append("piece ");
  connection().write("first ");
  connection().write(std::move(chain));
  connection().write("last");
  ASSERT_TRUE(run_until([&] { return peer_->received().ends_with("last"); }));
  EXPECT_EQ(net_.metrics.downstream_sockets.write_calls.value(), calls + 1);
  EXPECT_EQ(peer_->received().size(), 6 + 600 + 4u);
}

TEST_P(StreamTest, WaitsForAPeerThatReadsSlowly) {
  open_secured(8 * 1024);
  const std::string back = Content::bytes(1 << 20, 3).to_string();
  peer_->wire().reading = false;
  // In pieces of every size, which are offered again at other addresses than at first.
  for (size_t at = 0, size = 1; at < back.size(); at += size, size = size * 3 + 1)
    connection().write(std::string_view(back).substr(at, size));
  net_.settle();
  EXPECT_TRUE(connection().is_write_blocked());
  EXPECT_TRUE(server_->has('b'));
  peer_->wire().reading = true;
  ASSERT_TRUE(run_until([&] { return peer_->received().size() >= back.size(); }));
  EXPECT_EQ(peer_->received(), back);
  EXPECT_TRUE(run_until_event('u'));
  EXPECT_EQ(connection().bytes_sent(), back.size());
}

TEST_P(StreamTest, SendsWhatIsWrittenWhileBlocked) {
  open_secured(4 * 1024);
  peer_->wire().reading = false;
  std::string back;
  for (int i = 0; i < 300; ++i) {
    const std::string piece = Content::bytes(static_cast<size_t>(i) * 7 + 1, 4).to_string();
    back += piece;
    connection().write(piece);
    if (i % 3 == 0) net_.loop.run_once(Duration::zero());
  }
  connection().shutdown_write();
  peer_->wire().reading = true;
  ASSERT_TRUE(run_until([&] { return peer_->tls().has_ended(); }));
  EXPECT_EQ(peer_->received(), back);
}

TEST_P(StreamTest, ReadsRecordsThatComeByteByByte) {
  open_secured();
  peer_->tls().send("hello");
  for (const char byte : peer_->tls().take_output()) {
    EXPECT_EQ(server_->received, "");
    peer_->wire().send({&byte, 1});
    net_.settle();
  }
  EXPECT_EQ(server_->received, "hello");
}

TEST_P(StreamTest, CompletesAHandshakeThatComesByteByByte) {
  open();
  while (!server_->has('s')) {
    for (const char byte : peer_->tls().take_output()) {
      peer_->wire().send({&byte, 1});
      net_.loop.run_once(std::chrono::milliseconds(1));
    }
    ASSERT_FALSE(server_->has('x')) << server_->detail();
    ASSERT_TRUE(net_.run_until([&] { return !peer_->wire().received.empty(); }));
    peer_->tls().feed(peer_->wire().take());
    if (peer_->is_complete()) break;
  }
  ASSERT_TRUE(run_until_event('s'));
  peer_->send("x");
  ASSERT_TRUE(run_until([&] { return server_->received == "x"; }));
}

TEST_P(StreamTest, HoldsBytesWhilePausedAndLosesNone) {
  open_secured();
  const std::string there = Content::bytes(500'000, 5).to_string();
  server_->inside = [&](char event) {
    if (event == 'd') connection().pause(net::PauseReason::kBusy);
  };
  peer_->send(there);
  while (server_->received.size() < there.size()) {
    const size_t before = server_->received.size();
    ASSERT_TRUE(run_until([&] { return server_->received.size() > before; }));
    const size_t now = server_->received.size();
    settle();
    EXPECT_EQ(server_->received.size(), now);
    connection().resume(net::PauseReason::kBusy);
  }
  EXPECT_EQ(server_->received, there);
}

TEST_P(StreamTest, OffersUnusedBytesAgain) {
  open_secured();
  server_->use = [](std::string_view bytes) { return bytes.size() >= 6 ? 6 : size_t{0}; };
  peer_->send("abc");
  settle();
  EXPECT_EQ(connection().unread_bytes(), 3u);
  peer_->send("defghijkl");
  ASSERT_TRUE(run_until([&] { return server_->received == "abcdefghijkl"; }));
}

TEST_P(StreamTest, TalksToItself) {
  auto [socket, wire] = net_.connected_pair();
  Side server(net_, take_socket(*wire), Source::kDownstream, context_.accept());
  Side client(net_, std::move(socket), Source::kUpstream, clients_.connect("a.example"));
  const std::string there = Content::bytes(300'000, 6).to_string();
  const std::string back = Content::bytes(300'000, 7).to_string();
  client.connection->write(there);  // before the handshake
  server.connection->write(back);
  client.connection->shutdown_write();
  server.connection->shutdown_write();
  ASSERT_TRUE(net_.run_until([&] { return client.has('x') && server.has('x'); }));
  EXPECT_EQ(server.received, there);
  EXPECT_EQ(client.received, back);
  EXPECT_TRUE(client.has('e') && server.has('e')) << client.detail() << server.detail();
}

// ---- What comes together.

TEST_P(StreamTest, ReadsWhatComesWithTheLastMessageOfTheHandshake) {
  open();
  peer_->tls().send("at once");
  ASSERT_TRUE(run_until([&] { return !server_->received.empty(); }));
  EXPECT_EQ(server_->received, "at once");
  EXPECT_EQ(server_->events, "s");
}

TEST_P(StreamTest, SeesAnEndThatComesWithTheLastMessageOfTheHandshake) {
  open();
  peer_->tls().send("at once");
  peer_->tls().end();
  ASSERT_TRUE(run_until([&] {
    if (peer_->is_complete() && peer_->wire().is_open()) peer_->wire().finish();
    return server_->has('e');
  }));
  EXPECT_EQ(server_->received, "at once");
  EXPECT_EQ(server_->events, "se");
}

TEST_P(StreamTest, TellsThatThePeerIsClosingWhenThatCameWithTheHandshake) {
  open();
  server_->inside = [&](char event) {
    if (event == 'd') connection().pause(net::PauseReason::kBusy);
  };
  // Nothing reaches the server in between: its last turn sees message, bytes and FIN at once.
  ASSERT_TRUE(net_.run_until([&] {
    peer_->wire().pump();
    peer_->tls().feed(peer_->wire().take());
    if (peer_->is_complete()) return true;
    peer_->wire().send(peer_->tls().take_output());
    return false;
  }));
  peer_->send("request");
  peer_->end();
  ASSERT_TRUE(run_until_event('p'));
  EXPECT_EQ(server_->received, "request");
  EXPECT_EQ(server_->events, "sp");
  connection().resume(net::PauseReason::kBusy);
  ASSERT_TRUE(run_until_event('e'));
}

TEST_P(StreamTest, SeesDataAndBothEndsThatComeTogether) {
  open_secured();
  peer_->tls().send("last");
  peer_->end();
  ASSERT_TRUE(run_until_event('e'));
  EXPECT_EQ(server_->received, "last");
  connection().write("answer");
  ASSERT_TRUE(run_until([&] { return peer_->received() == "answer"; }));
  connection().shutdown_write();
  ASSERT_TRUE(run_until_event('x'));
  EXPECT_TRUE(run_until([&] { return peer_->tls().has_ended() && peer_->wire().ended; }));
}

TEST_P(StreamTest, SeesAnEndWithoutFin) {
  open_secured();
  peer_->tls().send("last");
  peer_->tls().end();
  ASSERT_TRUE(run_until_event('e'));
  EXPECT_EQ(server_->received, "last");
  connection().shutdown_write();
  EXPECT_TRUE(run_until_event('x'));
}

// ---- Ends that are none.

TEST_P(StreamTest, TakesAFinWithoutCloseNotifyForAFailure) {
  for (const bool with_data : {false, true}) {
    open_secured();
    if (with_data) peer_->tls().send("half");
    peer_->wire().send(peer_->tls().take_output());
    peer_->wire().finish();
    ASSERT_TRUE(run_until_event('x'));
    EXPECT_EQ(server_->events, "sx");
    EXPECT_EQ(server_->received, with_data ? "half" : "");
    EXPECT_EQ(server_->error->code, Code::kConnectionLost);
    EXPECT_EQ(server_->error->source, Source::kDownstream);
    EXPECT_THAT(server_->detail(), HasSubstr("close_notify"));
  }
}

TEST_P(StreamTest, TakesARecordThatBreaksOffForAFailure) {
  open_secured();
  peer_->tls().send("half");
  peer_->wire().send(peer_->tls().take_output().substr(0, 10));
  peer_->wire().finish();
  ASSERT_TRUE(run_until_event('x'));
  EXPECT_EQ(server_->events, "sx");
  EXPECT_EQ(server_->received, "");
}

TEST_P(StreamTest, ReportsAReset) {
  open_secured();
  settle();
  peer_->wire().reset();
  ASSERT_TRUE(net_.run_until([&] { return server_->has('x'); }));
  EXPECT_EQ(server_->error->code, Code::kConnectionLost);
  EXPECT_EQ(server_->error->sys_errno, ECONNRESET);
}

TEST_P(StreamTest, RefusesRecordsThatWereTamperedWith) {
  open_secured();
  peer_->tls().send("text");
  std::string record = peer_->tls().take_output();
  record.back() = static_cast<char>(record.back() ^ 1);
  peer_->wire().send(record);
  ASSERT_TRUE(run_until_event('x'));
  EXPECT_EQ(server_->received, "");
  ASSERT_TRUE(run_until([&] { return peer_->is_cut(); }));
  EXPECT_EQ(peer_->tls().fatal_alert(), SSL_AD_BAD_RECORD_MAC);
}

TEST_P(StreamTest, ReadsWhatAPeerSaidBeforeItRefusedOurBytes) {
  open_secured();
  settle();
  peer_->send("too large");
  peer_->tls().end();
  peer_->wire().send(peer_->tls().take_output());
  peer_->wire().reading = false;
  // Unread bytes make the kernel send RST when the peer closes.
  connection().write("x");
  connection().flush();
  peer_->wire().close();
  connection().write(std::string(20'000, 'y'));
  ASSERT_TRUE(net_.run_until([&] { return server_->has('x') || server_->has('e'); }));
  EXPECT_EQ(server_->received, "too large");
}

// ---- Our ends.

TEST_P(StreamTest, SendsCloseNotifyAndThenFin) {
  open_secured();
  connection().write("last");
  connection().shutdown_write();
  connection().shutdown_write();
  ASSERT_TRUE(run_until([&] { return peer_->wire().ended; }));
  EXPECT_EQ(peer_->received(), "last");
  EXPECT_TRUE(peer_->tls().has_ended());
  EXPECT_FALSE(peer_->tls().has_failed());
  peer_->send("still read");
  ASSERT_TRUE(run_until([&] { return server_->received == "still read"; }));
  EXPECT_EQ(server_->events, "s");
}

TEST_P(StreamTest, SendsCloseNotifyThroughAFullSocket) {
  // The last byte of the output may be the last that the socket takes.
  for (size_t size = 20'000; size < 60'000; size += 1'371) {
    open_secured(4 * 1024);
    peer_->wire().reading = false;
    connection().write(std::string(size, 'x'));
    connection().shutdown_write();
    net_.settle();
    peer_->wire().reading = true;
    ASSERT_TRUE(run_until([&] { return peer_->is_cut(); }));
    EXPECT_EQ(peer_->received().size(), size);
    EXPECT_TRUE(peer_->tls().has_ended()) << size;
  }
}

TEST_P(StreamTest, SendsCloseNotifyWhenClosedWhileIdle) {
  open_secured();
  connection().close();
  ASSERT_TRUE(run_until([&] { return peer_->is_cut(); }));
  EXPECT_TRUE(peer_->tls().has_ended());
  EXPECT_EQ(server_->events, "s");
}

TEST_P(StreamTest, SendsNoProperEndWhenItDropsOutputOrAborts) {
  for (const bool abort : {false, true}) {
    open_secured();
    if (abort) {
      connection().abort();
    } else {
      connection().write("dropped");
      connection().close();
    }
    ASSERT_TRUE(run_until([&] { return peer_->is_cut(); }));
    EXPECT_FALSE(peer_->tls().has_ended());
    EXPECT_TRUE(peer_->wire().broken);
    EXPECT_EQ(peer_->received(), "");
  }
}

TEST_P(StreamTest, MayBeClosedInsideEveryCallback) {
  for (const bool abort : {false, true}) {
    for (const char event : std::string("sdepxbu")) {
      SCOPED_TRACE(std::string(1, event) + (abort ? " abort" : " close"));
      open(8 * 1024);
      bool seen = false;
      server_->inside = [&](char happened) {
        if (event == 'p' && happened == 'd') connection().pause(net::PauseReason::kBusy);
        if (happened != event || seen) return;
        seen = true;
        abort ? connection().abort() : connection().close();
      };
      peer_->tls().send("request");
      if (event == 'b' || event == 'u') connection().write(std::string(400'000, 'x'));
      if (event == 'p' || event == 'e') peer_->tls().end();
      ASSERT_TRUE(run_until([&] {
        if (peer_->is_complete() && (event == 'p' || event == 'e')) peer_->wire().finish();
        if (server_->has('s') && event == 'x' && peer_->is_complete() && !seen)
          peer_->wire().reset();
        return seen;
      }));
      EXPECT_FALSE(connection().is_open());
      const std::string events = server_->events;
      peer_->wire().pump();
      net_.settle();
      EXPECT_EQ(server_->events, events) << "an event after the end";
    }
  }
}

TEST_P(StreamTest, MayBeDeletedInsideEveryCallback) {
  for (const char event : std::string("sdex")) {
    SCOPED_TRACE(event);
    open();
    bool seen = false;
    server_->inside = [&](char happened) {
      if (happened != event || seen) return;
      seen = true;
      net_.loop.delete_later(std::move(server_->connection));
    };
    peer_->tls().send("request");
    if (event == 'e') peer_->tls().end();
    ASSERT_TRUE(run_until([&] {
      if (event == 'x' && server_->has('s') && peer_->is_complete() && !seen) peer_->wire().reset();
      return seen;
    }));
    net_.settle();
    EXPECT_EQ(net_.metrics.downstream_sockets.open.value(), 0);
  }
}

TEST_P(StreamTest, MayBeClosedInTheMiddleOfTheHandshake) {
  for (const bool abort : {false, true}) {
    open();
    ASSERT_TRUE(net_.run_until([&] {
      peer_->wire().send(peer_->tls().take_output());
      return !peer_->wire().received.empty();
    }));
    EXPECT_TRUE(connection().is_securing());
    abort ? connection().abort() : connection().close();
    ASSERT_TRUE(run_until([&] { return peer_->is_cut(); }));
    net_.settle();
    EXPECT_EQ(server_->events, "");
  }
}

// ---- Handshakes that fail.

TEST_P(StreamTest, RefusesWhatIsNotTls) {
  for (const std::string& bytes :
       {std::string("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"), std::string(100'000, 'x'),
        std::string("\x16\x03\x01\xff\xff", 5) + std::string(100'000, '\0')}) {
    open();
    peer_->wire().send(bytes);
    ASSERT_TRUE(net_.run_until([&] { return server_->has('x'); }));
    EXPECT_EQ(server_->events, "x");
    EXPECT_EQ(server_->error->code, Code::kConnectionLost);
    EXPECT_NE(server_->detail(), "");
    ASSERT_TRUE(net_.run_until([&] { return peer_->wire().ended || peer_->wire().broken; }));
  }
}

TEST_P(StreamTest, ReportsAPeerThatLeavesInTheMiddleOfTheHandshake) {
  for (const bool reset : {false, true}) {
    open();
    ASSERT_TRUE(net_.run_until([&] {
      peer_->wire().send(peer_->tls().take_output());
      return !peer_->wire().received.empty();
    }));
    reset ? peer_->wire().reset() : peer_->wire().finish();
    ASSERT_TRUE(net_.run_until([&] { return server_->has('x'); }));
    EXPECT_EQ(server_->events, "x");
    EXPECT_THAT(server_->detail(), HasSubstr("handshake"));
  }
}

TEST_P(StreamTest, ShutsDownBehindAHandshakeThatIsStillToCome) {
  open();
  connection().write("hello");
  connection().shutdown_write();
  ASSERT_TRUE(run_until([&] { return peer_->tls().has_ended(); }));
  EXPECT_EQ(peer_->received(), "hello");
}

}  // namespace
}  // namespace httpteleport::tls
