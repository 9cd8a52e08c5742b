#include "http/h1/body_decoder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "http/h1/test_heads.h"

namespace httpteleport::http::h1 {
namespace {

using std::literals::operator""sv;

struct Outcome {
  std::string body{};
  std::string end{};   // "open", "done" with the trailers, or the error
  std::string left{};  // bytes behind the end of the body
  bool operator==(const Outcome&) const = default;
};

void PrintTo(const Outcome& outcome, std::ostream* out) {
  *out << outcome.end << " after " << testing::PrintToString(outcome.body) << " before "
       << testing::PrintToString(outcome.left);
}

struct Body {
  BodyFraming framing = BodyFraming::kChunked;
  uint64_t length = 0;
  BodyDecoder::Limits limits{};
};

// Reads as a connection does: what was not consumed is offered again with the next piece behind it.
Outcome decode_pieces(const Body& body, const std::vector<std::string_view>& pieces) {
  BodyDecoder decoder(Source::kDownstream, body.limits);
  decoder.start(body.framing, body.length);
  Outcome out{.end = "open"};
  std::string unread;
  for (const std::string_view piece : pieces) {
    unread += piece;
    while (out.end == "open") {
      const ExactBytes exact(unread);
      const auto step = decoder.decode(exact.view());
      if (!step) {
        EXPECT_EQ(step.error().source, Source::kDownstream);
        out.end = describe(step.error());
        return out;
      }
      EXPECT_LE(step->consumed, unread.size());
      EXPECT_LE(step->body.size(), step->consumed);
      EXPECT_EQ(step->done, decoder.is_done());
      out.body += step->body;
      if (step->done) {
        const std::string trailers = describe(decoder.trailers());
        out.end = trailers.empty() ? "done" : "done " + trailers;
      }
      unread.erase(0, step->consumed);
      if (step->consumed == 0) break;
    }
  }
  if (out.end != "open") out.left = unread;
  return out;
}

// The outcome must not depend on where the network cuts the bytes. Trailers are judged when their
// end is there, so wires with bad ones must have one.
void expect_outcome(const Body& body, std::string_view wire, const Outcome& want) {
  EXPECT_EQ(decode_pieces(body, {wire}), want) << testing::PrintToString(wire);
  for (size_t cut = 0; cut <= std::min<size_t>(wire.size(), 400); ++cut) {
    EXPECT_EQ(decode_pieces(body, {wire.substr(0, cut), wire.substr(cut)}), want)
        << "cut at " << cut << " of " << testing::PrintToString(wire);
  }
  for (size_t size = 1; size <= std::min<size_t>(wire.size(), 64); ++size) {
    std::vector<std::string_view> pieces;
    for (size_t begin = 0; begin < wire.size(); begin += size)
      pieces.push_back(wire.substr(begin, size));
    EXPECT_EQ(decode_pieces(body, pieces), want)
        << "pieces of " << size << " of " << testing::PrintToString(wire);
  }
}

void expect_chunked(std::string_view wire, const Outcome& want) {
  expect_outcome({}, wire, want);
}

TEST(BodyDecoder, CountsABodyOfKnownLength) {
  const Body five{.framing = BodyFraming::kLength, .length = 5};
  expect_outcome(five, "hello", {"hello", "done", ""});
  expect_outcome(five, "helloGET / HTTP/1.1\r\n", {"hello", "done", "GET / HTTP/1.1\r\n"});
  expect_outcome(five, "hell", {"hell", "open", ""});
  expect_outcome(five, "\r\n\0\r\n"sv, {std::string("\r\n\0\r\n"sv), "done", ""});
  const Body huge{.framing = BodyFraming::kLength, .length = INT64_MAX};
  expect_outcome(huge, "hello", {"hello", "open", ""});
}

TEST(BodyDecoder, IsDoneWithoutInputWhenThereIsNoBody) {
  for (const Body body :
       {Body{.framing = BodyFraming::kNone}, Body{.framing = BodyFraming::kLength}}) {
    BodyDecoder decoder(Source::kUpstream, {});
    EXPECT_TRUE(decoder.is_done());
    decoder.start(body.framing, body.length);
    const auto step = decoder.decode("next");
    ASSERT_TRUE(step);
    EXPECT_TRUE(step->done);
    EXPECT_EQ(step->consumed, 0u);
    EXPECT_TRUE(decoder.may_end_here());
  }
}

TEST(BodyDecoder, GivesEverythingUntilTheConnectionCloses) {
  const Body body{.framing = BodyFraming::kUntilClose};
  expect_outcome(body, "a\r\n0\r\n\r\nb", {"a\r\n0\r\n\r\nb", "open", ""});
}

TEST(BodyDecoder, KnowsWhereAPeerMayClose) {
  const auto may_end = [](const Body& body, std::string_view wire) {
    BodyDecoder decoder(Source::kUpstream, {});
    decoder.start(body.framing, body.length);
    while (!wire.empty()) {
      const auto step = decoder.decode(wire);
      EXPECT_TRUE(step);
      if (!step || step->consumed == 0) break;
      wire.remove_prefix(step->consumed);
    }
    return decoder.may_end_here();
  };
  EXPECT_TRUE(may_end({.framing = BodyFraming::kUntilClose}, ""));
  EXPECT_TRUE(may_end({.framing = BodyFraming::kUntilClose}, "abc"));
  EXPECT_FALSE(may_end({.framing = BodyFraming::kLength, .length = 3}, "ab"));
  EXPECT_TRUE(may_end({.framing = BodyFraming::kLength, .length = 3}, "abc"));
  const std::string_view chunked = "3\r\nabc\r\n0\r\nA: b\r\n\r\n";
  for (size_t size = 0; size < chunked.size(); ++size)
    EXPECT_FALSE(may_end({}, chunked.substr(0, size))) << size;
  EXPECT_TRUE(may_end({}, chunked));
}

TEST(ChunkedDecoder, JoinsChunksAndStopsAtTheEnd) {
  expect_chunked("0\r\n\r\n", {"", "done", ""});
  expect_chunked("4\r\nWiki\r\n5\r\npedia\r\n0\r\n\r\n", {"Wikipedia", "done", ""});
  expect_chunked("4\r\nWiki\r\n0\r\n\r\nGET /", {"Wiki", "done", "GET /"});
  expect_chunked("a\r\n0123456789\r\nA\r\n0123456789\r\n000\r\n\r\n",
                 {"01234567890123456789", "done", ""});
  expect_chunked("0000000000000003\r\n\r\n\r\r\n0000000000000000\r\n\r\n", {"\r\n\r", "done", ""});
}

TEST(ChunkedDecoder, WaitsForMoreWhenTheBodyIsCutShort) {
  const std::string_view wire = "3;x=y\r\nabc\r\n0\r\nA: b\r\n\r\n";
  for (size_t size = 0; size < wire.size(); ++size) {
    const std::string body(std::string_view("abc").substr(0, size < 7 ? 0 : size - 7));
    expect_chunked(wire.substr(0, size), {body, "open", ""});
  }
}

TEST(ChunkedDecoder, SkipsExtensions) {
  expect_chunked("4;\r\nWiki\r\n0;\r\n\r\n", {"Wiki", "done", ""});
  expect_chunked("4;a=b;c=\"d e;\\\"\";\t\xff\r\nWiki\r\n0;last\r\n\r\n", {"Wiki", "done", ""});
}

// A lenient reader here and a strict one behind us disagree about where the request ends: request
// smuggling (RFC 9112 section 11.2).
TEST(ChunkedDecoder, RejectsFramingThatPeersReadDifferently) {
  struct {
    std::string_view wire;
    std::string_view body;
    std::string_view error;
  } const kCases[] = {
      {"\r\n", "", "400 a chunk size has no digits"},
      {"\n4\r\n", "", "400 a chunk size has no digits"},
      {";x\r\n", "", "400 a chunk size has no digits"},
      {" 4\r\nWiki", "", "400 a chunk size has no digits"},
      {"\t4\r\nWiki", "", "400 a chunk size has no digits"},
      {"+4\r\nWiki", "", "400 a chunk size has no digits"},
      {"-4\r\nWiki", "", "400 a chunk size has no digits"},
      {"-0\r\n\r\n", "", "400 a chunk size has no digits"},
      {"x4\r\nWiki", "", "400 a chunk size has no digits"},
      {"G\r\n", "", "400 a chunk size has no digits"},
      {"g\r\n", "", "400 a chunk size has no digits"},
      {"@\r\n", "", "400 a chunk size has no digits"},
      {"`\r\n", "", "400 a chunk size has no digits"},
      {"\x10\r\n", "", "400 a chunk size has no digits"},
      {"\xb4\r\n", "", "400 a chunk size has no digits"},
      {"\0004\r\n"sv, "", "400 a chunk size has no digits"},
      {"0x4\r\nWiki", "", "400 a chunk size has a byte that is no digit"},
      {"0X4\r\nWiki", "", "400 a chunk size has a byte that is no digit"},
      {"4 \r\nWiki", "", "400 a chunk size has a byte that is no digit"},
      {"4\t\r\nWiki", "", "400 a chunk size has a byte that is no digit"},
      {"4 ;x\r\nWiki", "", "400 a chunk size has a byte that is no digit"},
      {"4 4\r\nWiki", "", "400 a chunk size has a byte that is no digit"},
      {"4_0\r\nWiki", "", "400 a chunk size has a byte that is no digit"},
      {"4,4\r\nWiki", "", "400 a chunk size has a byte that is no digit"},
      {"4h\r\nWiki", "", "400 a chunk size has a byte that is no digit"},
      {"4\0\r\nWiki"sv, "", "400 a chunk size has a byte that is no digit"},
      {"4\x0b\r\nWiki", "", "400 a chunk size has a byte that is no digit"},
      {"4\xa0\r\nWiki", "", "400 a chunk size has a byte that is no digit"},
      {"4\nWiki\r\n", "", "400 a chunk size has a byte that is no digit"},
      {"4\rWiki\r\n", "", "400 a CR without LF after a chunk size"},
      {"4\r\r\nWiki\r\n", "", "400 a CR without LF after a chunk size"},
      {"0\r\r\n", "", "400 a CR without LF after a chunk size"},
      {"4;a\nb\r\nWiki\r\n", "", "400 a chunk extension has a control character"},
      {"4;\nWiki\r\n", "", "400 a chunk extension has a control character"},
      {"4;a\0b\r\nWiki"sv, "", "400 a chunk extension has a control character"},
      {"4;a\x0b\r\nWiki", "", "400 a chunk extension has a control character"},
      {"4;a\x7f\r\nWiki", "", "400 a chunk extension has a control character"},
      {"4;a=\"\n\"\r\nWiki", "", "400 a chunk extension has a control character"},
      {"4;a\rb\r\nWiki", "", "400 a CR without LF after a chunk size"},
      {"4;a\r\r\nWiki", "", "400 a CR without LF after a chunk size"},
      {"4\r\nWikiX", "Wiki", "400 no CRLF after the data of a chunk"},
      {"4\r\nWiki\n0\r\n\r\n", "Wiki", "400 no CRLF after the data of a chunk"},
      {"4\r\nWiki\r0\r\n\r\n", "Wiki", "400 no CRLF after the data of a chunk"},
      {"4\r\nWiki\r\r\n0\r\n\r\n", "Wiki", "400 no CRLF after the data of a chunk"},
      {"4\r\nWiki0\r\n\r\n", "Wiki", "400 no CRLF after the data of a chunk"},
      {"4\r\nWiki \r\n0\r\n\r\n", "Wiki", "400 no CRLF after the data of a chunk"},
      {"4\r\nWiki\r\n\r\n0\r\n\r\n", "Wiki", "400 a chunk size has no digits"},
      {"4\r\nWiki\r\n 0\r\n\r\n", "Wiki", "400 a chunk size has no digits"},
      {"0\r\n\n\r\n\r\n", "", "400 a trailer line is not 'name: value' and CRLF"},
      {"0\r\n A: b\r\n\r\n", "", "400 a trailer line is not 'name: value' and CRLF"},
      {"0\r\nA : b\r\n\r\n", "", "400 a trailer line is not 'name: value' and CRLF"},
      {"0\r\nA: b\r\n c\r\n\r\n", "", "400 a trailer line is not 'name: value' and CRLF"},
      {"0\r\nA: b\nC: d\r\n\r\n", "", "400 a trailer line is not 'name: value' and CRLF"},
      {"0\r\nA: b\0c\r\n\r\n"sv, "", "400 a trailer line is not 'name: value' and CRLF"},
      {"0\r\n: b\r\n\r\n", "", "400 a trailer line is not 'name: value' and CRLF"},
      {"0\r\n\rX\r\n\r\n", "", "400 a trailer line is not 'name: value' and CRLF"},
      {"0\r\nGET / HTTP/1.1\r\n\r\n", "", "400 a trailer line is not 'name: value' and CRLF"},
  };
  for (const auto& c : kCases)
    expect_chunked(c.wire, {std::string(c.body), std::string(c.error), ""});
}

TEST(ChunkedDecoder, BoundsTheSizeLine) {
  expect_chunked("00000000000000004\r\n", {"", "400 a chunk size has more than 16 digits", ""});
  expect_chunked("10000000000000004\r\n", {"", "400 a chunk size has more than 16 digits", ""});
  expect_chunked("FFFFFFFFFFFFFFFF\r\n", {"", "413 a chunk is larger than the limit", ""});
  expect_chunked("8000000000000000\r\n", {"", "413 a chunk is larger than the limit", ""});
  expect_chunked("10000000001\r\n", {"", "413 a chunk is larger than the limit", ""});
  expect_chunked("10000000001;x\r\n", {"", "413 a chunk is larger than the limit", ""});
  expect_chunked("10000000000\r\nabc", {"abc", "open", ""});
  const Body small{.limits = {.chunk_bytes_max = 4, .trailers = {}}};
  expect_outcome(small, "4\r\nWiki\r\n0\r\n\r\n", {"Wiki", "done", ""});
  expect_outcome(small, "5\r\npedia\r\n", {"", "413 a chunk is larger than the limit", ""});
}

// The semicolon does not count; the CR that ends an extension does.
TEST(ChunkedDecoder, BoundsTheExtensionsOfABody) {
  const Body body{.limits = {.extension_bytes_max = 8, .trailers = {}}};
  expect_outcome(body, "1;abc\r\nx\r\n0;def\r\n\r\n", {"x", "done", ""});
  expect_outcome(body, "1;abc\r\nx\r\n0;defg\r\n\r\n",
                 {"x", "431 the chunk extensions are longer than the limit", ""});
  expect_outcome(body, "1;abcdefgh", {"", "open", ""});
  expect_outcome(body, "1;abcdefghi",
                 {"", "431 the chunk extensions are longer than the limit", ""});
  expect_outcome({}, "4;" + std::string(16 * 1024 + 1, 'x'),
                 {"", "431 the chunk extensions are longer than the limit", ""});
}

// Event streams send small chunks for days: only extensions are bounded in sum.
TEST(ChunkedDecoder, AcceptsAnyNumberOfSmallChunks) {
  std::string wire;
  for (int i = 0; i < 20'000; ++i)
    wire += "1\r\nx\r\n";
  EXPECT_EQ(decode_pieces({}, {wire}), (Outcome{std::string(20'000, 'x'), "open", ""}));
}

TEST(ChunkedDecoder, GivesTrailersButThoseThatMayNotBeThere) {
  expect_chunked("0\r\nX-Sum: 12\r\nY:z\r\n\r\n", {"", "done X-Sum:12|Y:z", ""});
  expect_chunked(
      "1\r\na\r\n0\r\nContent-Length: 5\r\nA: b\r\ntransfer-encoding: chunked\r\nHost: evil\r\n"
      "Connection: close\r\nX-Forwarded-For: 1.2.3.4\r\nTE: x\r\nTrailer: A\r\n\r\nrest",
      {"a", "done A:b", "rest"});
}

TEST(ChunkedDecoder, BoundsTheTrailers) {
  const Body body{.limits = {.trailers = {.head_bytes_max = 16, .fields_max = 2}}};
  const std::string too_large = "431 the trailer section is larger than the limit for a head";
  expect_outcome(body, "0\r\nA: 456789012\r\n\r\n", {"", "done A:456789012", ""});
  expect_outcome(body, "0\r\nA: 4567890123\r\n\r\n", {"", too_large, ""});
  expect_outcome(body, "0\r\n" + std::string(100, 'x'), {"", too_large, ""});
  expect_outcome(body, "0\r\nA:\r\nB:\r\n\r\n", {"", "done A:|B:", ""});
  expect_outcome(body, "0\r\nA:\r\nB:\r\nC:\r\n\r\n", {"", too_large, ""});
}

TEST(BodyDecoder, BeginsAfreshWithEachBody) {
  const BodyDecoder::Limits limits{.extension_bytes_max = 4, .trailers = {}};
  BodyDecoder decoder(Source::kDownstream, limits);
  const auto read = [&decoder](std::string_view wire) {
    std::string body;
    while (true) {
      const auto step = decoder.decode(wire);
      if (!step) return describe(step.error());
      body += step->body;
      wire.remove_prefix(step->consumed);
      if (step->done) return body + "|" + describe(decoder.trailers());
      if (step->consumed == 0) return body + "|open";
    }
  };
  for (int i = 0; i < 3; ++i) {
    decoder.start(BodyFraming::kChunked);
    EXPECT_EQ(read("3;abc\r\nabc\r\n0\r\nA: b\r\n\r\n"), "abc|A:b");
    decoder.start(BodyFraming::kLength, 2);
    EXPECT_EQ(read("xy"), "xy|");
    decoder.start(BodyFraming::kLength, 100);
    EXPECT_EQ(read("xy"), "xy|open");
    decoder.start(BodyFraming::kChunked, 7);  // a length says nothing here
    EXPECT_EQ(read("3\r\nabc\r\n0\r\n\r\n"), "abc|");
    decoder.start(BodyFraming::kChunked);
    EXPECT_EQ(read("z"), "400 a chunk size has no digits");
  }
}

}  // namespace
}  // namespace httpteleport::http::h1
