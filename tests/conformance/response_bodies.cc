// How long the bodies of answers are: lengths, codings, chunks, and statuses that have none.
#include <string>

#include "conformance/response_case.h"

namespace httpteleport::test {

namespace {

using namespace std::string_literals;

std::string length(const std::string& fields) {
  return "HTTP/1.1 200 OK\r\n" + fields + "\r\n\r\nhello";
}

// RFC 9112 section 6.1, 6.3. `fields` stand in an answer whose body is five bytes in one chunk.
std::string coded(const std::string& fields, const char* version = "1.1") {
  return std::string("HTTP/") + version + " 200 OK\r\n" + fields +
         "\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
}

std::vector<ResponseCase> codings() {
  return {
      {"6.1", "chunked in capitals", coded("TRANSFER-ENCODING: CHUNKED")},
      {"6.1", "chunked with white space", coded("Transfer-Encoding: \t chunked \t")},
      {"6.3", "chunked and a length", coded("Transfer-Encoding: chunked\r\nContent-Length: 4"),
       kGood | kBad},
      {"6.3", "a length and chunked", coded("Content-Length: 4\r\nTransfer-Encoding: chunked"),
       kGood | kBad},
      {"6.1", "gzip", coded("Transfer-Encoding: gzip"), kBad},
      {"6.1", "gzip, chunked", coded("Transfer-Encoding: gzip, chunked"), kBad},
      {"6.1", "chunked, gzip", coded("Transfer-Encoding: chunked, gzip"), kBad},
      {"6.1", "chunked, chunked", coded("Transfer-Encoding: chunked, chunked"), kBad},
      {"6.1", "chunked twice", coded("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"),
       kBad},
      {"6.1", "chunked, then identity",
       coded("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity"), kBad},
      {"6.1", "identity", coded("Transfer-Encoding: identity"), kBad},
      {"6.1", "xchunked", coded("Transfer-Encoding: xchunked"), kBad},
      {"6.1", "chunked with a parameter", coded("Transfer-Encoding: chunked;q=1"), kBad},
      {"6.1", "quoted", coded("Transfer-Encoding: \"chunked\""), kBad},
      {"6.1", "VT in front",
       coded("Transfer-Encoding: \x0b"
             "chunked"),
       kBad},
      {"6.1", "empty", coded("Transfer-Encoding:"), kBad},
      {"6.1", "an empty element", coded("Transfer-Encoding: ,chunked"), kGood | kBad},
      {"6.1", "HTTP/1.0", coded("Transfer-Encoding: chunked", "1.0"), kBad},
  };
}

std::vector<ResponseCase> bodiless() {
  const std::string no_content = "HTTP/1.1 204 No Content\r\n";
  const std::string not_modified = "HTTP/1.1 304 Not Modified\r\n";
  return {
      {"9110-15.3.5", "204", no_content + "\r\n", kGood, 204, ""},
      ResponseCase{"9110-8.6", "204 with a length", no_content + "Content-Length: 5\r\n\r\n",
                   kGood | kBad, 204, ""}
          .without({"Content-Length"}),
      ResponseCase{"6.3", "204 with a body", no_content + "Content-Length: 4\r\n\r\nevil",
                   kGood | kBad, 204, ""}
          .without({"Content-Length"})
          .and_surplus(),
      ResponseCase{"6.1", "204 in chunks",
                   no_content + "Transfer-Encoding: chunked\r\n\r\n4\r\nevil\r\n0\r\n\r\n",
                   kGood | kBad, 204, ""}
          .without({"Transfer-Encoding"})
          .and_surplus(),
      ResponseCase{"9110-15.4.5", "304", not_modified + "ETag: \"a\"\r\n\r\n", kGood, 304, ""}.with(
          {{"ETag", "\"a\""}}),
      {"9110-8.6", "304 with a length", not_modified + "Content-Length: 500\r\n\r\n", kGood, 304,
       ""},
      ResponseCase{"6.3", "304 with a body", not_modified + "Content-Length: 4\r\n\r\nevil", kGood,
                   304, ""}
          .and_surplus(),
      ResponseCase{"6.3", "304 in chunks",
                   not_modified + "Transfer-Encoding: chunked\r\n\r\n4\r\nevil\r\n0\r\n\r\n",
                   kGood | kBad, 304, ""}
          .without({"Transfer-Encoding"})
          .and_surplus(),
      {"9110-15.3.6", "205", "HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n", kGood, 205,
       ""},
      {"6.3", "205 with a body", "HTTP/1.1 205 Reset Content\r\nContent-Length: 5\r\n\r\nhello",
       kGood | kBad, 205},
  };
}

}  // namespace

std::vector<ResponseCase> response_lengths() {
  std::vector<ResponseCase> cases = {
      {"6.2", "0", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", kGood, 200, ""},
      {"6.2", "white space around it", length("Content-Length: \t 5 \t")},
      {"6.2", "leading zeros", length("Content-Length: 00005"), kGood | kBad},
      {"6.3", "twice the same", length("Content-Length: 5\r\nContent-Length: 5"), kGood | kBad},
      {"6.3", "a list of the same", length("Content-Length: 5, 5"), kGood | kBad},
      {"6.3", "two", length("Content-Length: 5\r\nContent-Length: 4"), kBad},
      {"6.3", "two, the second empty", length("Content-Length: 5\r\nContent-Length:"), kBad},
      {"6.3", "a list of two", length("Content-Length: 4, 5"), kBad},
      {"6.3", "empty", length("Content-Length:"), kBad},
      {"6.3", "negative", length("Content-Length: -5"), kBad},
      {"6.3", "signed", length("Content-Length: +5"), kBad},
      {"6.3", "hexadecimal", length("Content-Length: 0x5"), kBad},
      {"6.3", "fraction", length("Content-Length: 5.0"), kBad},
      {"6.3", "exponent", length("Content-Length: 5e0"), kBad},
      {"6.3", "with a unit", length("Content-Length: 5b"), kBad},
      {"6.3", "two numbers", length("Content-Length: 5 5"), kBad},
      {"6.3", "quoted", length("Content-Length: \"5\""), kBad},
      {"6.3", "2^63", length("Content-Length: 9223372036854775808"), kBad},
      {"6.3", "2^64 + 5", length("Content-Length: 18446744073709551621"), kBad},
      {"6.3", "a hundred digits", length("Content-Length: " + std::string(100, '1')), kBad},
      {"6.3", "too few bytes, FIN", length("Content-Length: 6"), kCut, 200, "hello", End::kClose},
      {"6.3", "too few bytes, RST", length("Content-Length: 6"), kCut, 200, "hello", End::kReset},
      {"6.3", "none of the bytes", "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n", kCut, 200, "",
       End::kClose},
      {"6.3", "until the end of the connection", "HTTP/1.1 200 OK\r\n\r\nhello", kGood, 200,
       "hello", End::kClose},
      {"6.3", "until the end, HTTP/1.0", "HTTP/1.0 200 OK\r\n\r\nhello", kGood, 200, "hello",
       End::kClose},
      {"6.3", "until the end, nothing", "HTTP/1.1 200 OK\r\n\r\n", kGood, 200, "", End::kClose},
      {"6.3", "until the end, though it keeps the connection",
       "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n\r\nhello", kGood, 200, "hello", End::kClose},
      {"6.3", "until a reset", "HTTP/1.1 200 OK\r\n\r\nhello", kCut, 200, "hello", End::kReset},
      {"8", "a head without its end, FIN", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n", kBad, 200,
       "", End::kClose},
      {"8", "a status line alone, RST", "HTTP/1.1 200 OK\r\n", kBad, 200, "", End::kReset},
      {"8", "nothing, FIN", "", kBad, 200, "", End::kClose},
      {"8", "nothing, RST", "", kBad, 200, "", End::kReset},
  };
  for (auto* more : {&codings, &bodiless}) {
    for (ResponseCase& one : more())
      cases.push_back(std::move(one));
  }
  return cases;
}

std::vector<ResponseCase> response_chunks() {
  std::vector<ResponseCase> cases = {
      {"7.1", "one", chunked("5\r\nhello\r\n0\r\n\r\n")},
      {"7.1", "several", chunked("1\r\nh\r\n3\r\nell\r\n1\r\no\r\n0\r\n\r\n")},
      {"7.1", "none", chunked("0\r\n\r\n"), kGood, 200, ""},
      {"7.1", "hexadecimal, either case",
       chunked("a\r\n0123456789\r\nB\r\n0123456789x\r\n0\r\n\r\n"), kGood, 200,
       "01234567890123456789x"},
      {"7.1", "leading zeros", chunked("0000000005\r\nhello\r\n000\r\n\r\n")},
      {"7.1.1", "extensions", chunked("5;a;b=c;d=\"e;f\\\"\"\r\nhello\r\n0;x=y\r\n\r\n")},
      {"7.1.1", "blanks in an extension", chunked("5; a = b\r\nhello\r\n0\r\n\r\n")},
      {"7.1.1", "a size and a blank", chunked("5 \r\nhello\r\n0\r\n\r\n"), kGood | kCut},
      {"7.1.2", "trailers", chunked("5\r\nhello\r\n0\r\nX-Trailer: a\r\nX-Other: b\r\n\r\n")},
  };
  // Faults of the framing. Where the head is on its way already, the answer must look broken.
  const std::pair<const char*, std::string> broken[] = {
      {"no size", "\r\nhello\r\n0\r\n\r\n"},
      {"negative", "-5\r\nhello\r\n0\r\n\r\n"},
      {"signed", "+5\r\nhello\r\n0\r\n\r\n"},
      {"0x", "0x5\r\nhello\r\n0\r\n\r\n"},
      {"not hexadecimal", "g\r\nhello\r\n0\r\n\r\n"},
      {"digits behind an underscore", "5_0\r\nhello\r\n0\r\n\r\n"},
      {"a blank in front", " 5\r\nhello\r\n0\r\n\r\n"},
      {"17 digits", "00000000000000005\r\nhello\r\n0\r\n\r\n"},
      {"2^64 + 5", "10000000000000005\r\nhello\r\n0\r\n\r\n"},
      {"2^64 - 1", "ffffffffffffffff\r\nhello\r\n0\r\n\r\n"},
      {"2^63", "8000000000000000\r\nhello\r\n0\r\n\r\n"},
      {"bare LF behind the size", "5\nhello\r\n0\r\n\r\n"},
      {"bare CR behind the size", "5\rhello\r\n0\r\n\r\n"},
      {"bare LF in an extension", "5;a\nb\r\nhello\r\n0\r\n\r\n"},
      {"bare CR in an extension", "5;a\rb\r\nhello\r\n0\r\n\r\n"},
      {"control in an extension", "5;a\0b\r\nhello\r\n0\r\n\r\n"s},
      {"extensions of 20 KB", "5;" + std::string(20'000, 'a') + "\r\nhello\r\n0\r\n\r\n"},
      {"no CRLF behind the data", "5\r\nhello0\r\n\r\n"},
      {"LF behind the data", "5\r\nhello\n0\r\n\r\n"},
      {"more data than its size", "4\r\nhello\r\n0\r\n\r\n"},
      {"less data than its size", "6\r\nhello\r\n0\r\n\r\n"},
      {"bare LF behind the last chunk", "5\r\nhello\r\n0\n\r\n"},
      {"bad trailer", "5\r\nhello\r\n0\r\nevil\r\n\r\n"},
      {"NUL in a trailer", "5\r\nhello\r\n0\r\nX: e\0vil\r\n\r\n"s},
      {"folded trailer", "5\r\nhello\r\n0\r\nX: a\r\n evil\r\n\r\n"},
      {"bare LF in a trailer", "5\r\nhello\r\n0\r\nX: a\nEvil: 1\r\n\r\n"},
      {"trailers of 8 KB", "5\r\nhello\r\n0\r\nX: " + std::string(8000, 'a') + "\r\n\r\n"},
  };
  for (const auto& [name, body] : broken)
    cases.push_back({"7.1", name, chunked(body), kCut, 200, "hello", End::kClose});
  cases.push_back({"9110-6.5.1", "forbidden trailers",
                   chunked("5\r\nhello\r\n0\r\nContent-Length: 4\r\nTransfer-Encoding: evil\r\n"
                           "Host: evil\r\nConnection: evil\r\nX-Trailer: a\r\n\r\n"),
                   kGood | kCut});
  return cases;
}

}  // namespace httpteleport::test
