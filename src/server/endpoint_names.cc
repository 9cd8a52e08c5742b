#include "server/endpoint_names.h"

#include <utility>

namespace httpteleport::server {

EndpointNames::EndpointNames(event::Loop& loop, size_t cluster_index,
                             const upstream::ClusterOptions& options,
                             const net::NameResolver::Lookup& lookup, OnChange on_change)
    : cluster_index_(cluster_index),
      on_change_(std::move(on_change)),
      resolver_(loop, {.interval = options.lookup_interval, .lookup = lookup}, *this) {
  for (size_t i = 0; i < options.endpoints.size(); ++i) {
    const upstream::EndpointOptions& endpoint = options.endpoints[i];
    if (!endpoint.lookup) continue;
    const NameId id = resolver_.add(*endpoint.lookup, endpoint.addresses);
    endpoints_.emplace(id, Endpoint{.index = i, .host = endpoint.lookup->host});
  }
}

void EndpointNames::on_addresses(NameId id, const std::vector<net::Address>& addresses) {
  const Endpoint& endpoint = endpoints_.at(id);
  on_change_({.cluster_index = cluster_index_,
              .endpoint_index = endpoint.index,
              .host = endpoint.host,
              .addresses = addresses});
}

}  // namespace httpteleport::server
