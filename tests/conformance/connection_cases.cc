// Connection and the fields of one hop: RFC 9110 section 7.6.1, RFC 9112 section 9.
#include "conformance/request_case.h"

namespace httpteleport::test {
namespace {

using namespace std::string_literals;

const Seen kHello{.method = "POST", .body = "hello"};

std::string with(const std::string& value, const std::string& fields = "") {
  return get("Connection:" + value + "\r\n" + fields);
}
RequestCase closing(const std::string& name, const std::string& fields) {
  return served(name, "9112 9.6", get(fields), {{.lacks = {"Connection"}}}, End::kClosed);
}
RequestCase open(const std::string& name, const std::string& fields, Seen seen = {}) {
  return served(name, "9112 9.3", get(fields), {std::move(seen)});
}
// A field that the proxy or the origin needs, whatever the client says of it.
RequestCase kept(const std::string& name, const std::string& fields, const std::string& field,
                 const std::string& value) {
  return served("Connection names " + name, "9110 7.6.1",
                get("Connection: " + name + "\r\n" + fields), {{.has = {{field, value}}}});
}
RequestCase removed(const std::string& name, const std::string& option = "") {
  return served("Connection names " + name + (option.empty() ? "" : " as " + option), "9110 7.6.1",
                get("Connection: " + (option.empty() ? name : option) + "\r\n" + name +
                    ": x\r\nX-Other: y\r\n"),
                {{.has = {{"X-Other", "y"}}, .lacks = {name}}});
}

RequestCases persistence() {
  return {
      closing("Connection: close", "Connection: close\r\n"),
      closing("Connection: CLOSE", "Connection: CLOSE\r\n"),
      closing("close among others", "Connection: x-a, close, x-b\r\n"),
      closing("close and keep-alive", "Connection: close, keep-alive\r\n"),
      closing("keep-alive and close", "Connection: keep-alive, close\r\n"),
      closing("close in a second Connection", "Connection: keep-alive\r\nConnection: close\r\n"),
      closing("close between empty elements", "Connection: ,,close,,\r\n"),
      closing("close between tabs", "Connection:\tclose\t\r\n"),
      closing("Connection in other letters", "cONNECTION: close\r\n"),
      open("Connection: keep-alive", "Connection: keep-alive\r\n"),
      open("an empty Connection", "Connection:\r\n"),
      open("Connection of commas", "Connection: , ,,\r\n"),
      open("Connection of an unknown option", "Connection: x-a\r\n"),
      open("an option that begins like close", "Connection: closed\r\n"),
      open("close in quotes", "Connection: \"close\"\r\n"),
      open("Proxy-Connection: close", "Proxy-Connection: close\r\n",
           {.lacks = {"Proxy-Connection", "Connection"}}),
      open("Keep-Alive", "Keep-Alive: timeout=5, max=100\r\n", {.lacks = {"Keep-Alive"}}),
      open("X-Connection: close", "X-Connection: close\r\n", {.has = {{"X-Connection", "close"}}}),
      served("close and a request behind it", "9112 9.6", with(" close") + kSmuggled, {{}},
             End::kClosed),
      served("close and junk behind it", "9112 9.6", with(" close") + "\x16\x03\x01", {{}},
             End::kClosed),
      served("close and a body", "9112 9.6", sized_post("hello", "Connection: close\r\n"), {kHello},
             End::kClosed),
      served("close and a body longer than its length", "9112 9.6",
             post("Connection: close\r\nContent-Length: 5\r\n", "hello" + kSmuggled), {kHello},
             End::kClosed),
      served("close and a chunked body", "9112 9.6",
             chunked_post("5\r\nhello\r\n0\r\n\r\n", "Connection: close\r\n"), {kHello},
             End::kClosed),
  };
}

RequestCases named() {
  return {
      removed("X-A"),
      removed("X-A", "x-a"),
      removed("X-A", "x-b,X-A ,keep-alive"),
      removed("Cookie"),
      removed("Authorization"),
      removed("Accept"),
      removed("Range"),
      removed("X-Real-IP"),
      removed("TE"),
      removed("Keep-Alive"),
      removed("HTTP2-Settings"),
      served("Connection names two fields in two lines", "9110 7.6.1",
             get("Connection: X-A\r\nX-A: 1\r\nX-B: 2\r\nConnection: X-B\r\n"),
             {{.lacks = {"X-A", "X-B"}}}),
      served("Connection names a field that comes twice", "9110 7.6.1",
             with(" X-A", "X-A: 1\r\nX-A: 2\r\n"), {{.lacks = {"X-A"}}}),
      served("Connection names a field that came before it", "9110 7.6.1",
             get("X-A: 1\r\nConnection: X-A\r\n"), {{.lacks = {"X-A"}}}),
      served("Connection names itself", "9110 7.6.1", with(" Connection"),
             {{.lacks = {"Connection"}}}),
      served("Connection names Host", "9110 7.6.1", with(" Host")),
      served("Connection names host, close and all", "9110 7.6.1",
             with(" host, close, content-length, x-client-ip"),
             {{.has = {{"X-Client-IP", "127.0.0.1"}}}}, End::kClosed),
      kept("X-Forwarded-For", "X-Forwarded-For: 6.6.6.6\r\n", "X-Forwarded-For",
           "6.6.6.6, 127.0.0.1"),
      kept("x-forwarded-for", "", "X-Forwarded-For", "127.0.0.1"),
      kept("X-Client-IP", "X-Client-IP: 6.6.6.6\r\n", "X-Client-IP", "127.0.0.1"),
      kept("X-Forwarded-Host", "", "X-Forwarded-Host", "a"),
      kept("Forwarded", "Forwarded: for=6.6.6.6\r\n", "Forwarded", "for=6.6.6.6"),
      kept("Via", "Via: 1.1 b\r\n", "Via", "1.1 b"),
      served("Connection names Content-Length", "9110 7.6.1",
             sized_post("hello", "Connection: Content-Length\r\n"), {kHello}),
      served("Connection names Content-Length and the body is a request", "9110 7.6.1",
             sized_post(kSmuggled, "Connection: content-length\r\n"),
             {{.method = "POST", .body = kSmuggled}}),
      served("Connection names Transfer-Encoding", "9110 7.6.1",
             chunked_post("5\r\nhello\r\n0\r\n\r\n", "Connection: Transfer-Encoding\r\n"),
             {kHello}),
      served("Connection names Expect", "9110 7.6.1",
             sized_post("hello", "Connection: Expect\r\nExpect: 100-continue\r\n"), {kHello}),
      refused("Connection with NUL", "9110 5.5", with(" close\0"s)),
      refused("Connection with CR", "9110 5.5", with(" close\rX")),
      refused("a folded Connection", "9112 5.2", with("\r\n close")),
  };
}

RequestCases one_hop() {
  const auto hop = [](const std::string& name, const std::string& value) {
    return served(name + ": " + value, "9110 7.6.1", get(name + ": " + value + "\r\n"),
                  {{.lacks = {name}}});
  };
  RequestCases cases = {
      hop("TE", "trailers"),
      hop("TE", "chunked"),
      hop("Trailer", "X-A"),
      hop("Upgrade", "websocket"),
      hop("Upgrade", "h2c"),
      hop("Proxy-Connection", "keep-alive"),
      hop("Proxy-Authenticate", "Basic"),
      hop("Keep-Alive", "300"),
      served("Connection: TE and TE: trailers", "9110 10.1.4", with(" TE", "TE: trailers\r\n"),
             {{.lacks = {"TE", "Connection"}}}),
  };
  std::string names;
  for (int index = 0; index < 100; ++index)
    names += "x" + std::to_string(index) + ",";
  cases.push_back(
      served_or_refused("Connection of a hundred options", "9110 7.6.1", with(" " + names), {}));
  cases.push_back(served_or_refused("Connection of two hundred options", "9110 7.6.1",
                                    with(" " + names + names), {}));
  return cases;
}

}  // namespace

RequestCases connection_cases() {
  RequestCases cases = persistence();
  for (const RequestCases& more : {named(), one_hop()})
    cases.insert(cases.end(), more.begin(), more.end());
  return cases;
}

}  // namespace httpteleport::test
