#include "acme/host_name.h"

#include <gtest/gtest.h>

namespace httpteleport::acme {
namespace {

TEST(CanonicalHostName, LowersCaseAndDropsOneDotAtTheEnd) {
  EXPECT_EQ(canonical_host_name("example.com"), "example.com");
  EXPECT_EQ(canonical_host_name("WWW.Example.COM."), "www.example.com");
  EXPECT_EQ(canonical_host_name("xn--bcher-kva.example"), "xn--bcher-kva.example");
  EXPECT_EQ(canonical_host_name("1.2.3.4a"), "1.2.3.4a");
}

TEST(CanonicalHostName, RefusesWhatNoCertificateIsFor) {
  for (const char* name : {"",
                           ".",
                           "..",
                           "localhost",
                           "com.",
                           "example.com..",
                           ".example.com",
                           "a..b.com",
                           "*.example.com",
                           "a_b.example.com",
                           "-a.example.com",
                           "a-.example.com",
                           "a b.example.com",
                           "127.0.0.1",
                           "1.2.3.4.",
                           "[::1]",
                           "::1",
                           "example.com:443",
                           "example.com/",
                           "../a.b",
                           "b\xc3\xbc"
                           "cher.example"})
    EXPECT_FALSE(canonical_host_name(name)) << name;
  EXPECT_FALSE(canonical_host_name(std::string_view("a\0.example.com", 14)));
}

TEST(CanonicalHostName, BoundsLabelsAndNames) {
  const std::string label(63, 'a');
  EXPECT_TRUE(canonical_host_name(label + ".com"));
  EXPECT_FALSE(canonical_host_name(label + "a.com"));
  const std::string long_name = label + "." + label + "." + label + ".";
  EXPECT_TRUE(canonical_host_name(long_name + std::string(61, 'b')));
  EXPECT_TRUE(canonical_host_name(long_name + std::string(61, 'b') + "."));
  EXPECT_FALSE(canonical_host_name(long_name + std::string(62, 'b')));
}

TEST(HostPattern, MatchesAnywhereUnlessAnchored) {
  std::string error;
  const auto loose = HostPattern::compile("example", error);
  ASSERT_NE(loose, nullptr);
  EXPECT_TRUE(loose->admits("www.example.com"));
  EXPECT_FALSE(loose->admits("www.other.com"));
  EXPECT_FALSE(loose->admits_anything());
  const auto anchored = HostPattern::compile(R"(^(www\.)?example\.com$)", error);
  ASSERT_NE(anchored, nullptr);
  EXPECT_TRUE(anchored->admits("www.example.com"));
  EXPECT_FALSE(anchored->admits("www.example.com.evil.org"));
}

TEST(HostPattern, KnowsTheOneThatAdmitsAnything) {
  std::string error;
  for (const char* expression : {"^.*$", "", ".", "^[a-z0-9.-]+$"})
    EXPECT_TRUE(HostPattern::compile(expression, error)->admits_anything()) << expression;
}

TEST(HostPattern, SaysWhatIsWrongWithAnExpression) {
  std::string error;
  EXPECT_EQ(HostPattern::compile("(example", error), nullptr);
  EXPECT_NE(error.find("missing )"), std::string::npos) << error;
}

}  // namespace
}  // namespace httpteleport::acme
