// A worker that has warmed up asks the allocator for nothing, however many requests it carries.
#include <gtest/gtest.h>

#include <optional>
#include <vector>

#include "integration/topology.h"
#include "net/test_net.h"
#include "server/worker.h"
#include "support/allocations.h"
#include "support/load_client.h"
#include "support/paths.h"
#include "support/process.h"

namespace httpteleport::test {
namespace {

constexpr uint64_t kRequests = kSanitized ? 600 : 24'000;
constexpr uint64_t kPart = kRequests / 24;

// The other threads of this process are the worker's, and those that wait for the origin's process.
class AllocationTest : public testing::TestWithParam<size_t> {
 protected:
  AllocationTest() {
    const auto origin = origin_.wait_line("listening on ");
    EXPECT_TRUE(origin);
    upstream::ClusterOptions& cluster = options_.clusters.emplace_back();
    cluster.endpoints.push_back(
        {.name = "origin", .addresses = {net::loopback(Address::parse(*origin)->port)}});
    options_.routes.emplace_back();
    net::Socket listening = net::TestNet::listen_socket();
    address_.port = net::local_address(listening.fd()).port();
    std::vector<net::Socket> sockets;
    sockets.push_back(std::move(listening));
    worker_.emplace(std::make_shared<config::Snapshot>(options_), std::move(sockets), nullptr);
    worker_->start();
  }

  // Whether the worker has carried a third of the requests in a row without asking for anything.
  // When that begins is open: what it keeps grows until it suffices for the busiest moment.
  testing::AssertionResult warms_up(LoadRequest (*request)(uint64_t index)) {
    std::vector<uint64_t> counts;
    LoadClient client({.address = address_,
                       .connections = GetParam(),
                       .requests = kRequests,
                       .make = [&](uint64_t index) {
                         if (index % kPart == 0) counts.push_back(allocations_elsewhere());
                         return request(index);
                       }});
    const LoadReport report = client.run();
    if (report.errors() > 0) return testing::AssertionFailure() << report.text();
    for (size_t i = 8; i < counts.size(); ++i) {
      if (counts[i] == counts[i - 8]) return testing::AssertionSuccess();
    }
    return testing::AssertionFailure()
           << counts.back() - counts.front() << " in all, "
           << counts.back() - counts[counts.size() - 2] << " in the last of 24 parts";
  }

  Process origin_{{bin_dir() + "/test_origin"}};
  config::Snapshot options_;
  Address address_;
  std::optional<server::Worker> worker_;
};

TEST_P(AllocationTest, GetsOfSmallAnswersTakeNone) {
  EXPECT_TRUE(warms_up([](uint64_t index) { return get_bytes(256, index); }));
}

TEST_P(AllocationTest, GetsOfLargeAnswersTakeNone) {
  EXPECT_TRUE(warms_up([](uint64_t index) { return get_bytes(40'000, index); }));
}

TEST_P(AllocationTest, ChunkedAnswersTakeNone) {
  EXPECT_TRUE(warms_up([](uint64_t index) { return get_json(3000, index, true); }));
}

TEST_P(AllocationTest, PostsTakeNone) {
  EXPECT_TRUE(
      warms_up([](uint64_t index) { return post_echo(Content::bytes(2000, index), false); }));
}

INSTANTIATE_TEST_SUITE_P(Connections, AllocationTest, testing::Values(1, 64));

// Answers of one size only: others make the busiest moment too rare.
class CrowdAllocationTest : public AllocationTest {};

TEST_P(CrowdAllocationTest, GetsTakeNone) {
  EXPECT_TRUE(warms_up([](uint64_t index) { return get_bytes(256, index); }));
}

INSTANTIATE_TEST_SUITE_P(Connections, CrowdAllocationTest, testing::Values(512));

}  // namespace
}  // namespace httpteleport::test
