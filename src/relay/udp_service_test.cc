#include "relay/udp_service.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>

#include "relay/test_udp.h"
#include "support/sanitized.h"

namespace httpteleport::relay {
namespace {

using std::chrono::milliseconds;

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

TEST_F(UdpServiceTest, BringsEachAnswerToItsClient) {
  constexpr size_t kClients = test::kSanitized ? 100 : 500;
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

TEST_F(UdpServiceTest, BringsAllAnswersToOneDatagram) {
  Peer& endpoint = add_endpoint("a");
  Peer client;
  ASSERT_TRUE(client.send("question", service().address()));
  ASSERT_EQ(receive(endpoint), "question");
  for (int i = 0; i < 200; ++i)
    ASSERT_TRUE(endpoint.send(std::to_string(i), last_from_));
  for (int i = 0; i < 200; ++i)
    ASSERT_EQ(receive(client), std::to_string(i));
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

}  // namespace
}  // namespace httpteleport::relay
