#include "net/address_set.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace httpteleport::net {
namespace {

using testing::HasSubstr;

Address address_of(const std::string& ip) {
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  if (inet_pton(AF_INET, ip.c_str(), &v4.sin_addr) == 1)
    return {reinterpret_cast<const sockaddr*>(&v4), sizeof v4};
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  EXPECT_EQ(inet_pton(AF_INET6, ip.c_str(), &v6.sin6_addr), 1) << ip;
  return {reinterpret_cast<const sockaddr*>(&v6), sizeof v6};
}

TEST(AddressSet, ContainsWhatItsElementsSay) {
  struct Case {
    std::string set;
    std::vector<std::string> in;
    std::vector<std::string> out;
  };
  const std::vector<Case> cases{
      {"192.0.2.7", {"192.0.2.7", "::ffff:192.0.2.7"}, {"192.0.2.6", "192.0.2.8", "::192.0.2.7"}},
      {"10.0.0.0/8", {"10.0.0.0", "10.255.255.255"}, {"9.255.255.255", "11.0.0.0", "::1"}},
      {"0.0.0.0/0", {"0.0.0.0", "255.255.255.255", "::ffff:1.2.3.4"}, {"::", "::1"}},
      {"::/0", {"::", "ffff::1", "2001:db8::1"}, {"0.0.0.0", "10.0.0.1", "::ffff:10.0.0.1"}},
      {"::1", {"::1"}, {"::", "::2", "127.0.0.1"}},
      {"2001:db8::/33", {"2001:db8:7fff::1"}, {"2001:db8:8000::", "2001:db7:ffff::"}},
      {"::ffff:10.1.0.0/112", {"10.1.255.255", "::ffff:10.1.0.0"}, {"10.2.0.0", "10.0.255.255"}},
      {"::ffff:10.1.2.3", {"10.1.2.3"}, {"10.1.2.4"}},
      {"10.0.0.0/31,10.0.0.4/30", {"10.0.0.1", "10.0.0.4", "10.0.0.7"}, {"10.0.0.2", "10.0.0.8"}},
      // One inside another, the larger one first and last.
      {"10.0.0.0/8,10.1.0.0/16", {"10.0.0.1", "10.1.0.1", "10.200.0.1"}, {"11.0.0.0"}},
      {"10.1.0.0/16,10.0.0.0/8", {"10.0.0.1", "10.1.0.1", "10.200.0.1"}, {"11.0.0.0"}},
      {" 10.0.0.0/8 ,\t::1 , 2001:db8::/32, 192.0.2.7",
       {"10.9.9.9", "::1", "2001:db8:ffff::", "192.0.2.7"},
       {"192.0.2.8", "::2", "2001:db9::"}},
  };
  for (const Case& one : cases) {
    std::string problem;
    const auto set = AddressSet::parse(one.set, problem);
    ASSERT_TRUE(set) << one.set << ": " << problem;
    EXPECT_FALSE(set->is_empty());
    for (const std::string& ip : one.in)
      EXPECT_TRUE(set->contains(address_of(ip))) << one.set << " " << ip;
    for (const std::string& ip : one.out)
      EXPECT_FALSE(set->contains(address_of(ip))) << one.set << " " << ip;
  }
}

TEST(AddressSet, IsEmptyWhenTheTextIsBlank) {
  for (const char* text : {"", " ", " \t "}) {
    std::string problem;
    const auto set = AddressSet::parse(text, problem);
    ASSERT_TRUE(set) << problem;
    EXPECT_TRUE(set->is_empty());
    EXPECT_FALSE(set->contains(address_of("10.0.0.1")));
  }
}

TEST(AddressSet, HoldsNoAddressThatIsNotOfTheInternet) {
  std::string problem;
  const auto set = AddressSet::parse("0.0.0.0/0,::/0", problem);
  ASSERT_TRUE(set);
  EXPECT_FALSE(set->contains(Address()));
  EXPECT_FALSE(set->contains(*Address::unix_path("/tmp/x")));
}

TEST(AddressSet, NamesTheElementThatIsWrong) {
  struct Case {
    std::string text;
    std::vector<std::string> said;
  };
  const std::vector<Case> cases{
      {"10.0.0.0/8,example.com", {"\"example.com\"", "IPv4 and IPv6 addresses"}},
      {"10.0.0.0/33", {"\"10.0.0.0/33\"", "0 to 32"}},
      {"::/129", {"\"::/129\"", "0 to 128"}},
      {"10.0.0.0/", {"\"10.0.0.0/\"", "0 to 32"}},
      {"10.0.0.0/-1", {"\"10.0.0.0/-1\""}},
      {"10.0.0.0/8x", {"\"10.0.0.0/8x\""}},
      {"10.0.0.0/8/8", {"\"10.0.0.0/8/8\""}},
      {"10.0.0.0/255.0.0.0", {"\"10.0.0.0/255.0.0.0\""}},
      {"10.0.0", {"\"10.0.0\""}},
      {"10.0.0.01", {"\"10.0.0.01\""}},
      {"[::1]", {"\"[::1]\""}},
      {"::1%lo", {"\"::1%lo\""}},
      {"127.0.0.1:80", {"\"127.0.0.1:80\""}},
      {"10.0.0.1 10.0.0.2", {"\"10.0.0.1 10.0.0.2\""}},
      {"10.0.0.1,,::1", {"empty"}},
      {"10.0.0.1,", {"empty"}},
      {"/8", {"\"/8\""}},
      {"10.1.2.3/8", {"\"10.1.2.3/8\"", "write 10.0.0.0/8", "10.1.2.3 for the one address"}},
      {"10.0.0.1/0", {"write 0.0.0.0/0"}},
      {"2001:db8::1/32", {"write 2001:db8::/32"}},
      {"::ffff:10.0.0.1/104", {"write ::ffff:10.0.0.0/104"}},
  };
  for (const Case& one : cases) {
    std::string problem;
    EXPECT_FALSE(AddressSet::parse(one.text, problem)) << one.text;
    for (const std::string& part : one.said)
      EXPECT_THAT(problem, HasSubstr(part)) << one.text;
  }
}

}  // namespace
}  // namespace httpteleport::net
