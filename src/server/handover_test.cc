#include "server/handover.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/log.h"
#include "net/test_net.h"
#include "net/unix_socket.h"
#include "server/listen_sockets.h"
#include "support/deadline.h"
#include "support/temporary_folder.h"

namespace httpteleport::server {
namespace {

using namespace std::chrono_literals;

// What happens to a process that is started.
class SuccessorTest : public testing::Test {
 protected:
  // Runs the loop until the successor has become ready or failed.
  void run(const std::vector<std::string>& command, Duration timeout) {
    Successor successor(
        loop_, [this] { ready_ = true; }, [this] { failed_ = true; }, timeout);
    ASSERT_TRUE(successor.start(command, {}, {}));
    EXPECT_TRUE(successor.is_starting());
    pid_ = successor.pid();
    const test::Deadline deadline = test::after();
    while (!ready_ && !failed_ && test::Clock::now() < deadline)
      loop_.run_once(10ms);
    EXPECT_FALSE(successor.is_starting());
  }
  bool is_there() const { return kill(pid_, 0) == 0; }

  event::Loop loop_;
  bool ready_ = false;
  bool failed_ = false;
  pid_t pid_ = -1;
};

TEST_F(SuccessorTest, FailsWhenItEnds) {
  run({"/bin/true"}, 10s);
  EXPECT_TRUE(failed_);
  EXPECT_FALSE(is_there()) << "not even as a zombie";
}

TEST_F(SuccessorTest, FailsWhenThereIsNoSuchProgram) {
  run({"/nowhere/httptp"}, 10s);
  EXPECT_TRUE(failed_);
}

TEST_F(SuccessorTest, IsEndedWhenItIsNotReadyInTime) {
  run({"/bin/sleep", "1000"}, 30ms);
  EXPECT_TRUE(failed_);
  EXPECT_FALSE(is_there());
}

TEST_F(SuccessorTest, IsReadyWhenItSaysSo) {
  run({"/bin/sh", "-c", "eval \"printf 1 >&${HTTPTP_HANDOVER##*ready=}\""}, 10s);
  EXPECT_TRUE(ready_);
  EXPECT_FALSE(failed_);
  EXPECT_EQ(waitpid(pid_, nullptr, 0), pid_);
}

// The sockets of a process before this one, on unix paths.
class InheritanceTest : public testing::Test {
 protected:
  net::Address address(const std::string& name) const {
    return *net::Address::unix_path(folder_.file(name));
  }
  // What is passed on by a process that has called the socket at `listening` so.
  Inheritance pass_on(const std::string& kind, const net::Address& listening,
                      const net::ListenOptions& options = {}) {
    net::Socket socket = *net::listen_on(listening, options);
    bound_ = net::local_address(socket.fd());
    setenv("HTTPTP_HANDOVER", (kind + "=" + std::to_string(socket.release())).c_str(), 1);
    return Inheritance::take();
  }
  // The listener of a successor that is to listen on `wanted`.
  static ListenSockets open(Inheritance& inheritance, const net::Address& wanted,
                            config::ListenerOptions listener = {}) {
    listener.address = wanted;
    ListenSockets result;
    EXPECT_EQ(open_listen_sockets(listener, 2, inheritance, {}, "-in", result), "");
    return result;
  }
  bool file_exists(const std::string& name) const {
    return std::filesystem::exists(folder_.file(name));
  }

  test::TemporaryFolder folder_;
  net::Address bound_;  // of the socket that is passed on
};

// All addresses of the machine.
net::Address any(const std::string& host, uint16_t port = 0) {
  return *net::resolve_listen({host, port});
}

TEST_F(InheritanceTest, LeavesAloneTheFileOfAListenerUntilItIsReady) {
  Inheritance inheritance = pass_on("in", address("s"));
  {
    const ListenSockets sockets = open(inheritance, address("s"));
    EXPECT_TRUE(sockets.file_is_predecessors);
    EXPECT_EQ(sockets.sockets.size(), 1u);
  }
  EXPECT_TRUE(file_exists("s"));
}

TEST_F(InheritanceTest, KnowsTheSocketsOfTheServiceManager) {
  Inheritance inheritance = pass_on("managed", address("s"));
  const ListenSockets sockets = open(inheritance, address("s"));
  EXPECT_TRUE(sockets.managed);
  EXPECT_FALSE(sockets.file_is_predecessors);
  EXPECT_FALSE(sockets.one_a_worker);
}

TEST_F(InheritanceTest, TakesNoSocketOfAnotherPath) {
  Inheritance inheritance = pass_on("in", address("s"));
  EXPECT_FALSE(inheritance.take_socket("admin", address("s")).is_open());
  const ListenSockets sockets = open(inheritance, address("other"));
  EXPECT_EQ(sockets.address, address("other"));
  EXPECT_FALSE(sockets.file_is_predecessors);
  EXPECT_TRUE(file_exists("s"));
  inheritance.announce_ready();
  EXPECT_FALSE(file_exists("s"));
  EXPECT_TRUE(file_exists("other"));
}

TEST_F(InheritanceTest, LeavesAloneTheFilesOfTheServiceManager) {
  Inheritance inheritance = pass_on("managed", address("s"));
  inheritance.announce_ready();
  EXPECT_TRUE(file_exists("s"));
}

TEST_F(InheritanceTest, TakesTheServiceManagersSocketHoweverAllAddressesAreSaid) {
  for (const auto& [has, wants] : {std::pair("::", "0.0.0.0"), std::pair("0.0.0.0", "::")}) {
    for (const bool port_is_said : {true, false}) {
      Inheritance inheritance = pass_on("managed", any(has));
      const ListenSockets sockets =
          open(inheritance, any(wants, port_is_said ? bound_.port() : uint16_t{0}));
      EXPECT_TRUE(sockets.managed);
      EXPECT_EQ(sockets.address, bound_);
    }
  }
}

// Somebody has changed -in, and need not have meant IPv6 as well.
TEST_F(InheritanceTest, TakesNoSocketOfOursThatIsBoundOtherwise) {
  Inheritance inheritance = pass_on("in", any("::"));
  EXPECT_FALSE(inheritance.take_socket("in", any("0.0.0.0", bound_.port())).is_open());
  EXPECT_FALSE(inheritance.take_socket("in", any("0.0.0.0")).is_open());
  EXPECT_TRUE(inheritance.take_socket("in", any("::")).is_open());
}

TEST_F(InheritanceTest, TellsWhichSocketsAreClosedBecauseNobodyTookThem) {
  ASSERT_TRUE(program_log().configure({.file = folder_.file("log")}));
  Inheritance inheritance = pass_on("managed", address("s"));
  const ListenSockets sockets = open(inheritance, address("other"));
  inheritance.announce_ready();
  EXPECT_TRUE(program_log().configure({}));
  std::ifstream log(folder_.file("log"));
  const std::string text(std::istreambuf_iterator<char>(log), {});
  EXPECT_THAT(text, testing::HasSubstr("address=unix:" + folder_.file("s")));
}

// The control thread places links by load, however the socket was bound.
TEST_F(InheritanceTest, LeavesTheLinksOfASharedAddressToTheControlThread) {
  Inheritance inheritance = pass_on("in", net::loopback(), {.reuse_port = true});
  config::ListenerOptions links;
  links.protocol = config::ListenerProtocol::kTeleport;
  links.shared_with_others = true;
  const ListenSockets sockets = open(inheritance, bound_, links);
  EXPECT_FALSE(sockets.one_a_worker);
  EXPECT_EQ(sockets.sockets.size(), 1u);
}

}  // namespace
}  // namespace httpteleport::server
