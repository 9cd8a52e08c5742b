// Encoder and decoder over long traffic of every kind.
#include <gtest/gtest.h>

#include <string>

#include "support/content.h"
#include "teleport/v2/coding.h"
#include "teleport/v2/test_frames.h"

namespace httpteleport::teleport::v2 {
namespace {

constexpr uint32_t kSeed = 20'260'101;

void expect_same(const EncoderOptions& options, int batches) {
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  RandomTraffic traffic(kSeed);
  Direction direction(options);
  for (int i = 0; i < batches; ++i) {
    const std::string frames = traffic.batch();
    ASSERT_EQ(direction.pass(frames), frames) << "batch " << i;
  }
}

TEST(RoundTrip, IsTheSameThroughTablesOfEverySize) {
  expect_same({.sizes = kNormalTables}, 3000);
  expect_same({.sizes = kSmallTables}, 1000);
  expect_same({.sizes = kLargeTables}, 300);
}

TEST(RoundTrip, IsTheSameThroughTablesThatForgetAllTheTime) {
  expect_same({.sizes = kTinyTables}, 5000);
  expect_same({.sizes = {.window_log = 10,
                         .lines = 1,
                         .line_bytes = 0,
                         .ids = 1,
                         .secret_blocks = 1,
                         .body_bytes = 0}},
              1000);
  expect_same({.sizes = {.window_log = 11,
                         .lines = 7,
                         .line_bytes = 4200,
                         .ids = 3,
                         .secret_blocks = 5,
                         .body_bytes = 999}},
              2000);
}

TEST(RoundTrip, IsTheSameAtEveryLevelAndWithoutSecrets) {
  for (const int level : {-7, -1, 1, 3, 6, 9})
    expect_same({.level = level, .sizes = kSmallTables}, 300);
  expect_same({.secret_fields = {}}, 1000);
  expect_same({.method = EncoderOptions::Method::kNone}, 300);
}

TEST(RoundTrip, IsTheSameOverManyLevelChanges) {
  for (const TableSizes& sizes : {kTinyTables, kNormalTables}) {
    RandomTraffic traffic(kSeed);
    Direction direction({.sizes = sizes});
    size_t main_bytes = 0;
    int zstd_frames = 0;
    for (uint64_t i = 0; main_bytes < 12'000'000; ++i) {
      if (i % 10 == 0) direction.encoder.set_level(traffic.chance(50) ? -1 : 3);
      std::string frames = traffic.batch();
      append_frame(frames, FrameType::kData, 1, test::Content::json(60'000, i).to_string());
      main_bytes += frames.size();
      ASSERT_EQ(direction.pass(frames), frames) << "seed " << kSeed << " batch " << i;
      zstd_frames += (take_apart(direction.wire).flags & kNewFrame) != 0 ? 1 : 0;
    }
    EXPECT_GT(zstd_frames, 5);
  }
}

}  // namespace
}  // namespace httpteleport::teleport::v2
