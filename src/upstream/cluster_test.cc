// What a cluster adds to its parts: who is picked in which state of health, and changes of
// addresses. The rest is in the tests of the parts.
#include "upstream/cluster.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "net/test_net.h"
#include "support/independent_codecs.h"
#include "upstream/test_upstream.h"

namespace httpteleport::upstream {
namespace {

using namespace std::chrono_literals;
using net::TestPeer;

constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

class ClusterTest : public testing::Test {
 protected:
  void add(uint32_t weight = 1) {
    const std::string name = "e" + std::to_string(options_.endpoints.size());
    options_.endpoints.push_back({.name = name, .addresses = {net::loopback(1)}, .weight = weight});
  }
  void start() { cluster_ = std::make_unique<Cluster>(net_.loop, net_.metrics, options_); }
  EndpointLease pick(const PickRequest& request = {}) { return cluster_->pick(request).lease; }
  std::string picked(const PickRequest& request = {}) {
    const EndpointLease lease = pick(request);
    return lease.endpoint() == nullptr ? "nobody" : lease.endpoint()->name();
  }
  // Takes the endpoint of the next pick out.
  std::string eject_one() {
    EndpointLease lease = pick({.may_probe = false});
    lease.report_failure({Code::kConnectFailed, Source::kUpstream});
    return lease.endpoint()->name();
  }
  void pass(Duration time) {
    const TimePoint start_time = net_.loop.now();
    ASSERT_TRUE(net_.run_until([&] { return net_.loop.now() - start_time >= time; }));
  }

  net::TestNet net_;
  ClusterOptions options_;
  std::unique_ptr<Cluster> cluster_;
};

TEST_F(ClusterTest, SendsOneProbeAndEverythingElseToThoseInService) {
  options_.ejection.first_pause = 10ms;
  add();
  add();
  start();
  const std::string out = eject_one();
  for (int i = 0; i < 10; ++i)
    EXPECT_NE(picked({.replaceable = true}), out);
  pass(10ms);
  EXPECT_NE(picked({.may_probe = false, .replaceable = true}), out);
  EXPECT_NE(picked({.replaceable = false}), out) << "a better probe may come";
  EndpointLease probe = pick({.replaceable = true});
  ASSERT_EQ(probe.endpoint()->name(), out);
  EXPECT_TRUE(probe.is_probe());
  EXPECT_EQ(net_.metrics.probes.value(), 1u);
  for (int i = 0; i < 10; ++i)
    EXPECT_NE(picked({.replaceable = true}), out) << "one probe at a time";
  probe.report_answer(200);
  probe.release();
  EXPECT_EQ(net_.metrics.endpoints_in_service.value(), 2);
}

// A tunnel, or a stream of events, may be what finds out that an endpoint is well, and go on for
// hours.
TEST_F(ClusterTest, SendsAProbeWhileAnEarlierOneGoesOn) {
  options_.ejection.first_pause = 10ms;
  add();
  add();
  start();
  const std::string out = eject_one();
  pass(10ms);
  EndpointLease lasting = pick({.replaceable = true});
  ASSERT_EQ(lasting.endpoint()->name(), out);
  lasting.report_answer(200);
  const std::vector<Endpoint*> other{pick({.may_probe = false}).endpoint()};
  EndpointLease failing = pick({.avoided = other, .may_probe = false});
  ASSERT_EQ(failing.endpoint(), lasting.endpoint());
  failing.report_failure({Code::kConnectFailed, Source::kUpstream});
  failing.release();
  pass(10ms);
  const EndpointLease probe = pick({.replaceable = true});
  EXPECT_EQ(probe.endpoint()->name(), out);
  EXPECT_TRUE(probe.is_probe());
}

TEST_F(ClusterTest, TriesTheOneThatIsBackSoonestWhenAllAreOut) {
  add();
  add();
  start();
  const std::string first = eject_one();
  pass(1ms);
  eject_one();
  EXPECT_EQ(picked(), first);
  EXPECT_EQ(picked({.only_healthy = true}), "nobody");
  EndpointLease lease = pick();
  EXPECT_FALSE(lease.is_probe()) << "its pause is not over";
  lease.report_answer(200);
  EXPECT_EQ(net_.metrics.endpoints_in_service.value(), 1);
}

TEST_F(ClusterTest, AvoidsWhoFailedThisExchangeWhileThereIsAnother) {
  add();
  add();
  start();
  Endpoint* first = pick().endpoint();
  const std::vector<Endpoint*> avoided{first};
  for (int i = 0; i < 4; ++i)
    EXPECT_NE(picked({.avoided = avoided}), first->name());
  Endpoint* second = nullptr;
  while (second == nullptr || second == first)
    second = pick().endpoint();
  const std::vector<Endpoint*> both{first, second};
  EXPECT_NE(picked({.avoided = both}), "nobody");
  EXPECT_EQ(picked({.avoided = both, .only_healthy = true}), "nobody");
  EXPECT_EQ(picked({.unreachable = both}), "nobody");
}

TEST_F(ClusterTest, PassesOverWhoIsFullAndSaysSoWhenAllAre) {
  options_.pending_max = 2;
  options_.balancer.policy = Policy::kHash;
  add();
  add();
  start();
  std::vector<EndpointLease> leases;
  for (int i = 0; i < 4; ++i) {
    leases.push_back(pick({.key = 1}));
    ASSERT_NE(leases.back().endpoint(), nullptr);
  }
  EXPECT_EQ(leases[0].endpoint(), leases[1].endpoint());
  EXPECT_EQ(leases[2].endpoint(), leases[3].endpoint());
  EXPECT_NE(leases[0].endpoint(), leases[2].endpoint());
  EXPECT_TRUE(cluster_->pick({}).all_full);
  leases.pop_back();
  EXPECT_NE(pick().endpoint(), nullptr);
}

TEST_F(ClusterTest, StartsSlowlyWithWhoCameBack) {
  options_.ejection.slow_start = 1h;
  options_.ejection.first_pause = 0ms;
  for (int i = 0; i < 2; ++i)
    add();
  start();
  const std::string out = eject_one();
  EndpointLease probe = pick({.replaceable = true});
  probe.report_answer(200);
  probe.release();
  std::vector<EndpointLease> leases;
  for (int i = 0; i < 20; ++i) {
    leases.push_back(pick());
    EXPECT_NE(leases.back().endpoint()->name(), out);
  }
}

// ---- Other addresses.

class ClusterAddresses : public ClusterTest {
 protected:
  void start_at_first() {
    options_.endpoints.push_back({.name = "e", .addresses = {address(0)}});
    start();
  }
  net::Address address(size_t i) { return net::local_address(listening_[i].fd()); }
  http::UpstreamStream& open(RecordingHandler& handler) {
    EndpointLease lease = pick();
    http::UpstreamStream& stream = lease.endpoint()->open_stream(handler, {});
    send_request(stream);
    return stream;
  }

