// What the tests of HTTP/1.1 pools share: a pool, and the endpoint that the test plays.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "net/test_net.h"
#include "upstream/http1_pool.h"
#include "upstream/test_upstream.h"

namespace httpteleport::upstream {

inline constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

// A pool and the endpoint's listening socket; the test plays the endpoint.
class Http1PoolTest : public testing::Test {
 protected:
  void make_pool() {
    pool_ = std::make_unique<Http1Pool>(TransportContext{net_.loop, net_.metrics, addresses_},
                                        options_);
  }
  void SetUp() override { make_pool(); }

  // Opens a stream, sends the request and returns the endpoint's side of the connection, once that
  // has the head and the body.
  net::TestPeer* request_on_new_connection(RecordingHandler& handler,
                                           const TestRequest& request = {}) {
    stream_ = &pool_->open_stream(handler, {});
    send_request(*stream_, request);
    net::TestPeer* peer = net_.accept(listening_);
    if (peer == nullptr) return nullptr;
    return net_.run_until([&] {
      return peer->received.find("\r\n\r\n") != std::string::npos &&
             peer->received.ends_with(request.body);
    })
               ? peer
               : nullptr;
  }
  // A whole exchange after which the connection waits in the pool.
  net::TestPeer* idle_connection() {
    RecordingHandler handler;
    net::TestPeer* peer = request_on_new_connection(handler);
    if (peer == nullptr) return nullptr;
    peer->take();
    peer->send(kOk);
    return net_.run_until([&] { return handler.ended; }) ? peer : nullptr;
  }
  bool run_until_over(const RecordingHandler& handler) {
    return net_.run_until([&] { return handler.is_over(); });
  }

  net::TestNet net_;
  net::Socket listening_ = net::TestNet::listen_socket();
  std::vector<net::Address> addresses_{net::local_address(listening_.fd())};
  Http1Options options_;
  std::unique_ptr<Http1Pool> pool_;
  http::UpstreamStream* stream_ = nullptr;
};

}  // namespace httpteleport::upstream
