// The request target: RFC 9112 section 3.2. What it means is not the proxy's to judge: a path is
// passed on byte by byte or refused, never normalised.
#include "conformance/request_case.h"

namespace httpteleport::test {
namespace {

std::string line(const std::string& first) {
  return first + " HTTP/1.1\r\nHost: a\r\n\r\n";
}

// Passed on as it is.
RequestCase as_is(const std::string& target) {
  return served("the path " + target, "9110 7.7", get("", target), {{.target = target}});
}
// What is no URI may be refused, but not be changed.
RequestCase as_is_or_refused(const std::string& name, const std::string& target) {
  return served_or_refused(name, "9112 3.2", get("", target), {.target = target});
}

RequestCases paths() {
  return {
      as_is("/a/b?c=d&e=f"),
      as_is("//b"),
      as_is("/../../etc/passwd"),
      as_is("/a/./b/../c"),
      as_is("/%2e%2e/%2f%5c"),
      as_is("/%00%0d%0aX:%20y"),
      as_is("/a;b=c"),
      as_is("/?"),
      as_is("/a?b?c"),
      as_is("/@a:b"),
      as_is("/http://b/"),
      as_is("/?http://b/"),
      as_is("/~a!$&'()*+,;=:@-._"),
      as_is("/%E2%82%AC%e2%82%ac"),
      as_is_or_refused("a percent sign without digits", "/%zz"),
      as_is_or_refused("a percent sign at the end", "/%"),
      as_is_or_refused("a backslash in the path", "/a\\..\\b"),
      as_is_or_refused("quotes in the path", "/\"a\""),
      as_is_or_refused("angle brackets in the path", "/<a>"),
      as_is_or_refused("braces in the path", "/{a}|^`"),
      as_is_or_refused("brackets in the path", "/[a]"),
      refused("a fragment", "9112 3.2", get("", "/#x")),
      refused("a fragment before another path", "9112 3.2", get("", "/a#/../b")),
      refused("a number sign in the query", "9112 3.2", get("", "/?a#b")),
      refused("UTF-8 in the path", "9112 3.2", get("", "/\xc3\xa4")),
      refused("a byte 0xff in the path", "9112 3.2", get("", "/\xff")),
      refused("a byte 0xa0 behind the path", "9112 3.2", get("", "/\xa0")),
      refused("a control character in the path", "9112 3.2", get("", "/\x01")),
      refused("DEL in the path", "9112 3.2", get("", "/\x7f")),
      refused("a blank in the path", "9112 3.2", get("", "/a b")),
      refused("a version in the path", "9112 3.2", get("", "/ HTTP/1.1 x")),
      refused("a path without its slash", "9112 3.2.1", get("", "a/b")),
      refused("a query alone", "9112 3.2.1", get("", "?a")),
      refused("a fragment alone", "9112 3.2", get("", "#")),
      refused("a backslash alone", "9112 3.2", get("", "\\")),
  };
}

RequestCases absolute() {
  const Seen at_b{.target = "/x", .host = "b"};
  return {
      served("absolute form", "9112 3.2.2", get("", "http://a/x"), {{.target = "/x"}}),
      served("absolute form with another host than Host", "9112 3.2.2", get("", "http://b/x"),
             {at_b}),
      served("absolute form, its Host last", "9112 3.2.2",
             "GET http://b/x HTTP/1.1\r\nX-A: b\r\nHost: a\r\n\r\n", {at_b}),
      served("absolute form with a port", "9112 3.2.2", get("", "http://b:81/x"),
             {{.target = "/x", .host = "b:81"}}),
      served("absolute form with a scheme in capitals", "9110 4.2.3", get("", "HTTP://b/x"),
             {at_b}),
      served("absolute form without a path", "9110 4.2.3", get("", "http://b"),
             {{.target = "/", .host = "b"}}),
      served_or_refused("absolute form with a query and no path", "9110 4.2.3",
                        get("", "http://b?y"), {.target = "/?y", .host = "b"}),
      served_or_refused("absolute form with https", "9110 7.4", get("", "https://b/x"), at_b,
                        {400, 421}),
      served("OPTIONS of an absolute form without a path", "9112 3.2.4", line("OPTIONS http://b"),
             {{.method = "OPTIONS", .target = "*", .host = "b"}}),
      served("an absolute form inside an absolute form", "9112 3.2.2",
             get("", "http://b/http://c/"), {{.target = "/http://c/", .host = "b"}}),
      served("absolute form with an IPv6 address", "9112 3.2.2", get("", "http://[::1]:80/x"),
             {{.target = "/x", .host = "[::1]:80"}}),
      refused("absolute form without Host", "9112 3.2", "GET http://a/ HTTP/1.1\r\n\r\n"),
      refused("absolute form with two Host fields", "9112 3.2", get("Host: b\r\n", "http://a/")),
      refused("absolute form with an empty host", "9110 4.2.1", get("", "http:///x")),
      refused("absolute form with a port alone", "9110 4.2.1", get("", "http://:80/x")),
      refused("absolute form with user information", "9110 4.2.4", get("", "http://u@b/x")),
      refused("absolute form with a password", "9110 4.2.4", get("", "http://a:80@b/x")),
      refused("absolute form with a backslash", "9112 3.2.2", get("", "http://a\\@b/x")),
      refused("absolute form with a fragment", "9112 3.2.2", get("", "http://a/#x")),
      refused("absolute form with a fragment for the path", "9112 3.2.2", get("", "http://a#@b/")),
      refused("absolute form with a port that is none", "9112 3.2.2", get("", "http://a:b/x")),
      refused("absolute form with two ports", "9112 3.2.2", get("", "http://a:1:2/x")),
      refused("absolute form with a host above ASCII", "9112 3.2.2", get("", "http://\xe4/x")),
      refused("absolute form with an open bracket", "9112 3.2.2", get("", "http://[::1/x")),
      refused("one slash behind the scheme", "9112 3.2.2", get("", "http:/a/x")),
      refused("no slash behind the scheme", "9112 3.2.2", get("", "http:a")),
      refused("the scheme ftp", "9112 3.2.2", get("", "ftp://a/x")),
      refused("the scheme file", "9112 3.2.2", get("", "file:///etc/passwd")),
      refused("no scheme", "9112 3.2.2", get("", "://a/x")),
      refused("a scheme with a blank", "9112 3.2.2", get("", " http://a/x")),
  };
}

RequestCases other_forms() {
  return {
      refused("authority form with GET", "9112 3.2.3", get("", "a:80")),
      refused("CONNECT", "9110 9.3.6", "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n",
              {400, 405, 501}),
      refused("CONNECT with a path", "9112 3.2.3", "CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n",
              {400, 405, 501}),
      refused("CONNECT with an absolute form", "9112 3.2.3",
              "CONNECT http://a:80/ HTTP/1.1\r\nHost: a\r\n\r\n", {400, 405, 501}),
      refused("CONNECT and a request for its tunnel", "9110 9.3.6",
              "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n" + kSmuggled, {400, 405, 501}),
      refused("CONNECT with a length", "9110 9.3.6",
              "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\nContent-Length: 5\r\n\r\nhello",
              {400, 405, 501}),
      served("OPTIONS *", "9112 3.2.4", line("OPTIONS *"), {{.method = "OPTIONS", .target = "*"}}),
      refused("GET *", "9112 3.2.4", get("", "*")),
      refused("OPTIONS *?a", "9112 3.2.4", line("OPTIONS *?a")),
      refused("OPTIONS */", "9112 3.2.4", line("OPTIONS */")),
      refused("OPTIONS **", "9112 3.2.4", line("OPTIONS **")),
  };
}

}  // namespace

RequestCases target_cases() {
  RequestCases cases = paths();
  for (const RequestCases& more : {absolute(), other_forms()})
    cases.insert(cases.end(), more.begin(), more.end());
  return cases;
}

}  // namespace httpteleport::test
