#include "net/proxy_protocol.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace httpteleport::net {
namespace {

constexpr ProxyVersions kBoth{.v1 = true, .v2 = true};
const std::string kV2Begin("\r\n\r\n\0\r\nQUIT\n", 12);

// A header of version 2 from its parts.
std::string v2(uint8_t command, uint8_t family, const std::string& body) {
  std::string text = kV2Begin;
  text += static_cast<char>(command);
  text += static_cast<char>(family);
  text += static_cast<char>(body.size() >> 8);
  text += static_cast<char>(body.size() & 0xff);
  return text + body;
}

std::string addition(uint8_t type, const std::string& value) {
  std::string text(1, static_cast<char>(type));
  text += static_cast<char>(value.size() >> 8);
  text += static_cast<char>(value.size() & 0xff);
  return text + value;
}

std::string padded(std::string path) {
  path.resize(108);
  return path;
}

const std::string kV4Body("\x0a\x00\x00\x01\xc0\x00\x02\x07\x1f\x90\x00\x50", 12);
const std::string kV6Body(std::string("\x20\x01\x0d\xb8", 4) + std::string(11, '\0') + "\x01" +
                          std::string(15, '\0') + "\x01" + std::string("\x1f\x90\x00\x50", 4));
const std::string kFullV1 =
    "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
    "65535 65534\r\n";

// What a header says, or what is wrong with it, in one line.
std::string outcome_of(std::string_view bytes, ProxyVersions accepted = kBoth) {
  ProxyHeader header;
  const Result<size_t> size = parse_proxy_header(bytes, accepted, header);
  if (!size) {
    EXPECT_EQ(size.error().source, Source::kDownstream);
    EXPECT_NE(std::string(size.error().detail), "");
    return code_name(size.error().code);
  }
  if (*size == 0) return "more";
  std::string text = header.version == ProxyVersion::kV1 ? "v1 " : "v2 ";
  if (!header.source.is_valid() && !header.destination.is_valid()) return text + "nobody";
  return text + header.source.to_string() + " to " + header.destination.to_string();
}

// The outcome for bytes that may follow, and for every cut: a part of what is good needs more, a
// part of what is bad may be found bad already, and nothing else.
void check(const std::string& bytes, const std::string& wanted, ProxyVersions accepted = kBoth) {
  EXPECT_EQ(outcome_of(bytes, accepted), wanted) << bytes;
  const bool good = wanted.starts_with("v");
  if (good) {
    ProxyHeader header;
    const Result<size_t> size = parse_proxy_header(bytes + "GET / HTTP/1.1", accepted, header);
    ASSERT_TRUE(size) << bytes;
    EXPECT_EQ(*size, bytes.size());
    EXPECT_EQ(outcome_of(bytes + bytes, accepted), wanted);
  }
  bool was_bad = false;
  for (size_t cut = 0; cut < bytes.size(); ++cut) {
    const std::string part = outcome_of(std::string_view(bytes).substr(0, cut), accepted);
    if (part == "more" && !was_bad) continue;
    was_bad = true;
    EXPECT_EQ(part, good ? "more" : wanted) << bytes << " cut at " << cut;
  }
}

TEST(ProxyProtocol, ReadsVersion1) {
  check("PROXY TCP4 10.0.0.1 192.0.2.7 8080 80\r\n", "v1 10.0.0.1:8080 to 192.0.2.7:80");
  check("PROXY TCP4 255.255.255.255 0.0.0.0 65535 0\r\n", "v1 255.255.255.255:65535 to 0.0.0.0:0");
  check("PROXY TCP6 2001:db8::1 ::1 8080 80\r\n", "v1 [2001:db8::1]:8080 to [::1]:80");
  check("PROXY TCP6 ::ffff:10.0.0.1 ::ffff:10.0.0.2 1 2\r\n", "v1 10.0.0.1:1 to 10.0.0.2:2");
  check(kFullV1,
        "v1 [ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe]:65535 to "
        "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65534");
  check("PROXY UNKNOWN\r\n", "v1 nobody");
  check("PROXY UNKNOWN whatever it is\r\n", "v1 nobody");
  check("PROXY UNKNOWN " + std::string(kProxyV1BytesMax - 16, 'x') + "\r\n", "v1 nobody");
}

TEST(ProxyProtocol, RefusesWhatIsNoVersion1) {
  for (const char* line : {"PROXY TCP4 10.0.0.1 192.0.2.7 8080 80\n",
                           "PROXY TCP4 10.0.0.1 192.0.2.7 8080\r\n",
                           "PROXY TCP4 10.0.0.1 192.0.2.7 8080 80 \r\n",
                           "PROXY TCP4 10.0.0.1 192.0.2.7 8080 80 1\r\n",
                           "PROXY  TCP4 10.0.0.1 192.0.2.7 8080 80\r\n",
                           "PROXY TCP4  10.0.0.1 192.0.2.7 8080 80\r\n",
                           "PROXY TCP4 10.0.0.1 192.0.2.7 08080 80\r\n",
                           "PROXY TCP4 10.0.0.1 192.0.2.7 65536 80\r\n",
                           "PROXY TCP4 10.0.0.1 192.0.2.7 -1 80\r\n",
                           "PROXY TCP4 10.0.0.1 192.0.2.7 +1 80\r\n",
                           "PROXY TCP4 10.0.0.1 192.0.2.7  80\r\n",
                           "PROXY TCP4 ::1 ::1 8080 80\r\n",
                           "PROXY TCP6 10.0.0.1 192.0.2.7 8080 80\r\n",
                           "PROXY TCP4 10.0.0 192.0.2.7 8080 80\r\n",
                           "PROXY TCP5 10.0.0.1 192.0.2.7 8080 80\r\n",
                           "PROXY UDP4 10.0.0.1 192.0.2.7 8080 80\r\n",
                           "PROXY tcp4 10.0.0.1 192.0.2.7 8080 80\r\n",
                           "PROXY UNKNOWNX\r\n",
                           "PROXY \r\n",
                           "PROXY\r\n",
                           "PROXY TCP4 10.0.0.1\t192.0.2.7 8080 80\r\n",
                           "PROXY UNKNOWN a\rb\r\n",
                           "proxy TCP4 10.0.0.1 192.0.2.7 8080 80\r\n",
                           "GET / HTTP/1.1\r\n",
                           "\r\nx"}) {
    check(line, "malformed");
  }
  check(std::string("PROXY TCP4 10.0.0.1\0 192.0.2.7 8080 80\r\n", 40), "malformed");
}

TEST(ProxyProtocol, BoundsTheLengthOfVersion1) {
  check("PROXY UNKNOWN " + std::string(kProxyV1BytesMax - 15, 'x') + "\r\n", "head_too_large");
  check("PROXY " + std::string(1000, 'x'), "head_too_large");
}

TEST(ProxyProtocol, ReadsVersion2) {
  check(v2(0x21, 0x11, kV4Body), "v2 10.0.0.1:8080 to 192.0.2.7:80");
  check(v2(0x21, 0x21, kV6Body), "v2 [2001:db8::1]:8080 to [::1]:80");
  check(v2(0x21, 0x31, padded("/run/client") + padded("/run/server")),
        "v2 unix:/run/client to unix:/run/server");
  check(v2(0x21, 0x31, padded("") + padded(std::string("\0name", 5))), "v2 unix: to unix:@name");
  check(v2(0x21, 0x00, ""), "v2 nobody");
  check(v2(0x21, 0x00, "anything"), "v2 nobody");
  check(v2(0x20, 0x00, ""), "v2 nobody");
  check(v2(0x20, 0x11, kV4Body), "v2 nobody");
  check(v2(0x20, 0xff, "x"), "v2 nobody");
}

TEST(ProxyProtocol, SkipsTheAdditionsOfVersion2) {
  check(v2(0x21, 0x11, kV4Body + addition(1, "h2") + addition(0xea, "") + addition(5, "id")),
        "v2 10.0.0.1:8080 to 192.0.2.7:80");
  const size_t room = kProxyV2BytesMax - 16 - kV4Body.size() - 3;
  check(v2(0x21, 0x11, kV4Body + addition(4, std::string(room, 'x'))),
        "v2 10.0.0.1:8080 to 192.0.2.7:80");
  check(v2(0x21, 0x11, kV4Body + addition(4, std::string(room + 1, 'x'))), "head_too_large");
  check(v2(0x21, 0x11, kV4Body + "\x01"), "malformed");
  check(v2(0x21, 0x11, kV4Body + std::string("\x01\x00", 2)), "malformed");
  check(v2(0x21, 0x11, kV4Body + std::string("\x01\x00\x02x", 4)), "malformed");
}

TEST(ProxyProtocol, RefusesWhatIsNoVersion2) {
  check(v2(0x22, 0x11, kV4Body), "malformed");
  check(v2(0x11, 0x11, kV4Body), "malformed");
  check(v2(0x31, 0x11, kV4Body), "malformed");
  for (const int family : {0x01, 0x10, 0x12, 0x13, 0x20, 0x22, 0x30, 0x32, 0x41, 0xff})
    check(v2(0x21, static_cast<uint8_t>(family), std::string(300, 'x')), "malformed");
  check(v2(0x21, 0x11, kV4Body.substr(0, 11)), "malformed");
  check(v2(0x21, 0x21, kV6Body.substr(0, 35)), "malformed");
  check(v2(0x21, 0x31, std::string(215, 'x')), "malformed");
  check(v2(0x21, 0x31, std::string(216, 'x')), "malformed");  // a path without an end
  std::string broken = v2(0x21, 0x11, kV4Body);
  broken[4] = 'x';
  check(broken, "malformed");
  check(kV2Begin.substr(0, 8) + "GET / HTTP/1.1", "malformed");
}

TEST(ProxyProtocol, TakesOnlyTheVersionsThatAreAccepted) {
  const std::string first = "PROXY UNKNOWN\r\n";
  const std::string second = v2(0x20, 0, "");
  check(first, "v1 nobody", {.v1 = true, .v2 = false});
  check(second, "malformed", {.v1 = true, .v2 = false});
  check(first, "malformed", {.v1 = false, .v2 = true});
  check(second, "v2 nobody", {.v1 = false, .v2 = true});
}

TEST(ProxyProtocol, WritesWhatItReads) {
  for (const std::string& header :
       {std::string("PROXY TCP4 10.0.0.1 192.0.2.7 8080 80\r\n"),
        std::string("PROXY TCP6 2001:db8::1 ::1 8080 80\r\n"), kFullV1,
        std::string("PROXY UNKNOWN\r\n"), v2(0x21, 0x11, kV4Body), v2(0x21, 0x21, kV6Body),
        v2(0x21, 0x31, padded("/run/client") + padded(std::string("\0name", 5))),
        v2(0x21, 0x31, padded("") + padded("/run/server")), v2(0x20, 0x00, "")}) {
    ProxyHeader read;
    ASSERT_TRUE(parse_proxy_header(header, kBoth, read));
    EXPECT_EQ(encode_proxy_header(read), header);
  }
}

TEST(ProxyProtocol, WritesOneFamilyOrNone) {
  const Address v4 = resolve_connect({"10.0.0.1", 1})->front();
  const Address mapped = resolve_connect({"::ffff:10.0.0.2", 2})->front();
  const Address v6 = resolve_connect({"::1", 3})->front();
  const Address path = *Address::unix_path("/run/s");
  EXPECT_EQ(encode_proxy_header({ProxyVersion::kV1, v4, mapped}),
            "PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n");
  EXPECT_EQ(encode_proxy_header({ProxyVersion::kV1, v4, v6}), "PROXY UNKNOWN\r\n");
  EXPECT_EQ(encode_proxy_header({ProxyVersion::kV1, path, path}), "PROXY UNKNOWN\r\n");
  EXPECT_EQ(encode_proxy_header({ProxyVersion::kV1, v4, {}}), "PROXY UNKNOWN\r\n");
  EXPECT_EQ(encode_proxy_header({ProxyVersion::kV2, v6, path}), v2(0x20, 0, ""));
  EXPECT_EQ(encode_proxy_header({ProxyVersion::kV2, {}, {}}), v2(0x20, 0, ""));
  EXPECT_EQ(outcome_of(encode_proxy_header({ProxyVersion::kV2, mapped, v4})),
            "v2 10.0.0.2:2 to 10.0.0.1:1");
}

}  // namespace
}  // namespace httpteleport::net
