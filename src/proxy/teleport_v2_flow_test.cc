// How much of a message is under way on a v2 link, far end.
#include <gmock/gmock.h>

#include "proxy/test_near_v2.h"
#include "support/content.h"

namespace httpteleport::proxy {
namespace {

using namespace std::chrono_literals;
using teleport::v2::EndCode;
using teleport::v2::Multiplexer;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr uint64_t kLarge = 8 << 20;
#else
constexpr uint64_t kLarge = 64 << 20;
#endif
// What one stream may take of the far end: what waits to be sent, or is held, and a piece or two.
constexpr size_t kStreamBytesMax = 1 << 20;
constexpr size_t kPiece = 32 * 1024;

std::string piece_of(const test::Content& content, uint64_t offset) {
  std::string piece(std::min<uint64_t>(kPiece, content.size() - offset), '\0');
  content.read(offset, {piece.data(), piece.size()});
  return piece;
}

class TeleportV2FlowTest : public V2SessionTest {
 protected:
  // Sends `content` as an endpoint does: until it is told to wait, and on when there is room.
  void serve(TestExchange& exchange, const test::Content& content) {
    exchange.send_head(200, http::BodyLength::known(content.size()));
    handlers_.at_unblocked = [&, content](TestExchange& unblocked) { go_on(unblocked, content); };
    go_on(exchange, content);
  }
  void go_on(TestExchange& exchange, const test::Content& content) {
    while (exchange.blocked == exchange.unblocked && served_ < content.size()) {
      const std::string piece = piece_of(content, served_);
      served_ += piece.size();
      exchange.send_body(piece);
    }
    if (served_ == content.size()) exchange.end();
  }

