#include "teleport/v0/batch_writer.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "support/content.h"
#include "teleport/v0/test_frames.h"

namespace httpteleport::teleport::v0 {
namespace {

using test::Content;
using test::link_frame;
using test::LinkCoding;

std::string message_of(uint64_t body_bytes, uint64_t seed) {
  return "POST /" + std::to_string(seed) +
         " HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(body_bytes) + "\r\n\r\n" +
         Content::json(body_bytes, seed).to_string();
}

// A writer with its wire, and frames that live as long as it.
class Writing {
 public:
  explicit Writing(const compress::Settings& settings) : writer(settings, pool), wire(pool) {}

  OutgoingFrame& add(uint32_t id, std::string_view message) {
    frames.push_back(std::make_unique<OutgoingFrame>(pool));
    frames.back()->id = id;
    frames.back()->message.append(message);
    writer.add(*frames.back());
    return *frames.back();
  }

  // One step; the ids that it has begun.
  std::vector<uint32_t> encode() {
    IntrusiveList<OutgoingFrame> begun;
    plain_bytes_of_step = writer.encode(wire, begun);
    std::vector<uint32_t> ids;
    while (!begun.empty()) {
      OutgoingFrame& frame = begun.pop_front();
      EXPECT_TRUE(frame.message.empty());
      ids.push_back(frame.id);
    }
    return ids;
  }

