// Answers whose bodies come through a pipe of the session's.
#include <unistd.h>

#include <csignal>

#include "proxy/test_http1_session.h"

namespace httpteleport::proxy {
namespace {

using namespace std::chrono_literals;

class PipedAnswerTest : public Http1SessionTest {
 protected:
  PipedAnswerTest() { sessions_.context.pipes = &pipes_; }

  TestExchange& begin(net::TestPeer& client, http::BodyLength length,
                      std::string_view request = kGet) {
    client.send(request);
    EXPECT_TRUE(sessions_.wait_for_exchanges(1));
    EXPECT_TRUE(sessions_.run_until([&] { return handlers_.last().ended; }));
    handlers_.last().send_head(200, length);
    return handlers_.last();
  }
  // False when there is no pipe for it.
  [[nodiscard]] static bool put(TestExchange& exchange, const std::string& bytes) {
    const int pipe = exchange.downstream->response_pipe();
    if (pipe < 0) return false;
    const ssize_t put = write(pipe, bytes.data(), bytes.size());
    EXPECT_EQ(put, static_cast<ssize_t>(bytes.size()));
    exchange.downstream->send_response_piped(bytes.size());
    return true;
  }
  // A client that reads nothing, and an answer of which a part is in the pipe.
  TestExchange& fill_pipe(net::TestPeer& client) {
    client.reading = false;
    TestExchange& exchange = begin(client, http::BodyLength::known(100 * kPart.size()));
    while (exchange.blocked == 0)
      EXPECT_TRUE(put(exchange, kPart));
    EXPECT_EQ(pipes_.out(), 1u);
    return exchange;
  }

  const std::string kPart = std::string(200'000, 'x') + std::string(100'000, 'y');
  const sighandler_t old_handler_ = std::signal(SIGPIPE, SIG_IGN);
  net::PipePool pipes_;
};

TEST_F(PipedAnswerTest, StandsBehindTheHeadAndBeforeWhatIsSentLater) {
  net::TestPeer& client = connect();
  TestExchange& exchange = begin(client, http::BodyLength::known(9 + kPart.size()));
  exchange.send_body("abc");
  ASSERT_TRUE(put(exchange, kPart));
  ASSERT_TRUE(put(exchange, "def"));
  exchange.send_body("ghi");
  exchange.end();
  const Answer answer = wait_for_answer(client);
  EXPECT_TRUE(answer.body == "abc" + kPart + "defghi");
  EXPECT_EQ(pipes_.out(), 0u);
  EXPECT_EQ(exchange.blocked, exchange.unblocked);
}

TEST_F(PipedAnswerTest, AnEmptyPipeIsGivenBack) {
  TestExchange& exchange = begin(connect(), http::BodyLength::known(10));
  ASSERT_TRUE(put(exchange, ""));
  EXPECT_EQ(pipes_.out(), 0u);
}

TEST_F(PipedAnswerTest, ThereIsNoPipeForAChunkedAnswer) {
  EXPECT_FALSE(put(begin(connect(), http::BodyLength::unknown()), ""));
}

TEST_F(PipedAnswerTest, ThereIsOneForAnAnswerThatEndsWithTheConnection) {
  net::TestPeer& client = connect();
  TestExchange& exchange =
      begin(client, http::BodyLength::unknown(), "GET / HTTP/1.0\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(put(exchange, kPart));
  exchange.end();
  ASSERT_TRUE(wait_closed(client));
  EXPECT_TRUE(client.ended);
  EXPECT_TRUE(client.received.ends_with("\r\n\r\n" + kPart));
}

TEST_F(PipedAnswerTest, ThereIsNoneForAnAnswerToHead) {
  EXPECT_FALSE(
      put(begin(connect(), http::BodyLength::known(10), "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n"), ""));
}

TEST_F(PipedAnswerTest, ThereIsNoneWithoutAPool) {
  sessions_.context.pipes = nullptr;
  EXPECT_FALSE(put(begin(connect(), http::BodyLength::known(10)), ""));
}

TEST_F(PipedAnswerTest, ASlowClientHoldsItUp) {
  net::TestPeer& client = connect(4096);
  TestExchange& exchange = fill_pipe(client);
  EXPECT_EQ(exchange.unblocked, 0);
  client.reading = true;
  ASSERT_TRUE(sessions_.run_until([&] { return exchange.unblocked == 1; }));
  EXPECT_EQ(pipes_.out(), 0u);
}

// What was copied goes first, so a pipe is there when that has gone.
TEST_F(PipedAnswerTest, WaitsForWhatIsUnsent) {
  net::TestPeer& client = connect(4096);
  client.reading = false;
  TestExchange& exchange = begin(client, http::BodyLength::known(10 * kPart.size()));
  exchange.send_body(kPart.substr(0, 200'000));
  EXPECT_EQ(exchange.blocked, 0);
  EXPECT_FALSE(put(exchange, ""));
  EXPECT_EQ(exchange.blocked, 1);
  client.reading = true;
  ASSERT_TRUE(sessions_.run_until([&] { return exchange.unblocked == 1; }));
  EXPECT_TRUE(put(exchange, "abc"));
}

TEST_F(PipedAnswerTest, AnAnswerThatBreaksOffGivesThePipeBack) {
  net::TestPeer& client = connect(4096);
  TestExchange& exchange = fill_pipe(client);
  exchange.reset({Code::kTruncated, Source::kUpstream, 0, "test"});
  EXPECT_EQ(pipes_.out(), 0u);
  client.reading = true;
  ASSERT_TRUE(wait_closed(client));
  EXPECT_TRUE(sessions_.wait_session_gone());
}

TEST_F(PipedAnswerTest, AClientThatLeavesGivesThePipeBack) {
  net::TestPeer& client = connect(4096);
  TestExchange& exchange = fill_pipe(client);
  client.reset();
  ASSERT_TRUE(sessions_.wait_session_gone());
  EXPECT_TRUE(exchange.gone);
  EXPECT_EQ(pipes_.out(), 0u);
}

TEST_F(PipedAnswerTest, AClientThatTakesNothingIsLeft) {
  options_.write_idle_timeout = 50ms;
  net::TestPeer& client = connect(4096);
  TestExchange& exchange = fill_pipe(client);
  ASSERT_TRUE(sessions_.wait_session_gone());
  ASSERT_TRUE(exchange.gone);
  EXPECT_EQ(exchange.gone->code, Code::kTimeout);
  EXPECT_EQ(pipes_.out(), 0u);
}

}  // namespace
}  // namespace httpteleport::proxy
