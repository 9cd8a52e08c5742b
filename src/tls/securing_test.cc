#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "tls/stream.h"
#include "tls/test_stream.h"

namespace httpteleport::tls {
namespace {

// TLS that begins in the middle of a connection.
class SecuringTest : public StreamTest {
 protected:
  // An open connection in the clear, which asks for TLS after 5 bytes.
  void open_plain() {
    auto [socket, wire] = net_.connected_pair();
    peer_ = std::make_unique<TlsPeer>(*wire, client_options());
    server_ = std::make_unique<Side>(net_, std::move(socket), Source::kDownstream, nullptr);
    server_->use = [this](std::string_view bytes) -> size_t {
      if (server_->has('s')) return bytes.size();
      if (bytes.size() < 5) return 0;
      connection().write("yes!\n");
      connection().secure(context_.accept());
      return 5;
    };
  }
  // Takes the plain answer off what has come.
  bool wait_for_answer() {
    if (!net_.run_until([&] { return peer_->wire().received.size() >= 5; })) return false;
    EXPECT_EQ(peer_->wire().received.substr(0, 5), "yes!\n");
    peer_->wire().received.erase(0, 5);
    return true;
  }
  void expect_usable() {
    ASSERT_TRUE(run_until_event('s')) << server_->detail();
    EXPECT_EQ(server_->received, "tls?\n");
    peer_->send("there");
    connection().write("back");
    ASSERT_TRUE(run_until(
        [&] { return server_->received == "tls?\nthere" && peer_->received() == "back"; }));
  }
};

INSTANTIATE_TEST_SUITE_P(Versions, SecuringTest, testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         version_name);

TEST_P(SecuringTest, BeginsBehindBytesInTheClear) {
  open_plain();
  peer_->wire().send("tls?\n");
  ASSERT_TRUE(wait_for_answer());
  expect_usable();
}

TEST_P(SecuringTest, BeginsWithAHelloThatCameWithThem) {
  open_plain();
  peer_->wire().send("tls?\n" + peer_->tls().take_output());
  ASSERT_TRUE(wait_for_answer());
  expect_usable();
}

TEST_P(SecuringTest, BeginsWithAPartOfAHello) {
  open_plain();
  const std::string hello = peer_->tls().take_output();
  peer_->wire().send("tls");
  net_.settle();
  peer_->wire().send("?\n" + hello.substr(0, 20));
  ASSERT_TRUE(wait_for_answer());
  peer_->wire().send(hello.substr(20));
  expect_usable();
}

TEST_P(SecuringTest, SeesAPeerThatHasEndedAlready) {
  open_plain();
  peer_->wire().send("tls?\n" + peer_->tls().take_output());
  peer_->wire().finish();
  ASSERT_TRUE(net_.run_until([&] { return server_->has('x'); }));
  EXPECT_EQ(server_->events, "x");
}

// More than is read at a time, so that some of it is read after the failure.
TEST_P(SecuringTest, OffersNothingInTheClearBehindItWhenThePeerIsGone) {
  open_plain();
  peer_->wire().send("tls?\n" + std::string(2 * event::Loop::kReadBufferBytes, 'x'));
  ASSERT_TRUE(peer_->wire().all_sent());
  peer_->wire().reset();
  ASSERT_TRUE(net_.run_until([&] { return server_->has('x'); }));
  EXPECT_EQ(server_->received, "tls?\n");
}

TEST_P(SecuringTest, MayBeClosedAfterIt) {
  open_plain();
  server_->use = [this](std::string_view bytes) {
    connection().secure(context_.accept());
    connection().close();
    connection().secure(context_.accept());
    return bytes.size();
  };
  peer_->wire().send("tls?\n");
  ASSERT_TRUE(net_.run_until([&] { return peer_->is_cut(); }));
  net_.settle();
  EXPECT_EQ(server_->events, "");
}

TEST_P(SecuringTest, BeginsFromOutsideACallback) {
  auto [socket, wire] = net_.connected_pair();
  Side client(net_, std::move(socket), Source::kUpstream, nullptr);
  net_.settle();
  client.connection->secure(clients_.connect("a.example"));
  Side server(net_, take_socket(*wire), Source::kDownstream, context_.accept());
  client.connection->write("hello");
  ASSERT_TRUE(net_.run_until([&] { return server.received == "hello"; }));
}

}  // namespace
}  // namespace httpteleport::tls
