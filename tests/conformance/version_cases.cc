// Versions other than HTTP/1.1: RFC 9110 sections 2.5 and 6.2, RFC 9112 section 2.3.
#include "conformance/request_case.h"

namespace httpteleport::test {
namespace {

std::string with_version(const std::string& version) {
  return "GET / " + version + "\r\nHost: a\r\n\r\n";
}
std::string old(const std::string& fields, const std::string& target = "/") {
  return "GET " + target + " HTTP/1.0\r\n" + fields + "\r\n";
}
RequestCase no_version(const std::string& version) {
  return refused("the version " + version, "9112 2.3", with_version(version), {400, 505});
}

RequestCases others() {
  RequestCases cases = {
      served("HTTP/1.2", "9110 2.5", with_version("HTTP/1.2")),
      served("HTTP/1.9", "9110 2.5", with_version("HTTP/1.9")),
      refused("HTTP/0.9 without a version", "9112 2.3", "GET /\r\n\r\n"),
      refused("HTTP/0.9 with fields", "9112 2.3", "GET /\r\nHost: a\r\n\r\n"),
      refused("HTTP/0.9 with a blank at the end", "9112 2.3", "GET / \r\nHost: a\r\n\r\n"),
      refused("the preface of HTTP/2", "9113 3.4", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {400, 505}),
      refused("HTTP/2 with a request behind its preface", "9113 3.4",
              "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + kSmuggled, {400, 505}),
      refused("HTTP/1.2 without Host", "9112 3.2", "GET / HTTP/1.2\r\n\r\n"),
  };
  for (const char* version :
       {"HTTP/2.0",  "HTTP/2",    "HTTP/3.7",  "HTTP/0.9",  "HTTP/9.9",   "HTTP/1",
        "HTTP/1.",   "HTTP/.1",   "HTTP/1.10", "HTTP/1.1x", "HTTP/01.1",  "HTTP/1.01",
        "HTTP/11.1", "HTTP/1,1",  "HTTP/1_1",  "HTTP/-1.1", "HTTP/+1.1",  "HTTP/1.-1",
        "http/1.1",  "Http/1.1",  "HTTPS/1.1", "HTTP1.1",   "HTTP//1.1",  "HTTP /1.1",
        "HTTP/ 1.1", "HTTP/1. 1", "ICY/1.1",   "xHTTP/1.1", "HTTP/1.\xb9"})
    cases.push_back(no_version(version));
  return cases;
}

RequestCases of_1_0() {
  const std::string keep_alive = "Connection: keep-alive\r\n";
  const Seen anywhere{.host = ""};
  return {
      served("HTTP/1.0", "9112 9.3", old("Host: a\r\n"), {{}}, End::kClosed),
      served("HTTP/1.0 without Host", "9112 3.2", old(""), {anywhere}, End::kClosed),
      served("HTTP/1.0 with keep-alive", "9112 9.3", old("Host: a\r\n" + keep_alive)),
      served("HTTP/1.0 with keep-alive and close", "9112 9.3",
             old("Host: a\r\nConnection: keep-alive, close\r\n"), {{}}, End::kClosed),
      served("HTTP/1.0 with absolute form and no Host", "9112 3.2.2", old("", "http://b/x"),
             {{.target = "/x", .host = "b"}}, End::kClosed),
      served("HTTP/1.0 with absolute form and another Host", "9112 3.2.2",
             old("Host: a\r\n", "http://b/x"), {{.target = "/x", .host = "b"}}, End::kClosed),
      served("HTTP/1.0 with an empty Host", "9112 3.2", old("Host:\r\n"), {anywhere}, End::kClosed),
      refused("HTTP/1.0 with two Host fields", "9112 3.2", old("Host: a\r\nHost: b\r\n")),
      refused("HTTP/1.0 with a bad Host", "9112 3.2", old("Host: a/b\r\n")),
      served("HTTP/1.0 with a length", "9112 6.3",
             "POST / HTTP/1.0\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
             {{.method = "POST", .body = "hello"}}, End::kClosed),
      served_or_refused("HTTP/1.0 with a body and no length", "1945 7.2.2",
                        "POST / HTTP/1.0\r\nHost: a\r\n\r\nhello", {.method = "POST"}, {400, 411},
                        End::kClosed),
      refused("HTTP/1.0 with chunked", "9112 6.1",
              "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
      refused("HTTP/1.0 with chunked and keep-alive", "9112 6.1",
              "POST / HTTP/1.0\r\nHost: a\r\n" + keep_alive +
                  "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + kSmuggled),
      refused("HTTP/1.0 with chunked and a length", "9112 6.1",
              "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
              "Content-Length: 5\r\n\r\n0\r\n\r\n"),
      served("HTTP/1.0 and a request behind it", "9112 9.3", old("Host: a\r\n") + kSmuggled, {{}},
             End::kClosed),
      served("HTTP/1.0 with keep-alive, twice in a row", "9112 9.3",
             old("Host: a\r\n" + keep_alive, "/1") + old("Host: a\r\n" + keep_alive, "/2"),
             {{.target = "/1"}, {.target = "/2"}}),
      served("HTTP/1.0 with TE: chunked", "9110 7.6.1", old("Host: a\r\nTE: chunked\r\n"), {{}},
             End::kClosed),
  };
}

}  // namespace

RequestCases version_cases() {
  RequestCases cases = others();
  for (RequestCase& one : of_1_0())
    cases.push_back(std::move(one));
  return cases;
}

}  // namespace httpteleport::test
