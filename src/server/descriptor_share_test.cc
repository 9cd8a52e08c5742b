#include "server/descriptor_share.h"

#include <gtest/gtest.h>

namespace httpteleport::server {
namespace {

config::Snapshot snapshot_to(upstream::Protocol protocol) {
  config::Snapshot snapshot;
  snapshot.clusters.emplace_back();
  snapshot.clusters.back().protocol = protocol;
  return snapshot;
}

TEST(DescriptorShare, LeavesOneForEachRequestOrSomeForLinks) {
  EXPECT_EQ(descriptors_of_clients(snapshot_to(upstream::Protocol::kHttp1), 1000), 500u);
  EXPECT_EQ(descriptors_of_clients(snapshot_to(upstream::Protocol::kTeleport), 1000), 875u);
}

}  // namespace
}  // namespace httpteleport::server
