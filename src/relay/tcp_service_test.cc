#include "relay/tcp_service.h"

#include <gtest/gtest.h>
#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "relay/test_relay.h"
#include "support/sanitized.h"
#include "support/temporary_folder.h"

namespace httpteleport::relay {
namespace {

using std::chrono::milliseconds;

constexpr size_t kThreeMegabytes = 3'000'000;

std::string pattern(size_t size, char first) {
  std::string text(size, '\0');
  for (size_t i = 0; i < size; ++i)
    text[i] = static_cast<char>(first + static_cast<char>(i * i % 61));
  return text;
}

// With and without pipes, which are no business of either side.
class TcpServiceTest : public testing::TestWithParam<bool> {
 protected:
  static bool has_pipes() { return GetParam(); }
  // An endpoint that the test accepts connections of.
  void add_endpoint(const std::string& name) {
    listeners_.push_back(net::TestNet::listen_socket());
    cluster_.add(name, {net::local_address(listeners_.back().fd())});
  }
  TcpService& service() {
    if (!service_) {
      service_ = std::make_unique<TcpService>(
          TcpContext{net_.loop, net_.metrics, cluster_.open(), metrics_, counters_,
                     has_pipes() ? &pipes_ : nullptr},
          options_);
    }
    return *service_;
  }
  net::TestPeer& connect_client(int buffer_bytes = 0) {
    auto [socket, peer] = net_.connected_pair(buffer_bytes);
    service().start(std::move(socket), client_address_);
    return *peer;
  }
  net::TestPeer& accept(size_t endpoint = 0) {
    net::TestPeer* peer = net_.accept(listeners_[endpoint]);
    HT_ASSERT(peer != nullptr);
    return *peer;
  }
  // A client and its endpoint, connected through the service.
  std::pair<net::TestPeer&, net::TestPeer&> connect_through() {
    if (listeners_.empty()) add_endpoint("a");
    net::TestPeer& client = connect_client();
    return {client, accept()};
  }
  bool run_until_idle() {
    return net_.run_until(
        [&] { return service().is_idle() && net_.metrics.upstream_sockets.open.value() == 0; });
  }
  bool run_until_received(net::TestPeer& peer, size_t bytes) {
    return net_.run_until([&] { return peer.received.size() >= bytes; });
  }

