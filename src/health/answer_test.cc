#include "health/answer.h"

#include <gtest/gtest.h>

namespace httpteleport::health {
namespace {

// What comes of `sent` in pieces of `piece` bytes, and then the end of the connection: "good", or
// why not.
std::string judge(const CheckOptions& options, std::string_view sent, size_t piece) {
  const std::unique_ptr<Answer> answer = make_answer(options);
  std::string waiting;
  for (size_t at = 0; at < sent.size(); at += piece) {
    waiting += sent.substr(at, piece);
    while (!waiting.empty()) {
      const Answer::Step step = answer->read(waiting);
      if (step.verdict) return step.verdict->reason.empty() ? "good" : step.verdict->reason;
      if (step.used == 0) break;
      waiting.erase(0, step.used);
    }
  }
  return answer->end().reason;
}

struct Case {
  CheckOptions options;
  std::string sent;
  std::string outcome;
};

void expect_outcomes(const std::vector<Case>& cases) {
  for (const Case& tested : cases) {
    for (const size_t piece : {size_t{1}, size_t{2}, size_t{7}, size_t{1000}})
      EXPECT_EQ(judge(tested.options, tested.sent, piece), tested.outcome)
          << tested.sent << " in pieces of " << piece;
  }
}

CheckOptions http(std::vector<int64_t> status = {}, std::string expect = "") {
  return {.type = CheckType::kHttp, .status = std::move(status), .expect = std::move(expect)};
}

CheckOptions exchange(std::string expect) {
  return {.type = CheckType::kExchange, .expect = std::move(expect)};
}

TEST(HttpAnswer, IsJudgedByItsStatus) {
  const auto answer = [](int status) {
    return "HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Length: 0\r\n\r\n";
  };
  expect_outcomes({
      {http(), answer(200), "good"},
      {http(), answer(399), "good"},
      {http(), "HTTP/1.0 204\r\n\r\n", "good"},
      {http(), answer(400), "answered 400, wanted 200-399"},
      {http(), answer(503), "answered 503, wanted 200-399"},
      {http({200, 404}), answer(404), "good"},
      {http({200, 404}), answer(204), "answered 204, wanted 200, 404"},
      {http({1, 2, 3, 4, 5, 6, 7, 8, 9}), answer(200),
       "answered 200, wanted 1, 2, 3, 4, 5, 6, 7, 8, ..."},
      {http(), "HTTP/1.1 100 Continue\r\n\r\n" + answer(200), "good"},
  });
}

TEST(HttpAnswer, IsJudgedByItsBodyInEveryFraming) {
  const std::string head = "HTTP/1.1 200 OK\r\n";
  expect_outcomes({
      {http({}, "all is well"), head + "Content-Length: 13\r\n\r\n[all is well]", "good"},
      {http({}, "all is well"), head + "\r\nso far all is well", "good"},
      {http({}, "all is well"),
       head + "Transfer-Encoding: chunked\r\n\r\n4\r\nall \r\n7\r\nis well\r\n0\r\n\r\n", "good"},
      {http({}, "4"), head + "Transfer-Encoding: chunked\r\n\r\n4\r\nwell\r\n0\r\n\r\n",
       "the answer lacks \"4\""},
      {http({}, "OK"), head + "Content-Length: 2\r\n\r\nKOOK", "the answer lacks \"OK\""},
      {http({}, "OK"), head + "Content-Length: 0\r\n\r\n", "the answer lacks \"OK\""},
      {http({}, "OK"), head + "\r\nO K", "the answer lacks \"OK\""},
      {http({}, "OK"), "HTTP/1.1 500 OK\r\nContent-Length: 2\r\n\r\nOK",
       "answered 500, wanted 200-399"},
  });
}

TEST(HttpAnswer, MustBeHttp) {
  expect_outcomes({{http(), "", "the connection ended before the answer did"},
                   {http(), "HTTP/1.1 200 OK\r\n", "the connection ended before the answer did"}});
  for (const char* sent : {"SSH-2.0-OpenSSH_9.2\r\n", "\r\n\r\n", "HTTP/2 200 OK\r\n\r\n"})
    EXPECT_EQ(judge(http(), sent, 1000).find("the answer is no good HTTP: "), 0u) << sent;
  EXPECT_EQ(judge(http({}, "x"), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 9)
                .find("the answer is no good HTTP: "),
            0u);
}

TEST(HttpAnswer, IsBoundedInEveryPart) {
  EXPECT_NE(judge(http(), "HTTP/1.1 200 OK\r\nA: " + std::string(16 * 1024, 'a'), 4096)
                .find("no good HTTP"),
            std::string::npos);
  std::string informational;
  for (int i = 0; i <= Answer::kInformationalMax; ++i)
    informational += "HTTP/1.1 100 Continue\r\n\r\n";
  EXPECT_EQ(judge(http(), informational, 10), "too many answers with a status of 1xx");
  const std::string filler(Answer::kSearchedBytesMax - 2, '.');
  const std::string head = "HTTP/1.1 200 OK\r\n\r\n";
  for (const size_t piece : {size_t{100}, size_t{1} << 20}) {
    EXPECT_EQ(judge(http({}, "OK"), head + filler + "OK", piece), "good");
    EXPECT_EQ(judge(http({}, "OK"), head + filler + ".OK", piece),
              "the first 64 KiB of the answer lack \"OK\"");
  }
}

TEST(ExchangeAnswer, MustHoldTheText) {
  expect_outcomes({{exchange("+PONG"), "+PONG\r\n", "good"},
                   {exchange("ONG"), "+PPPPONG", "good"},
                   {exchange(""), "?", "good"},
                   {exchange(""), "", "the connection ended without an answer"},
                   {exchange("+PONG"), "-ERR no\r\n", "the answer lacks \"+PONG\""},
                   {exchange("a\r\n\"b"), "a", "the answer lacks \"a\\r\\n\\\"b\""}});
  EXPECT_EQ(judge(exchange("x"), std::string(Answer::kSearchedBytesMax, 'o'), 4096),
            "the first 64 KiB of the answer lack \"x\"");
}

TEST(Question, IsWhatTheTypeSays) {
  EXPECT_EQ(make_question({.type = CheckType::kTcp}, "h"), "");
  EXPECT_EQ(make_question({.type = CheckType::kExchange, .send = "PING\r\n"}, "h"), "PING\r\n");
  EXPECT_EQ(make_question({.type = CheckType::kHttps, .path = "/up?full=1"}, "web:8443"),
            "GET /up?full=1 HTTP/1.1\r\nHost: web:8443\r\nUser-Agent: httpteleport-check\r\n"
            "Accept: */*\r\nConnection: close\r\n\r\n");
}

}  // namespace
}  // namespace httpteleport::health