  BlockPool pool;
  BatchWriter writer;
  BufferChain wire;
  std::vector<std::unique_ptr<OutgoingFrame>> frames;
  size_t plain_bytes_of_step = 0;
};

struct Setting {
  LinkCoding coding;
  compress::Settings settings;
};
const std::vector<Setting> kSettings{
    {LinkCoding::kNone, {.method = compress::Method::kNone}},
    {LinkCoding::kFlate, {.method = compress::Method::kFlate, .level = 1}},
    {LinkCoding::kFlate, {.method = compress::Method::kFlate, .level = 6}},
    {LinkCoding::kFlate, {.method = compress::Method::kFlate, .level = 9}},
    {LinkCoding::kSnappy, {.method = compress::Method::kSnappy}},
};

std::string setting_name(const testing::TestParamInfo<Setting>& info) {
  return link_coding_name(info.param.coding) + std::to_string(info.param.settings.level) + "_" +
         std::to_string(info.index);
}

class BatchWriterOf : public testing::TestWithParam<Setting> {};

INSTANTIATE_TEST_SUITE_P(Compressions, BatchWriterOf, testing::ValuesIn(kSettings), setting_name);

TEST_P(BatchWriterOf, IsReadBackByteForByteAfterEveryFlush) {
  Writing writing(GetParam().settings);
  std::string expected;
  std::vector<uint32_t> ids;
  for (uint32_t batch = 0; batch < 20; ++batch) {
    ids.clear();
    for (uint32_t i = 0; i <= batch % 4; ++i) {
      const uint32_t id = 0x7ffffff0 + batch * 10 + i;
      const std::string message = message_of(batch * 997 % 40'000, id);
      writing.add(id, message);
      expected += link_frame(id, message);
      ids.push_back(id);
    }
    EXPECT_EQ(writing.encode(), ids);
    EXPECT_FALSE(writing.writer.has_work());
    const test::Unpacked unpacked = unpack(GetParam().coding, writing.wire.to_string());
    ASSERT_EQ(unpacked.error, "");
    ASSERT_TRUE(unpacked.at_flush);
    ASSERT_TRUE(unpacked.plain == expected) << "batch " << batch;
  }
  const test::LinkFrames frames = test::split_requests(expected);
  EXPECT_EQ(frames.error, "");
  EXPECT_EQ(frames.rest, "");
}

TEST_P(BatchWriterOf, IsReadBackByOurOwnReader) {
  Writing writing(GetParam().settings);
  std::string expected;
  for (uint32_t id = 1; id <= 30; ++id) {
    const std::string message = message_of(id * 1000, id);
    const size_t head_bytes = message.size() - id * 1000;
    expected += "[" + std::to_string(id) + " POST /" + std::to_string(id) + " of h " +
                message.substr(0, head_bytes) + "]" + message.substr(head_bytes) + "[end]\n";
    writing.add(id, message);
  }
  while (writing.writer.has_work())
    writing.encode();
  Journal journal;
  RequestReader reader(GetParam().settings.method, {}, journal);
  ASSERT_TRUE(reader.feed(writing.wire.to_string()));
  EXPECT_TRUE(reader.is_between_frames());
  EXPECT_TRUE(journal.text == expected);
}

TEST_P(BatchWriterOf, BoundsTheWorkOfAStepAndFlushesEach) {
  Writing writing(GetParam().settings);
  const std::string large = message_of(1'000'000, 1);
  const std::string small = message_of(10, 2);
  writing.add(1, large);
  writing.add(2, small);
  const std::string expected = link_frame(1, large) + link_frame(2, small);
  size_t plain_bytes = 0;
  size_t steps = 0;
  std::vector<uint32_t> begun;
  while (writing.writer.has_work()) {
    const std::vector<uint32_t> ids = writing.encode();
    begun.insert(begun.end(), ids.begin(), ids.end());
    ASSERT_GT(writing.plain_bytes_of_step, 0u);
    // A step ends inside a message at the border of a block.
    EXPECT_LE(writing.plain_bytes_of_step,
              BatchWriter::kPlainBytesPerStep + BlockPool::kLargeBytes);
    plain_bytes += writing.plain_bytes_of_step;
    ++steps;
    const test::Unpacked unpacked = unpack(GetParam().coding, writing.wire.to_string());
    ASSERT_EQ(unpacked.error, "");
    EXPECT_TRUE(unpacked.plain == expected.substr(0, plain_bytes)) << "step " << steps;
    if (steps == 1) {
      EXPECT_EQ(begun, std::vector<uint32_t>{1});
    }
  }
  EXPECT_EQ(plain_bytes, expected.size());
  EXPECT_EQ(begun, (std::vector<uint32_t>{1, 2}));
  EXPECT_EQ(steps, 4u);
}

TEST(BatchWriter, LeavesOutAFrameTakenBackBeforeItIsEncoded) {
  Writing writing({.method = compress::Method::kNone});
  const std::string kept = message_of(100, 1);
  writing.add(1, kept);
  writing.add(2, message_of(100, 2)).unlink();
  writing.add(3, kept);
  writing.frames[1].reset();
  EXPECT_EQ(writing.encode(), (std::vector<uint32_t>{1, 3}));
  EXPECT_EQ(writing.wire.to_string(), link_frame(1, kept) + link_frame(3, kept));

  writing.add(4, kept).unlink();
  EXPECT_FALSE(writing.writer.has_work());
}

TEST(BatchWriter, FinishesAMessageItHasBegunWhateverBecomesOfItsFrame) {
  Writing writing({.method = compress::Method::kFlate});
  const std::string large = message_of(700'000, 1);
  const std::string next = message_of(10, 2);
  writing.add(1, large);
  EXPECT_EQ(writing.encode(), std::vector<uint32_t>{1});
  writing.frames[0].reset();
  writing.add(2, next);
  while (writing.writer.has_work())
    writing.encode();
  const test::Unpacked unpacked = unpack(LinkCoding::kFlate, writing.wire.to_string());
  EXPECT_EQ(unpacked.error, "");
  EXPECT_TRUE(unpacked.plain == link_frame(1, large) + link_frame(2, next));
}

TEST(BatchWriter, CountsTheBytesThatWait) {
  Writing writing({.method = compress::Method::kNone});
  EXPECT_EQ(writing.writer.queued_bytes(), 0u);
  const std::string message = message_of(1000, 1);
  writing.add(1, message);
  writing.add(2, message);
  EXPECT_EQ(writing.writer.queued_bytes(), 2 * message.size());
  writing.encode();
  EXPECT_EQ(writing.writer.queued_bytes(), 0u);
  // One taken back counts until the queue has been empty, and not after that.
  writing.add(3, message).unlink();
  writing.add(4, message);
  EXPECT_EQ(writing.writer.queued_bytes(), message.size());
}

TEST(BatchWriter, WritesNothingWhenThereIsNothingToWrite) {
  for (const Setting& setting : kSettings) {
    Writing writing(setting.settings);
    EXPECT_FALSE(writing.writer.has_work());
    EXPECT_EQ(writing.encode(), std::vector<uint32_t>{});
    EXPECT_EQ(writing.wire.size(), 0u);
    EXPECT_EQ(writing.plain_bytes_of_step, 0u);
  }
}

// What many small ones hold is mostly not their bytes.
TEST(BatchWriter, CountsWhatEachWaitingMessageCostsBesideItsBytes) {
  Writing writing({.method = compress::Method::kNone});
  EXPECT_EQ(writing.writer.queued_memory(), 0u);
  writing.add(1, "x");
  const size_t one = writing.writer.queued_memory();
  EXPECT_GT(one, 1000u);
  writing.add(2, "x");
  EXPECT_EQ(writing.writer.queued_memory(), 2 * one);
  writing.encode();
  EXPECT_EQ(writing.writer.queued_memory(), 0u);
}

}  // namespace
}  // namespace httpteleport::teleport::v0
