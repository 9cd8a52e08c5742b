// How a proxy starts: what it tells the service manager, sockets that it inherits, and what it says
// when it cannot.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "integration/topology.h"
#include "support/fd.h"
#include "support/origin.h"
#include "support/paths.h"
#include "support/temporary_folder.h"

namespace httpteleport::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr const char* kGet = "GET /bytes/100?seed=1 HTTP/1.1\r\nHost: a\r\n\r\n";

// The manager's end of NOTIFY_SOCKET, at an abstract name of this process.
class ServiceManager {
 public:
  ServiceManager() {
    sockaddr_storage storage;
    const unsigned size = Address{.unix_path = path()}.to_sockaddr(storage);
    EXPECT_EQ(bind(socket_.get(), reinterpret_cast<sockaddr*>(&storage), size), 0);
  }
  static std::string path() { return "@start-up-test-" + std::to_string(getpid()); }
  // The next datagram; an empty text when none comes in time.
  std::string next() {
    pollfd waiting{.fd = socket_.get(), .events = POLLIN, .revents = 0};
    if (poll(&waiting, 1, poll_timeout_ms(after())) != 1) return "";
    char room[1024];
    const ssize_t count = recv(socket_.get(), room, sizeof room, 0);
    return {room, static_cast<size_t>(count > 0 ? count : 0)};
  }

 private:
  Fd socket_{socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
};

TEST(StartUp, TellsTheServiceManagerHowItIs) {
  ServiceManager manager;
  Origin origin;
  std::string error;
  const auto proxy = HttptpProcess::start(
      {.flags = http_flags(origin.address().text()),
       .environment = {{"NOTIFY_SOCKET", ServiceManager::path()}, {"WATCHDOG_USEC", "200000"}}},
      error);
  ASSERT_NE(proxy, nullptr) << error;
  EXPECT_THAT(manager.next(), StartsWith("READY=1\nSTATUS=taking connections on 127.0.0.1:"));
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(manager.next(), "WATCHDOG=1");
  EXPECT_EQ(proxy->stop().code, 0) << proxy->process().output();
  std::string last = manager.next();
  while (last == "WATCHDOG=1")
    last = manager.next();
  EXPECT_THAT(last, StartsWith("STOPPING=1\n"));
}

// bash puts the listening socket at descriptor 3 and keeps its process id for the program.
HttptpProcess::Options with_inherited(int fd, const Flags& flags) {
  const std::string script = "exec 3<&" + std::to_string(fd) +
                             "; LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=web exec \"$@\"";
  return {.binary = "/bin/bash",
          .flags = Flags{"-c", script, "bash", bin_dir() + "/httptp"} + flags};
}

TEST(StartUp, TakesConnectionsOnAnInheritedSocket) {
  Origin origin;
  Listener listening;
  ASSERT_EQ(fcntl(listening.fd(), F_SETFD, 0), 0);
  // Before there is a proxy: the socket keeps what comes.
  HttpConnection early(listening.address());
  ASSERT_TRUE(early.send(kGet));
  std::string error;
  const auto proxy = HttptpProcess::start(
      with_inherited(
          listening.fd(),
          http_flags(origin.address().text(), listening.address().text()) + Flags{"-workers=2"}),
      error);
  ASSERT_NE(proxy, nullptr) << error;
  EXPECT_EQ(proxy->address().port, listening.port());
  EXPECT_EQ(early.read_response().head.status, 200);
  for (int i = 0; i < 4; ++i)
    EXPECT_EQ(exchange(listening.address(), kGet).head.status, 200);
  EXPECT_EQ(proxy->stop().code, 0) << proxy->process().output();
}

// A pipe as the file of flags holds the start up until the signals are sent.
TEST(StartUp, HeedsSignalsThatComeBeforeItServes) {
  const TemporaryFolder folder;
  const std::string path = folder.file("flags");
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  Process proxy({bin_dir() + "/httptp", "-config=" + path});
  Fd writing;
  ASSERT_TRUE(wait_until([&] {  // there is a reader
    writing = Fd(open(path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
    return static_cast<bool>(writing);
  }));
  proxy.signal(SIGHUP);
  const std::string flags = "in = 127.0.0.1:0\nout = 127.0.0.1:9\nexpvarAddr = \n";
  ASSERT_EQ(rename(folder.write("next", flags).c_str(), path.c_str()), 0);
  ASSERT_EQ(write(writing.get(), flags.data(), flags.size()), static_cast<ssize_t>(flags.size()));
  writing.reset();
  EXPECT_TRUE(proxy.wait_line("listening on "));
  EXPECT_TRUE(proxy.wait_line("files reloaded"));
  EXPECT_EQ(proxy.terminate().code, 0) << proxy.output();
}

TEST(StartUp, RefusesAnInheritedSocketOnAnotherAddress) {
  Listener listening;
  ASSERT_EQ(fcntl(listening.fd(), F_SETFD, 0), 0);
  std::string error;
  const auto proxy = HttptpProcess::start(
      with_inherited(listening.fd(), http_flags("127.0.0.1:9", dead_address().text())), error);
  ASSERT_EQ(proxy, nullptr);
  EXPECT_THAT(error, HasSubstr("descriptor 3 (web) of the service manager listens on " +
                               listening.address().text()));
}

TEST(StartUp, NamesTheProcessThatHasTheAddress) {
  Listener taken;
  const std::string in = taken.address().text();
  Process proxy({bin_dir() + "/httptp", "-in=" + in, "-inType=http", "-outType=http",
                 "-out=127.0.0.1:9", "-expvarAddr="});
  const auto status = proxy.wait_exit();
  ASSERT_TRUE(status);
  EXPECT_EQ(status->code, 1);
  EXPECT_THAT(proxy.output(),
              HasSubstr("cannot listen on -in=\"" + in + "\": address already in use by pid " +
                        std::to_string(getpid()) + " ("));
  Process second({bin_dir() + "/httptp", "-in=127.0.0.1:0", "-inType=http", "-outType=http",
                  "-out=127.0.0.1:9", "-expvarAddr=" + in});
  ASSERT_TRUE(second.wait_exit());
  EXPECT_THAT(second.output(), HasSubstr("cannot listen on -expvarAddr=\"" + in +
                                         "\": address already in use by pid "));
}

}  // namespace
}  // namespace httpteleport::test
