#include "server/endpoint_names.h"

#include <gtest/gtest.h>

#include <memory>
#include <mutex>

#include "net/test_net.h"

namespace httpteleport::server {
namespace {

using namespace std::chrono_literals;
using Addresses = std::vector<net::Address>;

// What the resolver says, shared with threads that may outlive the test.
struct Answer {
  std::mutex mutex;
  Addresses addresses;
  int lookups = 0;
};

TEST(EndpointNames, TellWhichEndpointHasOtherAddresses) {
  net::TestNet net;
  upstream::ClusterOptions options;
  options.lookup_interval = 2ms;
  options.endpoints.push_back({.name = "fixed", .addresses = {net::loopback(1)}});
  options.endpoints.push_back({.name = "name.test:80",
                               .addresses = {net::loopback(80)},
                               .lookup = net::HostPort{.host = "name.test", .port = 80}});
  const auto answer = std::make_shared<Answer>();
  answer->addresses = {net::loopback()};
  std::vector<EndpointNames::Change> changes;
  const EndpointNames names(
      net.loop, 3, options,
      [answer](const net::HostPort& name) -> Result<Addresses> {
        EXPECT_EQ(name.host, "name.test");
        const std::lock_guard lock(answer->mutex);
        ++answer->lookups;
        return answer->addresses;
      },
      [&](const EndpointNames::Change& change) { changes.push_back(change); });
  ASSERT_TRUE(net.run_until([&] {
    const std::lock_guard lock(answer->mutex);
    return answer->lookups >= 3;
  }));
  EXPECT_TRUE(changes.empty());
  {
    const std::lock_guard lock(answer->mutex);
    answer->addresses = {net::loopback(), net::loopback()};
  }
  ASSERT_TRUE(net.run_until([&] { return !changes.empty(); }));
  EXPECT_EQ(changes[0].cluster_index, 3u);
  EXPECT_EQ(changes[0].endpoint_index, 1u);
  EXPECT_EQ(changes[0].host, "name.test");
  EXPECT_EQ(changes[0].addresses, (Addresses{net::loopback(80), net::loopback(80)}));
}

}  // namespace
}  // namespace httpteleport::server
