#include "http/h1/head_parser.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "http/h1/test_heads.h"

namespace httpteleport::http::h1 {
namespace {

using std::literals::operator""sv;

constexpr std::string_view kBadMethod =
    "failed 400 the method is not a token followed by one blank";
constexpr std::string_view kBadTarget =
    "failed 400 the request target has a byte that must not stand in it";
constexpr std::string_view kBadLine =
    "failed 400 the request line does not end in HTTP/1.x and CRLF";
constexpr std::string_view kBadVersion = "failed 505 only HTTP/1.0 and HTTP/1.1 are spoken here";
constexpr std::string_view kBadField = "failed 400 a header line is not 'name: value' and CRLF";
constexpr std::string_view kBadStatusLine =
    "failed 502 the response does not begin with an HTTP/1.x status line";
constexpr std::string_view kBadResponseVersion = "failed 502 the response is not HTTP/1.x";
constexpr std::string_view kBadResponseField =
    "failed 502 a header line of the response is not 'name: value' and CRLF";

struct Case {
  std::string_view wire;
  std::string_view want;
};

constexpr Case kRequests[] = {
    // What is accepted, byte by byte as sent.
    {"GET / HTTP/1.1\r\nHost: h\r\n\r\n"sv, "GET / 1.1 of h [Host:h] body=none keep"},
    {"GET / HTTP/1.0\r\n\r\n"sv, "GET / 1.0 of  [] body=none close"},
    {"GET / HTTP/1.0\r\nHost: h\r\n\r\n"sv, "GET / 1.0 of h [Host:h] body=none close"},
    {"HEAD /a/b?c=d&e=%20 HTTP/1.1\r\nHost: h:8080\r\n\r\n"sv,
     "HEAD /a/b?c=d&e=%20 1.1 of h:8080 [Host:h:8080] body=none keep"},
    {"GET /../a//b/./c HTTP/1.1\r\nHost: H.Example\r\n\r\n"sv,
     "GET /../a//b/./c 1.1 of H.Example [Host:H.Example] body=none keep"},
    {"GET /\"<>\\^`{|} HTTP/1.1\r\nHost: h\r\n\r\n"sv,
     "GET /\"<>\\^`{|} 1.1 of h [Host:h] body=none keep"},
    {"get / HTTP/1.1\r\nHost: h\r\n\r\n"sv, "get / 1.1 of h [Host:h] body=none keep"},
    {"M-SEARCH / HTTP/1.1\r\nHost: h\r\n\r\n"sv, "M-SEARCH / 1.1 of h [Host:h] body=none keep"},
    {"!#$%&'*+-.^_`|~09azAZ / HTTP/1.1\r\nHost: h\r\n\r\n"sv,
     "!#$%&'*+-.^_`|~09azAZ / 1.1 of h [Host:h] body=none keep"},
    {"GET / HTTP/1.1\r\nhost:h\r\nA:\r\nb: \t \r\nC:c\r\n\r\n"sv,
     "GET / 1.1 of h [host:h|A:|b:|C:c] body=none keep"},
    {"GET / HTTP/1.1\r\nHost: h\r\nA: \t b \t c \t\r\n\r\n"sv,
     "GET / 1.1 of h [Host:h|A:b \t c] body=none keep"},
    {"GET / HTTP/1.1\r\nHost: h\r\nA: \x80\xff\xc3\xa9\r\n\r\n"sv,
     "GET / 1.1 of h [Host:h|A:\x80\xff\xc3\xa9] body=none keep"},
    {"GET / HTTP/1.1\r\nHost: h\r\nA: b:c: d\r\n\r\n"sv,
     "GET / 1.1 of h [Host:h|A:b:c: d] body=none keep"},
    {"GET / HTTP/1.1\r\nHost: h\r\nA: 0123456789abcdef0123456789abcdef\tx\r\n\r\n"sv,
     "GET / 1.1 of h [Host:h|A:0123456789abcdef0123456789abcdef\tx] body=none keep"},
    {"GET / HTTP/1.1\r\nHost: h\r\nSame: 1\r\nSame: 2\r\nsame: 1\r\n\r\n"sv,
     "GET / 1.1 of h [Host:h|Same:1|Same:2|same:1] body=none keep"},
    {"GET / HTTP/1.1\r\nHost: h\r\n!#$%&'*+-.^_`|~09azAZ: x\r\n\r\n"sv,
     "GET / 1.1 of h [Host:h|!#$%&'*+-.^_`|~09azAZ:x] body=none keep"},
    // Versions. A minor version above 1 is read as 1.1 (RFC 9110 section 2.5).
    {"GET / HTTP/1.2\r\nHost: h\r\n\r\n"sv, "GET / 1.2 of h [Host:h] body=none keep"},
    {"GET / HTTP/1.9\r\nHost: h\r\n\r\n"sv, "GET / 1.9 of h [Host:h] body=none keep"},
    {"GET / HTTP/1.9\r\n\r\n"sv, "refused 400 no Host field; GET / 1.9 of  [] body=none keep"},
    {"GET / HTTP/2.0\r\nHost: h\r\n\r\n"sv, kBadVersion},
    {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"sv, kBadVersion},
    {"GET / HTTP/3.1\r\nHost: h\r\n\r\n"sv, kBadVersion},
    {"GET / HTTP/0.9\r\nHost: h\r\n\r\n"sv, kBadVersion},
    {"GET / HTTP/1.10\r\nHost: h\r\n\r\n"sv, kBadLine},
    {"GET / HTTP/11.1\r\nHost: h\r\n\r\n"sv, kBadLine},
    {"GET / HTTP/01.1\r\nHost: h\r\n\r\n"sv, kBadLine},
    {"GET / HTTP/1,1\r\nHost: h\r\n\r\n"sv, kBadLine},
    {"GET / HTTP/1.\r\nHost: h\r\n\r\n"sv, kBadLine},
    {"GET / HTTP/1\r\nHost: h\r\n\r\n"sv, kBadLine},
    {"GET / HTTP/+1.1\r\nHost: h\r\n\r\n"sv, kBadLine},
    {"GET / HTTP/1.x\r\nHost: h\r\n\r\n"sv, kBadLine},
    {"GET / http/1.1\r\nHost: h\r\n\r\n"sv, kBadLine},
    {"GET / HTTP /1.1\r\nHost: h\r\n\r\n"sv, kBadLine},
    {"GET / HTTPS/1.1\r\nHost: h\r\n\r\n"sv, kBadLine},
    {"GET / ICY/1.1\r\nHost: h\r\n\r\n"sv, kBadLine},
    {"GET / HTTP/1.1 \r\nHost: h\r\n\r\n"sv, kBadLine},
    {"GET / HTTP/1.1\t\r\nHost: h\r\n\r\n"sv, kBadLine},
    {"GET / HTTP/1.1x\r\nHost: h\r\n\r\n"sv, kBadLine},
    {"GET / HTTP/1.1\0\r\nHost: h\r\n\r\n"sv, kBadLine},
    {"GET / \r\nHost: h\r\n\r\n"sv, kBadLine},
    {"GET /\r\n\r\n"sv, kBadTarget},
    // Line ends: CRLF and nothing else.
    {"GET / HTTP/1.1\nHost: h\n\n"sv, kBadLine},
    {"GET / HTTP/1.1\nHost: h\r\n\r\n"sv, kBadLine},
    {"GET / HTTP/1.1\rHost: h\r\n\r\n"sv, kBadLine},
    {"GET / HTTP/1.1\r\r\nHost: h\r\n\r\n"sv, kBadLine},
    {"GET / HTTP/1.1\n\rHost: h\r\n\r\n"sv, kBadLine},
    {"GET / HTTP/1.1\r\nHost: h\n\r\n"sv, kBadField},
    {"GET / HTTP/1.1\r\nHost: h\nA: b\r\n\r\n"sv, kBadField},
    {"GET / HTTP/1.1\r\nHost: h\r\n\n"sv, kBadField},
    {"GET / HTTP/1.1\r\nHost: h\r\n\rA: b\r\n\r\n"sv, kBadField},
    {"GET / HTTP/1.1\r\nHost: h\r\n\r\r\n"sv, kBadField},
    {"GET / HTTP/1.1\r\nHost: h\rA: b\r\n\r\n"sv, kBadField},
    {"GET / HTTP/1.1\r\nHost: h\r\r\n\r\n"sv, kBadField},
    {"GET / HTTP/1.1\r\nHost: h\r\nA: b\rc\r\n\r\n"sv, kBadField},
    {"GET / HTTP/1.1\r\nHost: h\r\nA: b\nc: d\r\n\r\n"sv, kBadField},
    {"GET / HTTP/1.1\r\nHost: h\r\nA\r: b\r\n\r\n"sv, kBadField},
    {"GET / HTTP/1.1\r\nHost: h\r\nA\n: b\r\n\r\n"sv, kBadField},
    {"GET / HTTP/1.1\r\nHost: h\r\nA:\nb\r\n\r\n"sv, kBadField},
    {"GET / HTTP/1.1\r\nHost: h\r\nA:\rb\r\n\r\n"sv, kBadField},
    // Continued lines and lines that only look like fields.
    {"GET / HTTP/1.1\r\nHost: h\r\n folded\r\n\r\n"sv, kBadField},
    {"GET / HTTP/1.1\r\nHost: h\r\n\tfolded\r\n\r\n"sv, kBadField},
    {"GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n \r\n\r\n"sv, kBadField},
    {"GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding:\r\n chunked\r\n\r\n"sv, kBadField},
    {"GET / HTTP/1.1\r\n Host: h\r\n\r\n"sv, kBadField},
    {"GET / HTTP/1.1\r\n\tHost: h\r\n\r\n"sv, kBadField},
    {"GET / HTTP/1.1\r\n \r\nHost: h\r\n\r\n"sv, kBadField},
    {"GET / HTTP/1.1\r\nHost: h\r\nTransfer-\r\nEncoding: chunked\r\n\r\n"sv, kBadField},
    {"GET / HTTP/1.1\r\nHost: h\r\nno colon\r\n\r\n"sv, kBadField},
    {"GET / HTTP/1.1\r\nHost: h\r\nname\r\n\r\n"sv, kBadField},
    {"GET / HTTP/1.1\r\nHost: h\r\nGET / HTTP/1.1\r\n\r\n"sv, kBadField},
    // Names.
    {"GET / HTTP/1.1\r\nHost : h\r\n\r\n"sv, kBadField},
    {"GET / HTTP/1.1\r\nHost\t: h\r\n\r\n"sv, kBadField},
    {"GET / HTTP/1.1\r\nHost: h\r\nContent-Length : 5\r\n\r\n"sv, kBadField},
    {"GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding\t: chunked\r\n\r\n"sv, kBadField},
    {"GET / HTTP/1.1\r\nHost: h\r\nTransfer Encoding: chunked\r\n\r\n"sv, kBadField},
    {"GET / HTTP/1.1\r\nHost: h\r\n: empty\r\n\r\n"sv, kBadField},
    {"GET / HTTP/1.1\r\nHost: h\r\n:\r\n\r\n"sv, kBadField},
    {"GET / HTTP/1.1\r\n: x\r\nHost: h\r\nContent-Length: 3\r\n\r\n"sv, kBadField},
    {"GET / HTTP/1.1\r\nHost: h\r\n\"A\": b\r\n\r\n"sv, kBadField},
    {"GET / HTTP/1.1\r\nHost: h\r\nA(b): c\r\n\r\n"sv, kBadField},
    {"GET / HTTP/1.1\r\nHost: h\r\nA\0: b\r\n\r\n"sv, kBadField},
    {"GET / HTTP/1.1\r\nHost: h\r\n\0A: b\r\n\r\n"sv, kBadField},
    {"GET / HTTP/1.1\r\nHost: h\r\n\xc3\xa9: b\r\n\r\n"sv, kBadField},
    {"GET / HTTP/1.1\r\nHost: h\r\nContent-Length\xa0: 5\r\n\r\n"sv, kBadField},
    {"GET / HTTP/1.1\r\nHost: h\r\nA\x7f: b\r\n\r\n"sv, kBadField},
    {"GET / HTTP/1.1\r\nHost: h\r\nA\x0b: b\r\n\r\n"sv, kBadField},
    // Values.
    {"GET / HTTP/1.1\r\nHost: h\r\nA: b\0c\r\n\r\n"sv, kBadField},
    {"GET / HTTP/1.1\r\nHost: h\r\nA: \0\r\n\r\n"sv, kBadField},
    {"GET / HTTP/1.1\r\nHost: h\r\nA: b\x01\r\n\r\n"sv, kBadField},
    {"GET / HTTP/1.1\r\nHost: h\r\nA: b\x0b\r\n\r\n"sv, kBadField},
    {"GET / HTTP/1.1\r\nHost: h\r\nA: b\x0c\x63\r\n\r\n"sv, kBadField},
    {"GET / HTTP/1.1\r\nHost: h\r\nA: b\x1b[0m\r\n\r\n"sv, kBadField},
    {"GET / HTTP/1.1\r\nHost: h\r\nA: b\x7f\r\n\r\n"sv, kBadField},
    {"GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: \x0b\x63hunked\r\n\r\n"sv, kBadField},
    {"GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\0\r\n\r\n"sv, kBadField},
    // Methods.
    {" GET / HTTP/1.1\r\nHost: h\r\n\r\n"sv, kBadMethod},
    {"\tGET / HTTP/1.1\r\nHost: h\r\n\r\n"sv, kBadMethod},
    {"GET\t/ HTTP/1.1\r\nHost: h\r\n\r\n"sv, kBadMethod},
    {"GET\r\n\r\n"sv, kBadMethod},
    {"G@T / HTTP/1.1\r\nHost: h\r\n\r\n"sv, kBadMethod},
    {"GET: / HTTP/1.1\r\nHost: h\r\n\r\n"sv, kBadMethod},
    {"\0GET / HTTP/1.1\r\nHost: h\r\n\r\n"sv, kBadMethod},
    {"G\xc3\x89T / HTTP/1.1\r\nHost: h\r\n\r\n"sv, kBadMethod},
    {"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03 / HTTP/1.1\r\n\r\n"sv, kBadMethod},
    {"HTTP/1.1 200 OK\r\n\r\n"sv, kBadMethod},
    // Targets.
    {"GET  / HTTP/1.1\r\nHost: h\r\n\r\n"sv, kBadTarget},
    {"GET /  HTTP/1.1\r\nHost: h\r\n\r\n"sv, kBadLine},
    {"GET /a b HTTP/1.1\r\nHost: h\r\n\r\n"sv, kBadLine},
    {"GET /a\tb HTTP/1.1\r\nHost: h\r\n\r\n"sv, kBadTarget},
    {"GET /\t HTTP/1.1\r\nHost: h\r\n\r\n"sv, kBadTarget},
    {"GET /a#b HTTP/1.1\r\nHost: h\r\n\r\n"sv,
     "refused 400 the request target has a byte that must not stand in it; GET /a#b 1.1 of h "
     "[Host:h] body=none keep"},
    {"GET # HTTP/1.1\r\nHost: h\r\n\r\n"sv,
     "refused 400 the request target has a byte that must not stand in it; GET # 1.1 of h [Host:h] "
     "body=none keep"},
    {"GET http://h/#x HTTP/1.1\r\nHost: h\r\n\r\n"sv,
     "refused 400 the request target has a byte that must not stand in it; GET /#x 1.1 of h "
     "[Host:h] body=none keep"},
    {"GET /\xc3\xa9 HTTP/1.1\r\nHost: h\r\n\r\n"sv,
     "refused 400 the request target has a byte that must not stand in it; GET /\xc3\xa9 1.1 of h "
     "[Host:h] body=none keep"},
    {"GET /\x80 HTTP/1.1\r\nHost: h\r\n\r\n"sv,
     "refused 400 the request target has a byte that must not stand in it; GET /\x80 1.1 of h "
     "[Host:h] body=none keep"},
    {"GET /\0 HTTP/1.1\r\nHost: h\r\n\r\n"sv, kBadTarget},
    {"GET /\x7f HTTP/1.1\r\nHost: h\r\n\r\n"sv, kBadTarget},
    {"GET /\x1f HTTP/1.1\r\nHost: h\r\n\r\n"sv, kBadTarget},
    {"GET /a\rb HTTP/1.1\r\nHost: h\r\n\r\n"sv, kBadTarget},
    {"GET /a\nb HTTP/1.1\r\nHost: h\r\n\r\n"sv, kBadTarget},
    {"GET \r\nHost: h\r\n\r\n"sv, kBadTarget},
    // Empty lines in front, two at most (RFC 9112 section 2.2 wants one tolerated).
    {"\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"sv, "GET / 1.1 of h [Host:h] body=none keep"},
    {"\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"sv, "GET / 1.1 of h [Host:h] body=none keep"},
    {"\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"sv, kBadMethod},
    {"\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"sv, kBadMethod},
    {"\rGET / HTTP/1.1\r\nHost: h\r\n\r\n"sv, kBadMethod},
    {"\r\n\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"sv, kBadMethod},
    {"\r\n GET / HTTP/1.1\r\nHost: h\r\n\r\n"sv, kBadMethod},
    // Not complete.
    {""sv, kNeedMore},
    {"\r\n"sv, kNeedMore},
    {"\r\n\r\n"sv, kNeedMore},
    {"\r"sv, kNeedMore},
    {"GET / HTTP/1.1\r\nHost: h\r\n"sv, kNeedMore},
    {"GET / HTTP/1.1\r\nHost: h\r\n\r"sv, kNeedMore},
};

TEST(RequestHeadParser, ReadsOneGrammarWhereverTheBytesAreCut) {
  for (const Case& c : kRequests) {
    const HeadOutcome got =
        parse_every_way(c.wire, [](auto bytes) { return parse_request(bytes); });
    EXPECT_EQ(got.text, c.want) << testing::PrintToString(c.wire);
    if (got.size > 0) {
      EXPECT_EQ(got.size, c.wire.size()) << testing::PrintToString(c.wire);
      expect_scanner_lets_pass(c.wire);
    }
  }
}

constexpr Case kResponses[] = {
    {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"sv, "200 OK 1.1 [] body=3 keep"},
    {"HTTP/1.1 200 \r\nContent-Length: 3\r\n\r\n"sv, "200  1.1 [] body=3 keep"},
    {"HTTP/1.1 200\r\nContent-Length: 3\r\n\r\n"sv, "200  1.1 [] body=3 keep"},
    {"HTTP/1.1 200 Very  \t Good\r\nContent-Length: 0\r\n\r\n"sv,
     "200 Very  \t Good 1.1 [] body=none keep"},
    {"HTTP/1.1 200 \xc3\x9c\x62\x65r\r\nContent-Length: 0\r\n\r\n"sv,
     "200 \xc3\x9c\x62\x65r 1.1 [] body=none keep"},
    {"HTTP/1.0 404 Not Found\r\nA: b\r\n\r\n"sv, "404 Not Found 1.0 [A:b] body=unknown close"},
    {"HTTP/1.2 599 x\r\nContent-Length: 0\r\n\r\n"sv, "599 x 1.2 [] body=none keep"},
    {"HTTP/1.1 100 Continue\r\n\r\n"sv, "100 Continue 1.1 [] body=none keep"},
    {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nA: \xff \t\r\nB:\r\n\r\n"sv,
     "200 OK 1.1 [A:\xff|B:] body=none keep"},
    // Status lines.
    {"HTTP/2.0 200 OK\r\n\r\n"sv, kBadResponseVersion},
    {"HTTP/0.9 200 OK\r\n\r\n"sv, kBadResponseVersion},
    {"HTTP/1.10 200 OK\r\n\r\n"sv, kBadStatusLine},
    {"http/1.1 200 OK\r\n\r\n"sv, kBadStatusLine},
    {"ICY 200 OK\r\n\r\n"sv, kBadStatusLine},
    {" HTTP/1.1 200 OK\r\n\r\n"sv, kBadStatusLine},
    {"\r\nHTTP/1.1 200 OK\r\n\r\n"sv, kBadStatusLine},
    {"<html>not a response</html>"sv, kBadStatusLine},
    {"HTTP/1.1  200 OK\r\n\r\n"sv, kBadStatusLine},
    {"HTTP/1.1\t200 OK\r\n\r\n"sv, kBadStatusLine},
    {"HTTP/1.1 2000 OK\r\n\r\n"sv, kBadStatusLine},
    {"HTTP/1.1 20 OK\r\n\r\n"sv, kBadStatusLine},
    {"HTTP/1.1 2 0 OK\r\n\r\n"sv, kBadStatusLine},
    {"HTTP/1.1 +20 OK\r\n\r\n"sv, kBadStatusLine},
    {"HTTP/1.1 -20 OK\r\n\r\n"sv, kBadStatusLine},
    {"HTTP/1.1 0x2 OK\r\n\r\n"sv, kBadStatusLine},
    {"HTTP/1.1 200OK\r\n\r\n"sv, kBadStatusLine},
    {"HTTP/1.1 200\tOK\r\n\r\n"sv, kBadStatusLine},
    {"HTTP/1.1 200\n\r\n"sv, kBadStatusLine},
    {"HTTP/1.1 OK\r\n\r\n"sv, kBadStatusLine},
    {"HTTP/1.1 000 zero\r\n\r\n"sv,
     "refused 502 the response has a status outside 100 to 599; 0 zero 1.1 [] body=none keep"},
    {"HTTP/1.1 099 low\r\n\r\n"sv,
     "refused 502 the response has a status outside 100 to 599; 99 low 1.1 [] body=none keep"},
    {"HTTP/1.1 600 high\r\n\r\n"sv,
     "refused 502 the response has a status outside 100 to 599; 600 high 1.1 [] body=unknown "
     "close"},
    {"HTTP/1.1 999 high\r\n\r\n"sv,
     "refused 502 the response has a status outside 100 to 599; 999 high 1.1 [] body=unknown "
     "close"},
    // Reasons: no control characters, which could split the answer for the client.
    {"HTTP/1.1 200 O\0K\r\n\r\n"sv, kBadStatusLine},
    {"HTTP/1.1 200 O\rK\r\n\r\n"sv, kBadStatusLine},
    {"HTTP/1.1 200 OK\nSet-Cookie: x=y\r\n\r\n"sv, kBadStatusLine},
    {"HTTP/1.1 200 OK\n\n"sv, kBadStatusLine},
    {"HTTP/1.1 200 OK\x7f\r\n\r\n"sv, kBadStatusLine},
    {"HTTP/1.1 200 OK\r\r\n\r\n"sv, kBadStatusLine},
    {"HTTP/1.1 200\rX\r\n\r\n"sv, kBadStatusLine},
    // Fields: as strict as in requests.
    {"HTTP/1.1 200 OK\r\nA : b\r\n\r\n"sv, kBadResponseField},
    {"HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\n"sv, kBadResponseField},
    {"HTTP/1.1 200 OK\r\nA: b\r\n folded\r\n\r\n"sv, kBadResponseField},
    {"HTTP/1.1 200 OK\r\n: b\r\n\r\n"sv, kBadResponseField},
    {"HTTP/1.1 200 OK\r\nA: b\nC: d\r\n\r\n"sv, kBadResponseField},
    {"HTTP/1.1 200 OK\r\nA: b\rC: d\r\n\r\n"sv, kBadResponseField},
    {"HTTP/1.1 200 OK\r\nA: b\0c\r\n\r\n"sv, kBadResponseField},
    {"HTTP/1.1 200 OK\r\nA: b\x7f\r\n\r\n"sv, kBadResponseField},
    {"HTTP/1.1 200 OK\r\nA\x80: b\r\n\r\n"sv, kBadResponseField},
    {"HTTP/1.1 200 OK\r\nno colon\r\n\r\n"sv, kBadResponseField},
    {"HTTP/1.1 200 OK\r\n\n"sv, kBadResponseField},
    {"HTTP/1.1 200 OK\r\n\rA: b\r\n\r\n"sv, kBadResponseField},
    // Not complete.
    {""sv, kNeedMore},
    {"HTTP/1.1 200"sv, kNeedMore},
    {"HTTP/1.1 200 OK\r\n"sv, kNeedMore},
    {"HTTP/1.1 200 OK\r\nA: b\r\n\r"sv, kNeedMore},
};

TEST(ResponseHeadParser, ReadsOneGrammarWhereverTheBytesAreCut) {
  for (const Case& c : kResponses) {
    const HeadOutcome got =
        parse_every_way(c.wire, [](auto bytes) { return parse_response(bytes); });
    EXPECT_EQ(got.text, c.want) << testing::PrintToString(c.wire);
    if (got.size > 0) {
      EXPECT_EQ(got.size, c.wire.size()) << testing::PrintToString(c.wire);
      expect_scanner_lets_pass(c.wire);
    }
  }
}

constexpr std::string_view kTokenMarks = "!#$%&'*+-.^_`|~";
bool is_alnum(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// The vector code looks at 16 bytes at once and the scalar code at the rest: every byte at places
// for both.
TEST(RequestHeadParser, JudgesEveryByteInANameAValueAndATarget) {
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    const bool is_token = is_alnum(c) || (c != '\0' && kTokenMarks.find(c) != kTokenMarks.npos);
    const bool is_target = byte > 0x20 && byte < 0x7f && c != '#';
    const bool is_value = byte == '\t' || (byte >= 0x20 && byte != 0x7f);
    for (const size_t before : {0u, 1u, 15u, 16u, 31u}) {
      for (const size_t behind : {1u, 17u}) {
        SCOPED_TRACE("byte " + std::to_string(byte) + " behind " + std::to_string(before));
        const std::string text = std::string(before, 'x') + c + std::string(behind, 'y');
        const auto outcome = [](const std::string& wire) { return parse_request(wire).text; };
        if (c != ':') {
          EXPECT_EQ(outcome("GET / HTTP/1.1\r\nHost: h\r\n" + text + ": v\r\n\r\n") != kBadField,
                    is_token);
        }
        EXPECT_EQ(outcome("GET / HTTP/1.1\r\nHost: h\r\nA: z" + text + "\r\n\r\n") ==
                      "GET / 1.1 of h [Host:h|A:z" + text + "] body=none keep",
                  is_value);
        if (c != ' ') {
          const std::string target = outcome("GET /" + text + " HTTP/1.1\r\nHost: h\r\n\r\n");
          EXPECT_EQ(target.starts_with("GET /"), is_target) << target;
          // What is refused, but ends nothing, leaves the next message readable.
          EXPECT_EQ(target.starts_with("refused"),
                    c == '#' || static_cast<unsigned char>(c) >= 0x80);
          EXPECT_EQ(outcome("M" + text + " / HTTP/1.1\r\nHost: h\r\n\r\n") != kBadMethod, is_token);
        }
      }
    }
  }
}

// A head of exactly `bytes` bytes.
std::string request_of(size_t bytes) {
  const std::string begin = "GET / HTTP/1.1\r\nHost: h\r\nA: ";
  return begin + std::string(bytes - begin.size() - 4, 'x') + "\r\n\r\n";
}
std::string response_of(size_t bytes) {
  const std::string begin = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nA: ";
  return begin + std::string(bytes - begin.size() - 4, 'x') + "\r\n\r\n";
}

TEST(RequestHeadParser, TakesAHeadOfTheLimitAndNotOneByteMore) {
  const HeadLimits limits{.head_bytes_max = 128};
  const auto parse = [&](std::string_view bytes) { return parse_request(bytes, limits); };
  EXPECT_EQ(parse_every_way(request_of(128), parse).size, 128u);
  expect_scanner_lets_pass(request_of(128), limits);
  EXPECT_EQ(parse_every_way(request_of(129), parse).text,
            "failed 431 the request head is larger than the limit (-inMaxHeaderSize)");
  EXPECT_EQ(parse_every_way(request_of(5000), parse).text,
            "failed 431 the request head is larger than the limit (-inMaxHeaderSize)");
  EXPECT_EQ(parse(request_of(129).substr(0, 127)).text, kNeedMore);
}

// What is wrong behind the limit must not decide: it may not have been read yet.
TEST(RequestHeadParser, LooksAtNothingBehindTheLimit) {
  const HeadLimits limits{.head_bytes_max = 128};
  const std::string wire = request_of(140).substr(0, 138) + "\x01\r\n\r\n";
  const auto parse = [&](std::string_view bytes) { return parse_request(bytes, limits); };
  EXPECT_EQ(parse_every_way(wire, parse).text,
            "failed 431 the request head is larger than the limit (-inMaxHeaderSize)");
}

TEST(RequestHeadParser, SaysWhenTheRequestLineAloneIsTooLong) {
  const HeadLimits limits{.head_bytes_max = 64};
  const auto parse = [&](std::string_view bytes) { return parse_request(bytes, limits); };
  const std::string line = "GET /" + std::string(200, 'x');
  EXPECT_EQ(parse_every_way(line, parse).text,
            "failed 414 the request line is longer than the limit for a head");
  EXPECT_EQ(parse_every_way(line + " HTTP/1.1\r\nHost: h\r\n\r\n", parse).text,
            "failed 414 the request line is longer than the limit for a head");
}

TEST(RequestHeadParser, CountsFields) {
  const HeadLimits limits{.head_bytes_max = 4096, .fields_max = 5};
  const auto parse = [&](std::string_view bytes) { return parse_request(bytes, limits); };
  std::string wire = "GET / HTTP/1.1\r\nHost: h\r\nA: 1\r\nA: 2\r\nA: 3\r\nA: 4\r\n";
  EXPECT_EQ(parse_every_way(wire + "\r\n", parse).text,
            "GET / 1.1 of h [Host:h|A:1|A:2|A:3|A:4] body=none keep");
  EXPECT_EQ(parse_every_way(wire + "A: 5\r\n\r\n", parse).text,
            "failed 431 the request has too many header fields");
  EXPECT_EQ(parse_every_way(wire + "A: 5\r\nA: 6\r\nA: 7\r\n\r\n", parse).text,
            "failed 431 the request has too many header fields");
}

TEST(ResponseHeadParser, TakesAHeadOfTheLimitAndNotOneByteMore) {
  const HeadLimits limits{.head_bytes_max = 128, .fields_max = 5};
  const auto parse = [&](std::string_view bytes) {
    return parse_response(bytes, Method::kGet, limits);
  };
  constexpr std::string_view kTooLarge =
      "failed 502 the response head is larger than the limit (-outMaxHeaderSize)";
  EXPECT_EQ(parse_every_way(response_of(128), parse).size, 128u);
  EXPECT_EQ(parse_every_way(response_of(129), parse).text, kTooLarge);
  EXPECT_EQ(parse_every_way("HTTP/1.1 200 " + std::string(500, 'x'), parse).text, kTooLarge);
  EXPECT_EQ(parse_every_way(response_of(140).substr(0, 138) + "\x01\r\n\r\n", parse).text,
            kTooLarge);
  const std::string five = "HTTP/1.1 204 OK\r\nA: 1\r\nA: 2\r\nA: 3\r\nA: 4\r\nA: 5\r\n";
  EXPECT_EQ(parse_every_way(five + "\r\n", parse).text,
            "204 OK 1.1 [A:1|A:2|A:3|A:4|A:5] body=none keep");
  EXPECT_EQ(parse_every_way(five + "A: 6\r\n\r\n", parse).text, kTooLarge);
}

// A pipelined head is parsed into an object that held another.
TEST(RequestHeadParser, ForgetsTheHeadBefore) {
  RequestHead head;
  const HeadLimits limits;
  const std::string first =
      "POST http://a/ HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: other\r\n\r\n";
  ASSERT_TRUE(parse_request_head(first, limits, head));
  ASSERT_TRUE(head.refusal);
  const std::string second = "GET / HTTP/1.0\r\n\r\n";
  ASSERT_TRUE(parse_request_head(second, limits, head));
  EXPECT_EQ(describe(head), "GET / 1.0 of  [] body=none close");

  ResponseHead response;
  const std::string ok = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  ASSERT_TRUE(parse_response_head(ok, limits, Method::kGet, response));
  const std::string none = "HTTP/1.1 204\r\n\r\n";
  ASSERT_TRUE(parse_response_head(none, limits, Method::kGet, response));
  EXPECT_EQ(describe(response), "204  1.1 [] body=none keep");
  EXPECT_EQ(response.declared_length, std::nullopt);
}

// Marked before and after, so that nothing outside the bytes is in a view.
TEST(RequestHeadParser, GivesViewsIntoTheBytes) {
  const std::string wire = "GET /p HTTP/1.1\r\nHost: h\r\nA: b\r\n\r\n";
  RequestHead head;
  ASSERT_TRUE(parse_request_head(wire, {}, head));
  const auto is_inside = [&](std::string_view view) {
    return view.data() >= wire.data() && view.data() + view.size() <= wire.data() + wire.size();
  };
  EXPECT_TRUE(is_inside(head.method_text) && is_inside(head.target) && is_inside(head.authority));
  for (const Field& field : head.fields)
    EXPECT_TRUE(is_inside(field.name) && is_inside(field.value));
}

TEST(TrailerParser, DropsFieldsThatMustNotStandInTrailers) {
  Fields trailers;
  const std::string wire =
      "X-Sum: 1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\nHost: x\r\n"
      "Connection: X-Sum\r\nTrailer: a\r\nTE: b\r\nX-Forwarded-For: 1.1.1.1\r\nVia: v\r\n"
      "Expect: 100-continue\r\nUpgrade: h2c\r\nX-Other: 2\r\n\r\n";
  const auto size = parse_trailers(wire, {}, Source::kUpstream, trailers);
  ASSERT_TRUE(size);
  EXPECT_EQ(*size, wire.size());
  EXPECT_EQ(describe(trailers), "X-Sum:1|X-Other:2");
}

TEST(TrailerParser, KeepsItsLimits) {
  Fields trailers;
  const HeadLimits limits{.head_bytes_max = 12, .fields_max = 2};
  const auto outcome = [&](std::string_view bytes) {
    const ExactBytes exact(bytes);
    const auto size = parse_trailers(exact.view(), limits, Source::kDownstream, trailers);
    return size ? std::to_string(*size) : describe(size.error());
  };
  constexpr std::string_view kTooLarge =
      "431 the trailer section is larger than the limit for a head";
  EXPECT_EQ(outcome("\r\n"), "2");
  EXPECT_EQ(outcome("A: 34567\r\n"), "0");
  EXPECT_EQ(outcome("A: 45678\r\n\r\n"), "12");
  EXPECT_EQ(outcome("A: 456789\r\n\r\n"), kTooLarge);
  EXPECT_EQ(outcome("A: 4567890123"), kTooLarge);
  EXPECT_EQ(outcome("A:\r\nB:\r\n\r\n"), "10");
  EXPECT_EQ(outcome("A:\r\nB:\r\nC:\r\n\r\n"), kTooLarge);
  EXPECT_EQ(outcome("A : 1\r\n\r\n"), "400 a trailer line is not 'name: value' and CRLF");
}

TEST(HeadScanner, SkipsTriesThatCannotSucceed) {
  const HeadLimits limits{.head_bytes_max = 40};
  HeadScanner scanner;
  const std::string_view head = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
  EXPECT_TRUE(scanner.worth_parsing(head.substr(0, 5), limits));  // a first try
  EXPECT_FALSE(scanner.worth_parsing(head.substr(0, 6), limits));
  EXPECT_FALSE(scanner.worth_parsing(head.substr(0, 6), limits));
  EXPECT_FALSE(scanner.worth_parsing(head.substr(0, 26), limits));
  EXPECT_TRUE(scanner.worth_parsing(head, limits));
  scanner.reset();
  EXPECT_TRUE(scanner.worth_parsing(head.substr(0, 5), limits));
  EXPECT_TRUE(scanner.worth_parsing(std::string(40, 'x'), limits));  // over the limit: fails there
}

TEST(HeadScanner, LetsHeadsPassWhoseLineEndsAreWrong) {
  for (const std::string_view head :
       {"GET / HTTP/1.1\nHost: h\n\n"sv, "GET / HTTP/1.1\r\nHost: h\r\n\n"sv,
        "GET / HTTP/1.1\r\nHost: h\n\r\n"sv, "GET / HTTP/1.1\r\nHost: h\r\n\rX"sv,
        "GET / HTTP/1.1\r\r\nHost: h"sv}) {
    SCOPED_TRACE(testing::PrintToString(head));
    for (size_t piece = 1; piece < head.size(); ++piece) {
      HeadScanner scanner;
      HeadOutcome outcome{std::string(kNeedMore), 0};
      for (size_t size = piece; size < head.size() + piece; size += piece) {
        if (!scanner.worth_parsing(head.substr(0, size), {})) continue;
        outcome = parse_request(head.substr(0, size));
      }
      EXPECT_NE(outcome.text, kNeedMore) << "in pieces of " << piece;
    }
  }
}

}  // namespace
}  // namespace httpteleport::http::h1
