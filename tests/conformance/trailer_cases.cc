// Trailer sections of chunked requests: RFC 9112 section 7.1.2, RFC 9110 section 6.5.
#include "conformance/request_case.h"

namespace httpteleport::test {
namespace {

using namespace std::string_literals;

std::string with_trailers(const std::string& lines) {
  return chunked_post("5\r\nhello\r\n0\r\n" + lines + "\r\n");
}
RequestCase good(const std::string& name, const std::string& lines,
                 const std::vector<std::string>& lacks = {}) {
  return served("trailer: " + name, "9110 6.5", with_trailers(lines),
                {{.method = "POST", .body = "hello", .lacks = lacks}});
}
// Not to be believed: dropped, or refused.
RequestCase forbidden(const std::string& name, const std::string& lines,
                      const std::vector<std::string>& lacks) {
  return served_or_refused("trailer: " + name, "9110 6.5.1", with_trailers(lines),
                           {.method = "POST", .body = "hello", .lacks = lacks});
}
RequestCase bad(const std::string& name, const std::string& lines) {
  return refused("trailer: " + name, "9112 7.1.2", with_trailers(lines));
}

}  // namespace

RequestCases trailer_cases() {
  return {
      good("one field", "X-Sum: 1\r\n"),
      good("two fields", "X-Sum: 1\r\nX-More: 2\r\n"),
      good("an empty value", "X-Sum:\r\n"),
      forbidden("Content-Length", "Content-Length: 6\r\n", {}),
      forbidden("Transfer-Encoding", "Transfer-Encoding: chunked\r\n", {}),
      forbidden("Host", "Host: b\r\n", {}),
      forbidden("Connection", "Connection: close\r\n", {"Connection"}),
      forbidden("Upgrade", "Connection: upgrade\r\nUpgrade: websocket\r\n", {"Upgrade"}),
      forbidden("Expect", "Expect: 100-continue\r\n", {"Expect"}),
      forbidden("X-Forwarded-For", "X-Forwarded-For: 6.6.6.6\r\n", {}),
      forbidden("TE", "TE: trailers\r\n", {"TE"}),
      forbidden("Trailer", "Trailer: X-Sum\r\n", {"Trailer"}),
      forbidden("Keep-Alive", "Keep-Alive: timeout=5\r\n", {"Keep-Alive"}),
      forbidden("Proxy-Authorization", "Proxy-Authorization: x\r\n", {"Proxy-Authorization"}),
      bad("a line without a colon", "nothing\r\n"),
      bad("a blank before the colon", "X-Sum : 1\r\n"),
      bad("an empty name", ": 1\r\n"),
      bad("a blank before the name", " X-Sum: 1\r\n"),
      bad("a fold", "X-Sum: 1\r\n 2\r\n"),
      bad("LF ends a field", "X-Sum: 1\n"),
      bad("LF in a value", "X-Sum: 1\nX-More: 2\r\n"),
      bad("CR in a value", "X-Sum: 1\r2\r\n"),
      bad("NUL in a value", "X-Sum: 1\0\r\n"s),
      bad("a name with NUL", "X\0Sum: 1\r\n"s),
      bad("a name above ASCII", "X\xe4: 1\r\n"),
      bad("a request line", "GET /smuggled HTTP/1.1\r\nHost: a\r\n"),
      bad("a chunk", "5\r\nhello\r\n0\r\n"),
      served("a field that Trailer announces", "9110 6.6.2",
             chunked_post("5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n", "Trailer: X-Sum\r\n"),
             {{.method = "POST", .body = "hello", .lacks = {"Trailer"}}}),
      served("a request behind trailers", "9112 9.3.2",
             with_trailers("X-Sum: 1\r\n") + get("", "/2"),
             {{.method = "POST", .body = "hello"}, {.target = "/2"}}),
      refused("trailers of 20,000 bytes", "9112 7.1.2",
              with_trailers("X-Sum: " + std::string(20'000, '1') + "\r\n"), {400, 413, 431}),
      unfinished("trailers without their end", "9112 8",
                 chunked_post("5\r\nhello\r\n0\r\nX-Sum: 1\r\n")),
  };
}

}  // namespace httpteleport::test
