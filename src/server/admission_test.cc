#include "server/admission.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "server/test_server.h"

namespace httpteleport::server {
namespace {

using test::Origin;
using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

constexpr const char* kGet = "GET /headers HTTP/1.1\r\nHost: a\r\n\r\n";
constexpr const char* kHeader = "PROXY TCP4 192.0.2.1 192.0.2.2 1000 80\r\n";

net::AddressSet set_of(const char* text) {
  std::string problem;
  const auto set = net::AddressSet::parse(text, problem);
  EXPECT_TRUE(set) << problem;
  return *set;
}

class AdmissionTest : public testing::Test {
 protected:
  AdmissionTest() { snapshot_.exchanges.forwarding.client_ip_field = "X-Client"; }

  void take_proxy_headers(net::ProxyVersions versions = {.v1 = true, .v2 = true}) {
    snapshot_.listener.proxy_versions = versions;
    snapshot_.listener.proxy_senders = set_of("127.0.0.0/8");
  }
  void listen_on_unix() {
    snapshot_.listener.address = *net::Address::unix_path(folder_.file("s"));
  }
  // The client must be refused in order, without a reset, and that be counted once.
  template <class Read>
  void expect_refused(const std::string& bytes, Read&& counter) {
    const TestServer server(snapshot_);
    ASSERT_EQ(server.problem(), "");
    test::HttpConnection client(server.address());
    client.send(bytes);
    const test::Received received = client.socket().recv_to_end();
    EXPECT_EQ(received.status, test::IoStatus::kClosed);
    EXPECT_EQ(received.bytes, "");
    EXPECT_EQ(server.sum(counter), 1);
    EXPECT_EQ(origin_.counters().requests, 0u);
  }
  std::string answer_to(const std::string& bytes) {
    const TestServer server(snapshot_);
    EXPECT_EQ(server.problem(), "");
    const test::Message answer = test::exchange(server.address(), bytes);
    EXPECT_EQ(answer.head.status, 200) << answer.error;
    return answer.body;
  }

