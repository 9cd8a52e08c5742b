#include "teleport/v2/zstd_stream.h"

#include <gtest/gtest.h>
#include <zstd.h>

#include <array>
#include <optional>
#include <string>

#include "support/content.h"
#include "teleport/v2/coding.h"

namespace httpteleport::teleport::v2 {
namespace {

constexpr TableSizes kSmallWindow{.window_log = 18};

std::string json(size_t bytes, uint64_t seed) {
  return test::Content::json(bytes, seed).to_string();
}

// Both ends.
struct Stream {
  explicit Stream(int level, const TableSizes& sizes = kSmallWindow)
      : encoder(level, sizes), decoder(sizes) {}

  // Whether `main` comes out as it was.
  bool pass(std::string_view main) {
    piece.clear();
    began = encoder.encode(main, piece);
    const auto got = decoder.decode(piece, began, Source::kUpstream);
    return got && *got == main;
  }

  ZstdEncoder encoder;
  ZstdDecoder decoder;
  std::string piece;   // of the last main part
  bool began = false;  // a new frame began with it
};

// One zstd frame by the library itself, without the end.
std::string frame_of(std::string_view bytes, int window_log = 18) {
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, window_log);
  std::string out(ZSTD_compressBound(bytes.size()) + 64, '\0');
  ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
  ZSTD_outBuffer room{out.data(), out.size(), 0};
  EXPECT_EQ(ZSTD_compressStream2(context, &room, &in, ZSTD_e_flush), 0u);
  ZSTD_freeCCtx(context);
  return out.substr(0, room.pos);
}

bool decodes(std::string_view piece, bool new_frame = true) {
  ZstdDecoder decoder(kSmallWindow);
  return decoder.decode(piece, new_frame, Source::kUpstream).has_value();
}

TEST(History, IsTheLastMebibyteOrWindow) {
  History history({.window_log = 10});
  EXPECT_EQ(history.last(), "");
  std::string all;
  for (int i = 0; i < 500; ++i) {
    const std::string piece = std::to_string(i) + ",";
    history.append(piece);
    all += piece;
    ASSERT_EQ(history.last(), all.substr(all.size() - std::min<size_t>(all.size(), 1024)));
  }
  History large({.window_log = 22});
  all = json(kPrefixBytes, 1);
  large.append(all);
  EXPECT_EQ(large.last(), all);
  large.append("x");
  EXPECT_EQ(large.last(), all.substr(1) + "x");
}

TEST(ZstdStream, PiecesOfEverySizeComeThrough) {
  Stream stream(1);
  for (const size_t size : {0u, 1u, 2u, 100u, 0u, 70'000u, 300'000u, 1u, 1'000'000u, 10u})
    EXPECT_TRUE(stream.pass(json(size, size))) << size;
  EXPECT_TRUE(stream.pass(test::Content::bytes(900'000, 1).to_string()));
}

TEST(ZstdStream, TakesAnyNumberOfEmptyPieces) {
  Stream stream(1);
  for (int i = 0; i < 100; ++i)
    ASSERT_TRUE(stream.pass("")) << i;
  EXPECT_TRUE(stream.pass("abc"));
  for (int i = 0; i < 100; ++i)
    ASSERT_TRUE(stream.pass("")) << i;
  EXPECT_TRUE(stream.pass("abc"));
}

TEST(ZstdStream, BeginsOneFrameAndNoOther) {
  Stream stream(1);
  for (uint64_t i = 0; i < 20; ++i) {
    EXPECT_TRUE(stream.pass(json(100'000, i)));
    EXPECT_EQ(stream.began, i == 0);
  }
}

TEST(ZstdStream, ChangesItsLevelInANewFrameThatKnowsTheLast) {
  Stream stream(1);
  const std::string noise = test::Content::bytes(100'000, 1).to_string();
  uint64_t seed = 0;
  for (const int level : {3, -5, 6, 1, 9, -1, 1}) {
    for (int i = 0; i < 3; ++i)
      EXPECT_TRUE(stream.pass(json(90'000, ++seed)));
    EXPECT_TRUE(stream.pass(noise));
    stream.encoder.set_level(level);
    EXPECT_TRUE(stream.pass(noise));
    EXPECT_TRUE(stream.began);
    EXPECT_EQ(stream.encoder.level(), level);
    EXPECT_LT(stream.piece.size(), 1000u) << "level " << level;
  }
}

TEST(ZstdStream, DecodesTheSameOverManyLevelChanges) {
  constexpr std::array<int, 4> kLevels = {-1, 1, 2, 3};
  for (const uint32_t window_log : {10u, 16u, 22u, 24u}) {
    Stream stream(1, {.window_log = window_log});
    int frames = 0;
    for (uint64_t i = 0; i < 60; ++i) {
      stream.encoder.set_level(kLevels[i % kLevels.size()]);
      ASSERT_TRUE(stream.pass(json(100'000, i))) << "window " << window_log << " piece " << i;
      frames += stream.began ? 1 : 0;
    }
    EXPECT_GT(frames, 10);
  }
}

TEST(ZstdStream, WaitsWithALevelUntilEnoughHasPassed) {
  Stream stream(1);
  EXPECT_TRUE(stream.pass(json(kFrameBytesMin - 1, 1)));
  stream.encoder.set_level(3);
  EXPECT_TRUE(stream.pass("x"));
  EXPECT_FALSE(stream.began);
  EXPECT_TRUE(stream.pass("y"));
  EXPECT_TRUE(stream.began);
  EXPECT_TRUE(stream.pass("z"));
  EXPECT_FALSE(stream.began);
}

TEST(ZstdStream, ANewFrameMayBeginWithNothing) {
  Stream stream(1);
  EXPECT_TRUE(stream.pass(""));
  EXPECT_TRUE(stream.began);
  EXPECT_TRUE(stream.pass(json(kFrameBytesMin, 1)));
  stream.encoder.set_level(3);
  EXPECT_TRUE(stream.pass(""));
  EXPECT_TRUE(stream.began);
  EXPECT_TRUE(stream.pass(json(1000, 1)));
  EXPECT_LT(stream.piece.size(), 100u);
}

TEST(ZstdDecoder, RefusesAPeerThatBeginsFramesTooOften) {
  for (const size_t before : {kFrameBytesMin - 1, kFrameBytesMin}) {
    ZstdEncoder sender(1, kSmallWindow);
    ZstdDecoder decoder(kSmallWindow);
    std::string piece;
    EXPECT_TRUE(sender.encode(std::string(before, 'a'), piece));
    ASSERT_TRUE(decoder.decode(piece, true, Source::kUpstream));
    piece = std::string("\x01\0\0", 3) + frame_of("b");  // the end of a frame, and another one
    EXPECT_EQ(decoder.decode(piece, true, Source::kUpstream).has_value(), before >= kFrameBytesMin);
  }
}

TEST(ZstdDecoder, RefusesAFrameThatBeginsUnsaidOrNot) {
  EXPECT_TRUE(decodes(frame_of("a")));
  EXPECT_FALSE(decodes(frame_of("a"), false));
  Stream stream(1);
  ASSERT_TRUE(stream.pass(json(kFrameBytesMin, 1)));
  std::string piece;
  stream.encoder.encode("abc", piece);
  EXPECT_FALSE(stream.decoder.decode(piece, true, Source::kUpstream));
}

TEST(ZstdDecoder, RefusesAFrameThatEnds) {
  const std::string_view end("\x01\0\0", 3);
  EXPECT_FALSE(decodes(frame_of("a").append(end)));
  EXPECT_FALSE(decodes(frame_of("").append(end)));
  EXPECT_FALSE(decodes(frame_of("a").append(end) + frame_of("b")));
}

TEST(ZstdDecoder, RefusesASkippableFrame) {
  EXPECT_FALSE(decodes(std::string("\x50\x2a\x4d\x18\x04\0\0\0abcd", 12)));
  EXPECT_FALSE(decodes(std::string("\x50\x2a\x4d\x18\x04\0\0\0abcd", 12) + frame_of("a")));
}

TEST(ZstdDecoder, RefusesALargerWindow) {
  EXPECT_TRUE(decodes(frame_of("abc", 18)));
  EXPECT_FALSE(decodes(frame_of("abc", 19)));
}

// The library reads what its versions before 0.8 wrote, with windows of up to 128 MiB whatever the
// limit is.
TEST(ZstdDecoder, RefusesFramesOfOldVersions) {
  for (char version = '\x22'; version < '\x28'; ++version) {
    const std::string magic = std::string(1, version) + "\xb5\x2f\xfd";
    EXPECT_FALSE(decodes(magic));
    EXPECT_FALSE(decodes(magic + std::string(4, '\0')));
    EXPECT_FALSE(decodes(magic.substr(0, 3)));
  }
  EXPECT_FALSE(decodes("\x28\xb5\x2f"));
}

TEST(ZstdDecoder, RefusesAPieceThatBecomesTooMuch) {
  EXPECT_TRUE(decodes(frame_of(std::string(kBatchBytesMax, 'a'))));
  EXPECT_FALSE(decodes(frame_of(std::string(kBatchBytesMax + 1, 'a'))));
  EXPECT_FALSE(decodes(frame_of(std::string(100 * kBatchBytesMax, 'a'))));
}

}  // namespace
}  // namespace httpteleport::teleport::v2
