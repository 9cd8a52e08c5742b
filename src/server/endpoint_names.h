// The names among a cluster's endpoints, and what their addresses become.
#pragma once

#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "net/name_resolver.h"
#include "upstream/cluster.h"

namespace httpteleport::server {

// Tells which endpoint has other addresses than those that it was made with, or than were told
// last. The loop's thread.
class EndpointNames final : private net::NameHandler {
 public:
  struct Change {
    size_t cluster_index = 0;
    size_t endpoint_index = 0;
    std::string host;
    std::vector<net::Address> addresses;
  };
  using OnChange = std::function<void(const Change&)>;

  // `options`: of the cluster, with a lookup_interval above 0, after which names are looked up
  // first. The loop outlives this.
  EndpointNames(event::Loop& loop, size_t cluster_index, const upstream::ClusterOptions& options,
                const net::NameResolver::Lookup& lookup, OnChange on_change);

 private:
  struct Endpoint {
    size_t index = 0;
    std::string host;
  };

  void on_addresses(NameId id, const std::vector<net::Address>& addresses) override;

  const size_t cluster_index_;
  const OnChange on_change_;
  std::unordered_map<NameId, Endpoint> endpoints_;
  net::NameResolver resolver_;
};

}  // namespace httpteleport::server
