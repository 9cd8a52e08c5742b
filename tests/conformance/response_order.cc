// Answers before the answer, and what comes behind it.
#include <string>

#include "conformance/response_case.h"

namespace httpteleport::test {

namespace {

const std::string kHello = hello_with("");

ResponseCase behind(const char* name, const std::string& surplus) {
  return ResponseCase{"9.2", name, kHello + surplus, kGood, 200, "hello"}.and_surplus();
}

}  // namespace

std::vector<ResponseCase> response_interims() {
  return {
      ResponseCase{"9110-15.2", "100 unasked", "HTTP/1.1 100 Continue\r\n\r\n" + kHello}
          .behind_interims({100}),
      ResponseCase{"9110-15.2", "102", "HTTP/1.1 102 Processing\r\n\r\n" + kHello}.behind_interims(
          {102}),
      ResponseCase{"9110-15.2", "103 with fields",
                   "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n" + kHello}
          .behind_interims({103}),
      ResponseCase{"9110-15.2", "several",
                   "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 A\r\n\r\nHTTP/1.1 102 B\r\n\r\n"
                   "HTTP/1.1 103 C\r\n\r\n" +
                       kHello}
          .behind_interims({100, 103, 102, 103}),
      ResponseCase{"9110-15.2", "199", "HTTP/1.1 199 Odd\r\n\r\n" + kHello}.behind_interims({199}),
      ResponseCase{"6.3", "103 with a length has no body",
                   "HTTP/1.1 103 Early Hints\r\nContent-Length: 4\r\n\r\n" + kHello, kGood | kBad}
          .behind_interims({103}),
      ResponseCase{"6.1", "103 with a coding has no body",
                   "HTTP/1.1 103 Early Hints\r\nTransfer-Encoding: chunked\r\n\r\n" + kHello,
                   kGood | kBad}
          .behind_interims({103}),
      {"9110-15.2.2", "101 unasked",
       "HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: evil\r\n\r\nevil", kBad},
      ResponseCase{"9110-15.2.2", "101 behind a 100",
                   "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 101 Switching\r\nUpgrade: evil\r\n\r\n",
                   kBad}
          .behind_interims({100}),
      ResponseCase{"4", "nothing good behind a 103", "HTTP/1.1 103 A\r\n\r\nevil\r\n\r\n", kBad}
          .behind_interims({103}),
      {"8", "nothing behind a 103", "HTTP/1.1 103 A\r\n\r\n", kBad, 200, "", End::kClose, {103}},
      {"5", "a bad field in a 103", "HTTP/1.1 103 A\r\nX: a\rEvil: 1\r\n\r\n" + kHello, kBad},
      {"5.4", "a 103 of 8 KB",
       "HTTP/1.1 103 A\r\nLink: " + std::string(8000, 'a') + "\r\n\r\n" + kHello, kBad},
  };
}

std::vector<ResponseCase> response_surplus() {
  const std::string evil = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";
  return {
      behind("a second answer", evil),
      behind("two more answers", evil + evil),
      behind("a 103", "HTTP/1.1 103 evil\r\n\r\n"),
      behind("a byte", "\n"),
      behind("an empty line", "\r\n"),
      behind("more body than the length says", " and evil"),
      behind("an answer without a length", "HTTP/1.1 200 OK\r\n\r\nevil"),
      ResponseCase{"9.2", "a second answer behind chunks",
                   chunked("5\r\nhello\r\n0\r\n\r\n" + evil), kGood, 200, "hello"}
          .and_surplus(),
      ResponseCase{"9.2", "a second answer behind 204", "HTTP/1.1 204 No Content\r\n\r\n" + evil,
                   kGood, 204, ""}
          .and_surplus(),
      ResponseCase{"9.2", "a second answer behind 304", "HTTP/1.1 304 Not Modified\r\n\r\n" + evil,
                   kGood, 304, ""}
          .and_surplus(),
      ResponseCase{"9.2", "a second answer behind an empty one",
                   "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" + evil, kGood, 200, ""}
          .and_surplus(),
      ResponseCase{"9.6", "a second answer behind Connection: close",
                   hello_with("Connection: close\r\n") + evil, kGood, 200, "hello"}
          .and_surplus(),
      ResponseCase{
          "9.2", "a second answer behind HTTP/1.0",
          "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello" + evil,
          kGood, 200, "hello"}
          .and_surplus(),
  };
}

}  // namespace httpteleport::test
