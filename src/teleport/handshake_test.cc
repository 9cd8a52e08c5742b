#include "teleport/handshake.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support/independent_codecs.h"

namespace httpteleport::teleport {
namespace {

constexpr AcceptedVersions kBoth{.v0 = true, .v2 = true};

// What an end may say: every version with every coding that it has.
const std::vector<Handshake> kHandshakes = [] {
  std::vector<Handshake> all;
  for (const bool tls : {false, true}) {
    for (const Coding coding : {Coding::kFlate, Coding::kNone, Coding::kSnappy})
      all.push_back({.version = Version::kV0, .coding = coding, .tls = tls});
    for (const Coding coding : {Coding::kNone, Coding::kZstd})
      all.push_back({.version = Version::kV2, .coding = coding, .tls = tls});
  }
  return all;
}();

std::string encoded(const Handshake& handshake) {
  const auto bytes = encode_handshake(handshake);
  return {bytes.begin(), bytes.end()};
}

TEST(Handshake, HasTheBytesOfTheProtocol) {
  using namespace std::string_literals;
  EXPECT_EQ(encoded({.coding = Coding::kFlate}), "httpteleport\0\0\0"s);
  EXPECT_EQ(encoded({.coding = Coding::kNone}), "httpteleport\0\1\0"s);
  EXPECT_EQ(encoded({.coding = Coding::kSnappy}), "httpteleport\0\2\0"s);
  EXPECT_EQ(encoded({.coding = Coding::kFlate, .tls = true}), "httpteleport\0\0\1"s);
  EXPECT_EQ(encoded({.version = Version::kV2, .coding = Coding::kNone}), "httpteleport\2\1\0"s);
  EXPECT_EQ(encoded({.version = Version::kV2, .coding = Coding::kZstd, .tls = true}),
            "httpteleport\2\3\1"s);
  EXPECT_EQ(encoded({.coding = Coding::kSnappy}), test::link_handshake(test::LinkCoding::kSnappy));
}

TEST(Handshake, ParsesWhatItEncodes) {
  for (const Handshake& handshake : kHandshakes) {
    SCOPED_TRACE(testing::PrintToString(encoded(handshake)));
    const Result<Handshake> parsed = parse_handshake(encoded(handshake), kBoth, Source::kUpstream);
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->version, handshake.version);
    EXPECT_EQ(parsed->coding, handshake.coding);
    EXPECT_EQ(parsed->tls, handshake.tls);
  }
}

TEST(Handshake, HasACodingForEveryMethodOfV0) {
  for (const auto method :
       {compress::Method::kNone, compress::Method::kFlate, compress::Method::kSnappy})
    EXPECT_EQ(method_of(coding_of(method)), method);
}

TEST(Handshake, RefusesEveryWrongByteOfTheMagicAndNamesThePeer) {
  for (size_t i = 0; i < 12; ++i) {
    std::string bytes = encoded({});
    bytes[i] = static_cast<char>(bytes[i] ^ 0x20);
    const Result<Handshake> parsed = parse_handshake(bytes, kBoth, Source::kDownstream);
    ASSERT_FALSE(parsed) << i;
    EXPECT_EQ(parsed.error().code, Code::kMalformed);
    EXPECT_EQ(parsed.error().source, Source::kDownstream);
  }
}

TEST(Handshake, RefusesEveryVersionThatIsNotAccepted) {
  for (const AcceptedVersions accepted :
       {AcceptedVersions{.v0 = true}, AcceptedVersions{.v2 = true}, kBoth}) {
    for (int version = 0; version < 256; ++version) {
      std::string bytes = encoded({.coding = Coding::kNone});
      bytes[12] = static_cast<char>(version);
      const Result<Handshake> parsed = parse_handshake(bytes, accepted, Source::kUpstream);
      const bool taken = (version == 0 && accepted.v0) || (version == 2 && accepted.v2);
      ASSERT_EQ(parsed.has_value(), taken) << version;
      if (taken) continue;
      EXPECT_EQ(parsed.error().code, Code::kBadVersion);
      EXPECT_EQ(parsed.error().source, Source::kUpstream);
    }
  }
}

TEST(Handshake, RefusesEveryCompressionThatTheVersionDoesNotHave) {
  for (const Version version : {Version::kV0, Version::kV2}) {
    for (int number = 0; number < 256; ++number) {
      std::string bytes = encoded({.version = version});
      bytes[13] = static_cast<char>(number);
      const Result<Handshake> parsed = parse_handshake(bytes, kBoth, Source::kUpstream);
      const bool is_known = version == Version::kV0 ? number <= 2 : number == 1 || number == 3;
      ASSERT_EQ(parsed.has_value(), is_known) << number;
      if (!is_known) {
        EXPECT_EQ(parsed.error().code, Code::kMalformed);
      }
    }
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
}  // namespace httpteleport::teleport
