#include "acme/base64url.h"

#include <gtest/gtest.h>

#include <utility>

namespace httpteleport::acme {
namespace {

TEST(Base64url, WritesTheVectorsOfRfc4648WithoutPadding) {
  const std::pair<const char*, const char*> cases[] = {
      {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},          {"foo", "Zm9v"},
      {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"},
  };
  for (const auto& [bytes, text] : cases)
    EXPECT_EQ(base64url(bytes), text);
}

TEST(Base64url, UsesTheAlphabetForUrls) {
  EXPECT_EQ(base64url("\xfb\xef\xff"), "--__");
  EXPECT_EQ(base64url(std::string("\0\0", 2)), "AAA");
}

TEST(Base64url, KnowsItsAlphabet) {
  EXPECT_TRUE(is_base64url("azAZ09-_"));
  for (const char* text : {"", "a+b", "a/b", "a=", "a b", "a\n", "\""})
    EXPECT_FALSE(is_base64url(text)) << text;
}

}  // namespace
}  // namespace httpteleport::acme