  uint64_t served_ = 0;
};

TEST_F(TeleportV2FlowTest, SendsALargeAnswerAsItsReaderTakesIt) {
  const test::Content content = test::Content::bytes(kLarge, 1);
  connect();
  NearStream& stream = near_->get("/");
  stream.keeps_body = false;
  stream.is_reading = false;
  bool matches = true;
  stream.at_body = [&](std::string_view bytes) {
    matches = matches && content.matches(stream.body_bytes, bytes);
  };
  ASSERT_TRUE(wait_for_exchanges(1));
  serve(handlers_.last(), content);
  size_t most = 0;
  while (!stream.is_over()) {
    const uint64_t before = stream.body_bytes;
    ASSERT_TRUE(run_until([&] {
      most = std::max(most, far_bytes());
      return stream.is_over() || stream.body_bytes > before;
    }));
    // As much as was asked for, and no more.
    settle();
    EXPECT_LE(stream.unread(), near_->multiplexer().queued_bytes() + 256 * 1024);
    most = std::max(most, far_bytes());
    stream.read(false);
  }
  EXPECT_EQ(stream.body_bytes, kLarge);
  EXPECT_TRUE(matches);
  EXPECT_LT(most, kStreamBytesMax);
  EXPECT_GT(handlers_.last().blocked, 20);
  ASSERT_TRUE(run_until([&] { return handlers_.last().destroyed; }));
}

TEST_F(TeleportV2FlowTest, TakesALargeRequestAsItsHandlerDoes) {
  const test::Content content = test::Content::bytes(kLarge, 2);
  connect();
  NearStream& stream = near_->begin_post("/", "Content-Length: " + std::to_string(content.size()));
  uint64_t sent = 0;
  const auto feed = [&] {
    while (!stream.is_full() && sent < content.size()) {
      const std::string piece = piece_of(content, sent);
      sent += piece.size();
      stream.send(piece);
    }
    if (sent == content.size()) stream.end();
  };
  stream.at_room = feed;
  uint64_t taken = 0;
  bool matches = true;
  handlers_.at_body = [&](TestExchange& exchange) {
    matches = matches && content.matches(taken, exchange.body);
    taken += exchange.body.size();
    exchange.body.clear();
    if (taken / 200'000 != (taken - kPiece) / 200'000) exchange.downstream->pause_request();
  };
  ASSERT_TRUE(wait_for_exchanges(1));
  TestExchange& exchange = handlers_.last();
  feed();
  size_t most = 0;
  while (!exchange.ended) {
    const uint64_t before = taken;
    exchange.downstream->resume_request();
    ASSERT_TRUE(run_until([&] {
      most = std::max(most, far_bytes());
      return exchange.ended || taken > before;
    }));
  }
  EXPECT_EQ(taken, kLarge);
  EXPECT_TRUE(matches);
  EXPECT_LT(most, kStreamBytesMax);
  exchange.reply("ok");
  ASSERT_TRUE(run_until([&] { return stream.ended; }));
}

// What is compressed and what is not, through sockets that take little at a time.
TEST_F(TeleportV2FlowTest, CarriesBothWaysAtOnceWhatDoesNotFitIntoSockets) {
  options_.v2.method = teleport::v2::EncoderOptions::Method::kZstd;
  connect(16 * 1024, Multiplexer::Options{});
  const test::Content up = test::Content::json(2'000'000, 3);
  const test::Content down = test::Content::json(3'000'000, 4);
  NearStream& stream = near_->begin_post("/", "Content-Length: 2000000");
  stream.send(up.to_string()).end();
  ASSERT_TRUE(wait_for_exchanges(1));
  TestExchange& exchange = handlers_.last();
  exchange.send_head(200, http::BodyLength::known(down.size()));
  exchange.send_body(down.to_string());
  ASSERT_TRUE(run_until([&] { return exchange.ended && stream.body_bytes == down.size(); }));
  exchange.end();
  ASSERT_TRUE(run_until([&] { return stream.ended; }));
  EXPECT_TRUE(up.matches(0, exchange.body));
  EXPECT_TRUE(down.matches(0, stream.body));
}

TEST_F(TeleportV2FlowTest, HoldsNoMoreThanTheWindowAndServesTheOthers) {
  connect();
  handlers_.at_head = [](TestExchange& exchange) {
    if (exchange.target == "/slow") exchange.downstream->pause_request();
  };
  NearStream& slow = near_->begin_post("/slow", "Transfer-Encoding: chunked");
  slow.send(std::string(1'000'000, 'x')).end();
  ASSERT_TRUE(wait_for_exchanges(1));
  settle();
  EXPECT_EQ(near_->multiplexer().queued_bytes(), 1'000'000 - near_->far_hello().stream_window);
  EXPECT_LT(far_bytes(), kStreamBytesMax);
  TestExchange& exchange = handlers_.last();
  EXPECT_EQ(exchange.body, "");
  expect_usable();
  exchange.downstream->resume_request();
  ASSERT_TRUE(run_until([&] { return exchange.ended; }));
  EXPECT_EQ(exchange.body, std::string(1'000'000, 'x'));
}

TEST_F(TeleportV2FlowTest, AnAnswerThatNobodyReadsDoesNotHinderAnother) {
  connect();
  NearStream& stuck = near_->get("/stuck");
  stuck.is_reading = false;
  ASSERT_TRUE(wait_for_exchanges(1));
  const test::Content content = test::Content::bytes(4 << 20, 1);
  serve(handlers_.last(), content);
  settle();
  EXPECT_EQ(handlers_.last().blocked, handlers_.last().unblocked + 1);
  EXPECT_LT(served_, 1u << 20);
  expect_usable();
  stuck.read(true);
  ASSERT_TRUE(run_until([&] { return stuck.ended; }));
  EXPECT_TRUE(content.matches(0, stuck.body));
}

TEST_F(TeleportV2FlowTest, GivesUpAnAnswerOfWhichNothingIsTakenForLong) {
  sessions_.http1_options.write_idle_timeout = 20ms;
  connect();
  const test::Content content = test::Content::bytes(4 << 20, 1);
  NearStream& slow = near_->get("/slow");
  slow.is_reading = false;
  ASSERT_TRUE(wait_for_exchanges(1));
  TestExchange& exchange = handlers_.last();
  serve(exchange, content);
  ASSERT_TRUE(run_until([&] { return exchange.gone.has_value(); }));
  EXPECT_EQ(exchange.gone->code, Code::kTimeout);
  ASSERT_TRUE(run_until([&] { return slow.is_over(); }));
  EXPECT_EQ(slow.reset_code, EndCode::kBroken);
  EXPECT_TRUE(run_until([&] { return exchange.destroyed && far_bytes() == 0; }));
  expect_usable();
}

TEST_F(TeleportV2FlowTest, LetsATunnelWaitForItsClient) {
  sessions_.http1_options.write_idle_timeout = 10ms;
  connect();
  NearStream& stream = near_->open().head(
      "GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
  stream.is_reading = false;
  ASSERT_TRUE(wait_for_exchanges(1));
  handlers_.last().send_switch("websocket");
  handlers_.last().send_body(std::string(1'000'000, 'x'));
  EXPECT_EQ(handlers_.last().blocked, 1);
  const TimePoint start = sessions_.net.loop.now();
  ASSERT_TRUE(run_until([&] { return sessions_.net.loop.now() - start > 50ms; }));
  EXPECT_FALSE(handlers_.last().gone);
}

TEST_F(TeleportV2FlowTest, DoesNotHoldABodyWhenMemoryIsShort) {
  handlers_.at_head = [](TestExchange& exchange) {
    if (exchange.target == "/slow") exchange.downstream->pause_request();
  };
  connect();
  sessions_.net.loop.pool().set_budget(0);
  NearStream& slow = near_->begin_post("/slow", "Content-Length: 4");
  slow.send("bo");
  ASSERT_TRUE(run_until([&] { return far_bytes() > 0; }));
  slow.send("dy").end();
  ASSERT_TRUE(run_until([&] { return slow.is_over(); }));
  EXPECT_EQ(slow.status(), 503);
  EXPECT_EQ(handlers_.last().gone->code, Code::kOverloaded);
  sessions_.net.loop.pool().set_budget(SIZE_MAX);
  expect_usable();
}

TEST_F(TeleportV2FlowTest, AnswersThatNobodyTakesAreBounded) {
  handlers_.at_end = [](TestExchange& exchange) { exchange.reply(std::string(1 << 20, 'x')); };
  connect();
  // Each may send its window, and the rest of it waits.
  std::vector<NearStream*> streams;
  for (int i = 0; i < 100; ++i) {
    streams.push_back(&near_->get("/"));
    streams.back()->is_reading = false;
    streams.back()->keeps_body = false;
  }
  ASSERT_TRUE(run_until([&] { return streams.back()->is_over(); }));
  EXPECT_EQ(streams.back()->status(), 429);
  EXPECT_LT(far_bytes(), size_t{128} << 20);
  for (NearStream* stream : streams)
    stream->read(true);
  ASSERT_TRUE(run_until([&] {
    return std::all_of(streams.begin(), streams.end(), [](NearStream* s) { return s->ended; });
  }));
  expect_usable();
}

TEST_F(TeleportV2FlowTest, ReadsSoMuchATurn) {
  answer_everything();
  NearV2& link = connect();
  // Many frames in few bytes; what has been read is read on in the next turn.
  std::string frames;
  for (uint32_t id = 1; id <= 8000; ++id)
    teleport::v2::append_frame(frames, teleport::v2::FrameType::kHeadEnd, id * 2,
                               "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  teleport::v2::BatchEncoder encoder({});
  BufferChain wire(link.pool());
  for (size_t at = 0; at < frames.size();) {
    teleport::v2::ByteReader reader(std::string_view(frames).substr(at));
    while (reader.left() > 0 && frames.size() - at - reader.left() < 60'000)
      teleport::v2::read_frame(reader);
    const size_t bytes = frames.size() - at - reader.left();
    encoder.encode(std::string_view(frames).substr(at, bytes), wire);
    at += bytes;
  }
  EXPECT_LT(wire.size(), 40'000u);
  link.peer().send(wire.to_string());
  metrics::LinkMetrics& counts = sessions_.net.metrics.link;
  const test::Deadline deadline = test::after();
  uint64_t before = counts.raw_received.value();
  const uint64_t all = before + frames.size();
  while (counts.raw_received.value() < all && test::Clock::now() < deadline) {
    link.peer().pump();
    sessions_.net.loop.run_once(1ms);
    // Twice: before the tasks of a turn and after them.
    EXPECT_LE(counts.raw_received.value() - before, 2 * (256 * 1024 + 60'100));
    before = counts.raw_received.value();
  }
  EXPECT_EQ(counts.raw_received.value(), all);
  EXPECT_EQ(counts.messages_received.value(), 8000u);
}

}  // namespace
}  // namespace httpteleport::proxy
