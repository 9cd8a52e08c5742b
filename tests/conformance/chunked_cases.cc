// Chunked bodies: RFC 9112 section 7.1.
#include "conformance/request_case.h"

namespace httpteleport::test {
namespace {

using namespace std::string_literals;

const Seen kHello{.method = "POST", .body = "hello"};

RequestCase good(const std::string& name, const std::string& body, const Seen& seen = kHello) {
  return served(name, "9112 7.1", chunked_post(body), {seen});
}
RequestCase either(const std::string& name, const std::string& body) {
  return served_or_refused(name, "9112 7.1", chunked_post(body), kHello);
}
RequestCase bad(const std::string& name, const std::string& body) {
  return refused(name, "9112 7.1", chunked_post(body));
}
// A chunk of "hello" with such a size line, CRLF not included.
std::string sized(const std::string& size_line) {
  return size_line + "\r\nhello\r\n0\r\n\r\n";
}
RequestCase bad_size(const std::string& name, const std::string& size_line) {
  return bad("chunk size: " + name, sized(size_line));
}

RequestCases sizes() {
  return {
      good("one chunk", sized("5")),
      good("no chunk but the last", "0\r\n\r\n", {.method = "POST"}),
      good("many chunks", "1\r\nh\r\n1\r\ne\r\n2\r\nll\r\n1\r\no\r\n0\r\n\r\n"),
      good("a size in small letters", "a\r\n0123456789\r\n0\r\n\r\n",
           {.method = "POST", .body = "0123456789"}),
      good("a size in capitals", "A\r\n0123456789\r\n0\r\n\r\n",
           {.method = "POST", .body = "0123456789"}),
      good("a size with a zero before it", sized("05")),
      good("a last chunk of three zeros", "5\r\nhello\r\n000\r\n\r\n"),
      good("a chunk that holds CRLF and a last chunk", "9\r\n\r\n0\r\n\r\n\r\n\r\n0\r\n\r\n",
           {.method = "POST", .body = "\r\n0\r\n\r\n\r\n"}),
      good("a chunk that holds a request", "23\r\n" + kSmuggled + "\r\n0\r\n\r\n",
           {.method = "POST", .body = kSmuggled}),
      good("a chunk of 60,000 bytes", "ea60\r\n" + std::string(60'000, 'c') + "\r\n0\r\n\r\n",
           {.method = "POST", .body = std::string(60'000, 'c')}),
      either("a size of 16 digits", sized("0000000000000005")),
      either("a size of 17 digits", sized("00000000000000005")),
      either("a size of 100 digits", sized(std::string(99, '0') + "5")),
      either("a last chunk of 20 zeros", "5\r\nhello\r\n" + std::string(20, '0') + "\r\n\r\n"),
      bad_size("nothing", ""),
      bad_size("a blank before it", " 5"),
      bad_size("a tab before it", "\t5"),
      bad_size("a plus", "+5"),
      bad_size("a minus", "-5"),
      bad_size("minus zero", "-0"),
      bad_size("0x", "0x5"),
      bad_size("0X", "0X5"),
      bad_size("h", "5h"),
      bad_size("an underscore", "0_5"),
      bad_size("an underscore before it", "_5"),
      bad_size("a point", "5.0"),
      bad_size("a comma", "5,5"),
      bad_size("two sizes", "5 5"),
      bad_size("quotes", "\"5\""),
      bad_size("g", "g"),
      bad_size("a colon", "5:"),
      bad_size("NUL", "5\0"s),
      bad_size("NUL before it", "\0005"s),
      bad_size("VT", "5\v"),
      bad_size("FF before it", "\f5"),
      bad_size("a non-breaking blank", "5\xa0"),
      bad_size("a full-width digit", "\xef\xbc\x95"),
      bad_size("a field", "X-A: b"),
      refused("a size of 2^64", "9112 7.1", chunked_post(sized("10000000000000000")), {400, 413}),
      refused("a size of 2^64 + 5", "9112 7.1", chunked_post(sized("10000000000000005")),
              {400, 413}),
      refused("a size of 2^64 - 1", "9112 7.1", chunked_post(sized("ffffffffffffffff")),
              {400, 413}),
      refused("a size of 2^64 - 5", "9112 7.1", chunked_post(sized("fffffffffffffffb")),
              {400, 413}),
      refused("a size of 2^63", "9112 7.1", chunked_post(sized("8000000000000000")), {400, 413}),
      unfinished("a size of 2^32 + 5", "9112 7.1", chunked_post(sized("100000005"))),
      refused("a size of 2^41", "9112 7.1", chunked_post(sized("20000000000")), {400, 413}),
      refused("a size behind a chunk of 2^64 - 5", "9112 7.1",
              chunked_post("5\r\nhello\r\nfffffffffffffffb\r\n0\r\n\r\n"), {400, 413}),
  };
}

RequestCases line_ends() {
  return {
      bad("LF behind a size", "5\nhello\r\n0\r\n\r\n"),
      bad("CR behind a size", "5\rhello\r\n0\r\n\r\n"),
      bad("CR, CR and LF behind a size", "5\r\r\nhello\r\n0\r\n\r\n"),
      bad("LF and CR behind a size", "5\n\rhello\r\n0\r\n\r\n"),
      bad("LF behind the data", "5\r\nhello\n0\r\n\r\n"),
      bad("CR behind the data", "5\r\nhello\r0\r\n\r\n"),
      bad("LF and CR behind the data", "5\r\nhello\n\r0\r\n\r\n"),
      bad("two bytes for CRLF behind the data", "5\r\nhelloXX0\r\n\r\n"),
      bad("nothing behind the data", "5\r\nhello0\r\n\r\n"),
      bad("two CRLF behind the data", "5\r\nhello\r\n\r\n0\r\n\r\n"),
      bad("more data than the size", "5\r\nhello!\r\n0\r\n\r\n"),
      bad("less data than the size", "6\r\nhello\r\n0\r\n\r\n"),
      bad("LF behind the last chunk", "5\r\nhello\r\n0\n\r\n"),
      bad("LF for the empty line of a chunked body", "5\r\nhello\r\n0\r\n\n"),
      bad("LF twice behind the last chunk", "5\r\nhello\r\n0\n\n"),
      bad("CR for the empty line of a chunked body", "5\r\nhello\r\n0\r\n\rGET"),
      bad("an empty line before the first size", "\r\n5\r\nhello\r\n0\r\n\r\n"),
      bad("LF before the first size", "\n5\r\nhello\r\n0\r\n\r\n"),
      bad("a body that is not chunked", "hello, this is no chunk\r\n\r\n"),
      bad("a request for a chunked body", kSmuggled),
      unfinished("no last chunk", "9112 8", chunked_post("5\r\nhello\r\n")),
      unfinished("half a chunk", "9112 8", chunked_post("5\r\nhel")),
      unfinished("half a size line", "9112 8", chunked_post("5\r\nhello\r\n0")),
      unfinished("no empty line behind the last chunk", "9112 8",
                 chunked_post("5\r\nhello\r\n0\r\n")),
      unfinished("half the empty line behind the last chunk", "9112 8",
                 chunked_post("5\r\nhello\r\n0\r\n\r")),
      served("a request behind a chunked body", "9112 9.3.2",
             chunked_post(sized("5")) + get("", "/2"), {kHello, {.target = "/2"}}),
      served("an empty line and a request behind a chunked body", "9112 2.2",
             chunked_post(sized("5")) + "\r\n" + get("", "/2"), {kHello, {.target = "/2"}}),
      served_then_refused("a chunk behind the last one", "9112 7.1",
                          chunked_post(sized("5") + "5\r\nhello\r\n0\r\n\r\n"), {kHello}),
      served_then_refused("an extra byte behind a chunked body", "9112 7.1",
                          chunked_post(sized("5") + "X\r\n\r\n"), {kHello}),
  };
}

RequestCases extensions() {
  return {
      good("an extension", sized("5;a")),
      good("an extension with a value", sized("5;a=b")),
      good("an extension in quotes", sized("5;a=\"b\"")),
      good("a semicolon in quotes", sized("5;a=\"b;c\"")),
      good("an escaped quote", sized("5;a=\"b\\\"c\"")),
      good("two extensions", sized("5;a=b;c")),
      good("an extension with blanks around its semicolon's right side", sized("5; a = b")),
      good("an extension of the last chunk", "5\r\nhello\r\n0;a=b\r\n\r\n"),
      good("an extension that looks like a size", sized("5;6")),
      good("an extension of 1000 bytes", sized("5;" + std::string(1000, 'e'))),
      either("a blank before an extension", sized("5 ;a")),
      either("a tab before an extension", sized("5\t;a")),
      either("a blank behind a size", sized("5 ")),
      either("blanks behind a size", sized("5     ")),
      either("a semicolon alone", sized("5;")),
      either("two semicolons", sized("5;;")),
      either("an extension without a name", sized("5;=b")),
      either("an extension without a value", sized("5;a=")),
      either("an open quote", sized("5;a=\"b")),
      either("an extension above ASCII", sized("5;a=\"\xc3\xa4\"")),
      bad("LF in an extension", sized("5;a\nb")),
      bad("LF ends an extension", "5;a\nhello\r\n0\r\n\r\n"),
      bad("LF in the quotes of an extension", sized("5;a=\"\n\"")),
      bad("CR in an extension", sized("5;a\rb")),
      bad("CR in the quotes of an extension", sized("5;a=\"\r\"")),
      bad("CR, CR and LF behind an extension", sized("5;a\r")),
      bad("NUL in an extension", sized("5;a\0b"s)),
      bad("a control character in an extension", sized("5;a\x01")),
      bad("DEL in an extension", sized("5;a\x7f")),
      bad("CRLF in the quotes of an extension", "5;a=\"\r\n\"\r\nhello\r\n0\r\n\r\n"),
      bad("LF and a request in an extension",
          "2;\nxx\r\n4c\r\n0\r\n\r\n" + kSmuggled + "0\r\n\r\n"),
      bad("LF in an extension of the last chunk", "5\r\nhello\r\n0;\nx\r\n\r\n"),
      refused("an extension of 20,000 bytes", "9112 7.1.1",
              chunked_post(sized("5;" + std::string(20'000, 'e'))), {400, 413, 431}),
  };
}

}  // namespace

RequestCases chunked_cases() {
  RequestCases cases = sizes();
  for (const RequestCases& more : {line_ends(), extensions()})
    cases.insert(cases.end(), more.begin(), more.end());
  std::string many;
  for (int index = 0; index < 1000; ++index)
    many += "1;" + std::string(30, 'e') + "\r\nx\r\n";
  cases.push_back(refused("30,000 bytes of extensions in a thousand chunks", "9112 7.1.1",
                          chunked_post(many + "0\r\n\r\n"), {400, 413, 431}));
  return cases;
}

}  // namespace httpteleport::test
