// Answers that come at the wrong time or never end, in every arrangement.
#include <gtest/gtest.h>

#include <string>

#include "conformance/response_case.h"
#include "conformance/setups.h"

namespace httpteleport::test {
namespace {

using namespace std::chrono_literals;

const std::string kHello = hello_with("");

class ResponseTiming : public testing::TestWithParam<SetupKind> {
 protected:
  void SetUp() override { ASSERT_TRUE(setup_.started()); }

  void expect_good(RawClient& client) {
    const std::string target = "/good/" + std::to_string(++asked_);
    client.send("GET " + target + " HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_EQ(client.read_response().body, target) << client.transcript().substr(0, 1000);
  }
  void expect_good_elsewhere() {
    RawClient other = setup_.connect();
    expect_good(other);
  }
  // The process that talks to the origin.
  RunningHttptp& talker() { return has_link(GetParam()) ? setup_.far() : setup_.near(); }

  static Flags near_flags() {
    return {has_link(GetParam()) ? "-outTimeout=10s" : "-outTimeout=1s"};
  }

  PlayOrigin origin_;
  // The process that talks to the origin gives it a second.
  SetupUnderTest setup_{
      GetParam(), origin_.address().text(), {.near = near_flags(), .far = {"-outTimeout=1s"}}};
  int asked_ = 0;
};

INSTANTIATE_TEST_SUITE_P(Setups, ResponseTiming, testing::ValuesIn(kAllSetups), setup_test_name);

// RFC 9112 section 9.2: what nobody has asked for is no answer to anything.
TEST_P(ResponseTiming, DropsAConnectionOnWhichAnAnswerComesUnasked) {
  const std::string unasked[] = {"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", "\r\n", "x",
                                 "HTTP/1.1 103 Evil\r\n\r\n", "HTTP/1.1 408 Evil\r\n\r\n"};
  for (const std::string& bytes : unasked) {
    SCOPED_TRACE(bytes);
    const std::string target = origin_.add({.bytes = kHello, .behind_gate = bytes});
    RawClient client = setup_.connect();
    client.send("GET " + target + " HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_EQ(client.read_response().body, "hello");
    origin_.open_gate();
    EXPECT_TRUE(origin_.wait_for_ended(target)) << "its connection stays in use";
    origin_.close_gate();
    expect_good(client);
    expect_good_elsewhere();
  }
}

TEST_P(ResponseTiming, GivesPipelinedRequestsTheirOwnAnswers) {
  for (const ResponseCase& one : response_surplus()) {
    SCOPED_TRACE(one.name);
    const std::string target = origin_.add({.bytes = one.bytes});
    RawClient client = setup_.connect();
    client.send("GET " + target +
                " HTTP/1.1\r\nHost: a\r\n\r\nGET /good/1 HTTP/1.1\r\nHost: a\r\n" +
                "\r\nPOST /good/2 HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx");
    EXPECT_EQ(client.read_response().body, one.body);
    EXPECT_EQ(client.read_response().body, "/good/1");
    EXPECT_EQ(client.read_response().body, "/good/2");
    EXPECT_TRUE(client.is_quiet());
  }
}

// RFC 9112 section 9.3: the rest of such a request must not become one.
TEST_P(ResponseTiming, PassesAnswersThatComeBeforeTheEndOfTheRequest) {
  const std::string answers[] = {
      kHello, chunked("5\r\nhello\r\n0\r\n\r\n"), hello_with("Connection: close\r\n"),
      "HTTP/1.1 413 Too Large\r\nContent-Length: 5\r\n\r\nhello", "HTTP/1.1 200 OK\r\n\r\nhello"};
  const std::string body = "GET /evil HTTP/1.1\r\nHost: a\r\n\r\n" + std::string(400'000, 'x');
  for (const std::string& answer : answers) {
    for (const End end : {End::kKeep, End::kClose, End::kReset}) {
      for (const size_t first : {size_t{0}, size_t{1}, size_t{100'000}}) {
        if (end == End::kKeep && &answer == std::end(answers) - 1) continue;
        SCOPED_TRACE(answer + end_name(end) + std::to_string(first));
        const std::string target =
            origin_.add({.bytes = answer, .end = end, .body_bytes_first = first});
        RawClient client = setup_.connect();
        client.send("POST " + target + " HTTP/1.1\r\nHost: a\r\nContent-Length: " +
                    std::to_string(body.size()) + "\r\n\r\n");
        client.send(body);
        const Message message = client.read_response();
        // A reset may overtake the answer.
        const bool lost = end == End::kReset &&
                          (message.head.status == 502 || message.outcome != Outcome::kComplete);
        EXPECT_TRUE(lost || message.body == "hello") << message.error << client.transcript();
        // Whether the connection goes on is open; what is said on it is not.
        client.send("GET /good/0 HTTP/1.1\r\nHost: a\r\n\r\n");
        const Message next = client.read_response();
        EXPECT_TRUE(next.outcome == Outcome::kNothing || next.body == "/good/0") << next.error;
        expect_good_elsewhere();
        EXPECT_LE(origin_.seen(target).begun, 1u) << "a POST was repeated";
      }
    }
  }
  EXPECT_EQ(origin_.seen("/evil").begun, 0u);
}

// RFC 9112 section 3, 5: limits.
TEST_P(ResponseTiming, StopsReadingWhatNeverEnds) {
  const size_t endless = size_t{8} << 20;
  const std::pair<const char*, std::string> cases[] = {
      {"a line", "HTTP/1.1 200 OK\r\nX: " + std::string(kSanitized ? endless : 8 * endless, 'a')},
      {"a reason", "HTTP/1.1 200 " + std::string(endless, 'a')},
      {"a size", chunked(std::string(endless, '0'))},
      {"an extension", chunked("1;" + std::string(endless, 'a'))},
      {"a trailer", chunked("0\r\nX: " + std::string(endless, 'a'))},
  };
  for (const auto& [name, bytes] : cases) {
    SCOPED_TRACE(name);
    const int64_t before = talker()->expvar("outBytesRead").value_or(0);
    const std::string target = origin_.add({.bytes = bytes});
    RawClient client = setup_.connect();
    client.send("GET " + target + " HTTP/1.1\r\nHost: a\r\n\r\n");
    const Message answer = client.read_response();
    EXPECT_TRUE(answer.head.status == 502 ||
                (!has_link(GetParam()) &&
                 (answer.outcome == Outcome::kTruncated || answer.outcome == Outcome::kNothing)))
        << answer.outcome << " " << answer.error << answer.head.status;
    EXPECT_TRUE(origin_.wait_for_ended(target)) << "it is still read";
    EXPECT_LT(talker()->expvar("outBytesRead").value_or(0) - before, 2 << 20);
    expect_good_elsewhere();
  }
}

// The answer must come within -outTimeout; announcements are none.
TEST_P(ResponseTiming, EndsAnAnswerThatIsOnlyAnnounced) {
  std::string announcements;
  for (int i = 0; i < 100'000; ++i)
    announcements += "HTTP/1.1 103 Early Hints\r\n\r\n";
  const std::string target = origin_.add({.bytes = announcements, .end = End::kHang});
  RawClient client = setup_.connect();
  const Deadline began = Clock::now();
  client.send("GET " + target + " HTTP/1.1\r\nHost: a\r\n\r\n");
  const Message answer = client.read_final_response();
  EXPECT_EQ(answer.head.status, 504) << answer.error;
  EXPECT_GE(Clock::now() - began, 990ms);
  EXPECT_TRUE(origin_.wait_for_ended(target));
  expect_good(client);
}

}  // namespace
}  // namespace httpteleport::test
