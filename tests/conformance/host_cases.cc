// Host: RFC 9112 section 3.2, RFC 9110 section 7.2, the grammar of RFC 3986 section 3.2.
#include "conformance/request_case.h"

namespace httpteleport::test {
namespace {

using namespace std::string_literals;

std::string with_host(const std::string& value) {
  return "GET / HTTP/1.1\r\nHost: " + value + "\r\n\r\n";
}
RequestCase good(const std::string& value) {
  return served("the host " + value, "9110 7.2", with_host(value), {{.host = value}});
}
RequestCase odd(const std::string& value) {
  return served_or_refused("the odd host " + value, "3986 3.2.2", with_host(value),
                           {.host = value});
}
RequestCase bad(const std::string& name, const std::string& value) {
  return refused(name, "9112 3.2", with_host(value));
}

RequestCases values() {
  return {
      good("example.com"),
      good("example.com:8080"),
      good("EXAMPLE.com"),
      good("a."),
      good("a_b-c.d"),
      good("127.0.0.1:80"),
      good("[::1]"),
      good("[::1]:80"),
      good("[fe80::1:2]:65535"),
      odd("a:"),
      odd("a:99999"),
      odd("a:0080"),
      odd("%41"),
      odd("a;b"),
      odd("a,b"),
      odd("a!$&'()*+;=~"),
      odd("[v1.x]"),
      odd(std::string(300, 'a')),
      served_or_refused("an empty Host", "9110 4.2.1", with_host(""), {.host = ""}),
      served_or_refused("a Host of blanks", "9110 4.2.1", with_host(" \t "), {.host = ""}),
      bad("a Host with a path", "a/b"),
      bad("a Host that is a URI", "http://a"),
      bad("a Host with a query", "a?b"),
      bad("a Host with a fragment", "a#b"),
      bad("a Host with user information", "u@a"),
      bad("a Host with a blank", "a b"),
      bad("a Host with a tab", "a\tb"),
      bad("a Host with a backslash", "a\\b"),
      bad("a Host in quotes", "\"a\""),
      bad("a Host in angle brackets", "<a>"),
      bad("a Host with a port that is none", "a:b"),
      bad("a Host with a port with a sign", "a:+80"),
      bad("a Host with a negative port", "a:-1"),
      bad("a Host with a hexadecimal port", "a:0x50"),
      bad("a Host with two ports", "a:80:81"),
      bad("a Host with two ports, the first empty", "a::80"),
      bad("a Host with a blank before its port", "a :80"),
      bad("a Host with a blank in front of its port", "a: 80"),
      bad("a Host that is a port", ":80"),
      bad("a Host with an IPv6 address without brackets", "::1"),
      bad("a Host with an open bracket", "[::1"),
      bad("a Host with a closing bracket", "::1]"),
      bad("a Host with a name behind its brackets", "[::1]a"),
      bad("a Host with a name before its brackets", "a[::1]"),
      bad("a Host with empty brackets", "[]"),
      bad("a Host with a name in brackets", "[example]"),
      bad("a Host with half a percent-encoding", "a%4"),
      bad("a Host with a percent-encoding of nothing", "a%zz"),
      bad("a Host with UTF-8", "\xc3\xa4"),
      bad("a Host with a byte 0xff", "a\xff"),
      bad("a Host with NUL", "a\0b"s),
      bad("a Host with a control character", "a\x01"),
      bad("a Host with DEL", "a\x7f"),
      bad("a Host with CR", "a\rb"),
      bad("a Host with LF", "a\nX: b"),
      bad("a folded Host", "a\r\n b"),
      bad("a Host folded at once", "\r\n a"),
  };
}

RequestCases places() {
  const std::string line = "GET / HTTP/1.1\r\n";
  return {
      refused("no Host", "9112 3.2", line + "\r\n"),
      refused("no Host but others", "9112 3.2", line + "X-Host: a\r\nX-Forwarded-Host: a\r\n\r\n"),
      refused("Host twice, the same", "9112 3.2", line + "Host: a\r\nHost: a\r\n\r\n"),
      refused("Host twice, not the same", "9112 3.2", line + "Host: a\r\nHost: b\r\n\r\n"),
      refused("Host twice in another case", "9112 3.2", line + "Host: a\r\nhOST: b\r\n\r\n"),
      refused("Host twice, far apart", "9112 3.2",
              line + "Host: a\r\nX-A: b\r\nX-C: d\r\nHost: a\r\n\r\n"),
      refused("Host twice, the second empty", "9112 3.2", line + "Host: a\r\nHost:\r\n\r\n"),
      refused("Host three times", "9112 3.2", line + "Host: a\r\nHost: a\r\nHost: a\r\n\r\n"),
      refused("a blank before the colon of Host", "9112 5.1", line + "Host : a\r\n\r\n"),
      refused("a tab before the colon of Host", "9112 5.1", line + "Host\t: a\r\n\r\n"),
      refused("NUL before the colon of Host", "9112 5.1", line + "Host\0: a\r\n\r\n"s),
      refused("a blank before Host", "9112 2.2", line + " Host: a\r\n\r\n"),
      refused("a blank before a second Host", "9112 5.2", line + "Host: a\r\n Host: b\r\n\r\n"),
      refused("Host without a colon", "9112 5", line + "Host a\r\n\r\n"),
      served("Host without a blank", "9112 5.1", line + "Host:a\r\n\r\n"),
      served("Host in other letters", "9110 5.1", line + "hOsT: a\r\n\r\n"),
      served("Host between blanks and tabs", "9110 5.5", line + "Host: \t a \t\r\n\r\n"),
      served("Host behind other fields", "9110 5.3", line + "X-A: b\r\nHost: a\r\n\r\n"),
      served("a Host of another name in a field", "9110 7.2",
             get("X-Host: b\r\nX-Original-Host: b\r\n"),
             {{.has = {{"X-Host", "b"}, {"X-Original-Host", "b"}}}}),
      served("X-Forwarded-Host of the client", "9110 7.2", get("X-Forwarded-Host: b\r\n"),
             {{.has = {{"X-Forwarded-Host", "a"}}}}),
  };
}

}  // namespace

RequestCases host_cases() {
  RequestCases cases = values();
  for (RequestCase& one : places())
    cases.push_back(std::move(one));
  return cases;
}

}  // namespace httpteleport::test
