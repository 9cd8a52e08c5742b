// Methods whose meaning touches proxies: HEAD, OPTIONS and TRACE with Max-Forwards (RFC 9110
// sections 7.6.2 and 9.3).
#include <tuple>

#include "conformance/request_case.h"

namespace httpteleport::test {
namespace {

std::string request(const std::string& method, const std::string& fields = "") {
  return method + " / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n";
}
RequestCase forwarded(const std::string& method, const std::string& sent, const std::string& seen) {
  return served(method + " with Max-Forwards: " + sent, "9110 7.6.2",
                request(method, "Max-Forwards: " + sent + "\r\n"),
                {{.method = method, .has = {{"Max-Forwards", seen}}}});
}
// What is no number may be refused or passed on.
RequestCase odd(const std::string& sent) {
  return served_or_refused("OPTIONS with Max-Forwards: " + sent, "9110 7.6.2",
                           request("OPTIONS", "Max-Forwards: " + sent + "\r\n"),
                           {.method = "OPTIONS"});
}

}  // namespace

RequestCases method_cases() {
  RequestCases cases = {
      served("HEAD", "9110 9.3.2", request("HEAD"), {{.method = "HEAD"}}),
      served("HEAD and GET behind it", "9110 9.3.2", request("HEAD") + get("", "/2"),
             {{.method = "HEAD"}, {.target = "/2"}}),
      served("two HEAD", "9110 9.3.2", request("HEAD") + request("HEAD"),
             {{.method = "HEAD"}, {.method = "HEAD"}}),
      refused("HEAD with a bad field", "9110 9.3.2", request("HEAD", "X A: b\r\n")),
      refused("HEAD with a bad length", "9110 9.3.2", request("HEAD", "Content-Length: x\r\n")),
      refused("HEAD without Host", "9112 3.2", "HEAD / HTTP/1.1\r\n\r\n"),
      served("PUT without a body", "9112 6.3", request("PUT"), {{.method = "PUT"}}),
      served("DELETE", "9110 9.3.5", request("DELETE"), {{.method = "DELETE"}}),
      served("PATCH without a body", "9112 6.3", request("PATCH"), {{.method = "PATCH"}}),
      served_or_refused("TRACE", "9110 9.3.8", request("TRACE"), {.method = "TRACE"}, {405, 501}),
      forwarded("GET", "0", "0"),
      odd("x"),
      odd("-1"),
      odd("+1"),
      odd("1.5"),
      odd("99999999999999999999"),
      odd("1, 2"),
      odd(""),
  };
  // In a link both ends count.
  for (const auto& [sent, seen, through_link] :
       {std::tuple{"5", "4", "3"}, std::tuple{"10", "9", "8"}, std::tuple{"007", "6", "5"}}) {
    RequestCase one = forwarded("OPTIONS", sent, seen);
    one.allowed.push_back(forwarded("OPTIONS", sent, through_link).allowed.front());
    cases.push_back(std::move(one));
  }
  // Which of them counts is not said.
  RequestCase twice = odd("1\r\nMax-Forwards: 2");
  twice.allowed.push_back({{200}, {}, End::kOpen});
  cases.push_back(std::move(twice));
  RequestCase last{"OPTIONS with Max-Forwards: 0",
                   "9110 7.6.2",
                   request("OPTIONS", "Max-Forwards: 0\r\n"),
                   {{{200}, {}, End::kOpen}}};
  cases.push_back(std::move(last));
  cases.push_back(declined("TRACE with Max-Forwards: 0", "9110 7.6.2",
                           request("TRACE", "Max-Forwards: 0\r\n"), {200, 405, 501}));
  return cases;
}

}  // namespace httpteleport::test
