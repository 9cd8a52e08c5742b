// What the tests of streams share: our server with a client of plain OpenSSL, for each version of
// TLS.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "tls/client_context.h"
#include "tls/server_context.h"
#include "tls/stream.h"
#include "tls/test_connection.h"

namespace httpteleport::tls {

inline std::string version_name(const testing::TestParamInfo<int>& tested) {
  return tested.param == TLS1_2_VERSION ? "Tls12" : "Tls13";
}

// Our server against plain OpenSSL, or against our client.
class StreamTest : public testing::TestWithParam<int> {
 protected:
  test::TlsOptions client_options() const { return {.version_max = GetParam()}; }

  // Our server's end of a new connection, and a plain client's.
  void open(int buffer_bytes = 0) { open(client_options(), buffer_bytes); }
  void open(const test::TlsOptions& options, int buffer_bytes = 0) {
    auto [socket, wire] = net_.connected_pair(buffer_bytes);
    net::set_no_delay(wire->fd());
    peer_ = std::make_unique<TlsPeer>(*wire, options);
    server_ =
        std::make_unique<Side>(net_, std::move(socket), Source::kDownstream, context_.accept());
  }
  // The same with the handshake done.
  void open_secured(int buffer_bytes = 0) {
    open(buffer_bytes);
    ASSERT_TRUE(run_until([&] { return server_->has('s') && peer_->is_complete(); }))
        << server_->detail();
    ASSERT_EQ(peer_->tls().version(), GetParam());
  }
  // Until the bytes that are on their way have come, so that what follows comes together.
  template <class Condition>
  [[nodiscard]] bool run_until(Condition&& condition) {
    return net_.run_until([&] {
      peer_->pump();
      return condition();
    });
  }
  void settle() {
    for (int i = 0; i < 5; ++i) {
      peer_->pump();
      net_.settle();
    }
  }
  bool run_until_event(char event) {
    return run_until([&] { return server_->has(event); });
  }
  net::Connection& connection() { return *server_->connection; }

  test::TestCa ca_{"root"};
  ServerContext context_{server_options(ca_.issue({.names = {"a.example"}}))};
  ClientContext clients_{ClientOptions{}};
  net::TestNet net_;
  std::unique_ptr<TlsPeer> peer_;
  std::unique_ptr<Side> server_;
};

}  // namespace httpteleport::tls
