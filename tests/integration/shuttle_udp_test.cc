// The UDP services of shuttle: replies reach the client that they are for, a client stays at one
// backend, and backends that speak a stream get whole datagrams.
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "datagrams.h"
#include "running_shuttle.h"
#include "support/temporary_folder.h"

namespace httpteleport::test {
namespace {

constexpr size_t kClients = kSanitized ? 50 : 500;
constexpr size_t kRounds = 20;

// Where the reply to `text` is from, by its name; what came instead if it is not that reply.
std::string asked(const Datagrams& client, uint16_t service, const std::string& text) {
  client.send(service, text);
  uint16_t from = 0;
  const std::string reply = client.receive(from);
  const size_t colon = reply.find(':');
  if (from != service || colon == std::string::npos || reply.substr(colon + 1) != text)
    return "\"" + reply + "\" from port " + std::to_string(from);
  return reply.substr(0, colon);
}

std::string udp_json(const std::string& backends) {
  return R"({"address": "127.0.0.1:0", "network": "udp", "backends": [)" + backends + "]}";
}

class ShuttleUdp : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(shuttle_.started());
    service_ =
        shuttle_.listen("/u", udp_json(a_.json() + ", " + b_.json() + ", " + c_.json()), "udp")
            .port;
  }
  // Its numbers stand behind those of its backends.
  int64_t of_service(std::string_view name) const {
    const std::string stats = shuttle_.get("/u").body;
    return json_number(std::string_view(stats).substr(stats.rfind(']') + 1), name).value_or(-1);
  }
  // Waits until a client's datagrams go elsewhere than to `name`, and says where.
  std::string moved(const Datagrams& client, const std::string& name) {
    std::string now = name;
    wait_until([&] {
      now = asked(client, service_, "where?");
      return now != name;
    });
    return now;
  }

  EchoBackend a_{"a"}, b_{"b"}, c_{"c"};
  RunningShuttle shuttle_{{"-workers=2"}};
  uint16_t service_ = 0;
};

TEST_F(ShuttleUdp, BringsEveryReplyToItsClientAndKeepsEachAtOneBackend) {
  std::vector<Datagrams> clients(kClients);
  std::vector<std::string> backends(kClients);
  for (size_t round = 0; round < kRounds; ++round) {
    const auto text = [&](size_t i) { return std::to_string(i) + "/" + std::to_string(round); };
    for (size_t i = 0; i < kClients; ++i) {
      const std::string name = asked(clients[i], service_, text(i));
      ASSERT_EQ(name.size(), 1u) << name << " for " << text(i);
      if (round == 0) backends[i] = name;
      ASSERT_EQ(name, backends[i]) << text(i);
    }
  }
  const std::set<std::string> used(backends.begin(), backends.end());
  EXPECT_EQ(used.size(), 3u);
  // No datagram was sent twice, and none to another.
  EXPECT_EQ(a_.received() + b_.received() + c_.received(), kClients * kRounds);
  EXPECT_EQ(of_service("connections"), static_cast<int64_t>(kClients));
  EXPECT_EQ(of_service("errors"), 0);
}

// As many as a socket's buffer bears are under way together.
TEST_F(ShuttleUdp, BringsRepliesToManyClientsThatSendTogether) {
  std::vector<Datagrams> clients(kClients);
  constexpr size_t kTogether = 50;
  for (size_t round = 0; round < kRounds; ++round) {
    for (size_t first = 0; first < kClients; first += kTogether) {
      for (size_t i = first; i < first + kTogether; ++i)
        clients[i].send(service_, std::to_string(i));
      for (size_t i = first; i < first + kTogether; ++i) {
        uint16_t from = 0;
        const std::string reply = clients[i].receive(from);
        ASSERT_EQ(reply.substr(reply.find(':') + 1), std::to_string(i));
        ASSERT_EQ(from, service_);
      }
    }
  }
}

