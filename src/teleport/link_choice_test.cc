#include "teleport/link_choice.h"

#include <gtest/gtest.h>

#include <string>

namespace httpteleport::teleport {
namespace {

using Method = compress::Method;
using V2Method = v2::EncoderOptions::Method;

struct Meaning {
  bool v0;
  bool v2;
  Method method;  // over v0
  int level;
  V2Method v2_method;
  int v2_level;
};

std::string text(const Meaning& m) {
  return std::to_string(m.v0) + std::to_string(m.v2) + " " +
         std::to_string(static_cast<int>(m.method)) + ":" + std::to_string(m.level) + " " +
         std::to_string(static_cast<int>(m.v2_method)) + ":" + std::to_string(m.v2_level);
}

std::string meaning_of(std::string_view protocol, std::string_view coding) {
  const auto choice = choose_link(parse_protocol(protocol).value(), parse_coding(coding).value());
  if (!choice) return "nothing";
  return text({choice->versions.v0, choice->versions.v2, choice->compression.method,
               choice->compression.level, choice->v2.method, choice->v2.level});
}

TEST(ChooseLink, SaysWhichVersionsAndHowEachIsCompressed) {
  struct {
    const char* protocol;
    const char* coding;
    Meaning meaning;
  } const kCases[] = {
      {"auto", "auto", {true, true, Method::kFlate, 1, V2Method::kZstd, 1}},
      {"auto", "zstd", {true, true, Method::kFlate, 1, V2Method::kZstd, 1}},
      {"auto", "zstd:19", {true, true, Method::kFlate, 1, V2Method::kZstd, 19}},
      {"auto", "none", {true, true, Method::kNone, 1, V2Method::kNone, 1}},
      {"auto", "flate:6", {true, false, Method::kFlate, 6, V2Method::kZstd, 1}},
      {"auto", "snappy", {true, false, Method::kSnappy, 1, V2Method::kZstd, 1}},
      {"v0", "auto", {true, false, Method::kFlate, 1, V2Method::kZstd, 1}},
      {"v0", "none", {true, false, Method::kNone, 1, V2Method::kNone, 1}},
      {"v0", "flate", {true, false, Method::kFlate, 1, V2Method::kZstd, 1}},
      {"v0", "snappy", {true, false, Method::kSnappy, 1, V2Method::kZstd, 1}},
      {"v2", "auto", {false, true, Method::kFlate, 1, V2Method::kZstd, 1}},
      {"v2", "none", {false, true, Method::kNone, 1, V2Method::kNone, 1}},
      {"v2", "zstd:2", {false, true, Method::kFlate, 1, V2Method::kZstd, 2}},
  };
  for (const auto& c : kCases)
    EXPECT_EQ(meaning_of(c.protocol, c.coding), text(c.meaning)) << c.protocol << " " << c.coding;
}

TEST(ChooseLink, HasNoCompressionThatItsVersionLacks) {
  EXPECT_EQ(meaning_of("v2", "flate"), "nothing");
  EXPECT_EQ(meaning_of("v2", "flate:9"), "nothing");
  EXPECT_EQ(meaning_of("v2", "snappy"), "nothing");
  EXPECT_EQ(meaning_of("v0", "zstd"), "nothing");
  EXPECT_EQ(meaning_of("v0", "zstd:3"), "nothing");
}

TEST(ChooseLink, ALevelMayFollowWhatIsShort) {
  EXPECT_TRUE(choose_link("auto", "zstd:auto").v2.adaptive);
  EXPECT_EQ(choose_link("v2", "zstd:auto").v2.level, 1);
  for (const char* coding : {"auto", "zstd", "zstd:3", "none"})
    EXPECT_FALSE(choose_link("auto", coding).v2.adaptive) << coding;
  EXPECT_FALSE(choose_link(ProtocolChoice::kV0, *parse_coding("zstd:auto")));
}

TEST(ChooseLink, TakesNoOtherWords) {
  for (const char* bad : {"", "gzip", "flate:", "flate:0", "flate:10", "flate:01", "flate:+1",
                          "zstd:", "zstd:0", "zstd:20", "zstd:-1", "zstd:1 ", "zstd:01",
                          "zstd:99999999999", "Zstd", "none:1", "snappy:1", "auto:1"})
    EXPECT_FALSE(parse_coding(bad)) << bad;
  for (const char* bad : {"", "v1", "V2", "2", "auto "})
    EXPECT_FALSE(parse_protocol(bad)) << bad;
  for (const char* bad : {"", "tiny", "Large"})
    EXPECT_FALSE(parse_link_memory(bad)) << bad;
}

TEST(ChooseLink, KnowsTheSizesOfTables) {
  EXPECT_EQ(parse_link_memory("small"), v2::kSmallTables);
  EXPECT_EQ(parse_link_memory("normal"), v2::TableSizes{});
  EXPECT_EQ(parse_link_memory("large"), v2::kLargeTables);
}

}  // namespace
}  // namespace httpteleport::teleport
