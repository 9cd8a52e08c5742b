// Transfer-Encoding: RFC 9112 sections 6.1 and 7, and everything a smuggler writes instead.
#include "conformance/request_case.h"

namespace httpteleport::test {
namespace {

using namespace std::string_literals;

const std::string kBody = "5\r\nhello\r\n0\r\n\r\n";
const Seen kHello{.method = "POST", .body = "hello"};

std::string with_coding(const std::string& value) {
  return post("Transfer-Encoding:" + value + "\r\n", kBody);
}
RequestCase bad(const std::string& name, const std::string& value) {
  return refused("coding: " + name, "9112 6.1", with_coding(value), {400, 501});
}
RequestCase with_lines(const std::string& name, const std::string& lines) {
  return refused(name, "9112 6.1", post(lines, kBody), {400, 501});
}

RequestCases values() {
  return {
      served("chunked", "9112 7.1", with_coding(" chunked"), {kHello}),
      served("chunked in other letters", "9112 7", with_coding(" ChUnKeD"), {kHello}),
      served("chunked without a blank", "9110 5.5", with_coding("chunked"), {kHello}),
      served("chunked between blanks and tabs", "9110 5.5", with_coding(" \tchunked\t "), {kHello}),
      served("Transfer-Encoding in other letters", "9110 5.1",
             post("tRANSFER-eNCODING: chunked\r\n", kBody), {kHello}),
      served_or_refused("chunked behind an empty element", "9110 5.6.1.2", with_coding(" ,chunked"),
                        kHello, {400, 501}),
      served_or_refused("chunked before an empty element", "9110 5.6.1.2", with_coding(" chunked,"),
                        kHello, {400, 501}),
      bad("nothing", ""),
      bad("blanks", " \t "),
      bad("a comma", " ,"),
      bad("identity", " identity"),
      bad("gzip", " gzip"),
      bad("gzip, chunked", " gzip, chunked"),
      bad("chunked, gzip", " chunked, gzip"),
      bad("identity, chunked", " identity, chunked"),
      bad("chunked, identity", " chunked, identity"),
      bad("chunked, chunked", " chunked, chunked"),
      bad("chunked and chunked without a comma", " chunked chunked"),
      bad("x, chunked", " x, chunked"),
      bad("xchunked", " xchunked"),
      bad("chunkedx", " chunkedx"),
      bad("x-chunked", " x-chunked"),
      bad("chunke", " chunke"),
      bad("chunked with a parameter", " chunked;q=1"),
      bad("chunked with a semicolon", " chunked;"),
      bad("chunked in quotes", " \"chunked\""),
      bad("chunked in single quotes", " 'chunked'"),
      bad("chunked in brackets", " [chunked]"),
      bad("chunked with a colon", " : chunked"),
      bad("chunked behind VT", " \vchunked"),
      bad("chunked before VT", " chunked\v"),
      bad("chunked behind FF", " \fchunked"),
      bad("chunked before NUL", " chunked\0"s),
      bad("NUL in chunked", " chu\0nked"s),
      bad("chunked behind NUL", " \0chunked"s),
      bad("chunked behind a non-breaking blank", " \xa0"s + "chunked"),
      bad("chunked before a byte 0xff", " chunked\xff"),
      bad("chunked with a long s", " chun\xc5\xbf"s + "ed"),
      bad("chunked with a Kelvin sign", " chun\xe2\x84\xaa"s + "ed"),
      bad("chunked before CR", " chunked\r"),
      bad("chunked behind CR", " \rchunked"),
      bad("chunked behind LF", "\nchunked"),
      bad("chunked folded", "\r\n chunked"),
      bad("chunked folded with a tab", "\r\n\tchunked"),
      bad("x and chunked in a fold", " x\r\n chunked"),
      bad("chunked and x in a fold", " chunked\r\n , x"),
  };
}

RequestCases lines() {
  return {
      with_lines("a blank before the colon of a coding", "Transfer-Encoding : chunked\r\n"),
      with_lines("a tab before the colon of a coding", "Transfer-Encoding\t: chunked\r\n"),
      with_lines("NUL before the colon of a coding", "Transfer-Encoding\0: chunked\r\n"s),
      with_lines("CR before the colon of a coding", "Transfer-Encoding\r: chunked\r\n"),
      with_lines("LF before the colon of a coding", "Transfer-Encoding\n: chunked\r\n"),
      with_lines("a blank before a coding", " Transfer-Encoding: chunked\r\n"),
      with_lines("a control character before a coding", "\x0bTransfer-Encoding: chunked\r\n"),
      with_lines("a coding behind LF", "X-A: b\nTransfer-Encoding: chunked\r\n"),
      with_lines("a coding behind CR", "X-A: b\rTransfer-Encoding: chunked\r\n"),
      with_lines("a coding above ASCII",
                 "Transfer-\xc3\x8b"
                 "ncoding: chunked\r\n"),
      with_lines("LF ends a coding", "Transfer-Encoding: chunked\n"),
      with_lines("chunked twice", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
      with_lines("chunked and identity",
                 "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"),
      with_lines("identity and chunked",
                 "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n"),
      with_lines("chunked and nothing", "Transfer-Encoding: chunked\r\nTransfer-Encoding:\r\n"),
      with_lines("nothing and chunked", "Transfer-Encoding:\r\nTransfer-Encoding: chunked\r\n"),
      with_lines("gzip and chunked", "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n"),
      with_lines("chunked and chunked in other letters",
                 "Transfer-Encoding: chunked\r\ntransfer-encoding: x\r\n"),
  };
}

RequestCases beside_a_length() {
  const std::string section = "9112 6.3";
  const auto both = [&](const std::string& name, const std::string& fields,
                        const std::string& body) {
    return refused(name, section, post(fields, body), {400, 501});
  };
  const std::string coding = "Transfer-Encoding: chunked\r\n";
  const std::string smuggled_length = std::to_string(kSmuggled.size() + 5);
  return {
      both("a length and chunked", "Content-Length: 15\r\n" + coding, kBody),
      both("chunked and a length", coding + "Content-Length: 15\r\n", kBody),
      both("chunked and a length of 0", coding + "Content-Length: 0\r\n", kBody),
      both("chunked and a bad length", coding + "Content-Length: x\r\n", kBody),
      both("chunked and an empty length", coding + "Content-Length:\r\n", kBody),
      both("chunked and two lengths", coding + "Content-Length: 5\r\nContent-Length: 5\r\n", kBody),
      both("CL.TE", "Content-Length: " + smuggled_length + "\r\n" + coding,
           "0\r\n\r\n" + kSmuggled),
      both("CL.TE with half a request", "Content-Length: 6\r\n" + coding, "0\r\n\r\nG"),
      both("TE.CL", coding + "Content-Length: 4\r\n",
           "23\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n\r\n0\r\n\r\n"),
      both("a length and an empty coding", "Content-Length: 5\r\nTransfer-Encoding:\r\n", "hello"),
      both("a length and identity", "Content-Length: 5\r\nTransfer-Encoding: identity\r\n",
           "hello"),
      both("a length and gzip", "Content-Length: 5\r\nTransfer-Encoding: gzip\r\n", "hello"),
      both("a length and xchunked", "Content-Length: 15\r\nTransfer-Encoding: xchunked\r\n", kBody),
      both("a length and chunked with VT", "Content-Length: 15\r\nTransfer-Encoding: \vchunked\r\n",
           kBody),
      both("a length and a coding with a blank before its colon",
           "Content-Length: 15\r\nTransfer-Encoding : chunked\r\n", kBody),
      both("a length and chunked that Connection names",
           "Connection: Transfer-Encoding\r\nContent-Length: 15\r\n" + coding, kBody),
      both("chunked and a length that Connection names",
           "Connection: Content-Length\r\nContent-Length: 15\r\n" + coding, kBody),
      served("a length and a coding with an underscore", "9110 5.1",
             post("Content-Length: 15\r\nTransfer_Encoding: chunked\r\n", kBody),
             {{.method = "POST", .body = kBody}}),
      served("a length and TE", "9110 10.1.4", post("Content-Length: 15\r\nTE: chunked\r\n", kBody),
             {{.method = "POST", .body = kBody, .lacks = {"TE"}}}),
      served("a length and Content-Encoding: chunked", "9110 8.4",
             post("Content-Length: 15\r\nContent-Encoding: chunked\r\n", kBody),
             {{.method = "POST", .body = kBody}}),
      served("chunked that Connection names", "9110 7.6.1",
             post("Connection: Transfer-Encoding\r\n" + coding, kBody), {kHello}),
      served_or_declined("chunked with GET", "9112 6",
                         "GET / HTTP/1.1\r\nHost: a\r\n" + coding + "\r\n" + kBody,
                         {.body = "hello"}, {501}),
      served_or_declined("chunked with HEAD", "9112 6",
                         "HEAD / HTTP/1.1\r\nHost: a\r\n" + coding + "\r\n" + kBody,
                         {.method = "HEAD", .body = "hello"}, {501}),
      served("chunked with an unknown method", "9112 6",
             "BREW / HTTP/1.1\r\nHost: a\r\n" + coding + "\r\n" + kBody,
             {{.method = "BREW", .body = "hello"}}),
  };
}

}  // namespace

RequestCases transfer_encoding_cases() {
  RequestCases cases = values();
  for (const RequestCases& more : {lines(), beside_a_length()})
    cases.insert(cases.end(), more.begin(), more.end());
  return cases;
}

}  // namespace httpteleport::test
