// UDP services of two shuttles with a link in between.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "datagrams.h"
#include "running_shuttle.h"
#include "support/content.h"
#include "support/relay.h"

namespace httpteleport::test {
namespace {

using testing::HasSubstr;

constexpr size_t kClients = kSanitized ? 50 : 300;
constexpr size_t kRounds = 10;

constexpr const char* kShortIdleTimeout =
    kSanitized ? R"(, "idle_timeout": "3s")" : R"(, "idle_timeout": "200ms")";

std::string far_json(const std::string& backends, const std::string& more = {}) {
  return R"({"address": "127.0.0.1:0", "network": "teleport", "backends": [)" + backends + "]" +
         more + "}";
}

std::string near_json(const std::string& backends, const std::string& more = {}) {
  return R"({"address": "127.0.0.1:0", "network": "udp", "backends": [)" + backends + "]" + more +
         "}";
}

std::string link_backend(const std::string& name, const Address& address) {
  return backend_json(name, address, R"(, "network": "teleport")");
}

// clients -> near -> link, which the test may break -> far -> server.
class ShuttleLinkUdp : public testing::Test {
 protected:
  void open(const std::string& of_far = {}, const std::string& of_near = {}) {
    ASSERT_TRUE(near_.started() && far_.started());
    link_.emplace(far_.listen("/far", far_json(server_.json(), of_far)));
    service_ =
        near_.listen("/near", near_json(link_backend("far", link_->address()), of_near), "udp")
            .port;
  }
  // The answer to `text`, without the server's name.
  std::string ask(const Datagrams& client, const std::string& text, Deadline deadline = after()) {
    client.send(service_, text);
    uint16_t from = 0;
    const std::string reply = client.receive(from, deadline);
    return reply.starts_with("s:") && from == service_ ? reply.substr(2) : "not that: " + reply;
  }
  // Asks again until there is an answer.
  bool recovers(const Datagrams& client, const std::string& text) {
    return wait_until([&] { return ask(client, text, after(milliseconds(200))) == text; },
                      after(6 * kPatience));
  }
  // Its numbers stand behind those of its backends.
  static int64_t of_service(const RunningShuttle& shuttle, const std::string& path,
                            std::string_view name) {
    const std::string stats = shuttle.get(path).body;
    return json_number(std::string_view(stats).substr(stats.rfind(']') + 1), name).value_or(-1);
  }
  bool wait_active(int64_t count) const {
    return wait_until([&] {
      return of_service(near_, "/near", "active") == count &&
             of_service(far_, "/far", "active") == count;
    });
  }

  using milliseconds = std::chrono::milliseconds;

