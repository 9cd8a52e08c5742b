// What the tests of UDP share: sockets of datagrams at either end, and a service between them.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "relay/test_relay.h"
#include "relay/udp_service.h"

namespace httpteleport::relay {

// A socket of datagrams at either end.
class Peer {
 public:
  explicit Peer(const net::Address& bound = net::loopback()) {
    Result<net::Socket> socket = open_udp(bound, false);
    HT_ASSERT(socket.has_value());
    socket_ = *std::move(socket);
  }

  struct Datagram {
    std::string bytes;
    net::Address from;
  };
  std::deque<Datagram> received;

  net::Address address() const { return net::local_address(socket_.fd()); }
  // False: the kernel did not take it.
  bool send(std::string_view bytes, const net::Address& to) {
    const ssize_t sent = sendto(socket_.fd(), bytes.data(), bytes.size(), 0, to.get(), to.length());
    return sent == static_cast<ssize_t>(bytes.size());
  }
  void pump() {
    for (;;) {
      std::string room(DatagramRoom::kBytes, '\0');
      sockaddr_storage from{};
      socklen_t length = sizeof from;
      const ssize_t count = recvfrom(socket_.fd(), room.data(), room.size(), MSG_DONTWAIT,
                                     reinterpret_cast<sockaddr*>(&from), &length);
      if (count < 0) return;
      room.resize(static_cast<size_t>(count));
      received.push_back({room, net::Address(reinterpret_cast<sockaddr*>(&from), length)});
    }
  }
  // Answers what has come with the same bytes behind `prefix`.
  void echo(const std::string& prefix = "") {
    pump();
    for (; !received.empty(); received.pop_front())
      send(prefix + received.front().bytes, received.front().from);
  }

 private:
  net::Socket socket_;
};

class UdpServiceTest : public testing::Test, private Backends {
 protected:
  UdpServiceTest() { cluster_.options.balancer.policy = upstream::Policy::kRoundRobin; }
  ~UdpServiceTest() override { service_.reset(); }

  Peer& add_endpoint(const std::string& name) {
    cluster_.add(name, {endpoints_.emplace_back().address()});
    return endpoints_.back();
  }
  UdpService& service(const net::Address& address = net::loopback()) {
    if (service_) return *service_;
    Result<net::Socket> socket = open_udp(address, false);
    HT_ASSERT(socket.has_value());
    service_ = std::make_unique<UdpService>(
        UdpContext{net_.loop, net_.metrics, batches_, cluster_.open(), metrics_,
                   static_cast<Backends&>(*this), gate_},
        std::make_shared<const net::Socket>(*std::move(socket)), options_);
    HT_ASSERT(service_->start().has_value());
    return *service_;
  }
  template <class Condition>
  [[nodiscard]] bool run_until(Condition&& condition) {
    return net_.run_until([&] {
      if (at_pump) at_pump();
      return condition();
    });
  }
  // The next datagram that comes to `peer`; empty when none does.
  std::string receive(Peer& peer) {
    const bool came = run_until([&] {
      peer.pump();
      return !peer.received.empty();
    });
    if (!came) return "";
    std::string bytes = peer.received.front().bytes;
    last_from_ = peer.received.front().from;
    peer.received.pop_front();
    return bytes;
  }
  void expect_echo(Peer& client, std::string_view bytes, const std::string& expected) {
    ASSERT_TRUE(client.send(bytes, service().address()));
    EXPECT_EQ(receive(client), expected);
  }

  metrics::BackendMetrics& counters_of(const upstream::Endpoint& endpoint) override {
    return counters_.counters_of(endpoint);
  }
  bool is_stream(const upstream::Endpoint& endpoint) override {
    return streams_.contains(endpoint.name());
  }

  net::TestNet net_;
  UdpBatches batches_{net_.loop};
  TestCounters counters_;
  TestCluster cluster_{net_, counters_};
  metrics::ServiceMetrics metrics_;
  std::set<std::string> streams_;  // names of endpoints that are
  SessionGate* gate_ = nullptr;
  UdpOptions options_;
  std::deque<Peer> endpoints_;
  net::Address last_from_;
  std::function<void()> at_pump;
  std::unique_ptr<UdpService> service_;
};

}  // namespace httpteleport::relay
