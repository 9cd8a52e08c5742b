// What the tests of exchanges share: one exchange, the session's side of it, and a cluster.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/h1/head_parser.h"
#include "net/test_net.h"
#include "proxy/exchange.h"
#include "proxy/table_router.h"
#include "support/socket.h"

namespace httpteleport::proxy {

inline constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
inline constexpr std::string_view kBroken =
    "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 6\r\n\r\nbroken";

// The session's side of an exchange.
class RecordingDownstream final : public http::DownstreamStream {
 public:
  std::vector<int> informational;
  int status = 0;
  bool abandons_request = false;
  std::string fields;  // "Name: value\n" for each
  std::string body;
  bool ended = false;
  std::optional<Error> failure;
  bool paused = false;

  bool is_over() const { return ended || failure.has_value(); }

  void send_response_head(http::ResponseHead& head) override {
    HT_ASSERT(!is_over() && status == 0);
    if (head.is_informational()) return informational.push_back(head.status);
    status = head.status;
    abandons_request = head.abandons_request;
    for (const http::Field& field : head.fields)
      fields.append(field.name).append(": ").append(field.value).append("\n");
  }
  void send_response_body(std::string_view bytes) override {
    HT_ASSERT(!is_over() && status != 0);
    body += bytes;
  }
  void end_response(const http::Fields&) override {
    HT_ASSERT(!is_over() && status != 0);
    ended = true;
  }
  void reset(const Error& error) override {
    HT_ASSERT(!is_over());
    failure = error;
  }
  void pause_request() override { paused = true; }
  void resume_request() override { paused = false; }
};

// One exchange through a cluster whose endpoints the test plays.
class ExchangeTest : public testing::Test {
 protected:
  // Exchanges refer to the context, which ends before the loop.
  ~ExchangeTest() override { net_.loop.delete_doomed(); }

  // An endpoint that listens, or one that refuses.
  void add_endpoint(bool listens = true) {
    listening_.push_back(listens ? net::TestNet::listen_socket() : net::Socket());
    const net::Address address = listens ? net::local_address(listening_.back().fd())
                                         : net::loopback(test::dead_address().port);
    cluster_.endpoints.push_back({.name = address.to_string(), .addresses = {address}});
  }
  void make_cluster() {
    // An exchange of before refers to its route until it is deleted.
    if (exchange_) net_.loop.delete_later(std::move(exchange_));
    net_.loop.delete_doomed();
    router_.clear();
    router_.add(std::make_unique<upstream::Cluster>(net_.loop, net_.metrics, cluster_));
  }

  // A new exchange. `head` may lack its empty line and Host; the body and the end are the test's
  // matter.
  void begin(const std::string& first_line, const std::string& fields = {}) {
    if (exchange_) net_.loop.delete_later(std::move(exchange_));
    downstream_ = std::make_unique<RecordingDownstream>();
    exchange_ = std::make_unique<Exchange>(context_, *downstream_, client_);
    std::string raw = first_line + " HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n";
    http::RequestHead head;
    const Result<size_t> size = http::h1::parse_request_head(raw, {}, head);
    ASSERT_TRUE(size && *size == raw.size());
    exchange_->on_request_head(head, raw);
    raw.assign(raw.size(), '!');  // whoever keeps a view of it shows
  }
  void request(const std::string& method, std::string_view body = {}) {
    begin(method + " /",
          body.empty() ? "" : "Content-Length: " + std::to_string(body.size()) + "\r\n");
    if (!body.empty() && !downstream_->is_over()) exchange_->on_request_body(body);
    if (!downstream_->is_over()) exchange_->on_request_end({});
  }
  // The next connection to that endpoint, once a request head and `body` have come on it.
  net::TestPeer* accept(size_t endpoint, std::string_view body = {}) {
    net::TestPeer* peer = net_.accept(listening_[endpoint]);
    if (peer == nullptr) return nullptr;
    const bool came = net_.run_until([&] {
      return peer->received.find("\r\n\r\n") != std::string::npos && peer->received.ends_with(body);
    });
    return came ? peer : nullptr;
  }
  bool run_until_over() {
    return net_.run_until([&] { return downstream_->is_over(); });
  }
  uint64_t failures(Code code) { return net_.metrics.failures[static_cast<size_t>(code)].value(); }

  net::TestNet net_;
  std::vector<net::Socket> listening_;
  upstream::ClusterOptions cluster_;
  ExchangeOptions options_;
  route::Table routes_{{{.host = "h"}}};
  WaitingQueue queue_{net_.loop, net_.metrics, options_.queue};
  TableRouter router_{routes_, options_, queue_};
  ExchangeContext context_{net_.loop, net_.metrics, options_, router_, queue_};
  ClientInfo client_{.ip = "10.0.0.1"};
  std::unique_ptr<RecordingDownstream> downstream_;
  std::unique_ptr<Exchange> exchange_;
};

}  // namespace httpteleport::proxy
