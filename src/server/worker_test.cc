#include "server/worker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <nlohmann/json.hpp>
#include <sstream>

#include "net/test_net.h"
#include "support/http_message.h"
#include "support/origin.h"
#include "support/temporary_folder.h"
#include "support/websocket.h"

namespace httpteleport::server {
namespace {

using namespace std::chrono_literals;

// One worker in front of one origin, with an access log.
class WorkerAccessLogTest : public testing::Test {
 protected:
  WorkerAccessLogTest() {
    options_.access_log = {.file = folder_.file("access"), .format = proxy::AccessLogFormat::kJson};
    options_.clusters.emplace_back().endpoints.push_back(
        {.name = "origin", .addresses = {net::loopback(origin_.address().port)}});
    options_.routes.emplace_back();
  }
  void start() {
    net::Socket listening = net::TestNet::listen_socket();
    address_.port = net::local_address(listening.fd()).port();
    std::vector<net::Socket> sockets;
    sockets.push_back(std::move(listening));
    writer_.emplace(options_.access_log, writer_metrics_);
    ASSERT_TRUE(writer_->start());
    worker_.emplace(std::make_shared<config::Snapshot>(options_), std::move(sockets), &*writer_);
    worker_->start();
  }
  void drain() {
    std::promise<void> drained;
    worker_->drain(0ms, [&] { drained.set_value(); });
    ASSERT_EQ(drained.get_future().wait_for(test::kPatience), std::future_status::ready);
    worker_->join();
  }
  std::vector<nlohmann::json> lines() const {
    std::vector<nlohmann::json> all;
    std::istringstream text(test::read_file(folder_.file("access")));
    for (std::string line; std::getline(text, line);)
      all.push_back(nlohmann::json::parse(line));
    return all;
  }

  test::TemporaryFolder folder_;
  test::Origin origin_;
  config::Snapshot options_;
  metrics::WorkerMetrics writer_metrics_;
  test::Address address_;
  std::optional<proxy::AccessLogWriter> writer_;
  std::optional<Worker> worker_;
};

TEST_F(WorkerAccessLogTest, HasEveryExchangeOnceTheWorkerIsDrained) {
  start();
  for (const char* target : {"/bytes/10", "/status/404", "/bytes/30"})
    test::get(address_, target);
  drain();
  ASSERT_TRUE(
      test::wait_until([&] { return writer_metrics_.access_log_lines_written.value() == 3; }));
  const auto all = lines();
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0]["target"], "/bytes/10");
  EXPECT_EQ(all[0]["bytes_out"], 10);
  EXPECT_EQ(all[1]["status"], 404);
  EXPECT_EQ(all[2]["target"], "/bytes/30");
}

TEST_F(WorkerAccessLogTest, TellsOfExchangesThatDrainingBrokeOff) {
  start();
  test::HttpConnection client(address_);
  ASSERT_TRUE(client.send("GET /stall HTTP/1.1\r\nHost: h\r\n\r\n"));
  ASSERT_TRUE(test::wait_until([&] { return origin_.counters().pending == 1; }));
  drain();
  ASSERT_TRUE(
      test::wait_until([&] { return writer_metrics_.access_log_lines_written.value() == 1; }));
  EXPECT_EQ(lines().at(0)["error"], "cancelled");
  EXPECT_EQ(lines().at(0)["status"], 0);
}

TEST_F(WorkerAccessLogTest, GoesOnAcrossAChangeOfTheConfiguration) {
  start();
  test::get(address_, "/bytes/10");
  auto next = std::make_shared<config::Snapshot>(options_);
  next->log_all_errors = true;
  worker_->apply(next, false);
  test::get(address_, "/bytes/20");
  drain();
  ASSERT_TRUE(
      test::wait_until([&] { return writer_metrics_.access_log_lines_written.value() == 2; }));
}

// A tunnel that both ends have left, whose last bytes the endpoint has not taken.
class WorkerTunnelTest : public testing::TestWithParam<bool> {
 protected:
  void start() {
    net::Socket listening = net::TestNet::listen_socket();
    const test::Address address{.port = net::local_address(listening.fd()).port()};
    options_.clusters.emplace_back().endpoints.push_back(
        {.name = "endpoint", .addresses = {net::loopback(endpoint_listener_.port())}});
    options_.routes.emplace_back();
    std::vector<net::Socket> sockets;
    sockets.push_back(std::move(listening));
    worker_.emplace(std::make_shared<config::Snapshot>(options_), std::move(sockets), nullptr);
    worker_->start();
    client_ = *test::Socket::connect(address);
  }
  // The endpoint switches protocols and has nothing more to say.
  void switch_protocols() {
    client_.send_all(test::websocket_request(test::kWebSocketKey));
    endpoint_ = *endpoint_listener_.accept();
    endpoint_.recv_until("\r\n\r\n");
    endpoint_.send_all(test::websocket_answer(test::kWebSocketKey));
    endpoint_.shutdown_write();
    ASSERT_EQ(client_.recv_until("\r\n\r\n").status, test::IoStatus::kOk);
    ASSERT_EQ(client_.recv_some().status, test::IoStatus::kClosed);
  }
  // Returns how many bytes it took until some are left in the worker.
  size_t fill() {
    const std::string piece(size_t{32} << 10, 'x');
    const metrics::SocketMetrics& from = worker_->metrics().downstream_sockets;
    const metrics::SocketMetrics& to = worker_->metrics().upstream_sockets;
    const uint64_t before = from.bytes_read.value();
    const uint64_t written_before = to.bytes_written.value();
    size_t sent = 0;
    do {
      client_.send_all(piece);
      sent += piece.size();
      EXPECT_TRUE(test::wait_until([&] { return from.bytes_read.value() == before + sent; }));
    } while (!testing::Test::HasFailure() &&
             to.bytes_written.value() - written_before + (64 << 10) > sent);
    client_.shutdown_write();
    EXPECT_TRUE(test::wait_until([&] { return worker_->metrics().tunnels_open.value() == 0; }));
    return sent;
  }

  test::Listener endpoint_listener_{{.receive_buffer_bytes = 4096}};
  config::Snapshot options_;
  std::optional<Worker> worker_;
  test::Socket client_;
  test::Socket endpoint_;
};

INSTANTIATE_TEST_SUITE_P(Reload, WorkerTunnelTest, testing::Bool(), [](const auto& reload) {
  return std::string(reload.param ? "AfterAReload" : "Alone");
});

TEST_P(WorkerTunnelTest, IsDrainedWhenItsLastBytesAreTaken) {
  start();
  switch_protocols();
  const size_t sent = fill();
  ASSERT_FALSE(HasFailure());
  if (GetParam()) worker_->apply(std::make_shared<config::Snapshot>(options_), false);
  std::promise<int64_t> connections_at_end;
  worker_->drain(
      30s, [&] { connections_at_end.set_value(worker_->metrics().upstream_sockets.open.value()); });
  EXPECT_EQ(endpoint_.recv_to_end().bytes.size(), sent);
  auto at_end = connections_at_end.get_future();
  ASSERT_EQ(at_end.wait_for(test::kPatience), std::future_status::ready);
  EXPECT_EQ(at_end.get(), 0) << "it was drained while bytes were under way";
}

}  // namespace
}  // namespace httpteleport::server
