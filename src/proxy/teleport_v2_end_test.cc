// How streams of a v2 link end, and the link, far end.
#include <gmock/gmock.h>

#include "proxy/test_near_v2.h"

namespace httpteleport::proxy {
namespace {

using namespace std::chrono_literals;
using teleport::v2::EndCode;
using teleport::v2::FrameType;

using TeleportV2EndTest = V2SessionTest;

void append(std::string& frames, FrameType type, uint32_t stream, std::string_view payload) {
  teleport::v2::append_frame(frames, type, stream, payload);
}

// ---- Streams.

TEST_F(TeleportV2EndTest, CancelsTheRequestInEveryPhase) {
  connect();
  NearStream& neighbour = near_->get("/neighbour");
  ASSERT_TRUE(wait_for_exchanges(1));
  using Step = void (*)(TestExchange&, NearStream&);
  const std::pair<const char*, Step> phases[] = {
      {"head", [](TestExchange&, NearStream&) {}},
      {"body", [](TestExchange&, NearStream& stream) { stream.send("12"); }},
      {"body held",
       [](TestExchange& exchange, NearStream& stream) {
         exchange.downstream->pause_request();
         stream.send("12");
       }},
      {"answer begun",
       [](TestExchange& exchange, NearStream&) {
         exchange.send_head(200, http::BodyLength::known(10));
         exchange.send_body("12");
       }},
      {"request complete", [](TestExchange&, NearStream& stream) { stream.send("1234").end(); }},
      {"request complete, answer begun",
       [](TestExchange& exchange, NearStream& stream) {
         stream.send("1234").end();
         exchange.send_head(200, http::BodyLength::known(10));
         exchange.send_body("12");
       }},
      {"answer waits for its reader",
       [](TestExchange& exchange, NearStream& stream) {
         stream.is_reading = false;
         exchange.send_head(200, http::BodyLength::unknown());
         exchange.send_body(std::string(1'000'000, 'x'));
       }},
  };
  for (const auto& [name, step] : phases) {
    SCOPED_TRACE(name);
    const size_t before = handlers_.exchanges.size();
    NearStream& stream = near_->begin_post("/", "Content-Length: 4");
    ASSERT_TRUE(wait_for_exchanges(before + 1));
    TestExchange& exchange = handlers_.last();
    step(exchange, stream);
    settle();
    stream.cancel();
    ASSERT_TRUE(run_until([&] { return exchange.gone.has_value(); }));
    EXPECT_EQ(exchange.gone->code, Code::kCancelled);
    EXPECT_EQ(exchange.gone->source, Source::kDownstream);
    ASSERT_TRUE(run_until([&] { return exchange.destroyed; }));
  }
  EXPECT_EQ(failures(Code::kCancelled), std::size(phases));
  handlers_.exchanges.front().reply("fine");
  ASSERT_TRUE(run_until([&] { return neighbour.ended; }));
  expect_usable();
  settle();
  EXPECT_EQ(near_->multiplexer().open_streams(), 0u);
}

// ---- Time that the peer gives. It says nothing when that is over.

TEST_F(TeleportV2EndTest, AnswersInPlaceOfAHandlerThatHasNoTimeLeft) {
  connect();
  for (const bool whole : {false, true}) {
    const size_t before = handlers_.exchanges.size();
    NearStream& stream = near_->open().terms({.total_ms = 30});
    stream.head("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\n").send("12");
    if (whole) stream.send("34").end();
    ASSERT_TRUE(wait_for_exchanges(before + 1));
    TestExchange& exchange = handlers_.last();
    ASSERT_TRUE(run_until([&] { return stream.ended; }));
    EXPECT_EQ(stream.status(), 504);
    ASSERT_TRUE(exchange.gone.has_value());
    EXPECT_EQ(exchange.gone->code, Code::kTimeout);
    ASSERT_TRUE(run_until([&] { return exchange.destroyed; }));
    if (!whole) stream.end();
  }
  EXPECT_EQ(failures(Code::kTimeout), 2u);
  expect_usable();
  settle();
  EXPECT_EQ(near_->multiplexer().open_streams(), 0u);
}

TEST_F(TeleportV2EndTest, ResetsAStreamWhoseAnswerIsNotCompleteInTime) {
  connect();
  NearStream& stream = near_->open().terms({.total_ms = 500});
  stream.head("GET / HTTP/1.1\r\nHost: h\r\n\r\n").end();
  ASSERT_TRUE(wait_for_exchanges(1));
  TestExchange& exchange = handlers_.last();
  exchange.send_head(200, http::BodyLength::known(10));
  exchange.send_body("12");
  ASSERT_TRUE(run_until([&] { return stream.reset_code.has_value(); }));
  EXPECT_EQ(stream.reset_code, EndCode::kLate);
  EXPECT_EQ(stream.status(), 200);
  EXPECT_EQ(exchange.gone->code, Code::kTimeout);
  expect_usable();
}

TEST_F(TeleportV2EndTest, WaitsForAHeadFromTheEndOfTheRequestAndNoLongerThanItMay) {
  connect();
  const teleport::v2::Terms terms{.answer_ms = 500};
  NearStream& slow =
      near_->open().terms(terms).head("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\n");
  NearStream& begun = near_->open().terms(terms).head("GET / HTTP/1.1\r\nHost: h\r\n\r\n").end();
  NearStream& silent = near_->open().terms(terms).head("GET / HTTP/1.1\r\nHost: h\r\n\r\n").end();
  ASSERT_TRUE(wait_for_exchanges(3));
  auto at = handlers_.exchanges.begin();
  TestExchange& of_slow = *at++;
  TestExchange& of_begun = *at;
  of_begun.send_head(200, http::BodyLength::known(2));
  ASSERT_TRUE(run_until([&] { return silent.ended; }));
  EXPECT_EQ(silent.status(), 504);
  EXPECT_FALSE(of_slow.gone || of_begun.gone);
  of_begun.send_body("ok");
  of_begun.end();
  slow.send("1234").end();
  ASSERT_TRUE(run_until([&] { return begun.ended && slow.ended; }));
  EXPECT_EQ(begun.body, "ok");
  EXPECT_EQ(slow.status(), 504);
}

TEST_F(TeleportV2EndTest, LetsATunnelLast) {
  connect();
  NearStream& tunnel = near_->open().terms({.answer_ms = 60'000, .total_ms = 500});
  tunnel.head("GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
  ASSERT_TRUE(wait_for_exchanges(1));
  TestExchange& exchange = handlers_.last();
  exchange.send_switch("websocket");
  NearStream& silent = near_->open().terms({.total_ms = 500});
  silent.head("GET / HTTP/1.1\r\nHost: h\r\n\r\n").end();
  ASSERT_TRUE(run_until([&] { return silent.ended; }));
  EXPECT_FALSE(exchange.gone || tunnel.is_over());
  exchange.send_body("still there");
  ASSERT_TRUE(run_until([&] { return tunnel.body == "still there"; }));
}

TEST_F(TeleportV2EndTest, CancelsATunnel) {
  connect();
  for (const bool half_closed : {false, true}) {
    const size_t before = handlers_.exchanges.size();
    NearStream& stream = near_->open().head(
        "GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
    ASSERT_TRUE(wait_for_exchanges(before + 1));
    TestExchange& exchange = handlers_.last();
    exchange.send_switch("websocket");
    if (half_closed) exchange.end_direction();
    ASSERT_TRUE(run_until([&] { return !stream.heads.empty(); }));
    stream.cancel();
    ASSERT_TRUE(run_until([&] { return exchange.gone && exchange.destroyed; }));
  }
  expect_usable();
}

TEST_F(TeleportV2EndTest, RefusesStreamsThatItHasToldThePeerNotToOpen) {
  options_.v2.hello.streams = 2;
  NearV2& link = connect();
  std::string frames;
  for (uint32_t id = 1; id <= 4; ++id)
    append(frames, FrameType::kHeadEnd, id, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  teleport::v2::BatchEncoder encoder({.method = teleport::v2::EncoderOptions::Method::kNone});
  BufferChain wire(link.pool());
  encoder.encode(frames, wire);
  // Streams that the near end knows, for the answers.
  for (int i = 0; i < 4; ++i)
    link.get("/");
  link.peer().send(wire.to_string());
  ASSERT_TRUE(wait_for_exchanges(2));
  settle();
  EXPECT_EQ(handlers_.exchanges.size(), 2u);
}

// ---- The link.

TEST_F(TeleportV2EndTest, EndsTheLinkOnBytesThatMakeNoSense) {
  const auto batch = [](FrameType type, uint32_t stream, std::string_view payload) {
    std::string frames;
    append(frames, type, stream, payload);
    teleport::v2::BatchEncoder encoder({.method = teleport::v2::EncoderOptions::Method::kNone});
    BlockPool pool;
    BufferChain wire(pool);
    encoder.encode(frames, wire);
    return wire.to_string();
  };
  std::string flipped = batch(FrameType::kHeadEnd, 2, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  flipped.back() ^= 1;
  const std::pair<const char*, std::string> cases[] = {
      {"no batch", std::string(100, '\xff')},
      {"wrong checksum", flipped},
      {"a stream that has not begun", batch(FrameType::kData, 7, "x")},
      {"a stream that begins twice", batch(FrameType::kHeadEnd, 1, "GET / HTTP/1.1\r\n\r\n")},
      {"a window that is too large", batch(FrameType::kWindow, 0, "\xff\xff\xff\xff\x07")},
      {"more than the window", batch(FrameType::kData, 1, std::string(300'000, 'x'))},
      {"frames behind the end", batch(FrameType::kData, 2, "x")},
  };
  for (const auto& [name, bytes] : cases) {
    SCOPED_TRACE(name);
    NearV2& link = connect();
    const size_t before = handlers_.exchanges.size();
    link.begin_post("/", "Transfer-Encoding: chunked");
    link.get("/");
    ASSERT_TRUE(wait_for_exchanges(before + 2));
    TestExchange& first = *std::prev(handlers_.exchanges.end(), 2);
    TestExchange& second = handlers_.last();
    link.peer().send(bytes);
    ASSERT_TRUE(run_until([&] { return link.peer().ended || link.peer().broken; }));
    ASSERT_TRUE(first.gone && second.gone);
    EXPECT_EQ(first.gone->code, Code::kMalformed);
    EXPECT_FALSE(first.ended);
    EXPECT_TRUE(wait_session_gone());
    EXPECT_TRUE(first.destroyed && second.destroyed);
  }
  EXPECT_EQ(sessions_.net.metrics.link.open.value(), 0);
  EXPECT_EQ(far_bytes(), 0u);
}

TEST_F(TeleportV2EndTest, CancelsEverythingWhenThePeerIsReset) {
  connect();
  near_->get("/");
  near_->begin_post("/", "Content-Length: 4").send("12");
  ASSERT_TRUE(wait_for_exchanges(2));
  near_->peer().reset();
  EXPECT_TRUE(wait_session_gone());
  for (const TestExchange& exchange : handlers_.exchanges) {
    ASSERT_TRUE(exchange.gone);
    EXPECT_EQ(exchange.gone->source, Source::kDownstream);
    EXPECT_TRUE(exchange.destroyed);
  }
}

TEST_F(TeleportV2EndTest, CancelsEverythingWhenThePeerEndsInsideABatch) {
  connect();
  near_->get("/");
  ASSERT_TRUE(wait_for_exchanges(1));
  near_->peer().send(std::string("\0\7", 2));
  near_->peer().finish();
  EXPECT_TRUE(wait_session_gone());
  EXPECT_TRUE(handlers_.last().gone);
}

TEST_F(TeleportV2EndTest, AnswersAPeerThatOnlyStoppedAsking) {
  connect();
  NearStream& first = near_->get("/1");
  NearStream& incomplete = near_->begin_post("/2", "Content-Length: 4").send("12");
  NearStream& third = near_->get("/3");
  ASSERT_TRUE(wait_for_exchanges(3));
  settle();
  near_->peer().finish();
  TestExchange& second = *std::next(handlers_.exchanges.begin());
  ASSERT_TRUE(run_until([&] { return second.gone.has_value(); }));
  EXPECT_FALSE(second.ended);
  ASSERT_TRUE(run_until([&] { return incomplete.is_over(); }));
  handlers_.last().reply("3");
  ASSERT_TRUE(run_until([&] { return third.ended; }));
  EXPECT_FALSE(near_->peer().ended);
  handlers_.exchanges.front().reply("1");
  ASSERT_TRUE(run_until([&] { return first.ended && near_->peer().ended; }));
  EXPECT_FALSE(near_->peer().broken);
  EXPECT_TRUE(wait_session_gone());
}

// Nobody can tell it any more that there is room.
TEST_F(TeleportV2EndTest, ClosesWhenAPeerThatStoppedAskingHasNoRoomForItsAnswers) {
  connect();
  NearStream& stream = near_->get("/");
  stream.is_reading = false;
  ASSERT_TRUE(wait_for_exchanges(1));
  handlers_.last().reply(std::string(1'000'000, 'x'));
  near_->peer().finish();
  EXPECT_TRUE(wait_session_gone());
  EXPECT_EQ(failures(Code::kConnectionLost), 1u);
}

TEST_F(TeleportV2EndTest, ClosesALinkThatIsIdle) {
  options_.idle_timeout = 10ms;
  connect();
  ASSERT_TRUE(run_until([&] { return near_->peer().ended; }));
  EXPECT_TRUE(wait_session_gone());
}

TEST_F(TeleportV2EndTest, IsNotIdleWhileAnAnswerIsAwaited) {
  options_.idle_timeout = 10ms;
  connect();
  NearStream& stream = near_->get("/");
  ASSERT_TRUE(wait_for_exchanges(1));
  const TimePoint start = sessions_.net.loop.now();
  ASSERT_TRUE(run_until([&] { return sessions_.net.loop.now() - start > 50ms; }));
  handlers_.last().reply("at last");
  ASSERT_TRUE(run_until([&] { return stream.ended; }));
}

TEST_F(TeleportV2EndTest, DrainsAfterTheLastAnswerAndSaysSo) {
  NearV2& busy = connect();
  NearStream& stream = busy.get("/");
  ASSERT_TRUE(wait_for_exchanges(1));
  NearV2& idle = connect();
  sessions_.context.draining = true;
  sessions_.context.sessions.for_each([](Session& session) { session.drain(); });
  ASSERT_TRUE(run_until([&] { return idle.peer().ended && idle.goaway && busy.goaway; }));
  EXPECT_EQ(idle.goaway, EndCode::kNone);
  EXPECT_FALSE(busy.peer().ended);
  // Not served, and so told.
  NearStream& late = busy.get("/late");
  settle();
  EXPECT_FALSE(late.ended);
  EXPECT_EQ(handlers_.exchanges.size(), 1u);
  handlers_.last().reply("last");
  ASSERT_TRUE(run_until([&] { return stream.ended && busy.peer().ended; }));
  EXPECT_EQ(stream.body, "last");
  busy.peer().finish();
  idle.peer().finish();
  EXPECT_TRUE(wait_session_gone());
}

TEST_F(TeleportV2EndTest, DrainsALinkThatOpensWhileItDrains) {
  sessions_.context.draining = true;
  connect();
  ASSERT_TRUE(run_until([&] { return near_->goaway && near_->peer().ended; }));
  near_->peer().finish();
  EXPECT_TRUE(wait_session_gone());
}

TEST_F(TeleportV2EndTest, SendsTheWholeOfALongAnswerWhileItDrains) {
  connect(16 * 1024);
  NearStream& stream = near_->get("/");
  stream.keeps_body = false;
  ASSERT_TRUE(wait_for_exchanges(1));
  handlers_.last().reply(std::string(5'000'000, 'x'));
  sessions_.context.draining = true;
  sessions_.context.sessions.for_each([](Session& session) { session.drain(); });
  ASSERT_TRUE(run_until([&] { return near_->peer().ended; }));
  EXPECT_TRUE(stream.ended);
  EXPECT_EQ(stream.body_bytes, 5'000'000u);
}

TEST_F(TeleportV2EndTest, AbortsAtOnce) {
  connect();
  near_->get("/");
  near_->begin_post("/", "Content-Length: 4").send("12");
  ASSERT_TRUE(wait_for_exchanges(2));
  sessions_.context.sessions.front().abort();
  for (const TestExchange& exchange : handlers_.exchanges)
    EXPECT_EQ(exchange.gone->code, Code::kCancelled);
  EXPECT_TRUE(wait_session_gone());
}

}  // namespace
}  // namespace httpteleport::proxy
