#include "upstream/health_check.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "net/test_net.h"
#include "support/independent_codecs.h"
#include "upstream/cluster.h"

namespace httpteleport::upstream {
namespace {

using namespace std::chrono_literals;
using net::TestPeer;

// A cluster of one endpoint that the test plays.
class HealthCheckTest : public testing::Test {
 protected:
  HealthCheckTest() {
    const net::Address address = net::local_address(listening_.fd());
    options_.endpoints.push_back({.name = "server:80", .addresses = {address}});
    options_.check = {.path = "/health", .interval = 20ms, .timeout = 10ms};
  }
  void start() { cluster_ = std::make_unique<Cluster>(net_.loop, net_.metrics, options_); }
  bool in_service() { return net_.metrics.endpoints_in_service.value() == 1; }
  // Answers every check in this way until `condition()` holds.
  template <class Condition>
  bool answer_until(std::string_view answer, Condition&& condition) {
    return net_.run_until([&] {
      for (TestPeer& peer : net_.peers) {
        if (peer.received.find("\r\n\r\n") == std::string::npos) continue;
        last_request_ = peer.take();
        peer.send(answer);
      }
      net_.accept_waiting(listening_);
      return condition();
    });
  }

  net::TestNet net_;
  net::Socket listening_ = net::TestNet::listen_socket();
  ClusterOptions options_;
  std::string last_request_;
  std::unique_ptr<Cluster> cluster_;
};

constexpr std::string_view kGood = "HTTP/1.1 204 No Content\r\n\r\n";
constexpr std::string_view kMoved = "HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n";
constexpr std::string_view kBad = "HTTP/1.1 503 Unavailable\r\nContent-Length: 0\r\n\r\n";

TEST_F(HealthCheckTest, TakesAnEndpointOutAfterThreeBadAnswersAndBackAfterTwoGoodOnes) {
  start();
  const auto checks = [&] { return net_.metrics.checks.value(); };
  ASSERT_TRUE(answer_until(kGood, [&] { return checks() == 3; }));
  EXPECT_EQ(last_request_,
            "GET /health HTTP/1.1\r\nHost: server:80\r\nUser-Agent: httptp-check\r\n\r\n");
  EXPECT_EQ(net_.metrics.checks_failed.value(), 0u);
  ASSERT_TRUE(answer_until(kBad, [&] { return net_.metrics.checks_failed.value() == 2; }));
  EXPECT_TRUE(in_service());
  ASSERT_TRUE(answer_until(kBad, [&] { return net_.metrics.checks_failed.value() == 3; }));
  EXPECT_FALSE(in_service());
  const uint64_t before = checks();
  ASSERT_TRUE(answer_until(kMoved, [&] { return checks() == before + 1; }));
  EXPECT_FALSE(in_service());
  ASSERT_TRUE(answer_until(kMoved, [&] { return checks() == before + 2; }));
  EXPECT_TRUE(in_service());
}

TEST_F(HealthCheckTest, CountsSilenceAndRefusalAsBad) {
  start();
  ASSERT_TRUE(net_.run_until([&] { return net_.metrics.checks_failed.value() == 3; }));
  EXPECT_FALSE(in_service());
  ASSERT_TRUE(answer_until(kGood, [&] { return in_service(); }));
  listening_ = {};
  for (TestPeer& peer : net_.peers)
    peer.close();
  const uint64_t failed = net_.metrics.checks_failed.value();
  ASSERT_TRUE(net_.run_until([&] { return net_.metrics.checks_failed.value() == failed + 3; }));
  EXPECT_FALSE(in_service());
}

TEST_F(HealthCheckTest, GoesOverALinkToo) {
  options_.protocol = Protocol::kTeleport;
  options_.teleport.versions = {.v0 = true};
  options_.teleport.compression.method = compress::Method::kNone;
  options_.check.timeout = options_.check.interval = 10s;
  options_.check.interval = 30ms;
  start();
  TestPeer* far = net_.accept(listening_);
  ASSERT_NE(far, nullptr);
  far->send(test::link_handshake(test::LinkCoding::kNone));
  ASSERT_TRUE(net_.run_until([&] {
    return far->received.size() > test::kLinkHandshakeBytes && far->received.ends_with("\r\n\r\n");
  }));
  EXPECT_NE(far->received.find("GET /health HTTP/1.1"), std::string::npos);
  far->send(test::link_frame(1, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
  ASSERT_TRUE(net_.run_until([&] { return net_.metrics.checks.value() >= 1; }));
}

TEST_F(HealthCheckTest, EndsWithItsCluster) {
  options_.check.interval = options_.check.timeout = 10ms;
  start();
  TestPeer* peer = net_.accept(listening_);
  ASSERT_NE(peer, nullptr);
  cluster_->drain();
  net_.settle();
  const uint64_t begun = net_.metrics.upstream.started.value();
  const TimePoint start_time = net_.loop.now();
  ASSERT_TRUE(net_.run_until([&] { return net_.loop.now() - start_time > 40ms; }));
  EXPECT_EQ(net_.metrics.upstream.started.value(), begun);
  start();
  cluster_.reset();
  net_.settle();
}

}  // namespace
}  // namespace httpteleport::upstream
