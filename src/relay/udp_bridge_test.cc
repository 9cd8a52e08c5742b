// A service of UDP in front of endpoints that are streams.
#include <gtest/gtest.h>

#include <string>

#include "relay/datagram_stream.h"
#include "relay/test_udp.h"
#include "support/temporary_folder.h"

namespace httpteleport::relay {
namespace {

class UdpBridgeTest : public UdpServiceTest {
 protected:
  void listen_tcp(const std::string& name) {
    listening_ = net::TestNet::listen_socket();
    cluster_.add(name, {net::local_address(listening_.fd())});
    streams_.insert(name);
  }
  static std::string frame(std::string_view datagram) {
    std::string text;
    text += static_cast<char>(datagram.size() >> 8);
    text += static_cast<char>(datagram.size() & 0xff);
    return text.append(datagram);
  }
  // One client's datagrams and their answers, over the endpoint that was set up.
  void converse() {
    Peer client;
    ASSERT_TRUE(client.send("one", service().address()));
    ASSERT_TRUE(client.send("", service().address()));
    ASSERT_TRUE(client.send("three", service().address()));
    net::TestPeer* server = net_.accept(listening_);
    ASSERT_NE(server, nullptr);
    const std::string expected = frame("one") + frame("") + frame("three");
    ASSERT_TRUE(run_until([&] { return server->received.size() >= expected.size(); }));
    EXPECT_EQ(server->received, expected);
    // In pieces: each byte by itself.
    for (const char byte : frame("answer") + frame("") + frame("last")) {
      server->send({&byte, 1});
      net_.settle();
    }
    EXPECT_EQ(receive(client), "answer");
    EXPECT_EQ(receive(client), "");
    EXPECT_EQ(receive(client), "last");
    EXPECT_EQ(metrics_.received.value(), 8u);
    EXPECT_EQ(metrics_.sent.value(), 10u);
  }

  net::Socket listening_;
};

TEST_F(UdpBridgeTest, FramesDatagramsOverTcp) {
  listen_tcp("t");
  converse();
}

TEST_F(UdpBridgeTest, FramesDatagramsOverUnixSockets) {
  const test::TemporaryFolder folder;
  const Result<net::Address> address = net::Address::unix_path(folder.path() + "/s");
  ASSERT_TRUE(address);
  Result<net::Socket> listening = net::listen_on(*address, {});
  ASSERT_TRUE(listening);
  listening_ = *std::move(listening);
  cluster_.add("u", {*address});
  converse();
}

TEST_F(UdpBridgeTest, CarriesTheLargestDatagram) {
  listen_tcp("t");
  Peer client;
  const std::string large(kDatagramBytesMax, 'x');
  ASSERT_TRUE(client.send(large, service().address()));
  net::TestPeer* server = net_.accept(listening_);
  ASSERT_NE(server, nullptr);
  ASSERT_TRUE(run_until([&] { return server->received.size() >= large.size() + 2; }));
  EXPECT_TRUE(server->received == frame(large));
  server->send(frame(large) + frame("small"));
  EXPECT_TRUE(receive(client) == large);
  EXPECT_EQ(receive(client), "small");
}

TEST_F(UdpBridgeTest, EndsASessionWhoseConnectionEnds) {
  listen_tcp("t");
  Peer client;
  ASSERT_TRUE(client.send("one", service().address()));
  net::TestPeer* server = net_.accept(listening_);
  ASSERT_NE(server, nullptr);
  ASSERT_TRUE(run_until([&] { return server->received.size() == 5; }));
  server->send(frame("answer"));
  server->finish();
  EXPECT_EQ(receive(client), "answer");
  ASSERT_TRUE(run_until([&] { return service().is_idle(); }));
  ASSERT_TRUE(client.send("two", service().address()));
  server = net_.accept(listening_);
  ASSERT_NE(server, nullptr);
  ASSERT_TRUE(run_until([&] { return server->received == frame("two"); }));
}

TEST_F(UdpBridgeTest, EndsASessionWhoseFramingIsBroken) {
  listen_tcp("t");
  Peer client;
  ASSERT_TRUE(client.send("one", service().address()));
  net::TestPeer* server = net_.accept(listening_);
  ASSERT_NE(server, nullptr);
  server->send("\xff\xff too long");
  ASSERT_TRUE(run_until([&] { return service().is_idle(); }));
  EXPECT_EQ(counters_.by_name["t"].errors.value(), 1u);
}

TEST_F(UdpBridgeTest, MovesOnWhenNobodyTakesTheConnection) {
  cluster_.add("dead", {refusing_address()});
  streams_.insert("dead");
  listen_tcp("t");
  Peer client;
  net::TestPeer* server = nullptr;
  ASSERT_TRUE(net_.run_until([&] {
    client.send("again", service().address());
    net_.settle();
    net_.accept_waiting(listening_);
    server = net_.peers.empty() ? nullptr : &net_.peers.back();
    return server != nullptr && server->received.starts_with(frame("again"));
  }));
  EXPECT_EQ(service().session_count(), 1u);
}

TEST_F(UdpBridgeTest, HoldsLittleForAnEndpointThatReadsNothing) {
  listen_tcp("t");
  Peer client;
  ASSERT_TRUE(client.send("first", service().address()));
  net::TestPeer* server = net_.accept(listening_);
  ASSERT_NE(server, nullptr);
  server->reading = false;
  const std::string datagram(60'000, 'x');
  ASSERT_TRUE(net_.run_until([&] {
    client.send(datagram, service().address());
    net_.settle();
    return metrics_.dropped.value() > 0;
  }));
  EXPECT_LE(net_.loop.pool().bytes_in_use(), 2 * DatagramStream::kHeldBytesMax);
}

}  // namespace
}  // namespace httpteleport::relay
