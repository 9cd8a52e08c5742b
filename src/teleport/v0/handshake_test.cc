#include "teleport/v0/handshake.h"

#include <gtest/gtest.h>

#include <string>

#include "support/independent_codecs.h"

namespace httpteleport::teleport::v0 {
namespace {

using compress::Method;

std::string encoded(const Handshake& handshake) {
  const auto bytes = encode_handshake(handshake);
  return {bytes.begin(), bytes.end()};
}

TEST(Handshake, HasTheBytesOfTheProtocol) {
  using namespace std::string_literals;
  EXPECT_EQ(encoded({.compression = Method::kFlate}), "httpteleport\0\0\0"s);
  EXPECT_EQ(encoded({.compression = Method::kNone}), "httpteleport\0\1\0"s);
  EXPECT_EQ(encoded({.compression = Method::kSnappy}), "httpteleport\0\2\0"s);
  EXPECT_EQ(encoded({.compression = Method::kFlate, .tls = true}), "httpteleport\0\0\1"s);
  EXPECT_EQ(encoded({.compression = Method::kSnappy}),
            test::link_handshake(test::LinkCoding::kSnappy));
}

TEST(Handshake, ParsesWhatItEncodes) {
  for (const Method method : {Method::kFlate, Method::kNone, Method::kSnappy}) {
    for (const bool tls : {false, true}) {
      const Result<Handshake> parsed =
          parse_handshake(encoded({.compression = method, .tls = tls}), Source::kUpstream);
      ASSERT_TRUE(parsed);
      EXPECT_EQ(parsed->compression, method);
      EXPECT_EQ(parsed->tls, tls);
    }
  }
}

TEST(Handshake, RefusesEveryWrongByteOfTheMagicAndNamesThePeer) {
  for (size_t i = 0; i < 12; ++i) {
    std::string bytes = encoded({});
    bytes[i] = static_cast<char>(bytes[i] ^ 0x20);
    const Result<Handshake> parsed = parse_handshake(bytes, Source::kDownstream);
    ASSERT_FALSE(parsed) << i;
    EXPECT_EQ(parsed.error().code, Code::kMalformed);
    EXPECT_EQ(parsed.error().source, Source::kDownstream);
  }
}

TEST(Handshake, RefusesEveryOtherVersion) {
  for (int version = 1; version < 256; ++version) {
    std::string bytes = encoded({});
    bytes[12] = static_cast<char>(version);
    const Result<Handshake> parsed = parse_handshake(bytes, Source::kUpstream);
    ASSERT_FALSE(parsed) << version;
    EXPECT_EQ(parsed.error().code, Code::kBadVersion);
    EXPECT_EQ(parsed.error().source, Source::kUpstream);
  }
}

TEST(Handshake, RefusesEveryUnknownCompression) {
  for (int number = 3; number < 256; ++number) {
    std::string bytes = encoded({});
    bytes[13] = static_cast<char>(number);
    const Result<Handshake> parsed = parse_handshake(bytes, Source::kUpstream);
    ASSERT_FALSE(parsed) << number;
    EXPECT_EQ(parsed.error().code, Code::kMalformed);
  }
}

TEST(Handshake, IsRecognisedFromEveryPrefixAndRefusedFromTheFirstWrongByte) {
  const std::string right = encoded({});
  for (size_t length = 0; length <= right.size(); ++length)
    EXPECT_TRUE(may_be_handshake(right.substr(0, length))) << length;
  for (size_t wrong = 0; wrong < 12; ++wrong) {
    std::string bytes = right;
    bytes[wrong] = '!';
    EXPECT_TRUE(may_be_handshake(bytes.substr(0, wrong))) << wrong;
    for (size_t length = wrong + 1; length <= bytes.size(); ++length)
      EXPECT_FALSE(may_be_handshake(bytes.substr(0, length))) << wrong << " " << length;
  }
  EXPECT_FALSE(may_be_handshake("GET / HTTP/1.1\r\n"));
  EXPECT_TRUE(may_be_handshake(right + "frames may follow"));
}

}  // namespace
}  // namespace httpteleport::teleport::v0
