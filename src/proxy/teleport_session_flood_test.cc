// A few bytes of a link that hold many messages.
#include <gtest/gtest.h>

#include <string>

#include "compress/stream.h"
#include "proxy/link_acceptor.h"
#include "proxy/test_sessions.h"
#include "support/independent_codecs.h"
#include "teleport/v0/frame_reader.h"

namespace httpteleport::proxy {
namespace {

using teleport::v0::FrameReader;

// A request without Host is answered at once, and costs as much as any other until the answer is
// sent.
const std::string kRefused = test::link_frame(7, "GET / HTTP/1.1\r\nA: a\r\n\r\n");

std::string flate_of(const std::string& text, size_t times) {
  const auto encoder = compress::make_encoder({.method = compress::Method::kFlate, .level = 9});
  std::string plain;
  for (size_t i = 0; i < times; ++i)
    plain += text;
  BlockPool pool;
  BufferChain wire(pool);
  encoder->encode(plain, wire);
  encoder->flush(wire);
  return wire.to_string();
}

class TeleportSessionFlood : public testing::Test {
 protected:
  TeleportSessionFlood() {
    sessions_.teleport_options.compression.method = compress::Method::kNone;
    sessions_.handlers.at_head = [](TestExchange& exchange) { exchange.reply({}); };
  }
  net::TestPeer& connect() {
    net::TestPeer& near = sessions_.connect<LinkAcceptor>(16 * 1024);
    near.send(link_handshake(test::LinkCoding::kFlate));
    EXPECT_TRUE(
        sessions_.run_until([&] { return near.received.size() >= test::kLinkHandshakeBytes; }));
    return near;
  }
  uint64_t plain_bytes() { return sessions_.net.metrics.link.raw_received.value(); }

  TestSessions sessions_;
};

TEST_F(TeleportSessionFlood, CostsAStepATurn) {
  net::TestPeer& near = connect();
  near.send(flate_of(kRefused, 50'000));
  // Before and after the tasks of a turn.
  constexpr uint64_t kTurnBytesMax = 2 * (FrameReader::kPlainBytesPerStep + 64 * 1024);
  const uint64_t all = 50'000 * kRefused.size();
  static_assert(kTurnBytesMax < 50'000 * 20, "it takes turns");
  const test::Deadline deadline = test::after();
  for (uint64_t before = 0; before < all && test::Clock::now() < deadline;) {
    near.pump();
    sessions_.net.loop.run_once(std::chrono::milliseconds(1));
    EXPECT_LE(plain_bytes() - before, kTurnBytesMax);
    before = plain_bytes();
  }
  EXPECT_EQ(plain_bytes(), all);
}

TEST_F(TeleportSessionFlood, IsNotReadFurtherWhileItsAnswersAreNotTaken) {
  net::TestPeer& near = connect();
  near.reading = false;
  near.send(flate_of(kRefused, 1'000'000));
  uint64_t seen = 1;
  const bool stopped = sessions_.run_until([&] {
    sessions_.net.settle();
    return std::exchange(seen, plain_bytes()) == plain_bytes();
  });
  EXPECT_TRUE(stopped);
  EXPECT_LT(plain_bytes(), 1'000'000 * kRefused.size() / 2);
  EXPECT_LT(sessions_.net.loop.pool().bytes_in_use(), size_t{128} << 20);
}

TEST_F(TeleportSessionFlood, IsAnsweredWhole) {
  constexpr size_t kCount = 100'000;  // more than are queued at a time
  net::TestPeer& near = connect();
  near.send(flate_of(kRefused, kCount));
  near.finish();
  ASSERT_TRUE(sessions_.wait_session_gone());
  EXPECT_EQ(sessions_.net.metrics.responses[4].value(), kCount);
  EXPECT_EQ(sessions_.net.loop.pool().bytes_in_use(), 0u);
}

}  // namespace
}  // namespace httpteleport::proxy