TEST_F(ShuttleUdp, MovesClientsFromABackendThatIsTakenOut) {
  const Datagrams client;
  const std::string first = asked(client, service_, "where?");
  ASSERT_EQ(first.size(), 1u) << first;
  shuttle_.change("/u/" + first + "/_state", "down");
  const std::string second = moved(client, first);
  ASSERT_EQ(second.size(), 1u) << second;
  ASSERT_NE(second, first);
  shuttle_.change("/u/" + second, "", "DELETE");
  const std::string third = moved(client, second);
  ASSERT_EQ(third.size(), 1u) << third;
  EXPECT_NE(third, first);
  EXPECT_NE(third, second);
}

TEST_F(ShuttleUdp, DropsDatagramsWhenThereIsNoBackendAndSendsThemWhenThereIsOneAgain) {
  for (const char* name : {"a", "b", "c"})
    shuttle_.change(std::string("/u/") + name + "/_state", "down");
  const Datagrams client;
  client.send(service_, "nobody");
  ASSERT_TRUE(wait_until([&] { return of_service("errors") >= 1; }));
  EXPECT_EQ(a_.received() + b_.received() + c_.received(), 0u);
  shuttle_.change("/u/b/_state", "auto");
  EXPECT_EQ(asked(client, service_, "somebody"), "b");
}

// ---- Streams of datagrams: each behind its length in two bytes.

std::string framed(const std::string& datagram) {
  return {static_cast<char>(datagram.size() >> 8), static_cast<char>(datagram.size() & 0xff)};
}

// Answers each datagram of a stream as an EchoBackend does, named "s".
class StreamBackend {
 public:
  explicit StreamBackend(const Listener::Options& options)
      : listener_(options), thread_([this] { run(); }) {}
  ~StreamBackend() {
    listener_.shut_down();
    thread_.join();
  }
  Address address() const { return listener_.address(); }

 private:
  void run() {
    std::vector<std::thread> serving;
    while (auto socket = listener_.accept(after(std::chrono::hours(1)))) {
      auto shared = std::make_shared<Socket>(std::move(*socket));
      serving.emplace_back([shared] { serve(*shared); });
    }
    for (std::thread& thread : serving)
      thread.join();
  }
  static void serve(Socket& socket) {
    const auto for_ever = [] { return after(std::chrono::hours(1)); };
    for (;;) {
      const Received length = socket.recv_exactly(2, for_ever());
      if (length.status != IoStatus::kOk) return;
      const size_t size = static_cast<unsigned char>(length.bytes[0]) * size_t{256} +
                          static_cast<unsigned char>(length.bytes[1]);
      const std::string reply = "s:" + socket.recv_exactly(size, for_ever()).bytes;
      if (socket.send_all(framed(reply) + reply) != IoStatus::kOk) return;
    }
  }

  Listener listener_;
  std::thread thread_;
};

void expect_bridged(const StreamBackend& backend, const std::string& network) {
  RunningShuttle shuttle;
  ASSERT_TRUE(shuttle.started());
  std::string address = backend.address().text();
  if (network == "unix") address = backend.address().unix_path;
  const uint16_t service = shuttle
                               .listen("/u",
                                       udp_json(R"({"name": "s", "network": ")" + network +
                                                R"(", "address": ")" + address + "\"}"),
                                       "udp")
                               .port;
  const std::vector<Datagrams> clients(5);
  for (size_t round = 0; round < kRounds; ++round) {
    for (const Datagrams& client : clients) {
      const std::string text = std::to_string(round) + std::string(round * 50, 'x');
      ASSERT_EQ(asked(client, service, text), "s") << round;
    }
  }
}

TEST(ShuttleUdpBridge, CarriesDatagramsOverTcp) {
  const StreamBackend backend({});
  expect_bridged(backend, "tcp");
}

TEST(ShuttleUdpBridge, CarriesDatagramsOverAUnixSocket) {
  const TemporaryFolder folder;
  const StreamBackend backend({.unix_path = folder.file("backend")});
  expect_bridged(backend, "unix");
}

}  // namespace
}  // namespace httpteleport::test
