#include "teleport/v0/frame_reader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "teleport/v0/test_frames.h"

namespace httpteleport::teleport::v0 {
namespace {

using compress::Method;
using test::link_frame;

// What became of a wire.
struct Outcome {
  std::string text;
  bool between_frames = false;
  std::optional<Code> error{};
};

template <class Reader>
Outcome read_in_pieces(const std::vector<std::string_view>& pieces, const ReaderLimits& limits,
                       const std::map<uint32_t, http::Method>& methods) {
  Journal journal;
  journal.methods = methods;
  Reader reader(Method::kNone, limits, journal);
  size_t fed_bytes = 0;
  for (const std::string_view piece : pieces) {
    // Bytes of its own, so that a sanitizer sees every view that is kept for too long.
    const std::string copy(piece);
    fed_bytes += copy.size();
    if (const Result<void> fed = reader.feed(copy); !fed)
      return {journal.text, reader.is_between_frames(), fed.error().code};
    EXPECT_EQ(reader.plain_bytes(), fed_bytes);
  }
  return {journal.text, reader.is_between_frames(), std::nullopt};
}

std::vector<std::string_view> pieces_of(std::string_view wire, size_t size) {
  std::vector<std::string_view> pieces;
  for (size_t begin = 0; begin < wire.size(); begin += size)
    pieces.push_back(wire.substr(begin, size));
  return pieces;
}

// The outcome must not depend on where the network cuts the bytes. What precedes a fault need not
// be reported in all cases, so it is compared for good wires only.
template <class Reader>
Outcome read_every_way(std::string_view wire, const ReaderLimits& limits = {},
                       const std::map<uint32_t, http::Method>& methods = {}) {
  const Outcome whole = read_in_pieces<Reader>({wire}, limits, methods);
  const auto expect_same = [&](const Outcome& other) {
    EXPECT_EQ(other.error, whole.error);
    if (whole.error) return;
    EXPECT_EQ(other.text, whole.text);
    EXPECT_EQ(other.between_frames, whole.between_frames);
  };
  for (size_t cut = 0; cut <= wire.size() && !testing::Test::HasFailure(); ++cut) {
    SCOPED_TRACE("cut at " + std::to_string(cut));
    expect_same(read_in_pieces<Reader>({wire.substr(0, cut), wire.substr(cut)}, limits, methods));
  }
  for (size_t size = 1; size <= 16 && !testing::Test::HasFailure(); ++size) {
    SCOPED_TRACE("pieces of " + std::to_string(size));
    expect_same(read_in_pieces<Reader>(pieces_of(wire, size), limits, methods));
  }
  return whole;
}

Outcome read_requests(std::string_view wire, const ReaderLimits& limits = {}) {
  return read_every_way<RequestReader>(wire, limits);
}
Outcome read_responses(std::string_view wire, const ReaderLimits& limits = {},
                       const std::map<uint32_t, http::Method>& methods = {}) {
  return read_every_way<ResponseReader>(wire, limits, methods);
}

TEST(RequestReader, ReportsFramesInOrderHoweverTheyAreCut) {
  const std::string get = "GET /a?b=c HTTP/1.1\r\nHost: one\r\nX: y\r\n\r\n";
  const std::string post = "POST /p HTTP/1.1\r\nHost: two\r\nContent-Length: 5\r\n\r\n";
  const std::string empty = "POST /e HTTP/1.1\r\nHost: two\r\nContent-Length: 0\r\n\r\n";
  const Outcome outcome =
      read_requests(link_frame(1, get) + link_frame(0xfffffffe, post + "hello") +
                    link_frame(0, empty) + link_frame(0x01020304, get));
  EXPECT_EQ(outcome.error, std::nullopt);
  EXPECT_TRUE(outcome.between_frames);
  EXPECT_EQ(outcome.text, "[1 GET /a?b=c of one " + get + "][end]\n" +
                              "[4294967294 POST /p of two " + post + "]hello[end]\n" +
                              "[0 POST /e of two " + empty + "][end]\n" +
                              "[16909060 GET /a?b=c of one " + get + "][end]\n");
}

TEST(RequestReader, TakesChunkedBodiesWithTrailers) {
  const std::string head = "PUT /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::string next = "GET /n HTTP/1.1\r\nHost: h\r\n\r\n";
  const Outcome outcome = read_requests(
      link_frame(7, head + "4\r\nwiki\r\n6;ext=\"x\"\r\npedia \r\n0\r\nX-Sum: 12\r\nY: z\r\n\r\n") +
      link_frame(8, next));
  EXPECT_EQ(outcome.error, std::nullopt);
  EXPECT_TRUE(outcome.between_frames);
  EXPECT_EQ(outcome.text, "[7 PUT /c of h " + head + "]wikipedia [end X-Sum=12 Y=z]\n" +
                              "[8 GET /n of h " + next + "][end]\n");
}

TEST(RequestReader, ReportsARequestThatMustBeRefusedAndReadsOn) {
  class Refusals : public Journal {
   public:
    size_t refused = 0;
    void on_request_frame(uint32_t id, http::RequestHead& head, std::string_view raw) override {
      if (head.refusal) ++refused;
      Journal::on_request_frame(id, head, raw);
    }
  };
  Refusals events;
  RequestReader reader(Method::kNone, {}, events);
  ASSERT_TRUE(reader.feed(link_frame(1, "GET / HTTP/1.1\r\nNo-Host: x\r\n\r\n") +
                          link_frame(2, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")));
  EXPECT_EQ(events.refused, 1u);
  EXPECT_EQ(events.frames_ended, 2u);
}

TEST(RequestReader, KnowsWhetherItStandsBetweenFrames) {
  const std::string wire =
      link_frame(1, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc");
  for (size_t cut = 0; cut <= wire.size(); ++cut) {
    Journal journal;
    RequestReader reader(Method::kNone, {}, journal);
    ASSERT_TRUE(reader.feed(wire.substr(0, cut)));
    EXPECT_EQ(reader.is_between_frames(), cut == 0 || cut == wire.size()) << cut;
  }
}

TEST(RequestReader, EndsTheLinkOnAHeadOverTheHardLimit) {
  const ReaderLimits limits{.head_bytes_max = 200, .fields_max = 10};
  const auto with_field_of = [](size_t bytes) {
    return link_frame(3, "GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(bytes, 'x') + "\r\n\r\n");
  };
  const size_t fixed = with_field_of(0).size() - 4;
  EXPECT_EQ(read_requests(with_field_of(200 - fixed), limits).error, std::nullopt);
  EXPECT_EQ(read_requests(with_field_of(201 - fixed), limits).error, Code::kHeadTooLarge);
  // Also while its end is not in sight.
  const std::string endless = link_frame(3, "GET / HTTP/1.1\r\nX: " + std::string(300, 'x'));
  EXPECT_EQ(read_requests(endless, limits).error, Code::kHeadTooLarge);

  std::string many = "GET / HTTP/1.1\r\nHost: h\r\n";
  for (int i = 0; i < 10; ++i)
    many += "A: b\r\n";
  EXPECT_EQ(read_requests(link_frame(3, many + "\r\n"), limits).error, Code::kHeadTooLarge);
}

TEST(RequestReader, EndsTheLinkOnWhatCannotBeDelimited) {
  struct Case {
    const char* what;
    const char* message;
    Code error;
  };
  const std::vector<Case> cases{
      {"not HTTP", "\x16\x03\x01\x02\r\n\r\n", Code::kMalformed},
      {"bare LF", "GET / HTTP/1.1\nHost: h\n\n", Code::kMalformed},
      {"space before the colon", "GET / HTTP/1.1\r\nHost : h\r\n\r\n", Code::kMalformed},
      {"folded field", "GET / HTTP/1.1\r\nHost: h\r\n x\r\n\r\n", Code::kMalformed},
      {"two lengths",
       "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na",
       Code::kMalformed},
      {"both framings",
       "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\na",
       Code::kMalformed},
      {"length with a sign", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +1\r\n\r\na",
       Code::kMalformed},
      {"unknown coding", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n",
       Code::kUnsupported},
      {"HTTP/2", "GET / HTTP/2.0\r\nHost: h\r\n\r\n", Code::kBadVersion},
      {"bad chunk size",
       "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n\r\n",
       Code::kMalformed},
      {"chunk without its line end",
       "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabcd\r\n",
       Code::kMalformed},
  };
  const std::string good = link_frame(1, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  for (const Case& one : cases) {
    SCOPED_TRACE(one.what);
    // A head is looked at again when its end may be there, so a fault may show only then.
    EXPECT_EQ(read_requests(link_frame(2, one.message) + good).error, one.error);
    EXPECT_EQ(read_requests(good + link_frame(2, one.message) + good).error, one.error);
    // What came before the fault, in a piece of its own, has been reported.
    const Outcome outcome =
        read_in_pieces<RequestReader>({good, link_frame(2, one.message)}, {}, {});
    EXPECT_EQ(outcome.error, one.error);
    EXPECT_TRUE(outcome.text.starts_with("[1 GET / of h ")) << outcome.text;
  }
}

TEST(RequestReader, ReportsABodyWithoutWaitingForAllOfIt) {
  Journal journal;
  RequestReader reader(Method::kNone, {}, journal);
  const std::string head = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n";
  ASSERT_TRUE(reader.feed(link_frame(1, head)));
  const std::string piece(100'000, 'x');
  for (int i = 1; i <= 9; ++i) {
    const size_t before = journal.text.size();
    ASSERT_TRUE(reader.feed(piece));
    EXPECT_EQ(journal.text.size() - before, piece.size());
    EXPECT_FALSE(reader.is_between_frames());
  }
  ASSERT_TRUE(reader.feed(piece));
  EXPECT_EQ(journal.frames_ended, 1u);
  EXPECT_TRUE(reader.is_between_frames());
}

TEST(ResponseReader, ReportsFramesInTheOrderOfTheWire) {
  const std::string ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n";
  const std::string missing = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
  const Outcome outcome =
      read_responses(link_frame(3, ok + "c3") + link_frame(1, missing) + link_frame(2, ok + "b2"));
  EXPECT_EQ(outcome.error, std::nullopt);
  EXPECT_TRUE(outcome.between_frames);
  EXPECT_EQ(outcome.text, "[3 200 " + ok + "]c3[end]\n" + "[1 404 " + missing + "][end]\n" +
                              "[2 200 " + ok + "]b2[end]\n");
}

TEST(ResponseReader, ReadsNoBodyAfterHeadNorWithStatusesThatHaveNone) {
  const std::string to_head = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n";
  const std::string chunked_to_head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::string no_content = "HTTP/1.1 204 No Content\r\n\r\n";
  const std::string not_modified = "HTTP/1.1 304 Not Modified\r\nContent-Length: 1000\r\n\r\n";
  const std::string last = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n";
  const Outcome outcome = read_responses(
      link_frame(1, to_head) + link_frame(2, chunked_to_head) + link_frame(3, no_content) +
          link_frame(4, not_modified) + link_frame(5, last + "x"),
      {}, {{1, http::Method::kHead}, {2, http::Method::kHead}});
  EXPECT_EQ(outcome.error, std::nullopt);
  EXPECT_TRUE(outcome.between_frames);
  EXPECT_EQ(outcome.text, "[1 200 " + to_head + "][end]\n" + "[2 200 " + chunked_to_head +
                              "][end]\n" + "[3 204 " + no_content + "][end]\n" + "[4 304 " +
                              not_modified + "][end]\n" + "[5 200 " + last + "]x[end]\n");
}

// A legacy far end answers HEAD with a text of its own when its endpoint cannot be reached.
TEST(ResponseReader, SkipsABodyThatFollowsTheAnswerToHead) {
  const std::string failed = "HTTP/1.1 500 Oops\r\nContent-Length: 26\r\n\r\n";
  const std::string last = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n";
  const Outcome outcome = read_responses(
      link_frame(1, failed + "http proxying error: it is") + link_frame(2, last + "x"), {},
      {{1, http::Method::kHead}});
  EXPECT_EQ(outcome.error, std::nullopt);
  EXPECT_TRUE(outcome.between_frames);
  EXPECT_EQ(outcome.text, "[1 500 " + failed + "][end]\n" + "[2 200 " + last + "]x[end]\n");
}

TEST(ResponseReader, TakesChunkedBodiesWithTrailers) {
  const std::string head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  const Outcome outcome =
      read_responses(link_frame(9, head + "a\r\n0123456789\r\n0\r\nX-Sum: 1\r\n\r\n") +
                     link_frame(10, head + "0\r\n\r\n"));
  EXPECT_EQ(outcome.error, std::nullopt);
  EXPECT_EQ(outcome.text,
            "[9 200 " + head + "]0123456789[end X-Sum=1]\n" + "[10 200 " + head + "][end]\n");
}

// A legacy far end passes on what its endpoint says first, a switch of protocols too.
TEST(ResponseReader, ReportsAnAnswerThatIsNoneAndReadsOn) {
  class Refusals : public Journal {
   public:
    size_t refused = 0;
    void on_response_frame(uint32_t id, http::ResponseHead& head, std::string_view raw) override {
      if (head.refusal) ++refused;
      Journal::on_response_frame(id, head, raw);
    }
  };
  Refusals events;
  ResponseReader reader(Method::kNone, {}, events);
  ASSERT_TRUE(reader.feed(link_frame(1, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n") +
                          link_frame(2, "HTTP/1.1 103 Early Hints\r\n\r\n") +
                          link_frame(3, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")));
  EXPECT_EQ(events.refused, 2u);
  EXPECT_EQ(events.frames_ended, 3u);
}

TEST(ResponseReader, EndsTheLinkOnWhatCannotBeDelimited) {
  EXPECT_EQ(read_responses(link_frame(1, "HTTP/1.1 200 OK\r\n\r\nbody")).error, Code::kMalformed);
  EXPECT_EQ(read_responses(link_frame(1, "HTTP/1.1 20 OK\r\n\r\n")).error, Code::kMalformed);
  EXPECT_EQ(read_responses(link_frame(1, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")).error,
            Code::kMalformed);
  const ReaderLimits limits{.head_bytes_max = 100, .fields_max = 10};
  EXPECT_EQ(
      read_responses(link_frame(1, "HTTP/1.1 200 OK\r\nX: " + std::string(100, 'x')), limits).error,
      Code::kHeadTooLarge);
}

// Whose response it is does not matter to the reader: one for an id that nobody knows is reported
// like any other, and the frame behind it is read.
TEST(ResponseReader, ReadsPastAnAnswerThatNobodyWaitsFor) {
  const std::string ok = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n";
  const Outcome outcome = read_responses(link_frame(99, ok + "old") + link_frame(1, ok + "new"));
  EXPECT_EQ(outcome.text, "[99 200 " + ok + "]old[end]\n" + "[1 200 " + ok + "]new[end]\n");
}

TEST(FrameReader, EndsTheLinkOnACorruptCompressedStream) {
  const std::string bad = "this is neither deflate nor snappy, and long enough to be found out";
  for (const Method method : {Method::kFlate, Method::kSnappy}) {
    Journal journal;
    RequestReader requests(method, {}, journal);
    const Result<void> fed = requests.feed(bad);
    ASSERT_FALSE(fed);
    EXPECT_EQ(fed.error().code, Code::kMalformed);
    EXPECT_EQ(fed.error().source, Source::kDownstream);
    ResponseReader responses(method, {}, journal);
    const Result<void> fed_too = responses.feed(bad);
    ASSERT_FALSE(fed_too);
    EXPECT_EQ(fed_too.error().source, Source::kUpstream);
  }
}

}  // namespace
}  // namespace httpteleport::teleport::v0
