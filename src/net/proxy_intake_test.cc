#include "net/proxy_intake.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "net/test_net.h"

namespace httpteleport::net {
namespace {

using namespace std::chrono_literals;

constexpr const char* kHeader = "PROXY TCP4 192.0.2.1 192.0.2.2 1000 80\r\n";

class ProxyIntakeTest : public testing::Test, public ProxyIntakeHandler {
 protected:
  void start(const ProxyIntake::Options& options) {
    intake_ = std::make_unique<ProxyIntake>(net_.loop, options, *this);
  }
  TestPeer& connect(std::string_view first_bytes = {}) {
    auto [socket, peer] = net_.connected_pair();
    peer->send(first_bytes);
    net_.settle();
    intake_->take(std::move(socket), loopback(1234));
    return *peer;
  }

  TestNet net_;
  std::unique_ptr<ProxyIntake> intake_;
  std::vector<Socket> sockets_;
  std::vector<ProxyHeader> headers_;
  std::vector<ProxyRefusal> refusals_;

 private:
  void on_proxy_header(Socket socket, const Address& peer, const ProxyHeader& header) override {
    EXPECT_EQ(peer, loopback(1234));
    sockets_.push_back(std::move(socket));
    headers_.push_back(header);
  }
  void on_proxy_refused(const Address& peer, ProxyRefusal refusal) override {
    EXPECT_EQ(peer, loopback(1234));
    refusals_.push_back(refusal);
  }
};

TEST_F(ProxyIntakeTest, LeavesWhatFollowsTheHeaderInTheSocket) {
  start({.versions = {.v1 = true, .v2 = true}});
  connect(std::string(kHeader) + "GET / ");
  ASSERT_EQ(sockets_.size(), 1u) << "it had come already";
  EXPECT_EQ(headers_[0].source.to_string(), "192.0.2.1:1000");
  char room[100];
  EXPECT_EQ(recv(sockets_[0].fd(), room, sizeof room, MSG_DONTWAIT), 6);
  EXPECT_EQ(intake_->waiting_count(), 0u);
  // The socket can be watched by whoever has it now.
  class Watcher final : public event::IoHandler {
    void on_ready(event::Readiness) override {}
  };
  Watcher watcher;
  EXPECT_TRUE(net_.loop.watch(sockets_[0].fd(), watcher));
  net_.loop.unwatch(sockets_[0].fd());
}

TEST_F(ProxyIntakeTest, TakesTheHeaderInPieces) {
  start({.versions = {.v1 = true, .v2 = true}});
  TestPeer& peer = connect();
  for (const char c : std::string(kHeader)) {
    EXPECT_TRUE(sockets_.empty());
    EXPECT_EQ(intake_->waiting_count(), 1u);
    peer.send({&c, 1});
    net_.settle();
  }
  ASSERT_TRUE(net_.run_until([&] { return sockets_.size() == 1; }));
  EXPECT_TRUE(refusals_.empty());
}

TEST_F(ProxyIntakeTest, ClosesWhoBeginsOtherwise) {
  start({.versions = {.v1 = true, .v2 = false}});
  TestPeer& peer = connect("GET / HTTP/1.1\r\n");
  EXPECT_EQ(refusals_, std::vector{ProxyRefusal::kMalformed});
  ASSERT_TRUE(net_.run_until([&] { return peer.ended || peer.broken; }));
  EXPECT_TRUE(sockets_.empty());
}

TEST_F(ProxyIntakeTest, ClosesWhoLeavesOrTakesTooLong) {
  start({.versions = {.v1 = true, .v2 = false}, .timeout = 50ms});
  connect("PROXY ").close();
  ASSERT_TRUE(net_.run_until([&] { return refusals_.size() == 1; }));
  const TimePoint begin = net_.loop.now();
  TestPeer& slow = connect("PROXY ");
  ASSERT_TRUE(net_.run_until([&] { return refusals_.size() == 2; }));
  EXPECT_GE(net_.loop.now() - begin, Duration(50ms));
  EXPECT_EQ(refusals_, (std::vector{ProxyRefusal::kTimeout, ProxyRefusal::kTimeout}));
  ASSERT_TRUE(net_.run_until([&] { return slow.ended || slow.broken; }));
  EXPECT_EQ(intake_->waiting_count(), 0u);
}

TEST_F(ProxyIntakeTest, BoundsHowManyWait) {
  start({.versions = {.v1 = true, .v2 = false}, .waiting_max = 2});
  TestPeer& oldest = connect();
  TestPeer& second = connect();
  connect();
  EXPECT_EQ(intake_->waiting_count(), 2u);
  EXPECT_EQ(refusals_, std::vector{ProxyRefusal::kCrowded});
  ASSERT_TRUE(net_.run_until([&] { return oldest.ended || oldest.broken; }));
  second.send(kHeader);
  ASSERT_TRUE(net_.run_until([&] { return sockets_.size() == 1; }));
}

TEST_F(ProxyIntakeTest, ClosesWhatWaitsAtTheEnd) {
  start({.versions = {.v1 = true, .v2 = false}});
  TestPeer& peer = connect();
  intake_->close();
  EXPECT_EQ(intake_->waiting_count(), 0u);
  ASSERT_TRUE(net_.run_until([&] { return peer.ended || peer.broken; }));
  EXPECT_TRUE(refusals_.empty());
}

}  // namespace
}  // namespace httpteleport::net
