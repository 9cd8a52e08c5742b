#include "live/endpoint_address.h"

#include <gtest/gtest.h>

namespace httpteleport::live {
namespace {

std::string place(std::string_view network, const std::string& address) {
  const Result<Place> parsed = parse_place(network, address);
  if (!parsed) return parsed.error().detail;
  if (parsed->name) {
    return "name " + parsed->name->host + " " + std::to_string(parsed->name->port) + " " +
           std::to_string(parsed->family);
  }
  return parsed->addresses.at(0).to_string();
}

TEST(EndpointAddress, KnowsAddressesWithoutLookingThemUp) {
  EXPECT_EQ(place("tcp", "127.0.0.1:80"), "127.0.0.1:80");
  EXPECT_EQ(place("tcp6", "[::1]:80"), "[::1]:80");
  EXPECT_EQ(place("udp", ":53"), "127.0.0.1:53");
  EXPECT_EQ(place("unix", "run/x.sock"), "unix:run/x.sock");
  EXPECT_EQ(place("tcp", "/run/x.sock"), "unix:/run/x.sock");
  EXPECT_EQ(place("tcp", "unix:x"), "unix:x");
}

TEST(EndpointAddress, LeavesNamesToBeLookedUp) {
  EXPECT_EQ(place("tcp", "a.example:80"), "name a.example 80 0");
  EXPECT_EQ(place("tcp4", "a.example:80"), "name a.example 80 4");
  EXPECT_EQ(place("udp6", "a.example:80"), "name a.example 80 6");
}

TEST(EndpointAddress, SaysWhatIsWrong) {
  EXPECT_NE(place("tcp", "a.example").find("no port"), std::string::npos);
  EXPECT_NE(place("tcp", "a:99999").find("port"), std::string::npos);
  EXPECT_NE(place("unix", "").find("empty"), std::string::npos);
}

TEST(EndpointAddress, ChoosesAddressesOfTheFamilyThatIsMeant) {
  const std::vector<net::Address> both = {parse_place("tcp", "127.0.0.1:1")->addresses[0],
                                          parse_place("tcp", "[::1]:1")->addresses[0]};
  EXPECT_EQ(parse_place("tcp", "a:1")->chosen(both).size(), 2u);
  ASSERT_EQ(parse_place("tcp4", "a:1")->chosen(both).size(), 1u);
  EXPECT_FALSE(parse_place("tcp4", "a:1")->chosen(both)[0].is_ipv6());
  ASSERT_EQ(parse_place("tcp6", "a:1")->chosen(both).size(), 1u);
  EXPECT_TRUE(parse_place("tcp6", "a:1")->chosen(both)[0].is_ipv6());
}

}  // namespace
}  // namespace httpteleport::live
