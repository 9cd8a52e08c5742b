#include "relay/raw_head.h"

#include <gtest/gtest.h>

#include <cstring>

#include "base/buffer.h"
#include "http/h1/encoder.h"
#include "http/h1/head_parser.h"

namespace httpteleport::relay {
namespace {

net::Address address(const char* text) {
  return net::literal_address(*net::parse_host_port(text));
}

// The text of a head, as the far end gets it.
std::string text_of(const http::RequestHead& head) {
  BlockPool pool;
  BufferChain out(pool);
  http::h1::encode_request_head(head, http::h1::framing_of(head), out);
  return out.to_string();
}

Result<RawClient> parsed(const std::string& text, RawKind served) {
  http::RequestHead head;
  const Result<size_t> size = http::h1::parse_request_head(text, {4096, 100}, head);
  EXPECT_TRUE(size && *size == text.size()) << text;
  return parse_raw_head(head, served);
}

TEST(RawHead, TellsTheFarEndWhatIsWantedAndForWhom) {
  for (const RawKind kind : {RawKind::kTcp, RawKind::kUdp}) {
    for (const auto& [client, server] : {std::pair("192.0.2.1:4000", "192.0.2.9:80"),
                                         std::pair("[2001:db8::1]:4000", "[::1]:80")}) {
      RawHeadText text;
      const std::string head =
          text_of(make_raw_head(kind, {address(client), address(server)}, text));
      const Result<RawClient> found = parsed(head, kind);
      ASSERT_TRUE(found) << head;
      EXPECT_EQ(found->address.to_string(), client);
      EXPECT_EQ(found->connected_to.to_string(), server);
    }
  }
}

TEST(RawHead, SaysNothingOfAClientThatIsNotKnown) {
  RawHeadText text;
  const auto path = net::Address::unix_path("/run/x");
  ASSERT_TRUE(path);
  const std::string head = text_of(make_raw_head(RawKind::kTcp, {{}, *path}, text));
  EXPECT_EQ(head, "CONNECT tcp HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: tcp\r\n\r\n");
  const Result<RawClient> found = parsed(head, RawKind::kTcp);
  ASSERT_TRUE(found);
  EXPECT_FALSE(found->address.is_valid());
}

TEST(RawHead, PassesOverAddressesThatAreNone) {
  for (const char* client : {"", "x", "1.2.3.4", "1.2.3.4:99999", "host:80", ":80", "[::1:80"}) {
    const Result<RawClient> found =
        parsed("CONNECT tcp HTTP/1.1\r\nClient: " + std::string(client) +
                   "\r\nConnection: upgrade\r\nUpgrade: tcp\r\n\r\n",
               RawKind::kTcp);
    ASSERT_TRUE(found) << client;
    EXPECT_FALSE(found->address.is_valid()) << client;
  }
}

TEST(RawHead, IsNothingElse) {
  const struct {
    const char* text;
    const char* why;  // where connections are served
  } cases[] = {
      {"GET / HTTP/1.1\r\nHost: h\r\n\r\n", "not HTTP"},
      {"GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: tcp\r\n\r\n", "not HTTP"},
      {"CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n", "not HTTP"},
      {"CONNECT tcp HTTP/1.1\r\n\r\n", "not HTTP"},
      {"CONNECT tcp HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: udp\r\n\r\n", "not HTTP"},
      {"CONNECT sctp HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: sctp\r\n\r\n", "not HTTP"},
      {"CONNECT udp HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: udp\r\n\r\n", "not datagrams"},
  };
  for (const auto& one : cases) {
    const Result<RawClient> found = parsed(one.text, RawKind::kTcp);
    ASSERT_FALSE(found) << one.text;
    EXPECT_EQ(found.error().code, Code::kUnsupported);
    EXPECT_NE(std::strstr(found.error().detail, one.why), nullptr) << one.text;
  }
  EXPECT_FALSE(
      parsed("CONNECT tcp HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: tcp\r\n\r\n", RawKind::kUdp));
}

}  // namespace
}  // namespace httpteleport::relay
