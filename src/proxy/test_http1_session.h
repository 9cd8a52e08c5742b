// What the tests of HTTP/1.1 sessions share: a session, and the client that the test plays.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "net/test_net.h"
#include "proxy/http1_session.h"
#include "proxy/test_sessions.h"
#include "support/http_message.h"

namespace httpteleport::proxy {

inline constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

struct Answer {
  int status = 0;  // 0: not complete
  test::MessageHead head{};
  std::string body{};
  bool chunked = false;
};

// Takes one complete answer off the front of what the client has received.
inline Answer take_answer(net::TestPeer& client, bool to_head = false) {
  test::MessageParser parser;
  parser.expect_response(to_head);
  Answer answer;
  size_t used = 0;
  while (!parser.done() && !parser.failed()) {
    const auto step = parser.step(std::string_view(client.received).substr(used));
    answer.body += step.body;
    used += step.consumed;
    if (step.consumed == 0) break;
  }
  if (!parser.done() && client.ended) parser.finish();
  EXPECT_EQ(parser.error(), "");
  if (!parser.done()) return {};
  client.received.erase(0, used);
  answer.status = parser.head().status;
  answer.head = parser.head();
  answer.chunked = parser.is_chunked();
  return answer;
}

class Http1SessionTest : public testing::Test {
 protected:
  net::TestPeer& connect(int buffer_bytes = 0) {
    return sessions_.connect<Http1Session>(buffer_bytes);
  }
  Answer wait_for_answer(net::TestPeer& client, bool to_head = false) {
    Answer answer;
    EXPECT_TRUE(sessions_.run_until([&] {
      answer = take_answer(client, to_head);
      return answer.status != 0;
    }));
    return answer;
  }
  bool wait_closed(net::TestPeer& client) {
    return sessions_.run_until([&] { return client.ended || client.broken; });
  }
  void answer_everything() {
    handlers_.at_end = [](TestExchange& exchange) { exchange.reply("to " + exchange.target); };
  }
  uint64_t failures(Code code) {
    return sessions_.net.metrics.failures[static_cast<size_t>(code)].value();
  }

  TestSessions sessions_;
  TestHandlers& handlers_ = sessions_.handlers;
  Http1SessionOptions& options_ = sessions_.http1_options;
};

}  // namespace httpteleport::proxy
