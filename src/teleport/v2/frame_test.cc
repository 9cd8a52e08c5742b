#include "teleport/v2/frame.h"

#include <gtest/gtest.h>

#include <string>

namespace httpteleport::teleport::v2 {
namespace {

using namespace std::string_literals;

TEST(Frame, IsTypeStreamLengthAndPayload) {
  std::string plain;
  append_frame(plain, FrameType::kDataEnd, 300, "abc");
  EXPECT_EQ(plain, "\x04\xac\x02\x03"s + "abc");
}

TEST(Frame, OfEveryTypeComesBack) {
  std::string plain;
  for (uint8_t type = 1; type <= kFrameTypeMax; ++type) {
    for (const uint32_t stream : {0u, 1u, 127u, 128u, kStreamMax})
      append_frame(plain, static_cast<FrameType>(type), stream, std::string(type * 100, 'p'));
  }
  ByteReader reader(plain);
  for (uint8_t type = 1; type <= kFrameTypeMax; ++type) {
    for (const uint32_t stream : {0u, 1u, 127u, 128u, kStreamMax}) {
      const auto frame = read_frame(reader);
      ASSERT_TRUE(frame);
      EXPECT_EQ(frame->type, static_cast<FrameType>(type));
      EXPECT_EQ(frame->stream, stream);
      EXPECT_EQ(frame->payload, std::string(type * 100, 'p'));
    }
  }
  EXPECT_FALSE(read_frame(reader));
  EXPECT_FALSE(reader.failed());
}

TEST(Frame, OfAnUnknownTypeOrStreamFails) {
  for (const std::string& plain :
       {"\0\x01\0"s, "\x0d\x01\0"s, "\xff\x01\0"s, "\x03\x80\x80\x80\x80\x08\0"s,
        "\x03\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\0"s}) {
    ByteReader reader(plain);
    EXPECT_FALSE(read_frame(reader));
    EXPECT_TRUE(reader.failed());
  }
}

TEST(Frame, CutShortFails) {
  std::string plain;
  append_frame(plain, FrameType::kHead, 300, std::string(200, 'p'));
  for (size_t size = 1; size < plain.size(); ++size) {
    ByteReader reader(std::string_view(plain).substr(0, size));
    EXPECT_FALSE(read_frame(reader));
    EXPECT_TRUE(reader.failed());
  }
}

}  // namespace
}  // namespace httpteleport::teleport::v2
