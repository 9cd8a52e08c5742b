// Many clients at a time that do little or nothing: what each costs, and what they cost the others.
#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "integration/flags.h"
#include "support/certificates.h"
#include "support/temporary_folder.h"
#include "support/tls_client.h"

namespace httpteleport::test {
namespace {

using namespace std::chrono_literals;

constexpr uint64_t kMiB = 1024 * 1024;

using Clients = std::vector<HttpConnection>;

Clients connect(const Address& address, size_t count, int receive_buffer_bytes = 0) {
  Clients clients;
  for (size_t i = 0; i < count; ++i) {
    auto socket = Socket::connect(address, after(), receive_buffer_bytes);
    EXPECT_TRUE(socket);
    if (!socket) break;
    clients.emplace_back(std::move(*socket));
  }
  return clients;
}

// Each asks, and then each reads.
void serve_all(Clients& clients) {
  for (HttpConnection& client : clients)
    client.send(get_text("/bytes/100?seed=1"));
  size_t served = 0;
  for (HttpConnection& client : clients)
    served += client.read_response().head.status == 200 ? 1 : 0;
  EXPECT_EQ(served, clients.size());
}

TEST(Crowd, IdleClientsCostLittleAndAreServedAgain) {
  // Clients have half of the descriptors, of which there are 20,000 in many places.
  constexpr size_t kClients = kSanitized ? 500 : 9'000;
  constexpr size_t kAtATime = 100;  // so that few connections to the origin are left behind
  ASSERT_GT(raise_file_limit(), kClients + 5000);
  Origin origin;
  RunningHttptp proxy(http_flags(origin.address().text()) + Flags{"-inKeepAliveTimeout=1h"});
  ASSERT_TRUE(proxy.started());
  Clients warm_up = connect(proxy.address(), kAtATime);
  serve_all(warm_up);
  const uint64_t before = proxy->process().rss_bytes();

  std::vector<Clients> crowd;
  for (size_t i = 0; i < kClients / kAtATime; ++i) {
    crowd.push_back(connect(proxy.address(), kAtATime));
    serve_all(crowd.back());
  }
  EXPECT_TRUE(becomes(*proxy, "inConns", kClients + kAtATime));
  EXPECT_TRUE(becomes(*proxy, "exchangesOpen", 0));
  const uint64_t after_first = proxy->process().rss_bytes();
  const auto each = static_cast<double>(after_first - std::min(after_first, before)) / kClients;
  std::printf("an idle client costs %.0f bytes\n", each);
  if (!kSanitized) {
    EXPECT_LE(each, 1100);
  }
  for (Clients& clients : crowd)
    serve_all(clients);
}

// Of 15 KiB, 10 are OpenSSL's connection, the state of its two ciphers and its session.
TEST(Crowd, IdleClientsOverTlsCostNoBuffers) {
  constexpr size_t kClients = kSanitized ? 100 : 1000;
  ASSERT_GT(raise_file_limit(), kClients + 5000);
  const TestCa ca("test");
  const TemporaryFolder folder;
  const Pem pem = ca.issue({.names = {"localhost"}});
  folder.write("cert", pem.certificate);
  folder.write("key", pem.key);
  Origin origin;
  RunningHttptp proxy({"-in=127.0.0.1:0", "-inType=https", "-outType=http",
                       "-out=" + origin.address().text(), "-inKeepAliveTimeout=1h",
                       "-inTLSCert=" + folder.file("cert"), "-inTLSKey=" + folder.file("key")});
  ASSERT_TRUE(proxy.started());
  std::vector<TlsClient> clients;
  const auto add_clients = [&](size_t count) {
    for (size_t i = 0; i < count; ++i) {
      auto client = TlsClient::connect(proxy.address(),
                                       {.server_name = "localhost", .trusted_pem = ca.pem()});
      ASSERT_TRUE(client && client->is_complete());
      client->send_all(get_text("/bytes/1"));
      ASSERT_EQ(client->recv_until("\r\n\r\n").status, IoStatus::kOk);
      clients.push_back(std::move(*client));
    }
  };
  add_clients(100);
  const uint64_t before = proxy->process().rss_bytes();
  add_clients(kClients);
  const uint64_t grown = proxy->process().rss_bytes();
  const auto each = static_cast<double>(grown - std::min(grown, before)) / kClients;
  std::printf("an idle client over TLS costs %.0f bytes\n", each);
  if (!kSanitized) {
    EXPECT_LE(each, 16 * 1024);
  }
}

// Those who hold a connection up as slowly as they can.
class SlowCrowd {
 public:
  explicit SlowCrowd(const Address& address)
      : heads_(connect(address, 800 / kPart)),
        bodies_(connect(address, 500 / kPart)),
        readers_(connect(address, 100 / kPart, 4096)) {
    for (HttpConnection& client : heads_)
      client.send("GET /bytes/1 HTTP/1.1\r\nHost: a\r\nX: ");
    for (HttpConnection& client : bodies_)
      client.send("POST /hash HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nabc");
    for (HttpConnection& client : readers_)
      client.send(get_text("/bytes/8388608"));
  }

  static constexpr size_t size() { return (800 + 500 + 100) / kPart; }
  // A byte more of everything that is sent slowly.
  void drip() {
    for (Clients* clients : {&heads_, &bodies_}) {
      for (HttpConnection& client : *clients)
        EXPECT_TRUE(client.send("x"));
    }
  }

 private:
  static constexpr size_t kPart = kSanitized ? 4 : 1;

  Clients heads_;
  Clients bodies_;
  Clients readers_;
};

bool wait_until_stuck(const Origin& origin) {
  uint64_t before = 0;
  int same = 0;
  return wait_until(
      [&] {
        const uint64_t now = origin.counters().bytes_sent;
        same = now == before ? same + 1 : 0;
        before = now;
        return same > 20;
      },
      after(60s));
}

TEST(Crowd, SlowClientsHoldNobodyUp) {
  ASSERT_GT(raise_file_limit(), size_t{8000});
  Origin origin;
  RunningHttptp proxy(http_flags(origin.address().text()) +
                      Flags{"-inHeadTimeout=300s", "-inBodyIdleTimeout=300s",
                            "-inWriteIdleTimeout=300s", "-outIdleTimeout=300s"});
  ASSERT_TRUE(proxy.started());
  ASSERT_EQ(get(proxy.address(), "/bytes/1").head.status, 200);
  const uint64_t before = proxy->process().rss_bytes();
  SlowCrowd crowd(proxy.address());
  EXPECT_TRUE(becomes(*proxy, "inConns", SlowCrowd::size()));
  // The one origin is busy until its large answers are stuck.
  EXPECT_TRUE(wait_until_stuck(origin));

  int served = 0;
  std::chrono::milliseconds worst{};
  for (int i = 0; i < 30; ++i) {
    crowd.drip();
    const Deadline began = Clock::now();
    const Message answer = exchange(proxy.address(), get_text("/bytes/1000?seed=1"), after(30s));
    served += body_is(answer, Content::bytes(1000, 1)) ? 1 : 0;
    worst = std::max(worst,
                     std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - began));
  }
  EXPECT_EQ(served, 30);
  const uint64_t growth = proxy->process().rss_max_bytes() - before;
  std::printf("the slowest of 30 requests took %lld ms; %.1f MiB more memory\n",
              static_cast<long long>(worst.count()), static_cast<double>(growth) / kMiB);
  EXPECT_LT(worst, 5s);
  EXPECT_LT(growth, 100 * kMiB * (kSanitized ? 4 : 1));
}

}  // namespace
}  // namespace httpteleport::test
