// Expect: RFC 9110 section 10.1.1.
#include "conformance/request_case.h"

namespace httpteleport::test {
namespace {

using namespace std::string_literals;

const Seen kHello{.method = "POST", .body = "hello"};
const std::string kContinue = "Expect: 100-continue\r\n";

RequestCase good(const std::string& name, const std::string& bytes, Seen seen = kHello) {
  return served(name, "9110 10.1.1", bytes, {std::move(seen)});
}
// Ignored, or answered with 417.
RequestCase other(const std::string& value, const std::string& body = "hello") {
  return served_or_declined("Expect:" + value, "9110 10.1.1",
                            sized_post(body, "Expect:" + value + "\r\n"),
                            {.method = "POST", .body = body}, {400, 417});
}

}  // namespace

RequestCases expect_cases() {
  return {
      good("Expect: 100-continue", sized_post("hello", kContinue)),
      good("Expect: 100-Continue", sized_post("hello", "expect: 100-CONTINUE\r\n")),
      good("Expect and a chunked body", chunked_post("5\r\nhello\r\n0\r\n\r\n", kContinue)),
      good("Expect and no body", get(kContinue), {}),
      good("Expect and a length of 0", sized_post("", kContinue), {.method = "POST"}),
      good("Expect and a body that is a request", sized_post(kSmuggled, kContinue),
           {.method = "POST", .body = kSmuggled}),
      served_or_declined(
          "Expect with GET and a body", "9110 10.1.1",
          "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n" + kContinue + "\r\nhello",
          {.body = "hello"}, {501}),
      served("Expect of an HTTP/1.0 client", "9110 10.1.1",
             "POST / HTTP/1.0\r\nHost: a\r\nContent-Length: 5\r\n" + kContinue + "\r\nhello",
             {kHello}, End::kClosed),
      served("Expect and a request behind the body", "9110 10.1.1",
             sized_post("hello", kContinue) + get("", "/2"), {kHello, {.target = "/2"}}),
      served("Expect without a body and a request behind it", "9110 10.1.1",
             get(kContinue) + get("", "/2"), {{}, {.target = "/2"}}),
      served("two requests with Expect", "9110 10.1.1",
             sized_post("hello", kContinue) + sized_post("hello", kContinue), {kHello, kHello}),
      refused("Expect and two framings", "9112 6.3",
              post(kContinue + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
                   "0\r\n\r\n" + kSmuggled)),
      refused("Expect and a bad length", "9110 8.6",
              post(kContinue + "Content-Length: +5\r\n", "hello")),
      refused("Expect and a bad chunk", "9112 7.1", chunked_post("x\r\n", kContinue)),
      refused("Expect with a control character", "9110 5.5",
              sized_post("hello", "Expect: 100-continue\x01\r\n")),
      refused("a blank before the colon of Expect", "9112 5.1",
              sized_post("hello", "Expect : 100-continue\r\n")),
      refused("Expect in a fold", "9112 5.2", sized_post("hello", "Expect:\r\n 100-continue\r\n")),
      other(" 200-ok"),
      other(" 100-continue, x"),
      other(" 100-continue;q=1"),
      other(" 100"),
      other(" y 100-continue"),
      other(" \"100-continue\""),
      other(" 100-continue\r\nExpect: 100-continue"),
      other(" 100-continue\r\nExpect: x"),
      other(""),
      other(" 200-ok\r\nX-Body: is a request", kSmuggled),
      unfinished("Expect and a body that does not come", "9110 10.1.1",
                 post(kContinue + "Content-Length: 5\r\n", "")),
  };
}

}  // namespace httpteleport::test
