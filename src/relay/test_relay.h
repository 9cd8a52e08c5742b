// What the tests of this module share: counters by name, and a cluster of what the test has opened.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/borrowed.h"
#include "net/test_net.h"
#include "relay/backends.h"

namespace httpteleport::relay {

class TestCounters final : public Backends {
 public:
  std::map<std::string, metrics::BackendMetrics> by_name;

  metrics::BackendMetrics& counters_of(const upstream::Endpoint& endpoint) override {
    return by_name[endpoint.name()];
  }
};

// Endpoints are added first; open() makes the cluster.
class TestCluster {
 public:
  TestCluster(net::TestNet& net, TestCounters& counters) : net_(net), counters_(counters) {}

  upstream::ClusterOptions options;

  void add(const std::string& name, std::vector<net::Address> addresses) {
    options.endpoints.push_back({.name = name, .addresses = std::move(addresses)});
    options.endpoints.back().counters = {borrowed(counters_.by_name[name])};
  }
  upstream::Cluster& open() {
    if (!cluster_) cluster_ = std::make_unique<upstream::Cluster>(net_.loop, net_.metrics, options);
    return *cluster_;
  }

 private:
  net::TestNet& net_;
  TestCounters& counters_;
  std::unique_ptr<upstream::Cluster> cluster_;
};

// An address at which nothing listens any more.
inline net::Address refusing_address() {
  const net::Socket socket = net::TestNet::listen_socket();
  return net::local_address(socket.fd());
}

}  // namespace httpteleport::relay