  EchoBackend server_{"s"};
  RunningShuttle far_;
  RunningShuttle near_;
  std::optional<Relay> link_;
  uint16_t service_ = 0;
};

TEST_F(ShuttleLinkUdp, CarriesDatagramsOfEverySizeWhole) {
  open();
  const Datagrams client;
  // The server puts two bytes before each.
  for (const size_t size :
       {0, 1, 2, 63, 64, 500, 1472, 1473, 9000, 16'383, 16'384, 40'000, 60'000, 65'505}) {
    std::string text(size, '\0');
    for (size_t i = 0; i < size; ++i)
      text[i] = static_cast<char>(i * i % 251);
    EXPECT_EQ(ask(client, text), text) << size;
  }
  EXPECT_EQ(of_service(near_, "/near", "connections"), 1);
  EXPECT_EQ(of_service(far_, "/far", "connections"), 1);
  EXPECT_EQ(of_service(near_, "/near", "errors"), 0);
  EXPECT_EQ(link_->accepted(), 1u);
}

TEST_F(ShuttleLinkUdp, GivesEachOfManyClientsItsOwnAnswers) {
  open();
  const std::vector<Datagrams> clients(kClients);
  for (size_t round = 0; round < kRounds; ++round) {
    for (size_t i = 0; i < kClients; ++i) {
      const std::string text = std::to_string(i) + " " + std::to_string(round);
      ASSERT_EQ(ask(clients[i], text), text);
    }
  }
  EXPECT_TRUE(wait_active(static_cast<int64_t>(kClients)));
  EXPECT_EQ(link_->accepted(), 1u);
}

TEST_F(ShuttleLinkUdp, ForgetsAClientThatIsIdle) {
  open("", kShortIdleTimeout);
  const Datagrams client;
  ASSERT_TRUE(recovers(client, "one"));
  EXPECT_TRUE(wait_active(0));
  EXPECT_TRUE(recovers(client, "two"));
  EXPECT_GE(of_service(near_, "/near", "connections"), 2);
  EXPECT_EQ(of_service(near_, "/near", "errors"), 0);
  EXPECT_EQ(of_service(far_, "/far", "errors"), 0);
}

TEST_F(ShuttleLinkUdp, ForgetsAClientThatIsIdleForTheFarEnd) {
  open(kShortIdleTimeout);
  const Datagrams client;
  ASSERT_TRUE(recovers(client, "one"));
  EXPECT_TRUE(wait_active(0));
  EXPECT_TRUE(recovers(client, "two"));
  EXPECT_EQ(of_service(near_, "/near", "errors"), 0);
}

TEST_F(ShuttleLinkUdp, GoesOnWhenALinkHasBroken) {
  open();
  const std::vector<Datagrams> clients(20);
  for (const Relay::Fault fault : {Relay::Fault::kReset, Relay::Fault::kFin}) {
    for (const Datagrams& client : clients)
      ASSERT_TRUE(recovers(client, "before"));
    link_->strike(fault);
    for (const Datagrams& client : clients)
      EXPECT_TRUE(recovers(client, "behind"));
  }
}

// What is dropped is counted, and nothing of it is kept.
TEST_F(ShuttleLinkUdp, DropsDatagramsThatALinkDoesNotTake) {
  open();
  const Datagrams client;
  ASSERT_EQ(ask(client, "warm"), "warm");
  link_->strike(Relay::Fault::kStall);
  const uint64_t before = near_.process().rss_bytes();
  uint64_t seed = 0;  // each is another one, or they would be compressed to nothing
  ASSERT_TRUE(wait_until(
      [&] {
        for (int i = 0; i < 50; ++i)
          client.send(service_, Content::bytes(60'000, ++seed).to_string());
        return of_service(near_, "/near", "dropped") > 1000;
      },
      after(6 * kPatience)));
  EXPECT_LT(near_.process().rss_bytes(), before + (kSanitized ? 256 : 24) * (uint64_t{1} << 20));
  link_->release();
  // What was under way comes before that.
  uint16_t from = 0;
  EXPECT_TRUE(wait_until(
      [&] {
        client.send(service_, "again");
        for (int i = 0; i < 100; ++i) {
          if (client.receive(from, after(milliseconds(50))) == "s:again") return true;
        }
        return false;
      },
      after(6 * kPatience)));
}

TEST_F(ShuttleLinkUdp, EndsWhatALeavingFarEndHasAndFindsAnother) {
  open();
  const Datagrams client;
  ASSERT_EQ(ask(client, "one"), "one");
  const Address other = far_.listen("/other", far_json(server_.json()));
  near_.change("/near", R"({"backends": [)" + link_backend("other", other) + "]}");
  far_.change("/far", "", "DELETE");
  EXPECT_TRUE(recovers(client, "two"));
  EXPECT_GT(of_service(far_, "/other", "connections"), 0);
}

TEST_F(ShuttleLinkUdp, HoldsTheLimitsOfTheFarEnd) {
  open(R"(, "sessions_max": 1)");
  const Datagrams client;
  const Datagrams other;
  ASSERT_EQ(ask(client, "one"), "one");
  other.send(service_, "two");
  EXPECT_TRUE(wait_until([&] { return of_service(far_, "/far", "limited") == 1; }));
  EXPECT_EQ(ask(client, "three"), "three");
}

// Neither end takes the other for what it is not.
TEST_F(ShuttleLinkUdp, CarriesNoConnectionsAndIsNotCarriedAsOne) {
  open();
  const Address connections = near_.listen("/t", R"({"address": "127.0.0.1:0", "backends": [)" +
                                                     link_backend("far", link_->address()) + "]}");
  auto client = Socket::connect(connections);
  if (client) {
    EXPECT_NE(client->recv_to_end().status, IoStatus::kTimeout);
  }
  const Address tcp = far_.listen(
      "/tcp", far_json(backend_json("b", dead_address()), R"(, "link_traffic": "tcp")"));
  service_ = near_.listen("/u", near_json(link_backend("far", tcp)), "udp").port;
  const Datagrams datagrams;
  datagrams.send(service_, "x");
  EXPECT_TRUE(wait_until([&] { return of_service(near_, "/u", "errors") == 1; }));
}

}  // namespace
}  // namespace httpteleport::test
