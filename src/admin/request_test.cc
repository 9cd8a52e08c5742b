#include "admin/request.h"

#include <gtest/gtest.h>

namespace httpteleport::admin {
namespace {

using Segments = std::vector<std::string>;

// {"?"}: malformed.
Segments split(std::string_view path) {
  Segments segments;
  if (!split_path(path, segments)) return {"?"};
  return segments;
}

TEST(Path, IsSplitBeforeItIsDecoded) {
  EXPECT_EQ(split("/"), Segments{});
  EXPECT_EQ(split("/a"), Segments{"a"});
  EXPECT_EQ(split("/a/b/_state"), (Segments{"a", "b", "_state"}));
  EXPECT_EQ(split("/a%2Fb/%c3%a4+"), (Segments{"a/b", "\xc3\xa4+"}));
  EXPECT_EQ(split("/a/"), (Segments{"a", ""}));
  EXPECT_EQ(split("//a"), (Segments{"", "a"}));
}

TEST(Path, IsRefusedWhenItCannotBeDecoded) {
  for (const char* path : {"", "a", "*", "/%", "/%4", "/%4g", "/a/%zz"})
    EXPECT_EQ(split(path), Segments{"?"}) << path;
}

TEST(Path, IsEncodedSoThatItDecodesToTheSame) {
  const std::string text("a b/\xc3\xa4%?#\0", 10);
  std::string decoded;
  ASSERT_TRUE(decode_percent(encode_percent(text), decoded));
  EXPECT_EQ(decoded, text);
  EXPECT_EQ(encode_percent("a-b_c.d~1/"), "a-b_c.d~1%2F");
}

TEST(Query, IsReadByName) {
  EXPECT_EQ(query_value("a=1&to=7&to=8", "to"), "7");
  EXPECT_EQ(query_value("xto=7&to", "to"), "");
  EXPECT_TRUE(query_has("xto=7&to", "to"));
  EXPECT_FALSE(query_has("xto=7", "to"));
  EXPECT_FALSE(query_has("", "to"));
}

TEST(Query, SwitchesAreOnWithoutAValueToo) {
  for (const char* on : {"dry_run", "dry_run=1", "dry_run=true", "a&dry_run&b"})
    EXPECT_TRUE(query_flag(on, "dry_run")) << on;
  for (const char* off : {"", "dry_run=0", "dry_run=false", "dry_runs=1"})
    EXPECT_FALSE(query_flag(off, "dry_run")) << off;
}

TEST(Query, CautionIsOffOnlyWhenItIsSaid) {
  for (const char* on : {"dry_run", "dry_run=", "dry_run=1", "dry_run=true", "dry_run=yes",
                         "dry_run=no", "dry_run=00", "dry_run=0&dry_run=1", "a&dry_run=on&b"})
    EXPECT_TRUE(query_caution(on, "dry_run")) << on;
  for (const char* off : {"", "dry_run=0", "dry_run=false", "dry_runs=1", "a=dry_run"})
    EXPECT_FALSE(query_caution(off, "dry_run")) << off;
}

TEST(HostOf, TakesPortAndBracketsAway) {
  EXPECT_EQ(host_of("a.example:80"), "a.example");
  EXPECT_EQ(host_of("a.example"), "a.example");
  EXPECT_EQ(host_of("[::1]:80"), "::1");
  EXPECT_EQ(host_of("[::1]"), "::1");
  EXPECT_EQ(host_of(""), "");
}

}  // namespace
}  // namespace httpteleport::admin
