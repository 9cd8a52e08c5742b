#include "net/address.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <optional>
#include <string>
#include <vector>

namespace httpteleport::net {
namespace {

Address v4(const char* ip, uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  EXPECT_EQ(inet_pton(AF_INET, ip, &address.sin_addr), 1);
  return {reinterpret_cast<const sockaddr*>(&address), sizeof address};
}

Address v6(const char* ip, uint16_t port) {
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(port);
  EXPECT_EQ(inet_pton(AF_INET6, ip, &address.sin6_addr), 1);
  return {reinterpret_cast<const sockaddr*>(&address), sizeof address};
}

TEST(Address, IsShownAsText) {
  struct Case {
    Address address;
    std::string ip;
    std::string text;
    uint16_t port;
    bool is_ipv6;
  };
  const std::vector<Case> cases{
      {v4("10.0.0.1", 80), "10.0.0.1", "10.0.0.1:80", 80, false},
      {v4("255.255.255.255", 65535), "255.255.255.255", "255.255.255.255:65535", 65535, false},
      {v4("0.0.0.0", 0), "0.0.0.0", "0.0.0.0:0", 0, false},
      {v6("2001:db8::1", 443), "2001:db8::1", "[2001:db8::1]:443", 443, true},
      {v6("::1", 8080), "::1", "[::1]:8080", 8080, true},
      {v6("::", 1), "::", "[::]:1", 1, true},
      {v6("::ffff:10.1.2.3", 80), "10.1.2.3", "10.1.2.3:80", 80, true},
  };
  for (const Case& one : cases) {
    EXPECT_TRUE(one.address.is_valid());
    EXPECT_EQ(one.address.ip(), one.ip);
    EXPECT_EQ(one.address.to_string(), one.text);
    EXPECT_EQ(one.address.port(), one.port);
    EXPECT_EQ(one.address.is_ipv6(), one.is_ipv6);
  }
}

TEST(Address, IsInvalidWhenDefaultConstructed) {
  const Address address;
  EXPECT_FALSE(address.is_valid());
  EXPECT_EQ(address.ip(), "unknown");
  EXPECT_EQ(address.to_string(), "unknown:0");
  EXPECT_FALSE(local_address(-1).is_valid());
}

TEST(Address, HoldsThePathOfAUnixSocket) {
  const std::string longest(Address::kUnixPathBytesMax, 'p');
  const std::string longest_name = "@" + std::string(Address::kUnixPathBytesMax - 1, 'n');
  for (const std::string& path : {std::string("/run/x.sock"), std::string("x"),
                                  std::string("@name"), longest, longest_name}) {
    const Result<Address> address = Address::unix_path(path);
    ASSERT_TRUE(address) << path;
    EXPECT_TRUE(address->is_valid());
    EXPECT_TRUE(address->is_unix());
    EXPECT_FALSE(address->is_ipv6());
    EXPECT_EQ(address->path(), path);
    EXPECT_EQ(address->to_string(), "unix:" + path);
    EXPECT_EQ(address->ip(), "");
    EXPECT_EQ(address->port(), 0);
    EXPECT_EQ(*address, *Address::unix_path(path));
    // As the kernel gives it back.
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (path.front() == '@') {
      ASSERT_EQ(bind(fd, address->get(), address->length()), 0) << path;
      EXPECT_EQ(local_address(fd), *address);
    }
    close(fd);
  }
  EXPECT_EQ(v4("10.0.0.1", 80).path(), "");
  EXPECT_FALSE(v4("10.0.0.1", 80).is_unix());
}

TEST(Address, RefusesPathsThatNoUnixSocketCanHave) {
  for (const std::string& path : {std::string(), std::string("@"), std::string("a\0b", 3),
                                  std::string(Address::kUnixPathBytesMax + 1, 'p')}) {
    const Result<Address> address = Address::unix_path(path);
    ASSERT_FALSE(address) << path;
    EXPECT_EQ(address.error().code, Code::kBadConfig);
    EXPECT_NE(std::string(address.error().detail), "");
  }
}

TEST(Address, IsEqualWhenFamilyAddressAndPortAre) {
  EXPECT_EQ(v4("10.0.0.1", 80), v4("10.0.0.1", 80));
  EXPECT_NE(v4("10.0.0.1", 80), v4("10.0.0.1", 81));
  EXPECT_NE(v4("10.0.0.1", 80), v4("10.0.0.2", 80));
  EXPECT_NE(v4("0.0.0.0", 80), v6("::", 80));
  EXPECT_NE(*Address::unix_path("a"), *Address::unix_path("ab"));
  EXPECT_NE(*Address::unix_path("a"), *Address::unix_path("@a"));
  EXPECT_EQ(Address(), Address());
}

TEST(ParseHostPort, TakesHostAndPortApart) {
  struct Case {
    std::string text;
    std::optional<HostPort> parts;
  };
  const std::vector<Case> cases{
      {"example.com:80", HostPort{"example.com", 80}},
      {"10.0.0.1:65535", HostPort{"10.0.0.1", 65535}},
      {"[::1]:443", HostPort{"::1", 443}},
      {"[2001:db8::1]:0", HostPort{"2001:db8::1", 0}},
      {":8080", HostPort{"", 8080}},
      {"", std::nullopt},
      {"example.com", std::nullopt},
      {"[::1]", std::nullopt},
      {"::1", std::nullopt},
      {"::1:80", std::nullopt},
      {"2001:db8::1:80", std::nullopt},
      {"host:", std::nullopt},
      {"host:http", std::nullopt},
      {"host:65536", std::nullopt},
      {"host:-1", std::nullopt},
      {"host:+1", std::nullopt},
      {"host: 80", std::nullopt},
      {"host:80 ", std::nullopt},
      {"host:0x50", std::nullopt},
      {"host:99999999999999999999", std::nullopt},
  };
  for (const Case& one : cases) {
    const Result<HostPort> parsed = parse_host_port(one.text);
    ASSERT_EQ(parsed.has_value(), one.parts.has_value()) << one.text;
    if (!parsed) {
      EXPECT_EQ(parsed.error().code, Code::kBadConfig);
      EXPECT_NE(std::string(parsed.error().detail), "");
      continue;
    }
    EXPECT_EQ(parsed->host, one.parts->host) << one.text;
    EXPECT_EQ(parsed->port, one.parts->port) << one.text;
  }
}

TEST(Resolve, TakesLiteralsAsTheyAre) {
  const auto connect4 = resolve_connect({"127.0.0.1", 80});
  ASSERT_TRUE(connect4);
  ASSERT_EQ(connect4->size(), 1u);
  EXPECT_EQ(connect4->front().to_string(), "127.0.0.1:80");
  const auto connect6 = resolve_connect({"::1", 81});
  ASSERT_TRUE(connect6);
  ASSERT_EQ(connect6->size(), 1u);
  EXPECT_EQ(connect6->front().to_string(), "[::1]:81");
  const auto listen = resolve_listen({"127.0.0.1", 0});
  ASSERT_TRUE(listen);
  EXPECT_EQ(listen->to_string(), "127.0.0.1:0");
}

TEST(Resolve, TakesAnEmptyHostForThisMachine) {
  const auto connect = resolve_connect({"", 80});
  ASSERT_TRUE(connect);
  EXPECT_EQ(connect->front().to_string(), "127.0.0.1:80");
  const auto listen = resolve_listen({"", 80});
  ASSERT_TRUE(listen);
  EXPECT_TRUE(listen->to_string() == "[::]:80" || listen->to_string() == "0.0.0.0:80")
      << listen->to_string();
}

TEST(Resolve, ReportsWhatIsNoAddress) {
  // Not a name either, so no resolver is asked.
  for (const char* host : {"1.2.3.4.5", "::g", "a b", "127.0.0.1 "}) {
    const auto resolved = resolve_connect({host, 80});
    ASSERT_FALSE(resolved) << host;
    EXPECT_EQ(resolved.error().code, Code::kBadConfig);
    EXPECT_FALSE(resolve_listen({host, 80})) << host;
  }
}

TEST(LocalAddress, TellsThePortThatTheKernelChose) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const Address any = v4("127.0.0.1", 0);
  ASSERT_EQ(bind(fd, any.get(), any.length()), 0);
  const Address bound = local_address(fd);
  close(fd);
  EXPECT_EQ(bound.ip(), "127.0.0.1");
  EXPECT_NE(bound.port(), 0);
}

}  // namespace
}  // namespace httpteleport::net
