#include "net/send_backlog.h"

#include <gtest/gtest.h>

#include <string>

#include "net/test_net.h"

namespace httpteleport::net {
namespace {

// A connection that has something to send to a peer of this test.
class SendBacklogTest : public testing::Test {
 protected:
  void SetUp() override {
    connecting_ = *start_connect(local_address(listening_.fd()));
    peer_ = net_.accept(listening_);
    ASSERT_NE(peer_, nullptr);
    peer_->reading = false;
  }
  // What the kernel takes.
  void fill() {
    const std::string bytes(64 * 1024, 'x');
    while (::send(connecting_.fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT) > 0) {
    }
  }
  SendBacklog backlog() { return send_backlog_of(connecting_.fd()); }

  TestNet net_;
  Socket listening_ = TestNet::listen_socket();
  Socket connecting_;
  TestPeer* peer_ = nullptr;
};

TEST_F(SendBacklogTest, IsNothingWhereNothingWaits) {
  EXPECT_EQ(backlog(), SendBacklog{});
  ASSERT_EQ(::send(connecting_.fd(), "x", 1, MSG_NOSIGNAL), 1);
  EXPECT_EQ(backlog().unsent_bytes, 0u);
}

TEST_F(SendBacklogTest, IsStuckWhileThePeerHasNoRoom) {
  fill();
  EXPECT_GT(backlog().unsent_bytes, 0u);
  ASSERT_TRUE(net_.run_until([&] { return backlog().is_stuck; }));
  peer_->reading = true;
  EXPECT_TRUE(net_.run_until([&] { return backlog() == SendBacklog{}; }));
}

TEST(SendBacklog, OfWhatIsNoTcpSocketIsNothing) {
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  const Socket one(ends[0]);
  const Socket other(ends[1]);
  ASSERT_EQ(::send(one.fd(), "x", 1, MSG_NOSIGNAL), 1);
  EXPECT_EQ(send_backlog_of(one.fd()), SendBacklog{});
}

}  // namespace
}  // namespace httpteleport::net
