// Upgrade: RFC 9110 section 7.8. The origin of these cases does not switch unless the target is
// /switch; a link refuses what could be switched with 501.
#include "conformance/request_case.h"

namespace httpteleport::test {
namespace {

std::string offer(const std::string& fields, const std::string& target = "/") {
  return get("Connection: upgrade\r\n" + fields, target);
}
// Served as if nothing had been offered.
RequestCase not_an_offer(const std::string& name, const std::string& bytes, Seen seen = {},
                         End end = End::kOpen) {
  seen.lacks = {"Upgrade", "Connection", "HTTP2-Settings"};
  return served(name, "9110 7.8", bytes, {std::move(seen)}, end);
}
// An offer that the origin does not take, or that a link refuses.
RequestCase offered(const std::string& name, const std::string& bytes,
                    const std::string& protocols) {
  RequestCase result = declined(name, "9110 7.8", bytes, {501});
  result.allowed.push_back(
      {{200}, {{.has = {{"Connection", "upgrade"}, {"Upgrade", protocols}}}}, End::kAny});
  return result;
}

}  // namespace

RequestCases upgrade_cases() {
  const std::string h2_settings = "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n";
  RequestCases cases = {
      offered("an offer", offer("Upgrade: websocket\r\n"), "websocket"),
      offered("an offer of two", offer("Upgrade: websocket, chess/2\r\n"), "websocket,chess/2"),
      offered("an offer in other letters", get("cONNECTION: Keep-Alive, UPGRADE\r\nUpgrade: X\r\n"),
              "X"),
      not_an_offer("an offer of h2c",
                   get("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n" + h2_settings)),
      not_an_offer(
          "an offer of h2c at /switch",
          get("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n" + h2_settings, "/switch"),
          {.target = "/switch"}),
      not_an_offer("an offer of H2C", offer("Upgrade: H2C\r\n", "/switch"), {.target = "/switch"}),
      not_an_offer("an offer of h2", offer("Upgrade: h2\r\n", "/switch"), {.target = "/switch"}),
      not_an_offer("an offer of h2c behind another", offer("Upgrade: websocket, h2c\r\n")),
      not_an_offer("an offer of h2c before another", offer("Upgrade: h2c,websocket\r\n")),
      not_an_offer("an offer of HTTP/2.0", offer("Upgrade: HTTP/2.0\r\n")),
      not_an_offer("an offer of TLS", offer("Upgrade: TLS/1.0\r\n")),
      not_an_offer("an offer in two fields", offer("Upgrade: websocket\r\nUpgrade: h2c\r\n")),
      not_an_offer("an offer without Connection", get("Upgrade: websocket\r\n", "/switch"),
                   {.target = "/switch"}),
      not_an_offer("Connection without an offer", get("Connection: upgrade\r\n")),
      not_an_offer("an empty offer", offer("Upgrade:\r\n")),
      not_an_offer("an offer of two words", offer("Upgrade: web socket\r\n")),
      not_an_offer("an offer in quotes", offer("Upgrade: \"websocket\"\r\n")),
      not_an_offer("an offer with two slashes", offer("Upgrade: a/b/c\r\n")),
      not_an_offer(
          "an offer with HEAD",
          "HEAD / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
          {.method = "HEAD"}),
      not_an_offer("an offer with HTTP/1.0",
                   "GET / HTTP/1.0\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
                   {}, End::kClosed),
      not_an_offer("an offer with a body",
                   sized_post("hello", "Connection: upgrade\r\nUpgrade: websocket\r\n", "/switch"),
                   {.method = "POST", .target = "/switch", .body = "hello"}),
      not_an_offer(
          "an offer with a chunked body",
          chunked_post("5\r\nhello\r\n0\r\n\r\n", "Connection: upgrade\r\nUpgrade: websocket\r\n"),
          {.method = "POST", .body = "hello"}),
      refused("an offer with NUL", "9110 5.5", offer(std::string("Upgrade: a\0\r\n", 13))),
      refused("an offer and two framings", "9112 6.3",
              post("Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 5\r\n"
                   "Transfer-Encoding: chunked\r\n",
                   "0\r\n\r\n")),
  };
  // Nobody knows in which protocol the bytes behind an offer are, unless they come behind its
  // answer.
  RequestCase followed = offered("an offer and a request behind it",
                                 offer("Upgrade: websocket\r\n") + kSmuggled, "websocket");
  const Seen behind{.target = "/smuggled"};
  for (Allowed& allowed : followed.allowed)
    allowed.end = End::kClosed;
  const Seen first = followed.allowed.back().seen.front();
  followed.allowed.push_back({{200, 200}, {first, behind}, End::kOpen});
  cases.push_back(std::move(followed));
  return cases;
}

}  // namespace httpteleport::test
