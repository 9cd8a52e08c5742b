#include "service/listen_index.h"

#include <gtest/gtest.h>

namespace httpteleport::service {
namespace {

ServiceConfig listening_on(const char* name, const char* address, const char* network = "tcp") {
  ServiceConfig service;
  service.name = name;
  service.address = address;
  service.network = network;
  return service;
}

TEST(ListenIndex, KnowsWhichAddressesMeet) {
  struct Case {
    const char* first;
    const char* first_network;
    const char* second;
    const char* second_network;
    bool meet;
  };
  const Case cases[] = {
      {"127.0.0.1:80", "tcp", "127.0.0.1:80", "tcp", true},
      {"127.0.0.1:80", "tcp", "127.0.0.1:81", "tcp", false},
      {"127.0.0.1:80", "tcp", "127.0.0.2:80", "tcp", false},
      {"127.0.0.1:80", "tcp", "127.0.0.1:80", "udp", false},
      {"127.0.0.1:80", "tcp", "127.0.0.1:80", "https", true},
      {"127.0.0.1:80", "teleport", "127.0.0.1:80", "tcp4", true},
      {"127.0.0.1:0", "tcp", "127.0.0.1:0", "tcp", false},
      {"0.0.0.0:80", "tcp", "127.0.0.1:80", "tcp", true},
      {"127.0.0.1:80", "tcp", "0.0.0.0:80", "tcp", true},
      {"0.0.0.0:80", "tcp", "[::1]:80", "tcp", false},
      {"[::]:80", "tcp", "127.0.0.1:80", "tcp", true},
      {"[::]:80", "tcp6", "127.0.0.1:80", "tcp", false},
      {"[::]:80", "tcp6", "0.0.0.0:80", "tcp4", false},
      {"[::]:80", "udp6", "[::1]:80", "udp", true},
      {":80", "tcp", "127.0.0.1:80", "tcp", true},
      {":80", "tcp", "[::1]:80", "tcp", true},
      {":80", "tcp4", "[::1]:80", "tcp", false},
      {":80", "tcp4", ":80", "tcp6", false},
      {":80", "udp", "127.0.0.1:80", "udp4", true},
      {"localhost:80", "tcp", "127.0.0.1:80", "tcp", true},
      {"LocalHost:80", "tcp6", "[0:0::1]:80", "tcp", true},
      {"[::ffff:127.0.0.1]:80", "tcp", "127.0.0.1:80", "tcp", true},
      {"[0:0:0:0:0:0:0:1]:80", "tcp", "[::1]:80", "tcp", true},
      {"[fe80::1%a]:80", "tcp", "[fe80::1%b]:80", "tcp", false},
      {"host:80", "tcp", "HOST:80", "tcp", true},
      {"host:80", "tcp", "other:80", "tcp", false},
      {"host:80", "tcp", ":80", "tcp", true},
      {"/run/a", "unix", "/run/a", "unix", true},
      {"/run/a", "unix", "/run/b", "unix", false},
      {"/run/a", "unix", "unix:/run/a", "https", true},
  };
  for (const Case& one : cases) {
    ListenIndex index;
    EXPECT_FALSE(index.add(listening_on("a", one.first, one.first_network)));
    EXPECT_EQ(index.add(listening_on("b", one.second, one.second_network)).has_value(), one.meet)
        << one.first_network << " " << one.first << " and " << one.second_network << " "
        << one.second;
  }
}

TEST(ListenIndex, SaysWhoListensThere) {
  ListenIndex index({{"-admin", "127.0.0.1:9090"}, {"-http", "/run/http"}});
  EXPECT_FALSE(index.add(listening_on("api", ":80")));
  EXPECT_EQ(index.add(listening_on("web", "127.0.0.1:80")),
            "service web: address=\"127.0.0.1:80\": service api listens on :80 already");
  EXPECT_EQ(index.add(listening_on("web", "0.0.0.0:9090")),
            "service web: address=\"0.0.0.0:9090\": -admin listens on 127.0.0.1:9090 already");
  EXPECT_EQ(index.add(listening_on("web", "/run/http", "unix")),
            "service web: address=\"/run/http\": -http listens on /run/http already");
  EXPECT_FALSE(index.add(listening_on("web", "127.0.0.1:9090", "udp")));
}

TEST(ListenIndex, FindsAddressesOfOneServiceThatMeet) {
  ListenIndex index;
  ServiceConfig service = listening_on("web", ":80");
  service.listeners = {{"127.0.0.1:81"}, {"127.0.0.1:80"}};
  EXPECT_EQ(index.add(service),
            "service web: listeners[1].address=\"127.0.0.1:80\": its address is the same or takes "
            "it: :80");
  // Nothing of it was left behind.
  EXPECT_FALSE(index.add(listening_on("other", "127.0.0.1:81")));
  EXPECT_FALSE(index.add(listening_on("another", "127.0.0.1:80")));
}

TEST(ListenIndex, ForgetsWhatIsRemoved) {
  const std::vector<ReservedAddress> reserved{{.flag = "-admin", .address = "127.0.0.1:1"}};
  ListenIndex index(reserved);
  ServiceConfig service = listening_on("web", ":80");
  service.listeners = {{"/run/x", "unix"}};
  EXPECT_FALSE(index.add(service));
  index.remove(service);
  index.remove(listening_on("-admin", "127.0.0.1:1"));
  EXPECT_FALSE(index.add(listening_on("a", ":80")));
  EXPECT_FALSE(index.add(listening_on("b", "/run/x", "unix")));
  EXPECT_TRUE(index.add(listening_on("c", "127.0.0.1:1")));
}

}  // namespace
}  // namespace httpteleport::service
