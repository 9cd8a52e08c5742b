// Several requests on one connection: RFC 9112 section 9.3.2. Answers come in the order of the
// requests; behind a wrong one nothing is served.
#include "conformance/request_case.h"

namespace httpteleport::test {
namespace {

Seen at(const std::string& target) {
  return {.target = target};
}
Seen posted(const std::string& target, const std::string& body) {
  return {.method = "POST", .target = target, .body = body};
}
RequestCase in_order(const std::string& name, const std::string& bytes, std::vector<Seen> seen) {
  return served(name, "9112 9.3.2", bytes, std::move(seen));
}
RequestCase good_then_bad(const std::string& name, const std::string& bad,
                          const std::vector<int>& statuses = {400}) {
  return served_then_refused("good, then " + name, "9112 9.3.2", get("", "/1") + bad + kSmuggled,
                             {at("/1")}, statuses);
}

RequestCases good() {
  std::string twenty;
  std::vector<Seen> seen_twenty;
  for (int index = 0; index < 20; ++index) {
    const std::string target = "/" + std::to_string(index);
    const bool has_body = index % 3 == 1;
    twenty += has_body ? sized_post(target, "", target) : get("", target);
    seen_twenty.push_back(has_body ? posted(target, target) : at(target));
  }
  const std::string chunked = chunked_post("5\r\nhello\r\n0\r\n\r\n");
  return {
      in_order("two requests in a row", get("", "/1") + get("", "/2"), {at("/1"), at("/2")}),
      in_order("three requests in a row", get("", "/1") + get("", "/2") + get("", "/3"),
               {at("/1"), at("/2"), at("/3")}),
      in_order("twenty requests in a row", twenty, seen_twenty),
      in_order("POST and GET", sized_post("hello", "", "/1") + get("", "/2"),
               {posted("/1", "hello"), at("/2")}),
      in_order("GET and POST", get("", "/1") + sized_post("hello", "", "/2"),
               {at("/1"), posted("/2", "hello")}),
      in_order("POST and POST", sized_post("one", "", "/1") + sized_post("two", "", "/2"),
               {posted("/1", "one"), posted("/2", "two")}),
      in_order("chunked and GET", chunked + get("", "/2"), {posted("/", "hello"), at("/2")}),
      in_order("chunked and chunked", chunked + chunked,
               {posted("/", "hello"), posted("/", "hello")}),
      in_order("a length and chunked requests in a row",
               sized_post("one", "", "/1") + chunked + sized_post("two", "", "/3"),
               {posted("/1", "one"), posted("/", "hello"), posted("/3", "two")}),
      in_order("an empty line behind POST", sized_post("hello", "", "/1") + "\r\n" + get("", "/2"),
               {posted("/1", "hello"), at("/2")}),
      in_order("an empty line behind GET", get("", "/1") + "\r\n" + get("", "/2"),
               {at("/1"), at("/2")}),
      in_order("a POST whose body is a request, and a request",
               sized_post(kSmuggled, "", "/1") + get("", "/2"),
               {posted("/1", kSmuggled), at("/2")}),
      in_order("a large POST and GET",
               sized_post(std::string(60'000, 'p'), "", "/1") + get("", "/2"),
               {posted("/1", std::string(60'000, 'p')), at("/2")}),
      in_order("requests to other hosts in a row",
               "GET /1 HTTP/1.1\r\nHost: b\r\n\r\nGET /2 HTTP/1.1\r\nHost: c\r\n\r\n",
               {{.target = "/1", .host = "b"}, {.target = "/2", .host = "c"}}),
      in_order("fields do not stay for the next request", get("X-A: 1\r\n", "/1") + get("", "/2"),
               {{.target = "/1", .has = {{"X-A", "1"}}}, {.target = "/2", .lacks = {"X-A"}}}),
      in_order("Connection does not name fields of the next request",
               get("Connection: X-A\r\nX-A: 1\r\n", "/1") + get("X-A: 2\r\n", "/2"),
               {{.target = "/1", .lacks = {"X-A"}}, {.target = "/2", .has = {{"X-A", "2"}}}}),
      served("close ends the row", "9112 9.6",
             get("", "/1") + get("Connection: close\r\n", "/2") + kSmuggled, {at("/1"), at("/2")},
             End::kClosed),
      served("HTTP/1.0 ends the row", "9112 9.3",
             get("", "/1") + "GET /2 HTTP/1.0\r\nHost: a\r\n\r\n" + kSmuggled, {at("/1"), at("/2")},
             End::kClosed),
      unfinished("half a request behind a whole one", "9112 8",
                 get("", "/1") + "GET /2 HTTP/1.1\r\n", {at("/1")}),
      unfinished("half a body behind a whole request", "9112 8",
                 get("", "/1") + post("Content-Length: 500\r\n", kSmuggled), {at("/1")}),
  };
}

RequestCases bad() {
  return {
      good_then_bad("no request line", "nonsense\r\n\r\n"),
      good_then_bad("no Host", "GET / HTTP/1.1\r\n\r\n"),
      good_then_bad("a bad field", get("X A: b\r\n")),
      good_then_bad("a bad length", post("Content-Length: +5\r\n", "hello")),
      good_then_bad("two framings",
                    post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n")),
      good_then_bad("an unknown coding", post("Transfer-Encoding: gzip\r\n", "x"), {400, 501}),
      good_then_bad("a bad chunk", chunked_post("x\r\n")),
      good_then_bad("LF for line ends", "GET / HTTP/1.1\nHost: a\n\n"),
      good_then_bad("CONNECT", "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", {400, 405, 501}),
      good_then_bad("another version", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", {400, 505}),
      good_then_bad("a TLS hello", "\x16\x03\x01\x02\x01\x01\x01\xfc\r\n\r\n"),
      good_then_bad("a bad target", get("", "/#")),
      refused("bad, then good", "9112 9.3.2", "nonsense\r\n\r\n" + kSmuggled),
      refused("no Host, then good", "9112 3.2", "GET / HTTP/1.1\r\n\r\n" + kSmuggled),
      refused("a bad field, then good", "9112 5", get("X A: b\r\n") + kSmuggled),
      refused("a bad length, then good", "9110 8.6",
              post("Content-Length: 5x\r\n", "hello") + kSmuggled),
      refused("a bad chunk, then good", "9112 7.1", chunked_post("5;\n\r\nhello") + kSmuggled),
      served_then_refused("two good, then bad", "9112 9.3.2",
                          get("", "/1") + sized_post("x", "", "/2") + "bad\r\n\r\n" + kSmuggled,
                          {at("/1"), posted("/2", "x")}),
  };
}

}  // namespace

RequestCases pipelining_cases() {
  RequestCases cases = good();
  for (RequestCase& one : bad())
    cases.push_back(std::move(one));
  return cases;
}

}  // namespace httpteleport::test
