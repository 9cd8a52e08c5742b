#include "net/listener.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/tcp.h>
#include <sys/resource.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "net/test_net.h"
#include "support/socket.h"

namespace httpteleport::net {
namespace {

using namespace std::chrono_literals;

class Accepted final : public AcceptHandler {
 public:
  std::vector<Socket> sockets;
  std::vector<Address> peers;

  void on_accept(Socket socket, const Address& peer) override {
    sockets.push_back(std::move(socket));
    peers.push_back(peer);
  }
};

class ListenerTest : public testing::Test {
 protected:
  ListenerTest() { EXPECT_TRUE(listener_->start()); }

  test::Address target() const { return {.ipv6 = false, .port = listener_->address().port()}; }
  std::vector<test::Socket> connect(size_t count) {
    std::vector<test::Socket> clients;
    for (size_t i = 0; i < count; ++i) {
      auto client = test::Socket::connect(target());
      EXPECT_TRUE(client);
      if (client) clients.push_back(std::move(*client));
    }
    return clients;
  }

  TestNet net_;
  Accepted accepted_;
  std::unique_ptr<Listener> listener_ =
      std::make_unique<Listener>(net_.loop, TestNet::listen_socket(), accepted_, net_.metrics);
};

TEST_F(ListenerTest, AcceptsConnectionsReadyForUse) {
  const auto clients = connect(3);
  ASSERT_TRUE(net_.run_until([&] { return accepted_.sockets.size() == 3; }));
  EXPECT_EQ(net_.metrics.accepted.value(), 3u);
  for (size_t i = 0; i < 3; ++i) {
    const int fd = accepted_.sockets[i].fd();
    EXPECT_NE(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
    EXPECT_NE(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
    int no_delay = 0;
    socklen_t length = sizeof no_delay;
    getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &no_delay, &length);
    EXPECT_NE(no_delay, 0);
    EXPECT_EQ(accepted_.peers[i].to_string(), local_address(clients[i].fd()).to_string());
  }
}

TEST_F(ListenerTest, TakesABoundedNumberInOneTurnAndTheRestLater) {
  constexpr size_t kCount = 2 * Listener::kAcceptsPerTurn + 10;
  const auto clients = connect(kCount);
  net_.loop.run_once(Duration(10s));
  EXPECT_EQ(accepted_.sockets.size(), size_t{Listener::kAcceptsPerTurn});
  ASSERT_TRUE(net_.run_until([&] { return accepted_.sockets.size() == kCount; }));
}

TEST_F(ListenerTest, TakesWhatWaitsInTheQueueWhenItCloses) {
  auto clients = connect(100);
  const test::Address address = target();
  listener_->close();
  EXPECT_EQ(accepted_.sockets.size(), 100u);
  EXPECT_FALSE(listener_->is_open());
  EXPECT_FALSE(test::Socket::connect(address, test::after(100ms)));
  // None of them was reset.
  ASSERT_EQ(clients.back().send_all("hello"), test::IoStatus::kOk);
  listener_->close();
  net_.settle();
  EXPECT_EQ(accepted_.sockets.size(), 100u);
}

TEST_F(ListenerTest, MayBeClosedFromInsideOnAccept) {
  class Closing final : public AcceptHandler {
   public:
    Listener* listener = nullptr;
    size_t count = 0;
    void on_accept(Socket, const Address&) override {
      if (++count == 1) listener->close();
    }
  };
  Closing closing;
  Listener listener(net_.loop, TestNet::listen_socket(), closing, net_.metrics);
  closing.listener = &listener;
  ASSERT_TRUE(listener.start());
  std::vector<test::Socket> clients;
  for (int i = 0; i < 5; ++i)
    clients.push_back(*test::Socket::connect({.ipv6 = false, .port = listener.address().port()}));
  ASSERT_TRUE(net_.run_until([&] { return closing.count == 5; }));
  EXPECT_FALSE(listener.is_open());
}

TEST_F(ListenerTest, WaitsAWhileWhenThereAreNoDescriptorsLeftAndGoesOnAfterThat) {
  const auto clients = connect(3);
  // The lowest free descriptor is now over the limit.
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const int lowest_free = dup(0);
  ASSERT_GE(lowest_free, 0);
  close(lowest_free);
  rlimit none_left = before;
  none_left.rlim_cur = static_cast<rlim_t>(lowest_free);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none_left), 0);
  const TimePoint start = net_.loop.now();
  const bool failed = net_.run_until([&] { return net_.metrics.accept_errors.value() > 0; });
  net_.settle();
  const uint64_t errors = net_.metrics.accept_errors.value();
  setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_TRUE(failed);
  EXPECT_EQ(errors, 1u) << "it spins";
  EXPECT_EQ(accepted_.sockets.size(), 0u);
  ASSERT_TRUE(net_.run_until([&] { return accepted_.sockets.size() == 3; }));
  EXPECT_GE(net_.loop.now() - start, Listener::kPauseAfterError);
}

TEST_F(ListenerTest, AcceptsNothingWhileAsManyDescriptorsAreOpenAsItMayUse) {
  Socket listening = TestNet::listen_socket();
  const test::Address address{.ipv6 = false, .port = local_address(listening.fd()).port()};
  std::vector<test::Socket> clients;
  for (int i = 0; i < 5; ++i)
    clients.push_back(*test::Socket::connect(address));
  const int lowest_free = dup(0);
  close(lowest_free);
  Listener listener(net_.loop, std::move(listening), accepted_, net_.metrics,
                    static_cast<size_t>(lowest_free) + 1);
  ASSERT_TRUE(listener.start());
  ASSERT_TRUE(net_.run_until([&] { return net_.metrics.accept_errors.value() > 0; }));
  net_.settle();
  EXPECT_EQ(net_.metrics.accept_errors.value(), 1u) << "it spins";
  EXPECT_EQ(accepted_.sockets.size(), 1u);
  accepted_.sockets.clear();
  ASSERT_TRUE(net_.run_until([&] { return accepted_.sockets.size() == 1; }));
  // Who waits when the socket is closed is not lost.
  listener.close();
  EXPECT_EQ(accepted_.sockets.size(), 4u);
}

TEST(ListenOn, ReportsAnAddressThatIsTaken) {
  const Socket first = TestNet::listen_socket();
  const Result<Socket> second =
      listen_on(local_address(first.fd()), {.reuse_port = false, .backlog = 1});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kSystem);
  EXPECT_EQ(second.error().sys_errno, EADDRINUSE);
}

