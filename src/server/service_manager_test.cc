#include "server/service_manager.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "net/test_net.h"
#include "server/listen_sockets.h"
#include "server/test_server.h"

namespace httpteleport::server {
namespace {

using testing::HasSubstr;
using testing::StartsWith;
using namespace std::chrono_literals;

// The manager's end of NOTIFY_SOCKET.
class Manager {
 public:
  explicit Manager(const std::string& path) {
    const net::Address address = *net::Address::unix_path(path);
    EXPECT_EQ(bind(socket_.fd(), address.get(), address.length()), 0);
    setenv("NOTIFY_SOCKET", path.c_str(), 1);
  }
  // The next datagram, or an empty text when there is none.
  std::string next() {
    char room[1024];
    const ssize_t count = recv(socket_.fd(), room, sizeof room, MSG_DONTWAIT);
    return count < 0 ? "" : std::string(room, static_cast<size_t>(count));
  }

 private:
  net::Socket socket_{socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
};

TEST(ServiceManager, HearsOfEachStateInOneDatagram) {
  const TestFolder folder;
  for (const std::string& path : {folder.file("notify"), "@" + folder.file("notify")}) {
    Manager manager(path);
    ServiceManager service;
    EXPECT_EQ(std::getenv("NOTIFY_SOCKET"), nullptr) << "children must not speak for us";
    service.notify_ready("on\nport 80");
    EXPECT_EQ(manager.next(), "READY=1\nSTATUS=on port 80");
    service.notify_status("busy");
    EXPECT_EQ(manager.next(), "STATUS=busy");
    service.notify_reloading();
    EXPECT_THAT(manager.next(), StartsWith("RELOADING=1\nMONOTONIC_USEC="));
    service.notify_stopping("done");
    EXPECT_EQ(manager.next(), "STOPPING=1\nSTATUS=done");
    service.notify_alive();
    EXPECT_EQ(manager.next(), "WATCHDOG=1");
    EXPECT_EQ(manager.next(), "");
  }
}

TEST(ServiceManager, IsSilentWithoutASocketToSpeakTo) {
  for (const char* path : {"", "relative", "/none/there"}) {
    setenv("NOTIFY_SOCKET", path, 1);
    ServiceManager service;
    service.notify_ready("");
    service.notify_alive();
  }
}

TEST(ServiceManager, WantsSignsOfLifeTwiceAsOftenAsItWaits) {
  const TestFolder folder;
  Manager manager(folder.file("notify"));
  const auto interval = [&](const std::string& us, const std::string& pid) {
    setenv("NOTIFY_SOCKET", folder.file("notify").c_str(), 1);
    us.empty() ? unsetenv("WATCHDOG_USEC") : setenv("WATCHDOG_USEC", us.c_str(), 1);
    pid.empty() ? unsetenv("WATCHDOG_PID") : setenv("WATCHDOG_PID", pid.c_str(), 1);
    return ServiceManager().watchdog_interval();
  };
  EXPECT_EQ(interval("3000000", ""), Duration(1500ms));
  EXPECT_EQ(interval("3000000", std::to_string(getpid())), Duration(1500ms));
  EXPECT_EQ(interval("3000000", std::to_string(getpid() + 1)), std::nullopt);
  EXPECT_EQ(interval("", ""), std::nullopt);
  EXPECT_EQ(interval("0", ""), std::nullopt);
  EXPECT_EQ(interval("soon", ""), std::nullopt);
  EXPECT_EQ(std::getenv("WATCHDOG_USEC"), nullptr);
  EXPECT_EQ(std::getenv("WATCHDOG_PID"), nullptr);
}

// The signs of life are the new process's: the old one must not vouch for it.
TEST(ServiceManager, HearsNothingMoreOfAProcessThatWasReplaced) {
  const TestFolder folder;
  const BlockedSignals blocked;
  Manager manager(folder.file("notify"));
  setenv("WATCHDOG_USEC", "2000", 1);
  test::Origin origin;
  TestServer server(snapshot_to(origin.address()),
                    {"/bin/bash", "-c", "eval \"printf 1 >&${HTTPTP_HANDOVER##*ready=}\""});
  ASSERT_EQ(server.problem(), "");
  test::HttpConnection client(server.address());
  ASSERT_TRUE(client.send("POST /hash HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n1"));
  ASSERT_TRUE(test::wait_until(
      [&] { return server.sum([](const auto& m) { return m.exchanges_open.value(); }) == 1; }));
  server.replace();
  ASSERT_TRUE(test::wait_until([&] { return !server.server().is_ready(); }));
  while (!manager.next().empty()) {
  }
  ASSERT_TRUE(client.send("23456789"));
  EXPECT_EQ(client.read_response().head.status, 200);
  EXPECT_EQ(server.stop(), 0);
  EXPECT_EQ(manager.next(), "");
}

// Puts sockets at descriptors that are free and in a row, as a service manager does from 3 on.
class InheritedSocketsTest : public testing::Test {
 protected:
  static constexpr int kFirst = 700;

