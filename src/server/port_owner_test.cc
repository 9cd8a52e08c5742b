#include "server/port_owner.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "net/test_net.h"

namespace httpteleport::server {
namespace {

using Inodes = std::vector<uint64_t>;

net::Address address_of(const std::string& host, uint16_t port) {
  const auto addresses = net::resolve_connect({host, port});
  EXPECT_TRUE(addresses) << host;
  return addresses->front();
}

constexpr std::string_view kTcp =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "
    "inode\n"
    "   0: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 "
    "11 1 0 100 0 0 10 0\n"
    "   1: 0100007F:1F91 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 "
    "12 1 0 100 0 0 10 0\n"
    "   2: 0100007F:1F91 0100007F:9C40 01 00000000:00000000 00:00000000 00000000     0        0 "
    "13 1 0 20 4 30 10 -1\n"
    "   3: broken\n";
constexpr std::string_view kTcp6 =
    "   0: 00000000000000000000000000000000:1F92 00000000000000000000000000000000:0000 0A "
    "00000000:00000000 00:00000000 00000000     0        0 21 1 0 100 0 0 10 0\n"
    "   1: 00000000000000000000000001000000:1F93 00000000000000000000000000000000:0000 0A "
    "00000000:00000000 00:00000000 00000000     0        0 22 1 0 100 0 0 10 0\n"
    "   2: 0000000000000000FFFF00000100007F:1F94 00000000000000000000000000000000:0000 0A "
    "00000000:00000000 00:00000000 00000000     0        0 23 1 0 100 0 0 10 0\n";

TEST(PortOwner, FindsWhoeverIsInTheWayInTheKernelsTables) {
  struct Case {
    std::string_view table;
    std::string host;
    uint16_t port;
    Inodes inodes;
  };
  const std::vector<Case> cases{
      {kTcp, "127.0.0.1", 0x1f90, {11}},  // the other one has all addresses
      {kTcp, "0.0.0.0", 0x1f90, {11}},   {kTcp, "::", 0x1f90, {11}},
      {kTcp, "::1", 0x1f90, {}},          // IPv6 beside IPv4
      {kTcp, "127.0.0.1", 0x1f91, {12}},  // not the connection
      {kTcp, "127.0.0.2", 0x1f91, {}},   {kTcp, "0.0.0.0", 0x1f91, {12}},
      {kTcp, "127.0.0.1", 0x1f99, {}},   {kTcp6, "127.0.0.1", 0x1f92, {21}},
      {kTcp6, "::1", 0x1f92, {21}},      {kTcp6, "::1", 0x1f93, {22}},
      {kTcp6, "127.0.0.1", 0x1f93, {}},  {kTcp6, "127.0.0.1", 0x1f94, {23}},
      {"", "127.0.0.1", 80, {}},
  };
  for (const Case& one : cases) {
    EXPECT_EQ(find_tcp_listeners(one.table, address_of(one.host, one.port)), one.inodes)
        << one.host << " " << one.port;
  }
}

TEST(PortOwner, FindsUnixSocketsThatAreListenedOn) {
  constexpr std::string_view kTable =
      "Num       RefCount Protocol Flags    Type St Inode Path\n"
      "000000009ec98526: 00000002 00000000 00010000 0001 01  31 /run/a\n"
      "000000009ec98527: 00000003 00000000 00000000 0001 03  32 /run/a\n"
      "000000009ec98528: 00000002 00000000 00010000 0001 01  33 /run/with blanks /run/b\n"
      "000000009ec98529: 00000002 00000000 00010000 0001 01  34 @name\n"
      "000000009ec98530: 00000002 00000000 00010000 0001 01  35\n";
  EXPECT_EQ(find_unix_listeners(kTable, "/run/a"), Inodes{31});
  EXPECT_EQ(find_unix_listeners(kTable, "/run/b"), Inodes{});
  EXPECT_EQ(find_unix_listeners(kTable, "/run/with blanks /run/b"), Inodes{33});
  EXPECT_EQ(find_unix_listeners(kTable, "@name"), Inodes{34});
  EXPECT_EQ(find_unix_listeners(kTable, "/run/c"), Inodes{});
}

TEST(PortOwner, NamesTheProcess) {
  const std::string self = "pid " + std::to_string(getpid()) + " (";
  const net::Socket tcp = net::TestNet::listen_socket();
  const std::string owner = describe_port_owner(net::local_address(tcp.fd()));
  EXPECT_TRUE(owner.starts_with(self)) << owner;
  EXPECT_TRUE(owner.ends_with(")")) << owner;

  const auto name = net::Address::unix_path("@port-owner-test-" + std::to_string(getpid()));
  ASSERT_TRUE(name);
  EXPECT_EQ(describe_port_owner(*name), "");
  const auto listening = net::listen_on(*name, {});
  ASSERT_TRUE(listening);
  EXPECT_TRUE(describe_port_owner(*name).starts_with(self));
}

}  // namespace
}  // namespace httpteleport::server
