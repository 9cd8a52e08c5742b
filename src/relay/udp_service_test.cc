#include "relay/udp_service.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <set>

#include "relay/datagram_stream.h"
#include "relay/test_relay.h"
#include "support/temporary_folder.h"

namespace httpteleport::relay {
namespace {

using std::chrono::milliseconds;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

net::Address ipv6_loopback(uint16_t port = 0) {
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(port);
  address.sin6_addr = in6addr_loopback;
  return {reinterpret_cast<const sockaddr*>(&address), sizeof address};
}

net::Address ipv4(const char* text, uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  inet_pton(AF_INET, text, &address.sin_addr);
  return {reinterpret_cast<const sockaddr*>(&address), sizeof address};
}

// A socket of datagrams at either end.
class Peer {
 public:
  explicit Peer(const net::Address& bound = net::loopback()) {
    Result<net::Socket> socket = open_udp(bound, false);
    HT_ASSERT(socket.has_value());
    socket_ = *std::move(socket);
  }

  struct Datagram {
    std::string bytes;
    net::Address from;
  };
  std::deque<Datagram> received;

  net::Address address() const { return net::local_address(socket_.fd()); }
  // False: the kernel did not take it.
  bool send(std::string_view bytes, const net::Address& to) {
    const ssize_t sent = sendto(socket_.fd(), bytes.data(), bytes.size(), 0, to.get(), to.length());
    return sent == static_cast<ssize_t>(bytes.size());
  }
  void pump() {
    for (;;) {
      std::string room(DatagramRoom::kBytes, '\0');
      sockaddr_storage from{};
      socklen_t length = sizeof from;
      const ssize_t count = recvfrom(socket_.fd(), room.data(), room.size(), MSG_DONTWAIT,
                                     reinterpret_cast<sockaddr*>(&from), &length);
      if (count < 0) return;
      room.resize(static_cast<size_t>(count));
      received.push_back({room, net::Address(reinterpret_cast<sockaddr*>(&from), length)});
    }
  }
  // Answers what has come with the same bytes behind `prefix`.
  void echo(const std::string& prefix = "") {
    pump();
    for (; !received.empty(); received.pop_front())
      send(prefix + received.front().bytes, received.front().from);
  }

 private:
  net::Socket socket_;
};

class UdpServiceTest : public testing::Test, private Backends {
 protected:
  UdpServiceTest() { cluster_.options.balancer.policy = upstream::Policy::kRoundRobin; }
  ~UdpServiceTest() override { service_.reset(); }

  Peer& add_endpoint(const std::string& name) {
    cluster_.add(name, {endpoints_.emplace_back().address()});
    return endpoints_.back();
  }
  UdpService& service(const net::Address& address = net::loopback()) {
    if (service_) return *service_;
    Result<net::Socket> socket = open_udp(address, false);
    HT_ASSERT(socket.has_value());
    service_ = std::make_unique<UdpService>(
        UdpContext{net_.loop, net_.metrics, batches_, cluster_.open(), metrics_,
                   static_cast<Backends&>(*this), gate_},
        std::make_shared<const net::Socket>(*std::move(socket)), options_);
    HT_ASSERT(service_->start().has_value());
    return *service_;
  }
  template <class Condition>
  [[nodiscard]] bool run_until(Condition&& condition) {
    return net_.run_until([&] {
      if (at_pump) at_pump();
      return condition();
    });
  }
  // The next datagram that comes to `peer`; empty when none does.
  std::string receive(Peer& peer) {
    const bool came = run_until([&] {
      peer.pump();
      return !peer.received.empty();
    });
    if (!came) return "";
    std::string bytes = peer.received.front().bytes;
    last_from_ = peer.received.front().from;
    peer.received.pop_front();
    return bytes;
  }
  void expect_echo(Peer& client, std::string_view bytes, const std::string& expected) {
    ASSERT_TRUE(client.send(bytes, service().address()));
    EXPECT_EQ(receive(client), expected);
  }

  metrics::BackendMetrics& counters_of(const upstream::Endpoint& endpoint) override {
    return counters_.counters_of(endpoint);
  }
  bool is_stream(const upstream::Endpoint& endpoint) override {
    return streams_.contains(endpoint.name());
  }

