#include "compress/crc32c.h"

#include <gtest/gtest.h>

#include <string>

#include "support/independent_codecs.h"

namespace httpteleport::compress {
namespace {

TEST(Crc32c, AgreesWithKnownVectors) {
  // The check value of the Castagnoli polynomial, then RFC 3720 appendix B.4.
  std::string ascending;
  for (int i = 0; i < 32; ++i)
    ascending.push_back(static_cast<char>(i));
  const struct {
    std::string bytes;
    uint32_t crc;
  } cases[] = {
      {"", 0},
      {"123456789", 0xE3069283U},
      {std::string(32, '\0'), 0x8A9136AAU},
      {std::string(32, '\xff'), 0x62A8AB43U},
      {ascending, 0x46DD794EU},
  };
  for (const auto& test : cases) {
    EXPECT_EQ(crc32c(test.bytes), test.crc) << test.bytes.size();
  }
}

TEST(Crc32c, IsThatOfBitByBitForEveryLengthAndAlignment) {
  std::string bytes;
  for (int i = 0; i < 600; ++i)
    bytes.push_back(static_cast<char>(i * 37 + 11));
  for (size_t begin = 0; begin < 16; ++begin) {
    for (size_t length = 0; begin + length <= bytes.size(); ++length) {
      const std::string_view part = std::string_view(bytes).substr(begin, length);
      ASSERT_EQ(crc32c(part), test::crc32c_by_bits(part)) << begin << ' ' << length;
    }
  }
}

TEST(Crc32c, MaskRotatesAndAddsTheConstant) {
  EXPECT_EQ(crc32c_masked(0), 0xa282ead8U);
  EXPECT_EQ(crc32c_masked(0x00008000U), 0xa282ead9U);
  EXPECT_EQ(crc32c_masked(1), 0xa282ead8U + 0x00020000U);
}

}  // namespace
}  // namespace httpteleport::compress
