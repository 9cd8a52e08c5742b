#include "compress/stream.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "compress/test_streams.h"
#include "support/paths.h"

namespace httpteleport::compress {
namespace {

std::vector<Settings> every_setting() {
  std::vector<Settings> all = {{.method = Method::kNone}, {.method = Method::kSnappy}};
  for (int level = 1; level <= 9; ++level)
    all.push_back({.method = Method::kFlate, .level = level});
  return all;
}

std::string name_of(const testing::TestParamInfo<Settings>& info) {
  switch (info.param.method) {
    case Method::kNone:
      return "None";
    case Method::kSnappy:
      return "Snappy";
    case Method::kFlate:
      break;
  }
  return "Flate" + std::to_string(info.param.level);
}

class EveryStream : public testing::TestWithParam<Settings> {};
INSTANTIATE_TEST_SUITE_P(Stream, EveryStream, testing::ValuesIn(every_setting()), name_of);

constexpr size_t kSizes[] = {0, 1, 100, 64 * 1024 - 1, 64 * 1024, 64 * 1024 + 1, 1024 * 1024};

// How the input is cut into calls of encode(), and after how many of those comes a flush.
struct Pattern {
  const char* name;
  size_t piece_bytes;
  size_t pieces_per_flush;
};
constexpr Pattern kPatterns[] = {
    {"one call", size_t{1} << 30, 1},
    {"tiny pieces, rare flushes", 7, 5000},
    {"odd pieces, a flush each", 1237, 1},
    {"pieces of one chunk, a flush each", 64 * 1024, 1},
    {"large pieces, a flush every third", 100'000, 3},
};

void expect_round_trip(const Settings& settings, const std::string& plain, const Pattern& pattern) {
  const auto encoder = make_encoder(settings);
  Feeder feeder(settings.method, 20'000);
  BlockPool pool;
  BufferChain wire(pool);
  size_t done = 0;
  size_t pieces = 0;
  while (done < plain.size()) {
    const size_t take = std::min(pattern.piece_bytes, plain.size() - done);
    encoder->encode(std::string_view(plain).substr(done, take), wire);
    done += take;
    if (++pieces % pattern.pieces_per_flush != 0 && done < plain.size()) continue;
    encoder->flush(wire);
    feeder.feed(take_all(wire));
    ASSERT_FALSE(feeder.outcome.failed) << feeder.outcome.detail;
    ASSERT_EQ(feeder.outcome.plain.size(), done) << "a flush must make everything readable";
  }
  EXPECT_TRUE(feeder.outcome.plain == plain);
}

TEST_P(EveryStream, GivesBackWhatWasPutIn) {
  for (const bool compressible : {true, false}) {
    for (const size_t bytes : kSizes) {
      const std::string plain = compressible ? text_of(bytes) : noise_of(bytes);
      for (const Pattern& pattern : kPatterns) {
        SCOPED_TRACE(std::string(compressible ? "text " : "noise ") + std::to_string(bytes) + ", " +
                     pattern.name);
        expect_round_trip(GetParam(), plain, pattern);
        if (HasFatalFailure()) return;
      }
    }
  }
}

TEST_P(EveryStream, FlushesAfterEachByteWork) {
  expect_round_trip(GetParam(), text_of(300), {"bytes", 1, 1});
}

// The output of a flush ends at any distance from the end of a block of the chain.
TEST_P(EveryStream, OutputMayEndAnywhereInABlock) {
  const std::string plain = text_of(3000);
  const std::string filler(BlockPool::kLargeBytes, 'f');
  for (size_t room_left = 0; room_left < 2500; room_left += 3) {
    const auto encoder = make_encoder(GetParam());
    BlockPool pool;
    BufferChain wire(pool);
    wire.append(std::string_view(filler).substr(room_left));
    const size_t filler_bytes = wire.size();
    encoder->encode(plain, wire);
    encoder->flush(wire);
    wire.consume(filler_bytes);
    const Outcome outcome = decode_in_pieces(GetParam().method, wire.to_string(), size_t{1} << 20);
    ASSERT_TRUE(outcome.plain == plain) << room_left;
  }
}

TEST_P(EveryStream, FlushWithoutNewInputWritesNothing) {
  const auto encoder = make_encoder(GetParam());
  BlockPool pool;
  BufferChain wire(pool);
  encoder->flush(wire);
  EXPECT_TRUE(wire.empty());
  encoder->encode("", wire);
  encoder->flush(wire);
  EXPECT_TRUE(wire.empty());
  encoder->encode("abc", wire);
  encoder->flush(wire);
  const size_t bytes = wire.size();
  EXPECT_GT(bytes, 0U);
  encoder->flush(wire);
  encoder->encode("", wire);
  encoder->flush(wire);
  EXPECT_EQ(wire.size(), bytes);
}

TEST_P(EveryStream, DecodesAlikeHoweverItIsCut) {
  const auto encoder = make_encoder(GetParam());
  const std::string plain = text_of(700) + noise_of(200) + std::string(1500, 'z');
  std::string wire = encoded(*encoder, plain.substr(0, 1000));
  wire += encoded(*encoder, plain.substr(1000));
  const Outcome outcome = decode_every_way(GetParam().method, wire);
  EXPECT_FALSE(outcome.failed) << outcome.detail;
  EXPECT_TRUE(outcome.plain == plain);
}

TEST_P(EveryStream, OutputIsBoundedByTheSpanAndTheRestIsHeldBack) {
  const auto encoder = make_encoder(GetParam());
  const std::string plain = text_of(150'000);
  const std::string wire = encoded(*encoder, plain);
  for (const size_t span_bytes : {1U, 2U, 1000U, 70'000U}) {
    const Outcome outcome = decode_in_pieces(GetParam().method, wire, wire.size(), span_bytes);
    EXPECT_TRUE(outcome.plain == plain) << span_bytes;
  }
}

TEST_P(EveryStream, TakesNothingWithoutRoomForOutput) {
  const auto encoder = make_encoder(GetParam());
  const std::string wire = encoded(*encoder, "abc");
  const auto decoder = make_decoder(GetParam().method, Source::kUpstream);
  const auto step = decoder->decode(wire, {});
  ASSERT_TRUE(step);
  EXPECT_EQ(step->consumed, 0U);
  EXPECT_EQ(step->produced, 0U);
}

// A peer sends little that decodes to much. What one step gives is bounded by the span, and so is
// what it takes, but for the 64 KiB of output a decoder may hold back.
TEST_P(EveryStream, BombStaysWithinTheSpan) {
  constexpr size_t kBombBytes = size_t{24} << 20;
  constexpr size_t kSpanBytes = 4096;
  const std::string zeros(size_t{1} << 20, '\0');
  const auto encoder = make_encoder(GetParam());
  BlockPool pool;
  BufferChain chain(pool);
  for (size_t done = 0; done < kBombBytes; done += zeros.size())
    encoder->encode(zeros, chain);
  encoder->flush(chain);
  const std::string wire = take_all(chain);

  const auto decoder = make_decoder(GetParam().method, Source::kUpstream);
  std::vector<char> room(kSpanBytes);
  std::string_view rest = wire;
  size_t total = 0;
  for (;;) {
    const auto step = decoder->decode(rest, room);
    ASSERT_TRUE(step);
    ASSERT_LE(step->produced, kSpanBytes);
    ASSERT_LE(step->consumed, size_t{80'000});
    ASSERT_TRUE(std::all_of(room.begin(), room.begin() + static_cast<ptrdiff_t>(step->produced),
                            [](char byte) { return byte == '\0'; }));
    total += step->produced;
    rest.remove_prefix(step->consumed);
    if (step->produced == 0 && step->consumed == 0) break;
  }
  EXPECT_TRUE(rest.empty());
  EXPECT_EQ(total, kBombBytes);
}

// Connections recorded between two programs of the original implementation.
struct Capture {
  const char* file;
  Method method;
  size_t plain_bytes;
};

class RecordedStream : public testing::TestWithParam<Capture> {
 protected:
  static constexpr size_t kHandshakeBytes = 15;

  static std::string stream_of(const std::string& file) {
    const std::string path = test::source_dir() + "/tests/data/wire-v0/" + file;
    const std::string bytes = file_content(path);
    return bytes.size() < kHandshakeBytes ? std::string() : bytes.substr(kHandshakeBytes);
  }
  // The same connection was recorded once without compression.
  static std::string plain_of(const std::string& file) {
    return stream_of("v0-none.1." + file.substr(file.size() - 3));
  }
};

constexpr Capture kCaptures[] = {
    {"v0-none.1.c2s", Method::kNone, 73'021},     {"v0-none.1.s2c", Method::kNone, 73'994},
    {"v0-flate.1.c2s", Method::kFlate, 73'021},   {"v0-flate.1.s2c", Method::kFlate, 73'994},
    {"v0-snappy.1.c2s", Method::kSnappy, 73'021}, {"v0-snappy.1.s2c", Method::kSnappy, 73'994},
};
INSTANTIATE_TEST_SUITE_P(Stream, RecordedStream, testing::ValuesIn(kCaptures));

TEST_P(RecordedStream, DecodesAlikeHoweverItIsCut) {
  const Capture& capture = GetParam();
  const std::string wire = stream_of(capture.file);
  ASSERT_FALSE(wire.empty());
  const Outcome bytewise = decode_in_pieces(capture.method, wire, 1);
  ASSERT_FALSE(bytewise.failed) << bytewise.detail;
  EXPECT_EQ(bytewise.plain.size(), capture.plain_bytes);
  for (size_t cut = 0; cut <= wire.size(); cut += 1000) {
    const Outcome outcome = decode_cut_at(capture.method, wire, cut);
    ASSERT_TRUE(outcome.plain == bytewise.plain) << cut;
  }
}

// The three connections carried the same seven messages each way. One digit of each message
// differs: the port in a request's Host, the second in a response's Date.
TEST_P(RecordedStream, HoldsTheSameMessagesAsTheUncompressedOne) {
  const Capture& capture = GetParam();
  const std::string wire = stream_of(capture.file);
  const Outcome outcome = decode_in_pieces(capture.method, wire, wire.size());
  ASSERT_FALSE(outcome.failed) << outcome.detail;
  const std::string expected = plain_of(capture.file);
  ASSERT_EQ(outcome.plain.size(), expected.size());
  size_t different = 0;
  for (size_t i = 0; i < expected.size(); ++i)
    different += outcome.plain[i] != expected[i] ? 1 : 0;
  EXPECT_EQ(different, capture.method == Method::kNone ? 0U : 7U);
}

}  // namespace
}  // namespace httpteleport::compress
