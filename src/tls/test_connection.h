// What the tests of streams and contexts share: a connection of ours with TLS in it.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "net/connection.h"
#include "tls/test_tls.h"

namespace httpteleport::tls {

// One connection of ours. Writes down what happens, in order: "s" secured, "c" connected, "e" end,
// "p" peer closing, "x" closed, "b" and "u" blocked and unblocked.
class Side final : public net::ConnectionHandler {
 public:
  Side(net::TestNet& net, net::Socket socket, Source peer, std::unique_ptr<net::StreamLayer> layer)
      : net_(net),
        connection(std::make_unique<net::Connection>(net.loop, std::move(socket),
                                                     net.metrics.downstream_sockets, peer)) {
    if (layer) connection->secure(std::move(layer));
    HT_ASSERT(connection->start(*this).has_value());
  }
  ~Side() { net_.loop.delete_later(std::move(connection)); }

  size_t on_data(std::string_view bytes) override {
    EXPECT_FALSE(has('e') || has('x')) << "bytes after the end";
    const size_t used = use ? use(bytes) : bytes.size();
    received += bytes.substr(0, used);
    if (inside) inside('d');
    return used;
  }
  void on_connected() override { note('c'); }
  void on_secured() override { note('s'); }
  void on_end() override { note('e'); }
  void on_peer_closing() override { note('p'); }
  void on_closed(const Error& failure) override {
    error = failure;
    note('x');
  }
  void on_write_blocked() override { note('b'); }
  void on_write_unblocked() override { note('u'); }

  bool has(char event) const { return events.find(event) != std::string::npos; }
  std::string detail() const { return error ? error->detail : "no error"; }

 private:
  void note(char event) {
    EXPECT_FALSE(has('x')) << "an event after the last one: " << event;
    events += event;
    if (inside) inside(event);
  }

  net::TestNet& net_;

 public:
  std::unique_ptr<net::Connection> connection;
  std::string received;
  std::string events;
  std::optional<Error> error;
  // How much of what is offered to use; all of it when not set.
  std::function<size_t(std::string_view)> use;
  // Called inside each event with its letter ("d" for data), if set.
  std::function<void(char)> inside;
};

// The socket of `wire`, for our code to have both ends; `wire` is closed afterwards.
inline net::Socket take_socket(net::TestPeer& wire) {
  net::Socket socket(dup(wire.fd()));
  wire.close();
  return socket;
}

}  // namespace httpteleport::tls
