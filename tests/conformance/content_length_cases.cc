// Content-Length: RFC 9110 section 8.6, RFC 9112 section 6.
#include "conformance/request_case.h"

namespace httpteleport::test {
namespace {

using namespace std::string_literals;

const Seen kHello{.method = "POST", .body = "hello"};

std::string with_length(const std::string& value, const std::string& body = "hello") {
  return post("Content-Length:" + value + "\r\n", body);
}
RequestCase bad(const std::string& name, const std::string& value) {
  return refused(name, "9110 8.6", with_length(" " + value));
}

RequestCases values() {
  return {
      served("a length", "9110 8.6", with_length(" 5"), {kHello}),
      served("a length without a blank", "9110 5.5", with_length("5"), {kHello}),
      served("a length between blanks and tabs", "9110 5.5", with_length(" \t5\t "), {kHello}),
      served("Content-Length in other letters", "9110 5.1", post("cONTENT-lENGTH: 5\r\n", "hello"),
             {kHello}),
      served_or_refused("a length with zeros before it", "9110 8.6", with_length(" 005"), kHello),
      served_or_refused("a length of 20 digits", "9110 8.6", with_length(" 00000000000000000005"),
                        kHello),
      served_or_refused("a length of 40 digits", "9110 8.6",
                        with_length(" " + std::string(39, '0') + "5"), kHello),
      served_or_refused("zero with zeros", "9110 8.6", with_length(" 000", ""), {.method = "POST"}),
      bad("an empty length", ""),
      bad("a length of blanks", " \t "),
      bad("a length with a plus", "+5"),
      bad("a length with a minus", "-5"),
      bad("minus zero", "-0"),
      bad("a hexadecimal length", "0x5"),
      bad("a length with a hexadecimal digit", "a"),
      bad("an octal length", "0o5"),
      bad("a length with a fraction", "5.0"),
      bad("a length with an exponent", "5e0"),
      bad("a length with an underscore", "0_5"),
      bad("a length in quotes", "\"5\""),
      bad("a length in single quotes", "'5'"),
      bad("a length with a semicolon", "5;"),
      bad("a length with a parameter", "5;q=1"),
      bad("two lengths and a blank", "5 5"),
      bad("a length with a tab inside", "0\t5"),
      bad("a word for a length", "five"),
      bad("a length and a word", "5x"),
      bad("a length with VT", "\v5"),
      bad("a length with FF", "5\f"),
      bad("a length with NUL", "5\0"s),
      bad("a length with CR", "5\r"),
      bad("a length behind a non-breaking blank", "\xa0"s + "5"),
      bad("a length in Arabic digits", "\xd9\xa5"),
      bad("a length in full-width digits", "\xef\xbc\x95"),
      refused("a length of 2^63", "9110 8.6", with_length(" 9223372036854775808"), {400, 413}),
      refused("a length of 2^63 - 1", "9110 8.6", with_length(" 9223372036854775807"), {400, 413}),
      refused("a length of 2^64", "9110 8.6", with_length(" 18446744073709551616"), {400, 413}),
      refused("a length of 2^64 + 5", "9110 8.6", with_length(" 18446744073709551621"), {400, 413}),
      refused("a length of 2^32 + 5", "9110 8.6", with_length(" 4294967301"), {400, 413}),
      refused("a length of 30 nines", "9110 8.6", with_length(" " + std::string(30, '9')),
              {400, 413}),
  };
}

RequestCases repeated() {
  const std::string section = "9112 6.3";
  return {
      served_or_refused("the same length twice", section,
                        post("Content-Length: 5\r\nContent-Length: 5\r\n", "hello"), kHello),
      served_or_refused("a list of the same length", section, with_length(" 5, 5"), kHello),
      served_or_refused("a list of the same length, zeros before it", section,
                        with_length(" 5, 05"), kHello),
      refused("two lengths", section, post("Content-Length: 5\r\nContent-Length: 6\r\n", "hello!")),
      refused("two lengths, the first 0", section,
              post("Content-Length: 0\r\nContent-Length: 5\r\n", "hello")),
      refused("two lengths, the last 0", section,
              post("Content-Length: 5\r\nContent-Length: 0\r\n", "hello")),
      refused("two lengths, the first empty", section,
              post("Content-Length:\r\nContent-Length: 5\r\n", "hello")),
      refused("two lengths, the last empty", section,
              post("Content-Length: 5\r\nContent-Length:\r\n", "hello")),
      refused("two lengths in different letters", section,
              post("Content-Length: 5\r\nCONTENT-LENGTH: 6\r\n", "hello!")),
      refused("two lengths with a request between", section,
              post("Content-Length: 0\r\nX-A: b\r\nContent-Length: " +
                       std::to_string(kSmuggled.size()) + "\r\n",
                   kSmuggled)),
      refused("a list of lengths", section, with_length(" 5, 6")),
      refused("a list of lengths without blanks", section, with_length(" 5,6")),
      refused("a list that ends empty", section, with_length(" 5,")),
      refused("a list that begins empty", section, with_length(" ,5")),
      refused("a list of a length and a word", section, with_length(" 5, x")),
      refused("a length and one with a plus", section,
              post("Content-Length: 5\r\nContent-Length: +5\r\n", "hello")),
  };
}

RequestCases lines() {
  const std::string first = "POST / HTTP/1.1\r\nHost: a\r\n";
  return {
      refused("a blank before the colon of a length", "9112 5.1",
              first + "Content-Length : 5\r\n\r\nhello"),
      refused("a tab before the colon of a length", "9112 5.1",
              first + "Content-Length\t: 5\r\n\r\nhello"),
      refused("NUL before the colon of a length", "9112 5.1",
              first + "Content-Length\0: 5\r\n\r\nhello"s),
      refused("a blank before a length", "9112 5.2", first + " Content-Length: 5\r\n\r\nhello"),
      refused("a length folded at once", "9112 5.2", first + "Content-Length:\r\n 5\r\n\r\nhello"),
      refused("a length that goes on in a fold", "9112 5.2",
              first + "Content-Length: 0\r\n 5\r\n\r\nhello"),
      refused("a length behind LF", "9112 2.2", first + "X-A: b\nContent-Length: 5\r\n\r\nhello"),
      refused("a length behind CR", "9112 2.2", first + "X-A: b\rContent-Length: 5\r\n\r\nhello"),
      refused("LF ends a length", "9112 2.2", first + "Content-Length: 5\n\r\nhello"),
      refused("a name with CR and a length", "9112 5", first + "Content-\rLength: 5\r\n\r\nhello"),
      refused("a length before Host, in the request line", "9112 3",
              "POST / HTTP/1.1 Content-Length: 5\r\nHost: a\r\n\r\nhello"),
  };
}

RequestCases bodies() {
  const auto with_method = [](const std::string& method, const std::string& body) {
    return method + " / HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\n\r\n" + body;
  };
  return {
      // The wire of links has no room for bodies of GET and HEAD.
      served_or_declined("GET with a body", "9110 9.3.1", with_method("GET", "hello"),
                         {.body = "hello"}, {501}),
      served_or_declined("GET with a body that is a request", "9112 11.2",
                         with_method("GET", kSmuggled), {.body = kSmuggled}, {501}),
      served("GET with a length of 0", "9110 8.6", with_method("GET", "")),
      served_or_declined("HEAD with a body", "9110 9.3.2", with_method("HEAD", "hello"),
                         {.method = "HEAD", .body = "hello"}, {501}),
      served("DELETE with a body", "9110 9.3.5", with_method("DELETE", "hello"),
             {{.method = "DELETE", .body = "hello"}}),
      served("OPTIONS with a body", "9110 9.3.7", with_method("OPTIONS", "hello"),
             {{.method = "OPTIONS", .body = "hello"}}),
      served_or_refused("TRACE with a body", "9110 9.3.8", with_method("TRACE", "hello"),
                        {.method = "TRACE", .body = "hello"}, {400, 405, 501}),
      served("PUT with a body", "9110 9.3.4", with_method("PUT", "hello"),
             {{.method = "PUT", .body = "hello"}}),
      served("an unknown method with a body", "9110 9.1", with_method("BREW", "hello"),
             {{.method = "BREW", .body = "hello"}}),
      served("POST with a body that is a request", "9112 11.2", sized_post(kSmuggled),
             {{.method = "POST", .body = kSmuggled}}),
      served("POST with a body that is chunked", "9112 6.3", sized_post("5\r\nhello\r\n0\r\n\r\n"),
             {{.method = "POST", .body = "5\r\nhello\r\n0\r\n\r\n"}}),
      served("POST with a body that begins with an empty line", "9112 6.3", sized_post("\r\n\r\nx"),
             {{.method = "POST", .body = "\r\n\r\nx"}}),
      served("POST with a body of every kind of byte", "9110 6.4",
             sized_post("\0\r\n\x7f\xff\n\r"s),
             {{.method = "POST", .body = "\0\r\n\x7f\xff\n\r"s}}),
      served("POST with a body of 60,000 bytes", "9110 6.4", sized_post(std::string(60'000, 'b')),
             {{.method = "POST", .body = std::string(60'000, 'b')}}),
      served("POST without a length", "9112 6.3", post("", ""), {{.method = "POST"}}),
      served("POST without a length and a request for its body", "9112 6.3",
             post("", get("", "/2")), {{.method = "POST"}, {.target = "/2"}}),
      served("POST with a length of 0 and a request behind it", "9112 6.3",
             post("Content-Length: 0\r\n", get("", "/2")), {{.method = "POST"}, {.target = "/2"}}),
      served_then_refused("POST without a length and no request for its body", "9112 6.3",
                          post("", "hello\r\n\r\n"), {{.method = "POST"}}),
      served_then_refused("a body longer than its length", "9112 6.3",
                          post("Content-Length: 3\r\n", "hello\r\n\r\n"),
                          {{.method = "POST", .body = "hel"}}),
      served_then_refused("GET with a length of 0 and a body", "9112 6.3",
                          get("Content-Length: 0\r\n") + "hello\r\n\r\n", {{}}),
      unfinished("a body shorter than its length", "9112 8", with_length(" 6")),
      unfinished("a length and no body", "9112 8", with_length(" 5", "")),
      unfinished("a request inside a body that is too short", "9112 8",
                 with_length(" 500", kSmuggled)),
  };
}

}  // namespace

RequestCases content_length_cases() {
  RequestCases cases = values();
  for (const RequestCases& more : {repeated(), lines(), bodies()})
    cases.insert(cases.end(), more.begin(), more.end());
  return cases;
}

}  // namespace httpteleport::test