  // SIGPIPE is ignored before there are pipes.
  const sighandler_t old_handler_ = signal(SIGPIPE, SIG_IGN);
  net::PipePool pipes_;
  net::TestNet net_;
  TestCounters counters_;
  TestCluster cluster_{net_, counters_};
  metrics::ServiceMetrics metrics_;
  TcpOptions options_;
  net::Address client_address_ = net::loopback(1234);
  std::vector<net::Socket> listeners_;
  std::unique_ptr<TcpService> service_;
};

TEST_P(TcpServiceTest, CarriesBytesBothWaysAndCountsThem) {
  auto [client, server] = connect_through();
  client.send("question");
  ASSERT_TRUE(run_until_received(server, 8));
  server.send("the answer");
  ASSERT_TRUE(run_until_received(client, 10));
  EXPECT_EQ(server.received, "question");
  EXPECT_EQ(client.received, "the answer");
  const metrics::BackendMetrics& backend = counters_.by_name["a"];
  EXPECT_EQ(metrics_.received.value(), 8u);
  EXPECT_EQ(metrics_.sent.value(), 10u);
  EXPECT_EQ(backend.received.value(), 8u);
  EXPECT_EQ(backend.sent.value(), 10u);
  EXPECT_EQ(metrics_.connections.value(), 1u);
  EXPECT_EQ(backend.connections.value(), 1u);
  EXPECT_EQ(metrics_.active.value(), 1);
  EXPECT_EQ(backend.active.value(), 1);
  client.finish();
  server.finish();
  ASSERT_TRUE(run_until_idle());
  EXPECT_EQ(metrics_.active.value(), 0);
  EXPECT_EQ(backend.active.value(), 0);
  EXPECT_EQ(metrics_.errors.value(), 0u);
}

TEST_P(TcpServiceTest, PassesTheClientsEndOnBehindItsBytes) {
  auto [client, server] = connect_through();
  const std::string request = pattern(kThreeMegabytes, '0');
  const std::string answer = pattern(kThreeMegabytes, 'A');
  client.send(request);
  client.finish();
  ASSERT_TRUE(net_.run_until([&server = server] { return server.ended; }));
  EXPECT_TRUE(server.received == request);
  EXPECT_FALSE(client.ended);
  server.send(answer);
  server.finish();
  ASSERT_TRUE(net_.run_until([&client = client] { return client.ended; }));
  EXPECT_TRUE(client.received == answer);
  EXPECT_FALSE(client.broken || server.broken);
  ASSERT_TRUE(run_until_idle());
}

TEST_P(TcpServiceTest, PassesTheEndpointsEndOnBehindItsBytes) {
  auto [client, server] = connect_through();
  const std::string request = pattern(kThreeMegabytes, '0');
  const std::string answer = pattern(kThreeMegabytes, 'A');
  server.send(answer);
  server.finish();
  ASSERT_TRUE(net_.run_until([&client = client] { return client.ended; }));
  EXPECT_TRUE(client.received == answer);
  client.send(request);
  client.finish();
  ASSERT_TRUE(net_.run_until([&server = server] { return server.ended; }));
  EXPECT_TRUE(server.received == request);
  EXPECT_FALSE(client.broken || server.broken);
  ASSERT_TRUE(run_until_idle());
}

// Both at once, through small buffers of the kernel.
TEST_P(TcpServiceTest, CarriesBothDirectionsAtOnce) {
  add_endpoint("a");
  net::TestPeer& client = connect_client(8 * 1024);
  net::TestPeer& server = accept();
  const std::string request = pattern(kThreeMegabytes, '0');
  const std::string answer = pattern(kThreeMegabytes, 'A');
  client.send(request);
  client.finish();
  server.send(answer);
  server.finish();
  ASSERT_TRUE(net_.run_until([&] { return client.ended && server.ended; }));
  EXPECT_TRUE(server.received == request);
  EXPECT_TRUE(client.received == answer);
  ASSERT_TRUE(run_until_idle());
}

TEST_P(TcpServiceTest, SendsWhatTheClientSentBeforeThereWasAnEndpoint) {
  add_endpoint("a");
  net::TestPeer& client = connect_client();
  client.send("early");
  client.finish();
  net::TestPeer& server = accept();
  ASSERT_TRUE(net_.run_until([&] { return server.ended; }));
  EXPECT_EQ(server.received, "early");
  server.send("late");
  server.finish();
  ASSERT_TRUE(net_.run_until([&] { return client.ended; }));
  EXPECT_EQ(client.received, "late");
}

TEST_P(TcpServiceTest, PassesTheClientsResetOn) {
  auto [client, server] = connect_through();
  client.send("x");
  ASSERT_TRUE(run_until_received(server, 1));
  client.reset();
  ASSERT_TRUE(net_.run_until([&server = server] { return server.broken; }));
  ASSERT_TRUE(run_until_idle());
  EXPECT_EQ(metrics_.errors.value(), 0u);
}

TEST_P(TcpServiceTest, PassesTheEndpointsResetOn) {
  auto [client, server] = connect_through();
  client.send("x");
  ASSERT_TRUE(run_until_received(server, 1));
  server.reset();
  ASSERT_TRUE(net_.run_until([&client = client] { return client.broken; }));
  ASSERT_TRUE(run_until_idle());
  EXPECT_EQ(metrics_.errors.value(), 1u);
  EXPECT_EQ(counters_.by_name["a"].errors.value(), 1u);
}

TEST_P(TcpServiceTest, PassesAResetOnBehindAnEnd) {
  auto [client, server] = connect_through();
  client.finish();
  ASSERT_TRUE(net_.run_until([&server = server] { return server.ended; }));
  client.reset();
  ASSERT_TRUE(run_until_idle());
  server.send("x");
  EXPECT_TRUE(net_.run_until([&server = server] { return server.broken; }));
}

TEST_P(TcpServiceTest, ForgetsAClientThatResetsBeforeThereIsAnEndpoint) {
  add_endpoint("a");
  net::TestPeer& client = connect_client();
  client.reset();
  ASSERT_TRUE(run_until_idle());
  EXPECT_EQ(metrics_.active.value(), 0);
}

TEST_P(TcpServiceTest, TriesAnotherEndpointWhenOneRefuses) {
  cluster_.add("dead", {refusing_address()});
  add_endpoint("a");
  constexpr int kClients = 10;
  for (int i = 0; i < kClients; ++i) {
    net::TestPeer& client = connect_client();
    net::TestPeer& server = accept();
    server.send("x");
    ASSERT_TRUE(run_until_received(client, 1));
  }
  EXPECT_GT(counters_.by_name["dead"].errors.value(), 0u);
  EXPECT_EQ(counters_.by_name["dead"].connections.value(), 0u);
  EXPECT_EQ(counters_.by_name["a"].connections.value(), uint64_t{kClients});
  EXPECT_EQ(metrics_.errors.value(), 0u);
}

TEST_P(TcpServiceTest, TriesEachAddressOfAnEndpoint) {
  listeners_.push_back(net::TestNet::listen_socket());
  cluster_.add(
      "a", {refusing_address(), refusing_address(), net::local_address(listeners_.back().fd())});
  net::TestPeer& client = connect_client();
  accept().send("x");
  ASSERT_TRUE(run_until_received(client, 1));
  EXPECT_EQ(counters_.by_name["a"].errors.value(), 2u);
}

TEST_P(TcpServiceTest, ResetsTheClientWhenNobodyCanBeReached) {
  cluster_.add("a", {refusing_address(), refusing_address()});
  cluster_.add("b", {refusing_address()});
  net::TestPeer& client = connect_client();
  ASSERT_TRUE(net_.run_until([&] { return client.broken; }));
  EXPECT_TRUE(run_until_idle());
  EXPECT_EQ(metrics_.errors.value(), 1u);
  EXPECT_EQ(counters_.by_name["a"].errors.value(), 2u);
  EXPECT_EQ(counters_.by_name["b"].errors.value(), 1u);
}

// A listener whose queue is full drops further connections without a word.
TEST_P(TcpServiceTest, TriesAnotherEndpointWhenConnectingTakesTooLong) {
  const net::Socket silent = net::TestNet::listen_socket();
  ASSERT_EQ(listen(silent.fd(), 0), 0);
  const net::Address address = net::local_address(silent.fd());
  std::vector<net::Socket> queued;
  for (int i = 0; i < 4; ++i) {
    Result<net::Socket> socket = net::start_connect(address);
    ASSERT_TRUE(socket);
    queued.push_back(*std::move(socket));
  }
  cluster_.add("silent", {address});
  add_endpoint("a");
  cluster_.options.balancer.policy = upstream::Policy::kRoundRobin;
  options_.connect_timeout = milliseconds(50);
  for (int i = 0; i < 2; ++i) {
    net::TestPeer& client = connect_client();
    accept().send("x");
    ASSERT_TRUE(run_until_received(client, 1));
  }
  EXPECT_EQ(counters_.by_name["silent"].errors.value(), 1u);
}

TEST_P(TcpServiceTest, HoldsLittleForASlowReader) {
  auto [client, server] = connect_through();
  server.reading = false;
  const std::string request = pattern(32'000'000, '0');
  client.send(request);
  net_.settle();
  const size_t held_max = 2 * net::Connection::kHighWatermarkBytes;
  size_t held = 0;
  // Until the kernel's buffers are full as well.
  uint64_t moved = 0;
  do {
    moved = metrics_.received.value();
    net_.settle();
    held = std::max(held, net_.loop.pool().bytes_in_use());
  } while (metrics_.received.value() != moved);
  EXPECT_FALSE(client.all_sent());
  EXPECT_LE(held, held_max);
  EXPECT_TRUE(held > 0 || has_pipes());
  client.finish();
  server.reading = true;
  ASSERT_TRUE(net_.run_until([&server = server] { return server.ended; }));
  EXPECT_TRUE(server.received == request);
  EXPECT_EQ(net_.loop.pool().bytes_in_use(), 0u);
}

TEST_P(TcpServiceTest, NoticesAResetOfAClientThatWaitsForASlowReader) {
  auto [client, server] = connect_through();
  server.reading = false;
  client.send(pattern(32'000'000, '0'));
  net_.settle();
  client.reset();
  ASSERT_TRUE(run_until_idle());
  EXPECT_FALSE(server.broken);
  server.reading = true;
  EXPECT_TRUE(net_.run_until([&server = server] { return server.broken; }));
}

TEST_P(TcpServiceTest, EndsASessionWhoseClientIsIdle) {
  options_.client_timeout = milliseconds(30);
  auto [client, server] = connect_through();
  ASSERT_TRUE(net_.run_until(
      [&client = client, &server = server] { return client.ended && server.ended; }));
  EXPECT_TRUE(run_until_idle());
}

TEST_P(TcpServiceTest, EndsASessionWhoseEndpointIsIdle) {
  options_.server_timeout = milliseconds(30);
  auto [client, server] = connect_through();
  ASSERT_TRUE(net_.run_until(
      [&client = client, &server = server] { return client.ended && server.ended; }));
  EXPECT_TRUE(run_until_idle());
}

// What is not sent is not to be taken for all there was.
TEST_P(TcpServiceTest, ResetsAClientThatTakesNothingForTooLong) {
  options_.client_timeout = milliseconds(50);
  auto [client, server] = connect_through();
  client.reading = false;
  server.send(pattern(32'000'000, '0'));
  ASSERT_TRUE(run_until_idle());
  client.reading = true;
  EXPECT_TRUE(net_.run_until([&client = client] { return client.broken; }));
  EXPECT_FALSE(client.ended);
}

TEST_P(TcpServiceTest, DoesNotBlameAnEndpointForAClientThatTakesNothing) {
  options_.server_timeout = milliseconds(30);
  auto [client, server] = connect_through();
  client.reading = false;
  server.send(pattern(32'000'000, '0'));
  const auto stop = test::after(milliseconds(200));
  EXPECT_FALSE(net_.run_until([&] { return service().is_idle(); }, stop));
}

TEST_P(TcpServiceTest, TakesNewOptionsForNewConnections) {
  auto [first, first_server] = connect_through();
  options_.client_timeout = milliseconds(30);
  service().set_options(options_);
  auto [second, second_server] = connect_through();
  ASSERT_TRUE(net_.run_until([&second = second] { return second.ended; }));
  EXPECT_FALSE(first.ended);
  first.send("x");
  EXPECT_TRUE(run_until_received(first_server, 1));
}

TEST_P(TcpServiceTest, SendsAProxyHeaderOfEitherVersionFirst) {
  add_endpoint("a");
  const net::Address local = net::loopback(80);
  for (const net::ProxyVersion version : {net::ProxyVersion::kV1, net::ProxyVersion::kV2}) {
    options_.proxy_header = version;
    service().set_options(options_);
    auto [socket, client] = net_.connected_pair();
    service().start(std::move(socket), client_address_, local);
    client->send("hello");
    net::TestPeer& server = accept();
    const std::string header = net::encode_proxy_header(
        {.version = version, .source = client_address_, .destination = local});
    ASSERT_TRUE(run_until_received(server, header.size() + 5));
    EXPECT_EQ(server.received, header + "hello");
  }
}

TEST_P(TcpServiceTest, AsksTheSocketWhatItsClientHasConnectedTo) {
  add_endpoint("a");
  options_.proxy_header = net::ProxyVersion::kV1;
  auto [socket, client] = net_.connected_pair();
  const std::string port = std::to_string(net::local_address(socket.fd()).port());
  service().start(std::move(socket), client_address_);
  net::TestPeer& server = accept();
  ASSERT_TRUE(net_.run_until([&] { return server.received.ends_with("\r\n"); }));
  EXPECT_EQ(server.received, "PROXY TCP4 127.0.0.1 127.0.0.1 1234 " + port + "\r\n");
}

TEST_P(TcpServiceTest, BridgesToUnixSockets) {
  test::TemporaryFolder folder;
  const Result<net::Address> address = net::Address::unix_path(folder.path() + "/s");
  ASSERT_TRUE(address);
  Result<net::Socket> listening = net::listen_on(*address, {});
  ASSERT_TRUE(listening);
  listeners_.push_back(*std::move(listening));
  cluster_.add("u", {*address});
  net::TestPeer& client = connect_client();
  net::TestPeer& server = accept();
  const std::string request = pattern(kThreeMegabytes, '0');
  client.send(request);
  client.finish();
  ASSERT_TRUE(net_.run_until([&] { return server.ended; }));
  EXPECT_TRUE(server.received == request);
  server.send("done");
  server.finish();
  ASSERT_TRUE(net_.run_until([&] { return client.ended; }));
  EXPECT_EQ(client.received, "done");
}

TEST_P(TcpServiceTest, GoesOnWhileItDrains) {
  auto [client, server] = connect_through();
  service().drain();
  client.send("still here");
  ASSERT_TRUE(run_until_received(server, 10));
  EXPECT_FALSE(service().is_idle());
}

TEST_P(TcpServiceTest, ResetsBothSidesWhenAborted) {
  auto [client, server] = connect_through();
  service().abort();
  EXPECT_TRUE(service().is_idle());
  ASSERT_TRUE(net_.run_until(
      [&client = client, &server = server] { return client.broken && server.broken; }));
}

size_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  size_t total = 0;
  size_t resident = 0;
  file >> total >> resident;
  return resident * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

// The kernel's memory is not counted.
TEST_P(TcpServiceTest, NeedsLittleMemoryForAnIdleConnection) {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  constexpr size_t kConnections = test::kSanitized ? 500 : 3000;
  constexpr size_t kBytesMax = 2048 * (test::kSanitized ? 8 : 1);
  add_endpoint("a");
  std::vector<std::pair<net::Socket, net::TestPeer*>> clients;
  for (size_t i = 0; i < kConnections; ++i)
    clients.push_back(net_.connected_pair());
  service();
  malloc_trim(0);  // what other tests have left behind must not be used again unseen
  const size_t before = resident_bytes();
  for (auto& [socket, peer] : clients) {
    service().start(std::move(socket), client_address_);
    peer->send("hello");
    net_.loop.run_once(Duration::zero());
  }
  ASSERT_TRUE(net_.run_until([&] { return metrics_.received.value() == 5 * kConnections; }));
  const size_t each = (resident_bytes() - before) / kConnections;
  RecordProperty("bytes_each", std::to_string(each));
  std::printf("an idle connection needs %zu bytes\n", each);
  EXPECT_LE(each, kBytesMax);
}

INSTANTIATE_TEST_SUITE_P(Copied, TcpServiceTest, testing::Values(false));
INSTANTIATE_TEST_SUITE_P(Piped, TcpServiceTest, testing::Values(true));

class TcpPipeTest : public TcpServiceTest {};
INSTANTIATE_TEST_SUITE_P(Piped, TcpPipeTest, testing::Values(true));

TEST_P(TcpPipeTest, HasAPipeOnlyWhileMuchIsUnderWay) {
  auto [client, server] = connect_through();
  for (int i = 0; i < 1000; ++i) {
    client.send("little");
    ASSERT_TRUE(run_until_received(server, 6));
    server.take();
  }
  EXPECT_EQ(pipes_.taken_for_test(), 0u);
  client.send(pattern(kThreeMegabytes, '0'));
  ASSERT_TRUE(run_until_received(server, kThreeMegabytes));
  EXPECT_GT(pipes_.taken_for_test(), 0u);
  EXPECT_TRUE(net_.run_until([this] { return pipes_.out() == 0; }));
  server.take();
  // Back to copying.
  uint64_t taken = 0;
  for (int i = 0; i < 10; ++i) {
    taken = pipes_.taken_for_test();
    client.send("little");
    ASSERT_TRUE(run_until_received(server, 6));
    server.take();
  }
  EXPECT_EQ(pipes_.taken_for_test(), taken);
}

TEST_P(TcpPipeTest, LosesNothingBetweenCopyingAndPipes) {
  add_endpoint("a");
  net::TestPeer& client = connect_client(16 * 1024);
  net::TestPeer& server = accept();
  std::string sent;
  for (int round = 0; round < 12; ++round) {
    // The server stops and goes on, so that both copies and pipes are left full.
    server.reading = round % 3 != 0;
    const std::string part = pattern(round % 2 == 0 ? 700'000 : 90, static_cast<char>('0' + round));
    client.send(part);
    sent += part;
    net_.settle();
  }
  server.reading = true;
  client.finish();
  ASSERT_TRUE(net_.run_until([&] { return server.ended; }));
  EXPECT_TRUE(server.received == sent);
  EXPECT_GT(pipes_.taken_for_test(), 0u);
  server.finish();
  ASSERT_TRUE(run_until_idle());
  EXPECT_EQ(pipes_.out(), 0u);
}

TEST_P(TcpPipeTest, GivesPipesBackWhenASessionIsBrokenOff) {
  auto [client, server] = connect_through();
  server.reading = false;
  client.send(pattern(64'000'000, '0'));
  ASSERT_TRUE(net_.run_until([this] { return pipes_.out() == 1; }));
  server.reset();
  ASSERT_TRUE(run_until_idle());
  net_.settle();
  EXPECT_EQ(pipes_.out(), 0u);
  EXPECT_TRUE(net_.run_until([&client = client] { return client.broken; }));
}

}  // namespace
}  // namespace httpteleport::relay
