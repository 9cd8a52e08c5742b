// Field lines: RFC 9112 section 5, RFC 9110 sections 5.1 to 5.6.
#include "conformance/request_case.h"

namespace httpteleport::test {
namespace {

using namespace std::string_literals;

RequestCase bad(const std::string& name, const std::string& lines) {
  return refused(name, "9112 5", get(lines));
}
RequestCase value_as_is(const std::string& name, const std::string& sent, const std::string& seen) {
  return served(name, "9110 5.5", get("X-A:" + sent + "\r\n"), {{.has = {{"X-A", seen}}}});
}

RequestCases names() {
  RequestCases cases = {
      bad("an empty name", ": a\r\n"),
      bad("an empty name and an empty value", ":\r\n"),
      bad("two colons and nothing else", "::\r\n"),
      bad("an empty name before a length", ": x\r\nContent-Length: 5\r\n"),
      bad("a name with a blank", "X A: b\r\n"),
      bad("a blank before the colon", "X-A : b\r\n"),
      bad("a tab before the colon", "X-A\t: b\r\n"),
      bad("a line without a colon", "nothing\r\n"),
      bad("a line of a blank", " \r\n"),
      bad("a line of a tab", "\t\r\n"),
      bad("a request line among the fields", "GET /smuggled HTTP/1.1\r\n"),
      bad("a name with NUL", "X\0A: b\r\n"s),
      bad("a name that begins with NUL", "\0X: b\r\n"s),
      bad("a name with a control character", "X\x01: b\r\n"),
      bad("a name with DEL", "X\x7f: b\r\n"),
      bad("a name with CR", "X\rA: b\r\n"),
      bad("a name with LF", "X\nA: b\r\n"),
      bad("a name above ASCII", "X\xe4: b\r\n"),
      bad("a name with a non-breaking blank", "X\xa0: b\r\n"),
      refused("a blank before the first field", "9112 2.2",
              "GET / HTTP/1.1\r\n X-A: b\r\nHost: a\r\n\r\n"),
      refused("a tab before the first field", "9112 2.2",
              "GET / HTTP/1.1\r\n\tX-A: b\r\nHost: a\r\n\r\n"),
      refused("a line of a blank before the first field", "9112 2.2",
              "GET / HTTP/1.1\r\n \r\nHost: a\r\n\r\n"),
      served("a name of every token byte", "9110 5.6.2", get("!#$%&'*+-.^_`|~09aZ: b\r\n"),
             {{.has = {{"!#$%&'*+-.^_`|~09aZ", "b"}}}}),
      served("a name of 1000 bytes", "9110 5.1", get(std::string(1000, 'x') + ": b\r\n"),
             {{.has = {{std::string(1000, 'x'), "b"}}}}),
      served("a name that is the beginning of another", "9110 5.1",
             get("Content-Lengt: 5\r\nContent-Lengthy: 5\r\nTransfer-Encodin: chunked\r\n"),
             {{.has = {{"Content-Lengt", "5"}, {"Content-Lengthy", "5"}}}}),
      served("names with underscores for hyphens", "9110 5.1",
             get("Content_Length: 5\r\nTransfer_Encoding: chunked\r\n"),
             {{.has = {{"Content_Length", "5"}, {"Transfer_Encoding", "chunked"}}}}),
  };
  for (const char separator : "()<>@,;\\\"/[]?={}"s) {
    cases.push_back(bad("a name with "s + separator, "X"s + separator + ": b\r\n"));
  }
  return cases;
}

RequestCases values() {
  RequestCases cases = {
      value_as_is("an empty value", "", ""),
      value_as_is("a value of blanks", " \t ", ""),
      value_as_is("a value without a blank before it", "b", "b"),
      value_as_is("a value between blanks and tabs", " \t b \t ", "b"),
      value_as_is("a value with blanks and tabs", " b  c\td", "b  c\td"),
      value_as_is("a value with a colon", " b: c", "b: c"),
      value_as_is("a value in UTF-8", " \xe2\x82\xac", "\xe2\x82\xac"),
      value_as_is("a value of bytes above ASCII", " \x80\xa0\xff", "\x80\xa0\xff"),
      value_as_is("a value of every visible byte", " !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~",
                  "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"),
      value_as_is("a value of 2000 bytes", " " + std::string(2000, 'v'), std::string(2000, 'v')),
      bad("NUL in a value", "X-A: b\0c\r\n"s),
      bad("NUL at the end of a value", "X-A: b\0\r\n"s),
      bad("CR in a value", "X-A: b\rc\r\n"),
      bad("CR at the end of a value", "X-A: b\r\r\n"),
      bad("CR before a field in a value", "X-A: b\rContent-Length: 5\r\n"),
      bad("LF in a value", "X-A: b\nc\r\n"),
      bad("LF before a field in a value", "X-A: b\nX-B: c\r\n"),
      bad("LF ends a field", "X-A: b\n"),
      bad("LF and CR end a field", "X-A: b\n\r"),
      bad("DEL in a value", "X-A: b\x7f\r\n"),
  };
  for (int byte = 1; byte < 0x20; ++byte) {
    if (byte == '\t' || byte == '\r' || byte == '\n') continue;
    cases.push_back(bad("the control character " + std::to_string(byte) + " in a value",
                        "X-A: b"s + static_cast<char>(byte) + "c\r\n"));
  }
  return cases;
}

RequestCases lines() {
  return {
      refused("a folded value", "9112 5.2", get("X-A: b\r\n c\r\n")),
      refused("a value folded with a tab", "9112 5.2", get("X-A: b\r\n\tc\r\n")),
      refused("a value folded at once", "9112 5.2", get("X-A:\r\n b\r\n")),
      refused("a fold that looks like a field", "9112 5.2", get("X-A: b\r\n X-B: c\r\n")),
      refused("a fold of nothing", "9112 5.2", get("X-A: b\r\n \r\n")),
      refused("a fold in front of the empty line", "9112 5.2",
              "GET / HTTP/1.1\r\nHost: a\r\nX-A: b\r\n \r\n\r\n"),
      refused("LF for the empty line", "9112 2.2", "GET / HTTP/1.1\r\nHost: a\r\n\n"),
      refused("CR for the empty line", "9112 2.2", "GET / HTTP/1.1\r\nHost: a\r\n\rX: b\r\n\r\n"),
      refused("CR, CR and LF for the empty line", "9112 2.2",
              "GET / HTTP/1.1\r\nHost: a\r\n\r\r\n\r\n"),
      served("two fields of one name", "9110 5.3", get("X-A: b\r\nX-B: c\r\nX-A: d\r\n"),
             {{.has = {{"X-B", "c"}}}}),
      served("no fields but Host", "9110 5", get()),
      served("an unknown field with odd letters", "9110 5.1", get("x-ODD-fiELD: b\r\n"),
             {{.has = {{"x-ODD-fiELD", "b"}}}}),
      served("a client's address in the proxy's own field", "9110 17.13.1",
             get("X-Client-IP: 6.6.6.6\r\nx-client-ip: 7.7.7.7\r\n"),
             {{.has = {{"X-Client-IP", "127.0.0.1"}}}}),
      served("a client's own X-Forwarded-For", "7239 5.2", get("X-Forwarded-For: 6.6.6.6\r\n"),
             {{.has = {{"X-Forwarded-For", "6.6.6.6, 127.0.0.1"}}}}),
      unfinished("a head without its end", "9112 2.2", "GET / HTTP/1.1\r\nHost: a\r\n"),
      unfinished("half a request line", "9112 8", "GET / HT"),
      unfinished("half a field line", "9112 8", "GET / HTTP/1.1\r\nHost: a\r\nX-A: b"),
      unfinished("a head without its last byte", "9112 8", "GET / HTTP/1.1\r\nHost: a\r\n\r"),
  };
}

}  // namespace

RequestCases field_cases() {
  RequestCases cases = names();
  for (const RequestCases& more : {values(), lines()})
    cases.insert(cases.end(), more.begin(), more.end());
  return cases;
}

}  // namespace httpteleport::test