  // The next connection, once a request has come on it.
  TestPeer* accept_request(size_t i) {
    TestPeer* peer = net_.accept(listening_[i]);
    const bool came = peer != nullptr && net_.run_until([&] { return !peer->received.empty(); });
    return came ? peer : nullptr;
  }

  net::Socket listening_[2] = {net::TestNet::listen_socket(), net::TestNet::listen_socket()};
};

TEST_F(ClusterAddresses, ChangeWithoutHarmToWhatRuns) {
  start_at_first();
  RecordingHandler idle, busy, later;
  open(idle);
  TestPeer* idle_peer = accept_request(0);
  ASSERT_NE(idle_peer, nullptr);
  open(busy);
  TestPeer* busy_peer = accept_request(0);
  ASSERT_NE(busy_peer, nullptr);
  idle_peer->send(kOk);
  ASSERT_TRUE(net_.run_until([&] { return idle.ended; }));

  cluster_->set_addresses(0, {address(1)});
  ASSERT_TRUE(net_.run_until([&] { return idle_peer->ended; }));
  EXPECT_FALSE(busy_peer->ended);
  open(later);
  TestPeer* new_peer = accept_request(1);
  ASSERT_NE(new_peer, nullptr);
  new_peer->send(kOk);
  busy_peer->send(kOk);
  ASSERT_TRUE(net_.run_until([&] { return busy.ended && later.ended; }));
  ASSERT_TRUE(net_.run_until([&] { return busy_peer->ended; }));
  net_.settle();
  EXPECT_FALSE(new_peer->ended);

  cluster_->set_addresses(0, {address(0), address(1)});
  net_.settle();
  EXPECT_FALSE(new_peer->ended) << "its address is still there";
}

TEST_F(ClusterAddresses, ChangeWithoutHarmToALink) {
  options_.protocol = Protocol::kTeleport;
  options_.teleport.versions = {.v0 = true};
  options_.teleport.compression.method = compress::Method::kNone;
  start_at_first();
  RecordingHandler before, after;
  open(before);
  TestPeer* old_far = net_.accept(listening_[0]);
  ASSERT_NE(old_far, nullptr);
  old_far->send(test::link_handshake(test::LinkCoding::kNone));
  ASSERT_TRUE(net_.run_until([&] { return old_far->received.ends_with("\r\n\r\n"); }));

  cluster_->set_addresses(0, {address(1)});
  open(after);
  TestPeer* new_far = net_.accept(listening_[1]);
  ASSERT_NE(new_far, nullptr);
  new_far->send(test::link_handshake(test::LinkCoding::kNone));
  ASSERT_TRUE(net_.run_until([&] { return new_far->received.ends_with("\r\n\r\n"); }));
  EXPECT_FALSE(old_far->ended);
  old_far->send(test::link_frame(1, kOk));
  new_far->send(test::link_frame(1, kOk));
  ASSERT_TRUE(net_.run_until([&] { return before.ended && after.ended && old_far->ended; }));
  cluster_->set_addresses(0, {address(0)});
  ASSERT_TRUE(net_.run_until([&] { return new_far->ended; }));
}

class ChangingClusterTest : public ClusterTest {
 protected:
  void start() {
    cluster_ = std::make_unique<Cluster>(net_.loop, net_.metrics,
                                         std::make_shared<const ClusterOptions>(options_));
  }
  void update() { cluster_->update(std::make_shared<const ClusterOptions>(options_)); }
};

TEST_F(ChangingClusterTest, PicksNobodyOfNone) {
  start();
  EXPECT_EQ(picked(), "nobody");
  EXPECT_FALSE(cluster_->has_healthy());
  add();
  update();
  EXPECT_EQ(picked(), "e0");
  EXPECT_TRUE(cluster_->has_healthy());
}

TEST_F(ChangingClusterTest, KeepsWhoStaysAndWhatRunsThere) {
  add();
  add();
  start();
  EndpointLease lease = pick();
  Endpoint* const kept = lease.endpoint();
  const std::string other = kept->name() == "e0" ? "e1" : "e0";
  std::erase_if(options_.endpoints, [&](const auto& endpoint) { return endpoint.name == other; });
  add();  // of another name: there is an e1 already, or an e1 takes the place of e0
  options_.endpoints.back().name = "new";
  update();
  EXPECT_TRUE(kept->is_member());
  EXPECT_EQ(picked(), "new") << "the one that is kept has its exchange still";
  lease.release();
}

TEST_F(ChangingClusterTest, ForgetsWhoHasLeftWhenNothingRunsThere) {
  add();
  start();
  EndpointLease lease = pick();
  Endpoint* const left = lease.endpoint();
  options_.endpoints[0].name = "other";
  update();
  EXPECT_FALSE(left->is_member());
  EXPECT_EQ(left->name(), "e0");
  EXPECT_EQ(picked(), "other");
  EXPECT_EQ(net_.metrics.endpoints.value(), 2);
  lease.report_answer(200);
  lease.release();
  EXPECT_TRUE(net_.run_until([&] { return net_.metrics.endpoints.value() == 1; }));
}

TEST_F(ChangingClusterTest, PicksNobodyWithoutWeightAddressOrService) {
  add(0);
  add();
  options_.endpoints[1].addresses.clear();
  add();
  options_.endpoints[2].in_service = false;
  start();
  EXPECT_EQ(picked(), "nobody");
  cluster_->set_in_service(2, true);
  EXPECT_EQ(picked(), "e2");
  cluster_->set_in_service(2, false);
  cluster_->set_addresses(1, {net::loopback(1)});
  EXPECT_EQ(picked(), "e1");
  cluster_->set_addresses(1, {net::loopback(2)});
  options_.endpoints[1].addresses.clear();
  options_.endpoints[0].weight = 1;
  update();
  EXPECT_EQ(picked(), "e0");
}

TEST_F(ChangingClusterTest, DoesNotTryWhoIsOutOfServiceAsALastHope) {
  add();
  add();
  start();
  const std::string refusing = eject_one();
  const size_t other = refusing == "e0" ? 1 : 0;
  cluster_->set_in_service(other, false);
  EXPECT_EQ(picked(), refusing);
  cluster_->set_in_service(1 - other, false);
  EXPECT_EQ(picked(), "nobody");
}

TEST_F(ChangingClusterTest, BringsBackSlowlyWhoWasOutOfService) {
  options_.ejection.slow_start = 1h;
  add();
  add();
  start();
  cluster_->set_in_service(0, false);
  cluster_->set_in_service(0, true);
  for (int i = 0; i < 10; ++i)
    EXPECT_EQ(picked(), "e1");
}

TEST_F(ChangingClusterTest, CountsForEachWorker) {
  add();
  options_.endpoints[0].counters = {std::make_shared<metrics::BackendMetrics>(),
                                    std::make_shared<metrics::BackendMetrics>()};
  cluster_ = std::make_unique<Cluster>(net_.loop, net_.metrics,
                                       std::make_shared<const ClusterOptions>(options_), 1);
  EXPECT_EQ(pick().endpoint()->counters(), options_.endpoints[0].counters[1].get());
}

}  // namespace
}  // namespace httpteleport::upstream