  ~InheritedSocketsTest() override {
    for (int fd = kFirst; fd < kFirst + 3; ++fd)
      close(fd);
  }
  void put(int index, const net::Socket& socket) {
    result_ = {};  // what it holds has the same numbers
    ASSERT_EQ(dup2(socket.fd(), kFirst + index), kFirst + index);
  }
  static void set_environment(const std::string& pid, const std::string& count,
                              const std::string& names) {
    setenv("LISTEN_PID", pid.c_str(), 1);
    setenv("LISTEN_FDS", count.c_str(), 1);
    setenv("LISTEN_FDNAMES", names.c_str(), 1);
  }
  // What opening the listener says.
  std::string open(const net::Address& wanted) {
    std::vector<InheritedSocket> inherited;
    if (std::string problem = take_inherited_sockets(inherited, kFirst); !problem.empty())
      return problem;
    config::ListenerOptions listener;
    listener.address = wanted;
    Inheritance nothing;
    return open_listen_sockets(listener, 4, nothing, std::move(inherited), "-in", result_);
  }

  const std::string self_ = std::to_string(getpid());
  ListenSockets result_;
};

TEST_F(InheritedSocketsTest, ReplaceWhatWouldBeBound) {
  const net::Socket first = net::TestNet::listen_socket();
  put(0, first);
  set_environment(self_, "1", "web");
  const net::Address bound = net::local_address(first.fd());
  ASSERT_EQ(open(bound), "");
  EXPECT_EQ(result_.address, bound);
  EXPECT_FALSE(result_.one_a_worker);
  ASSERT_EQ(result_.sockets.size(), 1u);
  EXPECT_EQ(result_.sockets[0].fd(), kFirst);
  EXPECT_NE(fcntl(kFirst, F_GETFD) & FD_CLOEXEC, 0);
  EXPECT_NE(fcntl(kFirst, F_GETFL) & O_NONBLOCK, 0);
  for (const char* name : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"})
    EXPECT_EQ(std::getenv(name), nullptr) << name;

  put(0, first);
  set_environment(self_, "1", "");
  ASSERT_EQ(open(net::loopback(0)), "") << "port 0 leaves the choice to the manager";
  EXPECT_EQ(result_.address, bound);
}

TEST_F(InheritedSocketsTest, AreSomebodyElsesWhenThePidSaysSo) {
  set_environment(std::to_string(getpid() + 1), "1", "");
  ASSERT_EQ(open(net::loopback()), "");
  EXPECT_TRUE(result_.one_a_worker) << "it was bound by us";
  EXPECT_EQ(result_.sockets.size(), 4u);
}

TEST_F(InheritedSocketsTest, AreCheckedOneByOne) {
  const net::Socket listening = net::TestNet::listen_socket();
  const net::Address bound = net::local_address(listening.fd());
  const net::Socket other = net::TestNet::listen_socket();
  const net::Socket idle(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const net::Socket datagrams(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  put(0, listening);
  put(1, other);
  set_environment(self_, "2", "web:odd");
  EXPECT_THAT(open(bound), HasSubstr("descriptor 701 (odd) of the service manager listens on " +
                                     net::local_address(other.fd()).to_string() + ", but -in"));
  put(0, idle);
  set_environment(self_, "1", "");
  EXPECT_THAT(open(bound), HasSubstr("descriptor 700 (unnamed) of the service manager does not "
                                     "listen"));
  put(0, datagrams);
  set_environment(self_, "1", "");
  EXPECT_THAT(open(bound), HasSubstr("is no stream socket"));
  set_environment(self_, "1", "");
  EXPECT_THAT(open(bound), HasSubstr("descriptor 700 is not open"));
  set_environment(self_, "many", "");
  EXPECT_THAT(open(bound), HasSubstr("LISTEN_FDS=\"many\""));
  set_environment(self_, "257", "");
  EXPECT_THAT(open(bound), HasSubstr("LISTEN_FDS=\"257\" is no number of descriptors"));
}

}  // namespace
}  // namespace httpteleport::server