TEST(ListenOn, LetsABoundedNumberWaitToBeAccepted) {
  for (const int backlog : {1, ListenOptions{}.backlog}) {
    const Result<Socket> listening = listen_on(loopback(), {.backlog = backlog});
    ASSERT_TRUE(listening);
    tcp_info info{};
    socklen_t size = sizeof info;
    ASSERT_EQ(getsockopt(listening->fd(), IPPROTO_TCP, TCP_INFO, &info, &size), 0);
    // Of a listening socket, this is the length of its queue; the system may allow less.
    EXPECT_GE(info.tcpi_sacked, 1u);
    EXPECT_LE(info.tcpi_sacked, static_cast<uint32_t>(backlog));
  }
  EXPECT_EQ(ListenOptions{}.backlog, 4096);
}

TEST(DeadPeerTimeout, IsTheKernelsForBytesAndForSilence) {
  const Socket socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  set_dead_peer_timeout(socket.fd(), 60s);
  const auto option = [&](int level, int name) {
    int value = 0;
    socklen_t size = sizeof value;
    EXPECT_EQ(getsockopt(socket.fd(), level, name, &value, &size), 0);
    return value;
  };
  EXPECT_EQ(option(IPPROTO_TCP, TCP_USER_TIMEOUT), 60'000);
  EXPECT_EQ(option(SOL_SOCKET, SO_KEEPALIVE), 1);
  EXPECT_LE(option(IPPROTO_TCP, TCP_KEEPIDLE) +
                option(IPPROTO_TCP, TCP_KEEPINTVL) * option(IPPROTO_TCP, TCP_KEEPCNT),
            90);
}

TEST(ListenOn, SharesAnAddressWhenAsked) {
  const Result<Socket> first = listen_on(loopback(), {.reuse_port = true, .backlog = 1});
  ASSERT_TRUE(first);
  EXPECT_TRUE(listen_on(local_address(first->fd()), {.reuse_port = true, .backlog = 1}));
}

TEST(ListenOn, TakesIpv4OnTheAddressOfAllHosts) {
  const Result<Address> any = resolve_listen({"", 0});
  ASSERT_TRUE(any);
  const Result<Socket> listening = listen_on(*any, {});
  ASSERT_TRUE(listening);
  const uint16_t port = local_address(listening->fd()).port();
  EXPECT_TRUE(test::Socket::connect({.ipv6 = false, .port = port}));
  if (any->is_ipv6()) {
    EXPECT_TRUE(test::Socket::connect({.ipv6 = true, .port = port}));
  }
}

}  // namespace
}  // namespace httpteleport::net
