#include "fetch/forbidden_addresses.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <ifaddrs.h>

namespace httpteleport::fetch {
namespace {

net::Address address(const std::string& ip, uint16_t port) {
  sockaddr_in v4{.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {}, .sin_zero = {}};
  if (inet_pton(AF_INET, ip.c_str(), &v4.sin_addr) == 1)
    return {reinterpret_cast<const sockaddr*>(&v4), sizeof v4};
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  EXPECT_EQ(inet_pton(AF_INET6, ip.c_str(), &v6.sin6_addr), 1) << ip;
  return {reinterpret_cast<const sockaddr*>(&v6), sizeof v6};
}

struct Case {
  const char* listened;
  const char* asked;
  uint16_t port;
  bool forbidden;
};

TEST(ForbiddenAddresses, AreReachedInManyWays) {
  for (const Case& tested : {
           Case{"127.0.0.1", "127.0.0.1", 9090, true},
           Case{"127.0.0.1", "127.0.0.1", 9091, false},
           Case{"127.0.0.1", "127.8.8.8", 9090, true},
           Case{"127.0.0.1", "0.0.0.0", 9090, true},
           Case{"127.0.0.1", "::1", 9090, true},
           Case{"127.0.0.1", "::", 9090, true},
           Case{"127.0.0.1", "::ffff:127.0.0.1", 9090, true},
           Case{"127.0.0.1", "198.51.100.1", 9090, false},
           Case{"198.51.100.1", "198.51.100.1", 9090, true},
           Case{"198.51.100.1", "::ffff:198.51.100.1", 9090, true},
           Case{"198.51.100.1", "198.51.100.2", 9090, false},
           Case{"198.51.100.1", "127.0.0.1", 9090, true},
           Case{"0.0.0.0", "198.51.100.1", 9090, false},
           Case{"::", "127.0.0.1", 9090, true},
           Case{"::", "127.0.0.1", 80, false},
           Case{"2001:db8::1", "2001:db8::1", 9090, true},
           Case{"2001:db8::1", "2001:db8::2", 9090, false},
       }) {
    const ForbiddenAddresses forbidden({address(tested.listened, 9090)});
    EXPECT_EQ(forbidden.contains(address(tested.asked, tested.port)), tested.forbidden)
        << tested.asked << " port " << tested.port << " with " << tested.listened;
  }
}

TEST(ForbiddenAddresses, AreAllOfThisMachineWhereAllAreListenedOn) {
  const ForbiddenAddresses v4({address("0.0.0.0", 9090)});
  const ForbiddenAddresses v6({address("::", 9090)});
  ifaddrs* list = nullptr;
  ASSERT_EQ(getifaddrs(&list), 0);
  for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr || entry->ifa_addr->sa_family != AF_INET) continue;
    auto own = *reinterpret_cast<const sockaddr_in*>(entry->ifa_addr);
    own.sin_port = htons(9090);
    const net::Address asked(reinterpret_cast<const sockaddr*>(&own), sizeof own);
    EXPECT_TRUE(v4.contains(asked)) << asked.to_string();
    EXPECT_TRUE(v6.contains(asked)) << asked.to_string();
  }
  freeifaddrs(list);
}

TEST(ForbiddenAddresses, AreNoneWhereNothingButUnixSocketsIsListenedOn) {
  const ForbiddenAddresses forbidden({*net::Address::unix_path("/run/x"), net::Address()});
  EXPECT_FALSE(forbidden.contains(address("127.0.0.1", 9090)));
  EXPECT_TRUE(forbidden.contains(*net::Address::unix_path("/run/y"))) << "of no use to a fetch";
}

}  // namespace
}  // namespace httpteleport::fetch