  TestFolder folder_;
  BlockedSignals blocked_;
  Origin origin_;
  config::Snapshot snapshot_ = snapshot_to(origin_.address());
};

auto refused_address = [](const metrics::WorkerMetrics& m) { return m.refused.address.value(); };
auto refused_sender = [](const metrics::WorkerMetrics& m) {
  return m.refused.proxy_sender.value();
};
auto refused_header = [](const metrics::WorkerMetrics& m) {
  return m.refused.proxy_header.value();
};
auto refused_timeout = [](const metrics::WorkerMetrics& m) {
  return m.refused.proxy_timeout.value();
};

TEST_F(AdmissionTest, RefusesClientsThatMayNotConnect) {
  snapshot_.listener.allow = set_of("10.0.0.0/8, ::1");
  expect_refused(kGet, refused_address);
}

TEST_F(AdmissionTest, TakesClientsThatMayConnect) {
  snapshot_.listener.allow = set_of("10.0.0.0/8, 127.0.0.1");
  EXPECT_THAT(answer_to(kGet), HasSubstr("X-Client: 127.0.0.1\r\n"));
}

TEST_F(AdmissionTest, TakesIpv4ClientsOfASocketForBothFamilies) {
  snapshot_.listener.address = *net::resolve_listen({"", 0});
  snapshot_.listener.allow = set_of("127.0.0.1");
  const TestServer server(snapshot_);
  ASSERT_EQ(server.problem(), "");
  const test::Address v4{.port = server.address().port};
  EXPECT_EQ(test::exchange(v4, kGet).head.status, 200);
}

TEST_F(AdmissionTest, TakesUnixClientsWhateverTheAddressesAre) {
  listen_on_unix();
  snapshot_.listener.allow = set_of("10.0.0.0/8");
  EXPECT_THAT(answer_to(kGet), Not(HasSubstr("X-Client")));
}

TEST_F(AdmissionTest, RefusesLinksThatMayNotConnect) {
  snapshot_.listener.protocol = config::ListenerProtocol::kTeleport;
  snapshot_.listener.allow = set_of("10.0.0.0/8");
  expect_refused("httpteleport", refused_address);
}

TEST_F(AdmissionTest, TakesTheClientsAddressFromTheHeader) {
  take_proxy_headers();
  EXPECT_THAT(answer_to(std::string(kHeader) + kGet), HasSubstr("X-Client: 192.0.2.1\r\n"));
  const std::string v2 = net::encode_proxy_header({.version = net::ProxyVersion::kV2,
                                                   .source = address_of({.port = 7}),
                                                   .destination = address_of({.port = 8})});
  EXPECT_THAT(answer_to(v2 + kGet), HasSubstr("X-Client: 127.0.0.1\r\n"));
}

TEST_F(AdmissionTest, TakesTheSocketsAddressWhereTheHeaderNamesNobody) {
  take_proxy_headers();
  for (const auto version : {net::ProxyVersion::kV1, net::ProxyVersion::kV2}) {
    EXPECT_THAT(answer_to(net::encode_proxy_header({.version = version}) + kGet),
                HasSubstr("X-Client: 127.0.0.1\r\n"));
  }
}

TEST_F(AdmissionTest, TakesHeadersOverUnixSocketsFromAnybody) {
  listen_on_unix();
  take_proxy_headers();
  snapshot_.listener.proxy_senders = {};
  EXPECT_THAT(answer_to(std::string(kHeader) + kGet), HasSubstr("X-Client: 192.0.2.1\r\n"));
}

TEST_F(AdmissionTest, ChecksTheClientOfTheHeaderAndThePeerOfTheSocket) {
  take_proxy_headers();
  snapshot_.listener.allow = set_of("192.0.2.0/24");
  EXPECT_THAT(answer_to(std::string(kHeader) + kGet), HasSubstr("X-Client: 192.0.2.1\r\n"));
  const uint64_t served = origin_.counters().requests;
  snapshot_.listener.allow = set_of("127.0.0.1");
  {
    const TestServer server(snapshot_);
    test::HttpConnection client(server.address());
    client.send(std::string(kHeader) + kGet);
    EXPECT_EQ(client.socket().recv_to_end().status, test::IoStatus::kClosed);
    EXPECT_EQ(server.sum(refused_address), 1);
  }
  EXPECT_EQ(origin_.counters().requests, served);
}

TEST_F(AdmissionTest, RefusesSendersThatAreNotTrusted) {
  take_proxy_headers();
  snapshot_.listener.proxy_senders = set_of("10.0.0.0/8");
  expect_refused(std::string(kHeader) + kGet, refused_sender);
}

TEST_F(AdmissionTest, RefusesConnectionsWithoutAHeader) {
  take_proxy_headers({.v1 = false, .v2 = true});
  const TestServer server(snapshot_);
  test::HttpConnection client(server.address());
  client.send(std::string(kHeader) + kGet);
  EXPECT_TRUE(client.wait_closed());
  EXPECT_EQ(server.sum(refused_header), 1);
}

TEST_F(AdmissionTest, RefusesHeadersThatDoNotComeInTime) {
  take_proxy_headers();
  snapshot_.listener.handshake_timeout = 50ms;
  const TestServer server(snapshot_);
  test::HttpConnection client(server.address());
  client.send("PROXY TCP4 ");
  EXPECT_TRUE(client.wait_closed());
  EXPECT_EQ(server.sum(refused_timeout), 1);
}

TEST_F(AdmissionTest, EndsAtOnceWhileConnectionsOweTheirHeaders) {
  take_proxy_headers();
  snapshot_.shutdown_timeout = 60s;
  TestServer server(snapshot_);
  test::HttpConnection client(server.address());
  client.send("PROXY TCP4 ");
  ASSERT_TRUE(test::wait_until([&] {
    return server.sum([](const metrics::WorkerMetrics& m) { return m.accepted.value(); }) == 1;
  }));
  EXPECT_EQ(server.stop(), 0);
  EXPECT_TRUE(client.wait_closed());
}

// Two servers: what the first sends, the second takes.
TEST_F(AdmissionTest, AServersHeaderTellsTheNextOneTheClient) {
  for (const auto version : {net::ProxyVersion::kV1, net::ProxyVersion::kV2}) {
    config::Snapshot second_snapshot = snapshot_to(origin_.address());
    second_snapshot.exchanges.forwarding.client_ip_field = "X-Client";
    second_snapshot.listener.proxy_versions = {.v1 = true, .v2 = true};
    second_snapshot.listener.proxy_senders = set_of("127.0.0.1");
    TestServer second(second_snapshot);
    ASSERT_EQ(second.problem(), "");
    config::Snapshot first_snapshot = snapshot_to(second.address());
    first_snapshot.listener.proxy_versions = {.v1 = true, .v2 = false};
    first_snapshot.listener.proxy_senders = set_of("127.0.0.1");
    first_snapshot.clusters[0].http1.proxy_header = version;
    TestServer first(first_snapshot);
    ASSERT_EQ(first.problem(), "");
    for (const char* client : {"192.0.2.1", "192.0.2.77"}) {
      const test::Message answer = test::exchange(
          first.address(), "PROXY TCP4 " + std::string(client) + " 192.0.2.2 1000 80\r\n" + kGet);
      EXPECT_THAT(answer.body, HasSubstr("X-Client: " + std::string(client) + "\r\n"));
    }
  }
}

TEST_F(AdmissionTest, LinksBeginWithAHeaderToo) {
  take_proxy_headers();
  snapshot_.listener.protocol = config::ListenerProtocol::kTeleport;
  TestServer far(snapshot_);
  ASSERT_EQ(far.problem(), "");
  config::Snapshot near_snapshot = snapshot_to(far.address());
  near_snapshot.clusters[0].protocol = upstream::Protocol::kTeleport;
  near_snapshot.clusters[0].teleport.proxy_header = net::ProxyVersion::kV2;
  TestServer near(near_snapshot);
  ASSERT_EQ(near.problem(), "");
  EXPECT_EQ(test::exchange(near.address(), kGet).head.status, 200);
}

}  // namespace
}  // namespace httpteleport::server
