// What the tests of connections share: a connection, and a handler that writes down what happens.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/connection.h"
#include "net/test_net.h"

namespace httpteleport::net {

// Writes down what happens, in order: "c" connected, "e" end, "p" peer closing, "x" closed, "b" and
// "u" blocked and unblocked.
class RecordingHandler final : public ConnectionHandler {
 public:
  std::string received;
  std::string events;
  std::vector<size_t> offers;  // how many bytes were offered at each on_data()
  std::optional<Error> error;
  // How much of what is offered to use; all of it when not set.
  std::function<size_t(std::string_view)> use;
  // Called inside each event with its letter ("d" for data), if set.
  std::function<void(char)> inside;

  size_t on_data(std::string_view bytes) override {
    EXPECT_FALSE(ended()) << "bytes after the end";
    offers.push_back(bytes.size());
    const size_t used = use ? use(bytes) : bytes.size();
    received += bytes.substr(0, used);
    if (inside) inside('d');
    return used;
  }
  void on_connected() override { note('c'); }
  void on_end() override { note('e'); }
  void on_peer_closing() override { note('p'); }
  void on_closed(const Error& failure) override {
    error = failure;
    note('x');
  }
  void on_write_blocked() override { note('b'); }
  void on_write_unblocked() override { note('u'); }

  bool has(char event) const { return events.find(event) != std::string::npos; }

 private:
  bool ended() const { return has('e') || has('x'); }
  void note(char event) {
    EXPECT_FALSE(has('x')) << "an event after the last one: " << event;
    events += event;
    if (inside) inside(event);
  }
};

class ConnectionTest : public testing::Test {
 protected:
  // Our end of a new connection, accepted as it were.
  void open(int buffer_bytes = 0) {
    auto [socket, peer] = net_.connected_pair(buffer_bytes);
    peer_ = peer;
    connection_ =
        std::make_unique<Connection>(net_.loop, std::move(socket), metrics_, Source::kDownstream);
    ASSERT_TRUE(connection_->start(handler_));
  }
  // Our end of a connection that we start to `address`.
  void start_connecting(const Address& address) {
    Result<Socket> socket = start_connect(address);
    ASSERT_TRUE(socket);
    connection_ =
        std::make_unique<Connection>(net_.loop, *std::move(socket), metrics_, Source::kUpstream);
    ASSERT_TRUE(connection_->start(handler_, true));
  }
  bool run_until_received(size_t bytes) {
    return net_.run_until([&] { return handler_.received.size() >= bytes; });
  }
  bool run_until_event(char event) {
    return net_.run_until([&] { return handler_.has(event); });
  }
  bool run_until_peer_has(size_t bytes) {
    return net_.run_until([&] { return peer_->received.size() >= bytes; });
  }

  TestNet net_;
  metrics::SocketMetrics metrics_;
  TestPeer* peer_ = nullptr;
  RecordingHandler handler_;
  std::unique_ptr<Connection> connection_;
};

}  // namespace httpteleport::net
