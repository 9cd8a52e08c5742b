// The request line but for the target and the version: RFC 9112 sections 2.2 and 3.
#include "conformance/request_case.h"

namespace httpteleport::test {
namespace {

using namespace std::string_literals;

std::string line(const std::string& first) {
  return first + "\r\nHost: a\r\n\r\n";
}

RequestCases malformed() {
  return {
      refused("two blanks before the target", "9112 3", line("GET  / HTTP/1.1")),
      refused("two blanks before the version", "9112 3", line("GET /  HTTP/1.1")),
      refused("a blank before the method", "9112 3", line(" GET / HTTP/1.1")),
      refused("a tab before the method", "9112 3", line("\tGET / HTTP/1.1")),
      refused("a blank behind the version", "9112 3", line("GET / HTTP/1.1 ")),
      refused("a tab behind the version", "9112 3", line("GET / HTTP/1.1\t")),
      refused("a word behind the version", "9112 3", line("GET / HTTP/1.1 x")),
      refused("a tab behind the method", "9112 3", line("GET\t/ HTTP/1.1")),
      refused("a tab behind the target", "9112 3", line("GET /\tHTTP/1.1")),
      refused("VT behind the method", "9112 3", line("GET\v/ HTTP/1.1")),
      refused("FF behind the target", "9112 3", line("GET /\fHTTP/1.1")),
      refused("CR behind the method", "9112 2.2", line("GET\r/ HTTP/1.1")),
      refused("CR in the target", "9112 2.2", line("GET /\rx HTTP/1.1")),
      refused("CR behind the version", "9112 2.2", line("GET / HTTP/1.1\rX: y")),
      refused("CR twice behind the version", "9112 2.2", "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n"),
      refused("NUL in the method", "9110 9.1", line("G\0T / HTTP/1.1"s)),
      refused("NUL in the target", "9112 3.2", line("GET /\0 HTTP/1.1"s)),
      refused("NUL in the version", "9112 2.3", line("GET / HTTP/1\0.1"s)),
      refused("no method", "9110 9.1", line(" / HTTP/1.1")),
      refused("a method in quotes", "9110 9.1", line("\"GET\" / HTTP/1.1")),
      refused("a method with @", "9110 9.1", line("G@T / HTTP/1.1")),
      refused("a method with a colon", "9110 9.1", line("GET: / HTTP/1.1")),
      refused("a method with a parenthesis", "9110 9.1", line("GET( / HTTP/1.1")),
      refused("a method with a slash", "9110 9.1", line("G/T / HTTP/1.1")),
      refused("a method above ASCII", "9110 9.1", line("G\xc3\x8bT / HTTP/1.1")),
      refused("a method with DEL", "9110 9.1", line("GE\x7f / HTTP/1.1")),
      refused("LF ends the request line", "9112 2.2", "GET / HTTP/1.1\nHost: a\r\n\r\n"),
      refused("LF ends every line", "9112 2.2", "GET / HTTP/1.1\nHost: a\n\n"),
      refused("CR ends the request line", "9112 2.2", "GET / HTTP/1.1\rHost: a\r\n\r\n"),
      refused("a response", "9112 2.1", "HTTP/1.1 200 OK\r\nHost: a\r\n\r\n"),
      refused("a TLS hello", "9112 3", "\x16\x03\x01\x02\x01\x01\x01\xfc\r\n\r\n"),
      refused("a field instead of the request line", "9112 3", "Host: a\r\n\r\n"),
      refused("one word", "9112 3", "GET\r\n\r\n"),
  };
}

RequestCases good() {
  return {
      served("a plain request", "9112 3", get()),
      served("an empty line before it", "9112 2.2", "\r\n" + get()),
      served("two empty lines before it", "9112 2.2", "\r\n\r\n" + get()),
      served_or_refused("three empty lines before it", "9112 2.2", "\r\n\r\n\r\n" + get(), {}),
      served_or_refused("LF before it", "9112 2.2", "\n" + get(), {}),
      refused("CR before it", "9112 2.2", "\r" + get()),
      refused("a blank line before it", "9112 2.2", " \r\n" + get()),
      served_or_refused("another method", "9110 9.1", line("BREW / HTTP/1.1"), {.method = "BREW"},
                        {501, 405}),
      served_or_refused("a small method", "9110 9.1", line("get / HTTP/1.1"), {.method = "get"},
                        {501, 405}),
      served_or_refused("a method of every token byte", "9110 5.6.2",
                        line("!#$%&'*+-.^_`|~09aZ / HTTP/1.1"), {.method = "!#$%&'*+-.^_`|~09aZ"},
                        {400, 405, 501}),
      served_or_refused("a method of 100 bytes", "9110 9.1",
                        line(std::string(100, 'M') + " / HTTP/1.1"),
                        {.method = std::string(100, 'M')}, {400, 405, 501}),
  };
}

}  // namespace

RequestCases request_line_cases() {
  RequestCases cases = malformed();
  for (RequestCase& one : good())
    cases.push_back(std::move(one));
  return cases;
}

}  // namespace httpteleport::test
