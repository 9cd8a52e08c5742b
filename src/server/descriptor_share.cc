#include "server/descriptor_share.h"

#include <sys/resource.h>

#include <algorithm>

namespace httpteleport::server {

size_t descriptors_of_clients(const config::Snapshot& snapshot, size_t limit) {
  const bool needs_one_each = std::any_of(snapshot.clusters.begin(), snapshot.clusters.end(),
                                          [](const upstream::ClusterOptions& cluster) {
                                            return cluster.protocol == upstream::Protocol::kHttp1;
                                          });
  return needs_one_each ? limit / 2 : limit - limit / 8;
}

size_t descriptors_of_clients(const config::Snapshot& snapshot) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return SIZE_MAX;
  return descriptors_of_clients(snapshot, limit.rlim_cur);
}

}  // namespace httpteleport::server
