#include "http/h1/framing.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "http/h1/test_heads.h"

namespace httpteleport::http::h1 {
namespace {

using std::literals::operator""sv;

struct Case {
  std::string_view lines;  // of the head, without the last CRLF and the empty line
  std::string_view want;
};

void expect_request(const Case& c) {
  const std::string wire = std::string(c.lines) + "\r\n\r\n";
  const HeadOutcome got = parse_every_way(wire, [](auto bytes) { return parse_request(bytes); });
  EXPECT_EQ(got.text, c.want) << testing::PrintToString(wire);
  if (got.size > 0) {
    EXPECT_EQ(got.size, wire.size());
    expect_scanner_lets_pass(wire);
  }
}

void expect_response(Method request_method, const Case& c) {
  const std::string wire = std::string(c.lines) + "\r\n\r\n";
  const HeadOutcome got = parse_every_way(
      wire, [request_method](auto bytes) { return parse_response(bytes, request_method); });
  EXPECT_EQ(got.text, c.want) << testing::PrintToString(wire);
  if (got.size > 0) expect_scanner_lets_pass(wire);
}

// Fields of "POST / HTTP/1.1" with a Host, and the body they announce.
constexpr Case kLengths[] = {
    {"Content-Length: 0"sv, "none"},
    {"Content-Length: 00"sv, "none"},
    {"Content-Length: 5"sv, "5"},
    {"content-length:5"sv, "5"},
    {"CONTENT-LENGTH: \t 5 \t "sv, "5"},
    {"Content-Length: 0000000000000000005"sv, "5"},
    {"Content-Length: 9223372036854775807"sv, "9223372036854775807"},
    {"Content-Length: 9223372036854775808"sv, "400 Content-Length is not a plain number"},
    {"Content-Length: 9999999999999999999"sv, "400 Content-Length is not a plain number"},
    {"Content-Length: 00000000000000000005"sv, "400 Content-Length is not a plain number"},
    {"Content-Length: 18446744073709551616"sv, "400 Content-Length is not a plain number"},
    {"Content-Length: 18446744073709551621"sv, "400 Content-Length is not a plain number"},
    {"Content-Length: 340282366920938463463374607431768211461"sv,
     "400 Content-Length is not a plain number"},
    {"Content-Length:"sv, "400 Content-Length is not a plain number"},
    {"Content-Length: \t"sv, "400 Content-Length is not a plain number"},
    {"Content-Length: +5"sv, "400 Content-Length is not a plain number"},
    {"Content-Length: -5"sv, "400 Content-Length is not a plain number"},
    {"Content-Length: -0"sv, "400 Content-Length is not a plain number"},
    {"Content-Length: 0x5"sv, "400 Content-Length is not a plain number"},
    {"Content-Length: 0b1"sv, "400 Content-Length is not a plain number"},
    {"Content-Length: 1_0"sv, "400 Content-Length is not a plain number"},
    {"Content-Length: a"sv, "400 Content-Length is not a plain number"},
    {"Content-Length: 5a"sv, "400 Content-Length is not a plain number"},
    {"Content-Length: 5.0"sv, "400 Content-Length is not a plain number"},
    {"Content-Length: 5e1"sv, "400 Content-Length is not a plain number"},
    {"Content-Length: 5 5"sv, "400 Content-Length is not a plain number"},
    {"Content-Length: 5\t5"sv, "400 Content-Length is not a plain number"},
    {"Content-Length: 5,5"sv, "400 Content-Length is not a plain number"},
    {"Content-Length: 5, 5"sv, "400 Content-Length is not a plain number"},
    {"Content-Length: 5, 6"sv, "400 Content-Length is not a plain number"},
    {"Content-Length: 5,"sv, "400 Content-Length is not a plain number"},
    {"Content-Length: ,5"sv, "400 Content-Length is not a plain number"},
    {"Content-Length: 5;"sv, "400 Content-Length is not a plain number"},
    {"Content-Length: \"5\""sv, "400 Content-Length is not a plain number"},
    {"Content-Length: '5'"sv, "400 Content-Length is not a plain number"},
    {"Content-Length: 5\xa0"sv, "400 Content-Length is not a plain number"},
    {"Content-Length: \xd9\xa5"sv, "400 Content-Length is not a plain number"},
    {"Content-Length: 5\0"sv, "400 a header line is not 'name: value' and CRLF"},
    {"Content-Length: 5\x0b"sv, "400 a header line is not 'name: value' and CRLF"},
    {"Content-Length: 5\r"sv, "400 a header line is not 'name: value' and CRLF"},
    {"Content-Length: 5\r\n 5"sv, "400 a header line is not 'name: value' and CRLF"},
    {"Content-Length: 5\r\nContent-Length: 5"sv, "400 more than one Content-Length"},
    {"Content-Length: 5\r\nContent-Length: 6"sv, "400 more than one Content-Length"},
    {"Content-Length: 0\r\nContent-Length: 0"sv, "400 more than one Content-Length"},
    {"Content-Length:\r\nContent-Length: 5"sv, "400 more than one Content-Length"},
    {"Content-Length: 5\r\ncontent-LENGTH: 5"sv, "400 more than one Content-Length"},
    {"Content-Length: 5\r\nA: b\r\nContent-Length: 0"sv, "400 more than one Content-Length"},
    // Transfer codings.
    {"Transfer-Encoding: chunked"sv, "unknown"},
    {"transfer-encoding:CHUNKED"sv, "unknown"},
    {"Transfer-Encoding: \tChunked\t "sv, "unknown"},
    {"Transfer-Encoding:"sv, "501 a transfer coding other than chunked"},
    {"Transfer-Encoding: identity"sv, "501 a transfer coding other than chunked"},
    {"Transfer-Encoding: gzip"sv, "501 a transfer coding other than chunked"},
    {"Transfer-Encoding: gzip, chunked"sv, "501 a transfer coding other than chunked"},
    {"Transfer-Encoding: chunked, gzip"sv, "501 a transfer coding other than chunked"},
    {"Transfer-Encoding: chunked, chunked"sv, "501 a transfer coding other than chunked"},
    {"Transfer-Encoding: chunked, identity"sv, "501 a transfer coding other than chunked"},
    {"Transfer-Encoding: chunked,"sv, "501 a transfer coding other than chunked"},
    {"Transfer-Encoding: ,chunked"sv, "501 a transfer coding other than chunked"},
    {"Transfer-Encoding: chunked;"sv, "501 a transfer coding other than chunked"},
    {"Transfer-Encoding: chunked;q=1"sv, "501 a transfer coding other than chunked"},
    {"Transfer-Encoding: \"chunked\""sv, "501 a transfer coding other than chunked"},
    {"Transfer-Encoding: 'chunked'"sv, "501 a transfer coding other than chunked"},
    {"Transfer-Encoding: xchunked"sv, "501 a transfer coding other than chunked"},
    {"Transfer-Encoding: chunkedx"sv, "501 a transfer coding other than chunked"},
    {"Transfer-Encoding: chunk"sv, "501 a transfer coding other than chunked"},
    {"Transfer-Encoding: chun ked"sv, "501 a transfer coding other than chunked"},
    {"Transfer-Encoding: chunked\xa0"sv, "501 a transfer coding other than chunked"},
    {"Transfer-Encoding: \xc2\xa0\x63hunked"sv, "501 a transfer coding other than chunked"},
    {"Transfer-Encoding: c\xe2\x84\xaahunked"sv, "501 a transfer coding other than chunked"},
    {"Transfer-Encoding: : chunked"sv, "501 a transfer coding other than chunked"},
    {"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"sv,
     "501 a transfer coding other than chunked"},
    {"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity"sv,
     "501 a transfer coding other than chunked"},
    {"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked"sv,
     "501 a transfer coding other than chunked"},
    {"Transfer-Encoding:\r\nTransfer-Encoding: chunked"sv,
     "501 a transfer coding other than chunked"},
    {"Transfer-Encoding: \0chunked"sv, "400 a header line is not 'name: value' and CRLF"},
    {"Transfer-Encoding: chunked\x0c"sv, "400 a header line is not 'name: value' and CRLF"},
    {"Transfer-Encoding: chunked\x7f"sv, "400 a header line is not 'name: value' and CRLF"},
    {"Transfer-Encoding: chunked\n"sv, "400 a header line is not 'name: value' and CRLF"},
    {"Transfer-Encoding\r\n: chunked"sv, "400 a header line is not 'name: value' and CRLF"},
    {"Transfer-Encoding\xa0: chunked"sv, "400 a header line is not 'name: value' and CRLF"},
    {"\x0bTransfer-Encoding: chunked"sv, "400 a header line is not 'name: value' and CRLF"},
    // Both framings, in whatever order and shape.
    {"Content-Length: 5\r\nTransfer-Encoding: chunked"sv,
     "400 both Transfer-Encoding and Content-Length"},
    {"Transfer-Encoding: chunked\r\nContent-Length: 5"sv,
     "400 both Transfer-Encoding and Content-Length"},
    {"Transfer-Encoding: identity\r\nContent-Length: 5"sv,
     "400 both Transfer-Encoding and Content-Length"},
    {"Transfer-Encoding:\r\nContent-Length: 5"sv, "400 both Transfer-Encoding and Content-Length"},
    {"Transfer-Encoding: chunked\r\nContent-Length:"sv,
     "400 both Transfer-Encoding and Content-Length"},
    {"Connection: Content-Length\r\nTransfer-Encoding: chunked\r\nContent-Length: 5"sv,
     "400 both Transfer-Encoding and Content-Length"},
    {"Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\nContent-Length: 5"sv,
     "400 both Transfer-Encoding and Content-Length"},
    // Naming the framing in Connection does not take it away.
    {"Connection: Content-Length\r\nContent-Length: 5"sv, "5"},
    {"Connection: close, Transfer-Encoding\r\nTransfer-Encoding: chunked"sv, "unknown"},
    // No body, whatever the method.
    {"A: b"sv, "none"},
};

TEST(RequestFraming, KnowsOneWayToDelimitABodyAndRefusesTheOthers) {
  for (const Case& c : kLengths) {
    const std::string wire = "POST / HTTP/1.1\r\nHost: h\r\n" + std::string(c.lines) + "\r\n\r\n";
    const HeadOutcome got = parse_every_way(wire, [](auto bytes) { return parse_request(bytes); });
    if (c.want.find(' ') != std::string_view::npos) {
      EXPECT_EQ(got.text, "failed " + std::string(c.want)) << testing::PrintToString(wire);
      continue;
    }
    EXPECT_NE(got.text.find("] body=" + std::string(c.want) + " "), std::string::npos)
        << testing::PrintToString(wire) << got.text;
    EXPECT_EQ(got.text.find("Content-Length"), std::string::npos) << got.text;
    EXPECT_EQ(got.text.find("Transfer-Encoding"), std::string::npos) << got.text;
    expect_scanner_lets_pass(wire);
  }
}

TEST(RequestFraming, RefusesTransferCodingsFromAnHttp10Client) {
  expect_request({"POST / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked"sv,
                  "failed 400 Transfer-Encoding in an HTTP/1.0 request"});
  expect_request({"POST / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: identity"sv,
                  "failed 400 Transfer-Encoding in an HTTP/1.0 request"});
}

// Names that a lenient peer might read as another are just other names here, and pass.
TEST(RequestFraming, ReadsNamesExactly) {
  expect_request({"POST / HTTP/1.1\r\nHost: h\r\nContent_Length: 5\r\nContent-Length-: 6"sv,
                  "POST / 1.1 of h [Host:h|Content_Length:5|Content-Length-:6] body=none keep"});
  expect_request({"POST / HTTP/1.1\r\nHost: h\r\nTransfer_Encoding: chunked\r\nContent-Length: 2"sv,
                  "POST / 1.1 of h [Host:h|Transfer_Encoding:chunked] body=2 keep"});
}

TEST(RequestFraming, TakesABodyWithAnyMethod) {
  expect_request(
      {"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 3"sv, "GET / 1.1 of h [Host:h] body=3 keep"});
  expect_request({"DELETE / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked"sv,
                  "DELETE / 1.1 of h [Host:h] body=unknown keep"});
  expect_request({"HEAD / HTTP/1.0\r\nContent-Length: 3"sv, "HEAD / 1.0 of  [] body=3 close"});
}

constexpr Case kTargets[] = {
    {"GET / HTTP/1.1"sv, "refused 400 no Host field; GET / 1.1 of  [] body=none keep"},
    {"GET / HTTP/1.1\r\nHost:"sv, "GET / 1.1 of  [Host:] body=none keep"},
    {"GET / HTTP/1.1\r\nHost: h\r\nHost: h"sv,
     "refused 400 more than one Host field; GET / 1.1 of  [Host:h|Host:h] body=none keep"},
    {"GET / HTTP/1.1\r\nHost: h\r\nhost: i"sv,
     "refused 400 more than one Host field; GET / 1.1 of  [Host:h|host:i] body=none keep"},
    {"GET / HTTP/1.0\r\nHost: h\r\nHost: i"sv,
     "refused 400 more than one Host field; GET / 1.0 of  [Host:h|Host:i] body=none close"},
    {"GET / HTTP/1.1\r\nHost: a b"sv,
     "refused 400 the Host field is not a host and port; GET / 1.1 of  [Host:a b] body=none keep"},
    {"GET / HTTP/1.1\r\nHost: a,b"sv,
     "refused 400 the Host field is not a host and port; GET / 1.1 of  [Host:a,b] body=none keep"},
    {"GET / HTTP/1.1\r\nHost: a/b"sv,
     "refused 400 the Host field is not a host and port; GET / 1.1 of  [Host:a/b] body=none keep"},
    {"GET / HTTP/1.1\r\nHost: a@b"sv,
     "refused 400 the Host field is not a host and port; GET / 1.1 of  [Host:a@b] body=none keep"},
    {"GET / HTTP/1.1\r\nHost: a?b"sv,
     "refused 400 the Host field is not a host and port; GET / 1.1 of  [Host:a?b] body=none keep"},
    {"GET / HTTP/1.1\r\nHost: a#b"sv,
     "refused 400 the Host field is not a host and port; GET / 1.1 of  [Host:a#b] body=none keep"},
    {"GET / HTTP/1.1\r\nHost: a\\b"sv,
     "refused 400 the Host field is not a host and port; GET / 1.1 of  [Host:a\\b] body=none keep"},
    {"GET / HTTP/1.1\r\nHost: \"a\""sv,
     "refused 400 the Host field is not a host and port; GET / 1.1 of  [Host:\"a\"] body=none "
     "keep"},
    {"GET / HTTP/1.1\r\nHost: <a>"sv,
     "refused 400 the Host field is not a host and port; GET / 1.1 of  [Host:<a>] body=none keep"},
    {"GET / HTTP/1.1\r\nHost: \xc3\xa9"sv,
     "refused 400 the Host field is not a host and port; GET / 1.1 of  [Host:\xc3\xa9] body=none "
     "keep"},
    {"GET / HTTP/1.1\r\nHost: [::1]:80"sv, "GET / 1.1 of [::1]:80 [Host:[::1]:80] body=none keep"},
    {"GET / HTTP/1.1\r\nHost: a_b-c.d~e%20:1"sv,
     "GET / 1.1 of a_b-c.d~e%20:1 [Host:a_b-c.d~e%20:1] body=none keep"},
    // Absolute form: the authority in it replaces Host.
    {"GET http://a/b?c HTTP/1.1\r\nHost: z"sv, "GET /b?c 1.1 of a [Host:a] body=none keep"},
    {"GET HTTPS://a:443/ HTTP/1.1\r\nHost: z"sv, "GET / 1.1 of a:443 [Host:a:443] body=none keep"},
    {"GET http://a HTTP/1.1\r\nHost: z"sv, "GET / 1.1 of a [Host:a] body=none keep"},
    {"GET http://[::1]:8/x HTTP/1.1\r\nHost: z"sv,
     "GET /x 1.1 of [::1]:8 [Host:[::1]:8] body=none keep"},
    {"GET http://a//b://c HTTP/1.1\r\nHost: z"sv, "GET //b://c 1.1 of a [Host:a] body=none keep"},
    {"OPTIONS http://a HTTP/1.1\r\nHost: z"sv, "OPTIONS * 1.1 of a [Host:a] body=none keep"},
    {"OPTIONS http://a/ HTTP/1.1\r\nHost: z"sv, "OPTIONS / 1.1 of a [Host:a] body=none keep"},
    // Nothing behind us may be left without Host, also when the client is HTTP/1.0.
    {"GET http://a/b HTTP/1.0"sv, "GET /b 1.0 of a [Host:a] body=none close"},
    {"GET http://a/b HTTP/1.1"sv,
     "refused 400 no Host field; GET http://a/b 1.1 of  [] body=none keep"},
    {"GET http://u@a/ HTTP/1.1\r\nHost: z"sv,
     "refused 400 the request target has no proper host; GET http://u@a/ 1.1 of u@a [Host:z] "
     "body=none keep"},
    {"GET http://u:p@a/ HTTP/1.1\r\nHost: z"sv,
     "refused 400 the request target has no proper host; GET http://u:p@a/ 1.1 of u:p@a [Host:z] "
     "body=none keep"},
    {"GET http:///b HTTP/1.1\r\nHost: z"sv,
     "refused 400 the request target has no proper host; GET http:///b 1.1 of  [Host:z] body=none "
     "keep"},
    {"GET http:// HTTP/1.1\r\nHost: z"sv,
     "refused 400 the request target has no proper host; GET http:// 1.1 of  [Host:z] body=none "
     "keep"},
    {"GET http://a\\b/ HTTP/1.1\r\nHost: z"sv,
     "refused 400 the request target has no proper host; GET http://a\\b/ 1.1 of a\\b [Host:z] "
     "body=none keep"},
    {"GET http://a?b HTTP/1.1\r\nHost: z"sv,
     "refused 400 the request target has a query but no path; GET http://a?b 1.1 of a [Host:z] "
     "body=none keep"},
    {"GET ftp://a/ HTTP/1.1\r\nHost: z"sv,
     "refused 400 the request target has a scheme other than http and https; GET ftp://a/ 1.1 of z "
     "[Host:z] body=none keep"},
    {"GET file:///etc/passwd HTTP/1.1\r\nHost: z"sv,
     "refused 400 the request target has a scheme other than http and https; GET "
     "file:///etc/passwd 1.1 of z [Host:z] body=none keep"},
    {"GET http:a HTTP/1.1\r\nHost: z"sv,
     "refused 400 the request target is neither a path nor an http URI; GET http:a 1.1 of z "
     "[Host:z] body=none keep"},
    {"GET a/b HTTP/1.1\r\nHost: z"sv,
     "refused 400 the request target is neither a path nor an http URI; GET a/b 1.1 of z [Host:z] "
     "body=none keep"},
    {"GET ?a HTTP/1.1\r\nHost: z"sv,
     "refused 400 the request target is neither a path nor an http URI; GET ?a 1.1 of z [Host:z] "
     "body=none keep"},
    {"GET @evil/ HTTP/1.1\r\nHost: z"sv,
     "refused 400 the request target is neither a path nor an http URI; GET @evil/ 1.1 of z "
     "[Host:z] body=none keep"},
    {"OPTIONS * HTTP/1.1\r\nHost: h"sv, "OPTIONS * 1.1 of h [Host:h] body=none keep"},
    {"GET * HTTP/1.1\r\nHost: h"sv,
     "refused 400 the target * is for OPTIONS only; GET * 1.1 of h [Host:h] body=none keep"},
    {"OPTIONS ** HTTP/1.1\r\nHost: h"sv,
     "refused 400 the request target is neither a path nor an http URI; OPTIONS ** 1.1 of h "
     "[Host:h] body=none keep"},
    {"CONNECT a:443 HTTP/1.1\r\nHost: a:443"sv,
     "refused 501 CONNECT is not served here; CONNECT a:443 1.1 of  [Host:a:443] body=none keep"},
    {"CONNECT / HTTP/1.1\r\nHost: h\r\nContent-Length: 3"sv,
     "refused 501 CONNECT is not served here; CONNECT / 1.1 of  [Host:h] body=3 keep"},
    {"TRACE / HTTP/1.1\r\nHost: h"sv, "TRACE / 1.1 of h [Host:h] body=none keep"},
    // What is refused is still delimited.
    {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked"sv,
     "refused 400 no Host field; POST / 1.1 of  [] body=unknown keep"},
};

TEST(RequestFraming, KnowsWhomARequestIsFor) {
  for (const Case& c : kTargets)
    expect_request(c);
}

constexpr Case kConnections[] = {
    {"GET / HTTP/1.1\r\nHost: h\r\nConnection: close"sv, "GET / 1.1 of h [Host:h] body=none close"},
    {"GET / HTTP/1.1\r\nHost: h\r\nConnection: Close"sv, "GET / 1.1 of h [Host:h] body=none close"},
    {"GET / HTTP/1.1\r\nHost: h\r\nConnection: keep-alive"sv,
     "GET / 1.1 of h [Host:h] body=none keep"},
    {"GET / HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, close"sv,
     "GET / 1.1 of h [Host:h] body=none close"},
    {"GET / HTTP/1.1\r\nHost: h\r\nConnection: a\r\nConnection: ,,\tclose ,"sv,
     "GET / 1.1 of h [Host:h] body=none close"},
    {"GET / HTTP/1.1\r\nHost: h\r\nConnection:"sv, "GET / 1.1 of h [Host:h] body=none keep"},
    {"GET / HTTP/1.1\r\nHost: h\r\nConnection: \"close\""sv,
     "GET / 1.1 of h [Host:h] body=none keep"},
    {"GET / HTTP/1.1\r\nHost: h\r\nConnection: closed"sv, "GET / 1.1 of h [Host:h] body=none keep"},
    {"GET / HTTP/1.0\r\nConnection: keep-alive"sv, "GET / 1.0 of  [] body=none keep"},
    {"GET / HTTP/1.0\r\nConnection: Keep-Alive"sv, "GET / 1.0 of  [] body=none keep"},
    {"GET / HTTP/1.0\r\nConnection: keep-alive, close"sv, "GET / 1.0 of  [] body=none close"},
    {"GET / HTTP/1.0\r\nProxy-Connection: keep-alive"sv, "GET / 1.0 of  [] body=none close"},
    {"GET / HTTP/1.2\r\nHost: h\r\nConnection: close"sv, "GET / 1.2 of h [Host:h] body=none close"},
    // What is about this connection goes no further.
    {"GET / HTTP/1.1\r\nHost: h\r\nKeep-Alive: 5\r\nProxy-Connection: x\r\nTE: trailers\r\n"
     "Trailer: a\r\nUpgrade: h2c\r\nProxy-Authorization: b\r\nProxy-Authenticate: c\r\nA: b"sv,
     "GET / 1.1 of h [Host:h|A:b] body=none keep"},
    {"GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
     "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA"sv,
     "GET / 1.1 of h [Host:h] body=none keep"},
    {"GET / HTTP/1.1\r\nHost: h\r\nA: 1\r\nConnection: a, B\r\nb: 2\r\nC: 3\r\na: 4"sv,
     "GET / 1.1 of h [Host:h|C:3] body=none keep"},
    {"GET / HTTP/1.1\r\nHost: h\r\nConnection: a\r\nA: 1\r\nconnection: b\r\nB: 2"sv,
     "GET / 1.1 of h [Host:h] body=none keep"},
    {"GET / HTTP/1.1\r\nHost: h\r\nConnection: cookie, authorization, max-forwards, "
     "content-type\r\n"
     "Cookie: 1\r\nAuthorization: 2\r\nMax-Forwards: 3\r\nContent-Type: 4"sv,
     "GET / 1.1 of h [Host:h] body=none keep"},
    // But these may not be taken away by naming them.
    {"GET / HTTP/1.1\r\nConnection: host, HOST\r\nHost: h"sv,
     "GET / 1.1 of h [Host:h] body=none keep"},
    {"GET / HTTP/1.1\r\nHost: h\r\nConnection: x-forwarded-for, x-forwarded-host,"
     "x-forwarded-proto, forwarded, via, date\r\nX-Forwarded-For: 1\r\nX-Forwarded-Host: 2\r\n"
     "X-Forwarded-Proto: 3\r\nForwarded: 4\r\nVia: 5\r\nDate: 6"sv,
     "GET / 1.1 of h [Host:h|X-Forwarded-For:1|X-Forwarded-Host:2|X-Forwarded-Proto:3|Forwarded:4|"
     "Via:5|Date:6] body=none keep"},
    {"GET / HTTP/1.1\r\nHost: h\r\nConnection: close, expect\r\nContent-Length: 1\r\n"
     "Expect: 100-continue"sv,
     "GET / 1.1 of h [Host:h|Expect:100-continue] body=1 close continue"},
};

TEST(RequestFraming, KeepsWhatIsAboutTheConnection) {
  for (const Case& c : kConnections)
    expect_request(c);
}

constexpr Case kExpectations[] = {
    {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nExpect: 100-Continue"sv,
     "POST / 1.1 of h [Host:h|Expect:100-Continue] body=1 keep continue"},
    {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nExpect:100-continue"sv,
     "POST / 1.1 of h [Host:h|Expect:100-continue] body=unknown keep continue"},
    {"GET / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue"sv,
     "GET / 1.1 of h [Host:h] body=none keep"},
    {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\nExpect: 100-continue"sv,
     "POST / 1.1 of h [Host:h] body=none keep"},
    {"POST / HTTP/1.0\r\nHost: h\r\nContent-Length: 1\r\nExpect: 100-continue"sv,
     "POST / 1.0 of h [Host:h] body=1 close"},
    {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nExpect: 200-ok"sv,
     "refused 417 an Expect other than 100-continue; POST / 1.1 of h [Host:h|Expect:200-ok] body=1 "
     "keep"},
    {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nExpect:"sv,
     "refused 417 an Expect other than 100-continue; POST / 1.1 of h [Host:h|Expect:] body=1 keep"},
    {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nExpect: y 100-continue"sv,
     "refused 417 an Expect other than 100-continue; POST / 1.1 of h [Host:h|Expect:y "
     "100-continue] "
     "body=1 keep"},
    {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nExpect: 100-continue, x=y"sv,
     "refused 417 an Expect other than 100-continue; POST / 1.1 of h [Host:h|Expect:100-continue, "
     "x=y] body=1 keep"},
    {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nExpect: 100-continue\r\n"
     "Expect: 100-continue"sv,
     "refused 417 an Expect other than 100-continue; POST / 1.1 of h [Host:h|Expect:100-continue|"
     "Expect:100-continue] body=1 keep"},
};

TEST(RequestFraming, ExpectsOneThingOnly) {
  for (const Case& c : kExpectations)
    expect_request(c);
}

constexpr Case kOffers[] = {
    {"GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: WebSocket"sv,
     "GET / 1.1 of h [Host:h] body=none keep upgrade=WebSocket"},
    {"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: a/1 ,\t,b\r\nConnection: keep-alive, upgrade"sv,
     "GET / 1.1 of h [Host:h] body=none keep upgrade=a/1,b"},
    {"POST / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: a\r\nContent-Length: 0"sv,
     "POST / 1.1 of h [Host:h] body=none keep upgrade=a"},
    // What Connection names besides goes no further, as ever.
    {"GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade, x\r\nUpgrade: a\r\nX: 1"sv,
     "GET / 1.1 of h [Host:h] body=none keep upgrade=a"},
    // Not asked for properly: served as if there were none.
    {"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: a"sv, "GET / 1.1 of h [Host:h] body=none keep"},
    {"GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade"sv,
     "GET / 1.1 of h [Host:h] body=none keep"},
    {"GET / HTTP/1.0\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: a"sv,
     "GET / 1.0 of h [Host:h] body=none close"},
    {"HEAD / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: a"sv,
     "HEAD / 1.1 of h [Host:h] body=none keep"},
    {"GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: a\r\nUpgrade: b"sv,
     "GET / 1.1 of h [Host:h] body=none keep"},
    {"GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: a\r\nContent-Length: 1"sv,
     "GET / 1.1 of h [Host:h] body=1 keep"},
    {"GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: a\r\nTransfer-Encoding: chunked"sv,
     "GET / 1.1 of h [Host:h] body=unknown keep"},
    {"GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade:"sv,
     "GET / 1.1 of h [Host:h] body=none keep"},
    {"GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: ,"sv,
     "GET / 1.1 of h [Host:h] body=none keep"},
    {"GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: a b"sv,
     "GET / 1.1 of h [Host:h] body=none keep"},
    {"GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: a/"sv,
     "GET / 1.1 of h [Host:h] body=none keep"},
    {"GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: a/1/2"sv,
     "GET / 1.1 of h [Host:h] body=none keep"},
    // Requests would travel unseen in these.
    {"GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: h2c"sv,
     "GET / 1.1 of h [Host:h] body=none keep"},
    {"GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: H2C/1"sv,
     "GET / 1.1 of h [Host:h] body=none keep"},
    {"GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: HTTP/2.0"sv,
     "GET / 1.1 of h [Host:h] body=none keep"},
    {"GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: TLS/1.0, HTTP/1.1"sv,
     "GET / 1.1 of h [Host:h] body=none keep"},
    {"GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket, h2c"sv,
     "GET / 1.1 of h [Host:h] body=none keep"},
};

TEST(RequestFraming, KnowsAnOfferToSwitchProtocols) {
  for (const Case& c : kOffers)
    expect_request(c);
}

constexpr Case kResponses[] = {
    {"HTTP/1.1 200 OK\r\nContent-Length: 5"sv, "200 OK 1.1 [] body=5 keep"},
    {"HTTP/1.1 200 OK\r\nContent-Length: 0"sv, "200 OK 1.1 [] body=none keep"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked"sv, "200 OK 1.1 [] body=chunked keep"},
    {"HTTP/1.1 200 OK"sv, "200 OK 1.1 [] body=unknown close"},
    {"HTTP/1.1 200 OK\r\nConnection: keep-alive"sv, "200 OK 1.1 [] body=unknown close"},
    {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5"sv, "200 OK 1.1 [] body=5 close"},
    {"HTTP/1.0 200 OK\r\nContent-Length: 5"sv, "200 OK 1.0 [] body=5 close"},
    {"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5"sv,
     "200 OK 1.0 [] body=5 keep"},
    {"HTTP/1.0 200 OK\r\nConnection: keep-alive"sv, "200 OK 1.0 [] body=unknown close"},
    {"HTTP/1.1 204 No Content\r\nContent-Length: 5"sv, "204 No Content 1.1 [] body=none keep"},
    {"HTTP/1.1 304 Not Modified\r\nContent-Length: 5"sv, "304 Not Modified 1.1 [] body=none keep"},
    {"HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked"sv,
     "304 Not Modified 1.1 [] body=none keep"},
    {"HTTP/1.1 103 Early Hints\r\nLink: </a>"sv, "103 Early Hints 1.1 [Link:</a>] body=none keep"},
    {"HTTP/1.1 100 Continue\r\nContent-Length: 5"sv, "100 Continue 1.1 [] body=none keep"},
    {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade"sv,
     "refused 502 the response switches protocols, which nobody asked for; "
     "101 Switching Protocols 1.1 [] body=none close"},
    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5"sv,
     "failed 502 the response has more than one Content-Length"},
    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6"sv,
     "failed 502 the response has more than one Content-Length"},
    {"HTTP/1.1 204 OK\r\nContent-Length: 5\r\nContent-Length: 6"sv,
     "failed 502 the response has more than one Content-Length"},
    {"HTTP/1.1 200 OK\r\nContent-Length:"sv,
     "failed 502 the response's Content-Length is not a plain number"},
    {"HTTP/1.1 200 OK\r\nContent-Length: 5, 5"sv,
     "failed 502 the response's Content-Length is not a plain number"},
    {"HTTP/1.1 200 OK\r\nContent-Length: +5"sv,
     "failed 502 the response's Content-Length is not a plain number"},
    {"HTTP/1.1 200 OK\r\nContent-Length: 0x5"sv,
     "failed 502 the response's Content-Length is not a plain number"},
    {"HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775808"sv,
     "failed 502 the response's Content-Length is not a plain number"},
    {"HTTP/1.1 304 OK\r\nContent-Length: x"sv,
     "failed 502 the response's Content-Length is not a plain number"},
    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked"sv,
     "failed 502 the response has both Transfer-Encoding and Content-Length"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\nContent-Length: 5"sv,
     "failed 502 the response has both Transfer-Encoding and Content-Length"},
    {"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked"sv,
     "failed 502 Transfer-Encoding in an HTTP/1.0 response"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked"sv,
     "failed 502 the response has a transfer coding other than chunked"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked"sv,
     "failed 502 the response has a transfer coding other than chunked"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked"sv,
     "failed 502 the response has a transfer coding other than chunked"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked"sv,
     "failed 502 the response has a transfer coding other than chunked"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding:"sv,
     "failed 502 the response has a transfer coding other than chunked"},
    {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nKeep-Alive: 5\r\nProxy-Connection: x\r\nTE: x\r\n"
     "Trailer: a\r\nUpgrade: h2c\r\nProxy-Authenticate: c\r\nConnection: b\r\nB: 1\r\nA: b"sv,
     "200 OK 1.1 [A:b] body=none keep"},
    {"HTTP/1.1 200 OK\r\nConnection: set-cookie, date, via\r\nContent-Length: 0\r\n"
     "Set-Cookie: a\r\nDate: b\r\nVia: c"sv,
     "200 OK 1.1 [Date:b|Via:c] body=none keep"},
};

TEST(ResponseFraming, KnowsOneWayToDelimitABodyAndRefusesTheOthers) {
  for (const Case& c : kResponses)
    expect_response(Method::kGet, c);
}

constexpr Case kSwitches[] = {
    {"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: WebSocket\r\nA: b"sv,
     "101 Switching Protocols 1.1 [A:b] body=unknown keep upgrade=WebSocket"},
    {"HTTP/1.1 101 x\r\nUpgrade: b/2"sv, "101 x 1.1 [] body=unknown keep upgrade=b/2"},
    {"HTTP/1.1 200 OK\r\nUpgrade: websocket\r\nContent-Length: 0"sv,
     "200 OK 1.1 [] body=none keep"},
    {"HTTP/1.1 101 x\r\nConnection: upgrade\r\nUpgrade: h2c"sv,
     "failed 502 the response switches to a protocol that was not offered"},
    {"HTTP/1.1 101 x\r\nConnection: upgrade\r\nUpgrade: websocket, b/2"sv,
     "failed 502 the response switches to a protocol that was not offered"},
    {"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nUpgrade: websocket"sv,
     "failed 502 the response switches to a protocol that was not offered"},
    {"HTTP/1.1 101 x\r\nConnection: upgrade"sv,
     "failed 502 the response switches to a protocol that was not offered"},
    {"HTTP/1.1 101 x\r\nUpgrade:"sv,
     "failed 502 the response switches to a protocol that was not offered"},
    {"HTTP/1.0 101 x\r\nUpgrade: websocket"sv,
     "failed 502 the response switches protocols, but is not framed like that"},
    {"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nContent-Length: 0"sv,
     "failed 502 the response switches protocols, but is not framed like that"},
    {"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nTransfer-Encoding: chunked"sv,
     "failed 502 the response switches protocols, but is not framed like that"},
};

TEST(ResponseFraming, SwitchesOnlyToAProtocolThatWasOffered) {
  for (const Case& c : kSwitches) {
    const std::string wire = std::string(c.lines) + "\r\n\r\n";
    const HeadOutcome outcome = parse_every_way(wire, [](std::string_view bytes) {
      return parse_response(bytes, Method::kGet, {}, "websocket, b/2");
    });
    EXPECT_EQ(outcome.text, c.want) << wire;
  }
}

TEST(ResponseFraming, KnowsThatAnswersToHeadHaveNoBody) {
  expect_response(Method::kHead,
                  {"HTTP/1.1 200 OK\r\nContent-Length: 5"sv, "200 OK 1.1 [] body=none keep"});
  expect_response(Method::kHead, {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked"sv,
                                  "200 OK 1.1 [] body=none keep"});
  expect_response(Method::kHead, {"HTTP/1.1 200 OK"sv, "200 OK 1.1 [] body=none keep"});
  expect_response(Method::kHead, {"HTTP/1.0 200 OK"sv, "200 OK 1.0 [] body=none close"});
  expect_response(Method::kHead,
                  {"HTTP/1.1 200 OK\r\nContent-Length: 5, 5"sv,
                   "failed 502 the response's Content-Length is not a plain number"});
}

TEST(ResponseFraming, TellsTheDeclaredLengthWhereNoBodyFollows) {
  ResponseHead head;
  const std::string wire = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
  ASSERT_TRUE(parse_response_head(wire, {}, Method::kHead, head));
  EXPECT_EQ(head.declared_length, 5u);
  EXPECT_TRUE(head.body.is_none());
}

TEST(ContentLength, IsAPlainNumberBelowTwoToThe63) {
  EXPECT_EQ(parse_content_length("0"), 0u);
  EXPECT_EQ(parse_content_length("9223372036854775807"), 9223372036854775807u);
  for (const std::string_view bad :
       {"", " ", "+1", "-1", " 1", "1 ", "9223372036854775808", "00000000000000000000", "1e3"})
    EXPECT_EQ(parse_content_length(bad), std::nullopt) << bad;
}

TEST(RequestFraming, TakesOnlyAHostAndAPortForOne) {
  for (const std::string_view host :
       {"a"sv, "a:"sv, "a:80"sv, "a.b-c_d~e."sv, "127.0.0.1:8"sv, "a%2f%AA"sv, "a!$&'()*+;="sv,
        "[::1]"sv, "[::1]:"sv, "[fe80::1:2]:80"sv, "[::ffff:1.2.3.4]"sv}) {
    const HeadOutcome field =
        parse_request("GET / HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n");
    EXPECT_EQ(field.text.find("refused"), std::string::npos) << field.text;
    const HeadOutcome absolute =
        parse_request("GET http://" + std::string(host) + "/ HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_EQ(absolute.text.find("refused"), std::string::npos) << absolute.text;
  }
  for (const std::string_view host :
       {":"sv,       ":80"sv,     "a:b"sv,    "a:+80"sv,  "a:-1"sv,    "a:8 0"sv,
        "a:80:81"sv, "a::80"sv,   "::1"sv,    "[::1"sv,   "::1]"sv,    "[]"sv,
        "[a]"sv,     "[:]"sv,     "[x::1]"sv, "[::1]a"sv, "[::1]80"sv, "a[::1]"sv,
        "[::1]:a"sv, "[[::1]]"sv, "a%"sv,     "a%4"sv,    "a%4g"sv,    "%"sv}) {
    const HeadOutcome field =
        parse_request("GET / HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n");
    EXPECT_NE(field.text.find("refused 400 the Host field"), std::string::npos) << field.text;
    const HeadOutcome absolute =
        parse_request("GET http://" + std::string(host) + "/ HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_NE(absolute.text.find("400"), std::string::npos) << absolute.text;
  }
}

// Each name costs a look at every field.
TEST(RequestFraming, LooksUpABoundedNumberOfNamesInConnection) {
  std::string names = "n";
  for (int i = 1; i < 100; ++i)
    names += ",n";
  const std::string head = "GET / HTTP/1.1\r\nHost: h\r\nN: 1\r\nConnection: ";
  EXPECT_EQ(parse_request(head + names + "\r\n\r\n").text,
            "GET / 1.1 of h [Host:h] body=none keep");
  EXPECT_EQ(parse_request(head + names + ",n\r\n\r\n").text,
            "refused 400 Connection names too many fields; GET / 1.1 of h [Host:h] body=none keep");
}

TEST(ResponseFraming, LooksUpABoundedNumberOfNamesInConnection) {
  std::string names = "n";
  for (int i = 1; i < 100; ++i)
    names += ",n";
  const std::string head = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nN: 1\r\nConnection: ";
  ResponseHead parsed;
  std::string wire = head + names + "\r\n\r\n";
  ASSERT_TRUE(parse_response_head(wire, {}, Method::kGet, parsed));
  EXPECT_FALSE(parsed.refusal);
  wire = head + names + ",n\r\n\r\n";
  ASSERT_TRUE(parse_response_head(wire, {}, Method::kGet, parsed));
  ASSERT_TRUE(parsed.refusal);
  EXPECT_EQ(describe(*parsed.refusal), "502 the response's Connection names too many fields");
}

}  // namespace
}  // namespace httpteleport::http::h1