  net::TestNet net_;
  UdpBatches batches_{net_.loop};
  TestCounters counters_;
  TestCluster cluster_{net_, counters_};
  metrics::ServiceMetrics metrics_;
  std::set<std::string> streams_;  // names of endpoints that are
  SessionGate* gate_ = nullptr;
  UdpOptions options_;
  std::deque<Peer> endpoints_;
  net::Address last_from_;
  std::function<void()> at_pump;
  std::unique_ptr<UdpService> service_;
};

TEST_F(UdpServiceTest, BringsEachAnswerToItsClient) {
  constexpr size_t kClients = kSanitized ? 100 : 500;
  constexpr size_t kRounds = 20;
  for (const char* name : {"a", "b", "c"})
    add_endpoint(name);
  at_pump = [this] {
    endpoints_[0].echo("a");
    endpoints_[1].echo("b");
    endpoints_[2].echo("c");
  };
  std::deque<Peer> clients(kClients);
  std::vector<char> endpoint_of(kClients, '\0');
  for (size_t round = 0; round < kRounds; ++round) {
    for (size_t i = 0; i < kClients; ++i) {
      const std::string question = std::to_string(i) + " " + std::to_string(round);
      ASSERT_TRUE(clients[i].send(question, service().address()));
    }
    ASSERT_TRUE(run_until([&] {
      return std::all_of(clients.begin(), clients.end(), [](Peer& client) {
        client.pump();
        return !client.received.empty();
      });
    }));
    for (size_t i = 0; i < kClients; ++i) {
      ASSERT_EQ(clients[i].received.size(), 1u);
      const std::string answer = clients[i].received.front().bytes;
      EXPECT_EQ(answer.substr(1), std::to_string(i) + " " + std::to_string(round));
      EXPECT_EQ(clients[i].received.front().from, service().address());
      if (round > 0) {
        EXPECT_EQ(answer[0], endpoint_of[i]) << "another endpoint than before";
      }
      endpoint_of[i] = answer[0];
      clients[i].received.clear();
    }
  }
  EXPECT_EQ(metrics_.connections.value(), kClients);
  EXPECT_EQ(metrics_.active.value(), static_cast<int64_t>(kClients));
  EXPECT_EQ(metrics_.dropped.value(), 0u);
  EXPECT_EQ(metrics_.sent.value(), metrics_.received.value() + kClients * kRounds);
  for (const char* name : {"a", "b", "c"})
    EXPECT_GT(counters_.by_name[name].connections.value(), kClients / 4) << name;
}

TEST_F(UdpServiceTest, CarriesSeveralDatagramsOfOneClientInOrder) {
  add_endpoint("a");
  Peer client;
  constexpr int kDatagrams = 150;
  for (int i = 0; i < kDatagrams; ++i)
    ASSERT_TRUE(client.send(std::to_string(i), service().address()));
  Peer& endpoint = endpoints_[0];
  ASSERT_TRUE(run_until([&] {
    endpoint.pump();
    return endpoint.received.size() == kDatagrams;
  }));
  for (int i = 0; i < kDatagrams; ++i)
    EXPECT_EQ(endpoint.received[static_cast<size_t>(i)].bytes, std::to_string(i));
  endpoint.echo();
  ASSERT_TRUE(run_until([&] {
    client.pump();
    return client.received.size() == kDatagrams;
  }));
  for (int i = 0; i < kDatagrams; ++i)
    EXPECT_EQ(client.received[static_cast<size_t>(i)].bytes, std::to_string(i));
  EXPECT_EQ(metrics_.connections.value(), 1u);
}

TEST_F(UdpServiceTest, CarriesTheLargestAndTheEmptyDatagram) {
  add_endpoint("a");
  at_pump = [this] { endpoints_[0].echo(); };
  Peer client;
  const std::string large(kDatagramBytesMax, 'x');
  expect_echo(client, large, large);
  ASSERT_TRUE(client.send("", service().address()));
  ASSERT_TRUE(run_until([&] {
    client.pump();
    return client.received.size() == 1;
  }));
  EXPECT_EQ(client.received.front().bytes, "");
}

// Such datagrams leave together where they can; on their way they are as many as before.
TEST_F(UdpServiceTest, KeepsDatagramsApartWhateverTheirSizes) {
  add_endpoint("a");
  Peer client;
  std::vector<std::string> sent;
  for (const size_t size : {100, 100, 100, 40, 100, 0, 0, 100, 200, 30'000, 30'000, 30'000, 1})
    sent.push_back(std::string(size, static_cast<char>('a' + sent.size())));
  const auto bytes_of = [](const std::deque<Peer::Datagram>& received) {
    std::vector<std::string> all;
    for (const Peer::Datagram& datagram : received)
      all.push_back(datagram.bytes);
    return all;
  };
  for (const std::string& datagram : sent)
    ASSERT_TRUE(client.send(datagram, service().address()));
  ASSERT_TRUE(run_until([&] {
    endpoints_[0].pump();
    return endpoints_[0].received.size() == sent.size();
  }));
  EXPECT_EQ(bytes_of(endpoints_[0].received), sent);
  endpoints_[0].echo();
  ASSERT_TRUE(run_until([&] {
    client.pump();
    return client.received.size() == sent.size();
  }));
  EXPECT_EQ(bytes_of(client.received), sent);
}

TEST(SegmentLimit, JoinsDatagramsOfOneSizeAndASmallerLastOne) {
  const auto count = [](const SegmentLimit& limit, const std::vector<size_t>& sizes) {
    std::vector<iovec> datagrams;
    for (const size_t size : sizes)
      datagrams.push_back({nullptr, size});
    return limit.count(datagrams);
  };
  SegmentLimit limit;
  EXPECT_EQ(count(limit, {100}), 1u);
  EXPECT_EQ(count(limit, {100, 100, 100}), 3u);
  EXPECT_EQ(count(limit, {100, 100, 40, 100}), 3u);
  EXPECT_EQ(count(limit, {100, 200}), 1u);
  EXPECT_EQ(count(limit, {100, 0, 100}), 1u);
  EXPECT_EQ(count(limit, {0, 0}), 1u);
  EXPECT_EQ(count(limit, {30'000, 30'000, 30'000}), 2u);
  EXPECT_EQ(count(limit, std::vector<size_t>(100, 10)), 64u);
  EXPECT_FALSE(limit.learn(EAGAIN, 1500));
  EXPECT_TRUE(limit.learn(EMSGSIZE, 1500));
  EXPECT_EQ(count(limit, {1500, 1500}), 1u);
  EXPECT_EQ(count(limit, {1499, 1499}), 2u);
  EXPECT_TRUE(limit.learn(EIO, 100));
  EXPECT_EQ(count(limit, {10, 10}), 1u);
}

TEST_F(UdpServiceTest, BridgesBetweenVersionsOfIp) {
  add_endpoint("a");
  at_pump = [this] { endpoints_[0].echo("v4:"); };
  service(ipv6_loopback());
  Peer client(ipv6_loopback());
  expect_echo(client, "hello", "v4:hello");
}

TEST_F(UdpServiceTest, AnswersFromTheAddressThatTheClientSentTo) {
  add_endpoint("a");
  at_pump = [this] { endpoints_[0].echo(); };
  const uint16_t port = service(ipv4("0.0.0.0", 0)).address().port();
  Peer client;
  for (const char* address : {"127.0.0.1", "127.0.0.2", "127.0.0.3"}) {
    ASSERT_TRUE(client.send(address, ipv4(address, port)));
    EXPECT_EQ(receive(client), address);
    EXPECT_EQ(last_from_.to_string(), std::string(address) + ":" + std::to_string(port));
  }
  EXPECT_EQ(metrics_.connections.value(), 3u);
}

TEST_F(UdpServiceTest, AnswersFromTheAddressThatTheClientSentToInBothFamilies) {
  add_endpoint("a");
  at_pump = [this] { endpoints_[0].echo(); };
  sockaddr_in6 any{};
  any.sin6_family = AF_INET6;
  const net::Address everywhere(reinterpret_cast<const sockaddr*>(&any), sizeof any);
  const uint16_t port = service(everywhere).address().port();
  Peer old_client;
  ASSERT_TRUE(old_client.send("four", ipv4("127.0.0.2", port)));
  EXPECT_EQ(receive(old_client), "four");
  EXPECT_EQ(last_from_, ipv4("127.0.0.2", port));
  Peer client(ipv6_loopback());
  ASSERT_TRUE(client.send("six", ipv6_loopback(port)));
  EXPECT_EQ(receive(client), "six");
  EXPECT_EQ(last_from_, ipv6_loopback(port));
}

TEST_F(UdpServiceTest, ForgetsAClientThatIsIdle) {
  options_.idle_timeout = milliseconds(30);
  add_endpoint("a");
  at_pump = [this] { endpoints_[0].echo(); };
  Peer client;
  expect_echo(client, "x", "x");
  ASSERT_TRUE(run_until([&] { return service().is_idle(); }));
  EXPECT_EQ(metrics_.active.value(), 0);
  EXPECT_EQ(counters_.by_name["a"].active.value(), 0);
  expect_echo(client, "y", "y");
  EXPECT_EQ(metrics_.connections.value(), 2u);
}

// Whoever is silent for a round is forgotten, so that the table has gaps everywhere.
TEST_F(UdpServiceTest, FindsEachSessionWhileOthersComeAndGo) {
  options_.idle_timeout = milliseconds(5);
  add_endpoint("a");
  at_pump = [this] { endpoints_[0].echo(); };
  std::deque<Peer> clients(200);
  uint64_t chance = 1;
  for (int round = 0; round < 30; ++round) {
    size_t asked = 0;
    for (size_t i = 0; i < clients.size(); ++i) {
      chance = chance * 6364136223846793005 + 1442695040888963407;
      if ((chance >> 40) % 3 != 0) continue;
      ++asked;
      ASSERT_TRUE(clients[i].send(std::to_string(i), service().address()));
    }
    size_t answered = 0;
    ASSERT_TRUE(run_until([&] {
      for (Peer& client : clients) {
        client.pump();
        answered += client.received.size();
        for (; !client.received.empty(); client.received.pop_front()) {
          const auto index = std::stoul(client.received.front().bytes);
          EXPECT_EQ(&client, &clients[index]);
        }
      }
      return answered == asked;
    }));
  }
  ASSERT_TRUE(run_until([&] { return service().is_idle(); }));
  EXPECT_GT(metrics_.connections.value(), 300u);
  EXPECT_EQ(metrics_.active.value(), 0);
}

// The work of a turn is done once when the socket is readable, and once at the turn's end.
TEST_F(UdpServiceTest, TakesABoundedNumberOfDatagramsInOneTurnAndTheRestLater) {
  add_endpoint("a");
  Peer client;
  const size_t most = 2 * UdpService::kBatchesPerTurn * kBatchDatagrams;
  for (size_t i = 0; i < most + 10; ++i)
    client.send("x", service().address());
  net_.loop.run_once(Duration::zero());
  EXPECT_LE(metrics_.received.value(), most);
  // The kernel may have had no room for all.
  at_pump = [&] { client.send("x", service().address()); };
  EXPECT_TRUE(run_until([&] { return metrics_.received.value() > most; }));
}

TEST_F(UdpServiceTest, HasALimitOfSessions) {
  options_.sessions_max = 2;
  add_endpoint("a");
  at_pump = [this] { endpoints_[0].echo(); };
  std::deque<Peer> clients(3);
  expect_echo(clients[0], "0", "0");
  expect_echo(clients[1], "1", "1");
  ASSERT_TRUE(clients[2].send("2", service().address()));
  ASSERT_TRUE(run_until([&] { return metrics_.limited.value() == 1; }));
  expect_echo(clients[0], "still", "still");
  EXPECT_EQ(service().session_count(), 2u);
  EXPECT_EQ(metrics_.dropped.value(), 1u);
}

TEST_F(UdpServiceTest, AsksTheGateForEachSession) {
  class Gate final : public SessionGate {
   public:
    std::optional<uint32_t> admit(const net::Address&) override {
      if (inside == 1) return {};
      ++inside;
      return 7;
    }
    void leave(uint32_t ticket) override {
      EXPECT_EQ(ticket, 7u);
      --inside;
    }
    int inside = 0;
  } gate;
  gate_ = &gate;
  add_endpoint("a");
  at_pump = [this] { endpoints_[0].echo(); };
  std::deque<Peer> clients(2);
  expect_echo(clients[0], "0", "0");
  expect_echo(clients[0], "1", "1");
  ASSERT_TRUE(clients[1].send("2", service().address()));
  ASSERT_TRUE(run_until([&] { return metrics_.limited.value() == 1; }));
  service().abort();
  EXPECT_EQ(gate.inside, 0);
}

TEST_F(UdpServiceTest, MovesOnWhenAnEndpointRefuses) {
  add_endpoint("a");
  net::Address dead;
  {
    const Peer gone;
    dead = gone.address();
  }
  cluster_.add("dead", {dead});
  at_pump = [this] { endpoints_[0].echo(); };
  std::deque<Peer> clients(4);
  for (Peer& client : clients)
    ASSERT_TRUE(client.send("lost or not", service().address()));
  ASSERT_TRUE(run_until([&] { return counters_.by_name["dead"].errors.value() > 0; }));
  for (Peer& client : clients) {
    net_.settle();
    client.pump();
    client.received.clear();
    expect_echo(client, "found", "found");
  }
  EXPECT_EQ(counters_.by_name["dead"].active.value(), 0);
  EXPECT_EQ(counters_.by_name["a"].active.value(), 4);
  EXPECT_EQ(service().session_count(), 4u);
}

TEST_F(UdpServiceTest, MovesSessionsOfAnEndpointThatIsRemoved) {
  add_endpoint("a");
  add_endpoint("b");
  at_pump = [this] {
    endpoints_[0].echo("a");
    endpoints_[1].echo("b");
  };
  Peer client;
  ASSERT_TRUE(client.send("x", service().address()));
  const std::string first = receive(client);
  const std::string name = first.substr(0, 1);
  upstream::Endpoint* endpoint = nullptr;
  while (endpoint == nullptr || endpoint->name() != name)
    endpoint = cluster_.open().pick({}).lease.endpoint();
  service().leave(*endpoint);
  EXPECT_EQ(counters_.by_name[name].active.value(), 0);
  EXPECT_EQ(service().session_count(), 1u);
  ASSERT_TRUE(client.send("x", service().address()));
  EXPECT_EQ(receive(client).substr(1), "x");
}

TEST_F(UdpServiceTest, TakesNoNewClientsWhileItDrains) {
  add_endpoint("a");
  at_pump = [this] { endpoints_[0].echo(); };
  std::deque<Peer> clients(2);
  expect_echo(clients[0], "x", "x");
  service().drain();
  ASSERT_TRUE(clients[1].send("y", service().address()));
  expect_echo(clients[0], "z", "z");
  EXPECT_EQ(service().session_count(), 1u);
  service().abort();
  EXPECT_TRUE(service().is_idle());
}

// ---- Endpoints that are streams.

class UdpBridgeTest : public UdpServiceTest {
 protected:
  void listen_tcp(const std::string& name) {
    listening_ = net::TestNet::listen_socket();
    cluster_.add(name, {net::local_address(listening_.fd())});
    streams_.insert(name);
  }
  static std::string frame(std::string_view datagram) {
    std::string text;
    text += static_cast<char>(datagram.size() >> 8);
    text += static_cast<char>(datagram.size() & 0xff);
    return text.append(datagram);
  }
  // One client's datagrams and their answers, over the endpoint that was set up.
  void converse() {
    Peer client;
    ASSERT_TRUE(client.send("one", service().address()));
    ASSERT_TRUE(client.send("", service().address()));
    ASSERT_TRUE(client.send("three", service().address()));
    net::TestPeer* server = net_.accept(listening_);
    ASSERT_NE(server, nullptr);
    const std::string expected = frame("one") + frame("") + frame("three");
    ASSERT_TRUE(run_until([&] { return server->received.size() >= expected.size(); }));
    EXPECT_EQ(server->received, expected);
    // In pieces: each byte by itself.
    for (const char byte : frame("answer") + frame("") + frame("last")) {
      server->send({&byte, 1});
      net_.settle();
    }
    EXPECT_EQ(receive(client), "answer");
    EXPECT_EQ(receive(client), "");
    EXPECT_EQ(receive(client), "last");
    EXPECT_EQ(metrics_.received.value(), 8u);
    EXPECT_EQ(metrics_.sent.value(), 10u);
  }

  net::Socket listening_;
};

TEST_F(UdpBridgeTest, FramesDatagramsOverTcp) {
  listen_tcp("t");
  converse();
}

TEST_F(UdpBridgeTest, FramesDatagramsOverUnixSockets) {
  const test::TemporaryFolder folder;
  const Result<net::Address> address = net::Address::unix_path(folder.path() + "/s");
  ASSERT_TRUE(address);
  Result<net::Socket> listening = net::listen_on(*address, {});
  ASSERT_TRUE(listening);
  listening_ = *std::move(listening);
  cluster_.add("u", {*address});
  converse();
}

TEST_F(UdpBridgeTest, CarriesTheLargestDatagram) {
  listen_tcp("t");
  Peer client;
  const std::string large(kDatagramBytesMax, 'x');
  ASSERT_TRUE(client.send(large, service().address()));
  net::TestPeer* server = net_.accept(listening_);
  ASSERT_NE(server, nullptr);
  ASSERT_TRUE(run_until([&] { return server->received.size() >= large.size() + 2; }));
  EXPECT_TRUE(server->received == frame(large));
  server->send(frame(large) + frame("small"));
  EXPECT_TRUE(receive(client) == large);
  EXPECT_EQ(receive(client), "small");
}

TEST_F(UdpBridgeTest, EndsASessionWhoseConnectionEnds) {
  listen_tcp("t");
  Peer client;
  ASSERT_TRUE(client.send("one", service().address()));
  net::TestPeer* server = net_.accept(listening_);
  ASSERT_NE(server, nullptr);
  ASSERT_TRUE(run_until([&] { return server->received.size() == 5; }));
  server->send(frame("answer"));
  server->finish();
  EXPECT_EQ(receive(client), "answer");
  ASSERT_TRUE(run_until([&] { return service().is_idle(); }));
  ASSERT_TRUE(client.send("two", service().address()));
  server = net_.accept(listening_);
  ASSERT_NE(server, nullptr);
  ASSERT_TRUE(run_until([&] { return server->received == frame("two"); }));
}

TEST_F(UdpBridgeTest, EndsASessionWhoseFramingIsBroken) {
  listen_tcp("t");
  Peer client;
  ASSERT_TRUE(client.send("one", service().address()));
  net::TestPeer* server = net_.accept(listening_);
  ASSERT_NE(server, nullptr);
  server->send("\xff\xff too long");
  ASSERT_TRUE(run_until([&] { return service().is_idle(); }));
  EXPECT_EQ(counters_.by_name["t"].errors.value(), 1u);
}

TEST_F(UdpBridgeTest, MovesOnWhenNobodyTakesTheConnection) {
  cluster_.add("dead", {refusing_address()});
  streams_.insert("dead");
  listen_tcp("t");
  Peer client;
  net::TestPeer* server = nullptr;
  ASSERT_TRUE(net_.run_until([&] {
    client.send("again", service().address());
    net_.settle();
    net_.accept_waiting(listening_);
    server = net_.peers.empty() ? nullptr : &net_.peers.back();
    return server != nullptr && server->received.starts_with(frame("again"));
  }));
  EXPECT_EQ(service().session_count(), 1u);
}

TEST_F(UdpBridgeTest, HoldsLittleForAnEndpointThatReadsNothing) {
  listen_tcp("t");
  Peer client;
  ASSERT_TRUE(client.send("first", service().address()));
  net::TestPeer* server = net_.accept(listening_);
  ASSERT_NE(server, nullptr);
  server->reading = false;
  const std::string datagram(60'000, 'x');
  ASSERT_TRUE(net_.run_until([&] {
    client.send(datagram, service().address());
    net_.settle();
    return metrics_.dropped.value() > 0;
  }));
  EXPECT_LE(net_.loop.pool().bytes_in_use(), 2 * DatagramStream::kHeldBytesMax);
}

}  // namespace
}  // namespace httpteleport::relay
