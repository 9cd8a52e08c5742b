// What is reported of exchanges, from the client's socket to the lines: real sessions, exchanges
// and endpoints' connections.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "base/log.h"
#include "proxy/exchange.h"
#include "proxy/http1_session.h"
#include "proxy/link_acceptor.h"
#include "proxy/table_router.h"
#include "proxy/test_sessions.h"
#include "support/independent_codecs.h"
#include "support/temporary_folder.h"

namespace httpteleport::proxy {
namespace {

using namespace std::chrono_literals;
using net::TestPeer;
using nlohmann::json;
using testing::HasSubstr;
using testing::MatchesRegex;

class ReportingTest : public testing::Test {
 protected:
  ReportingTest() {
    const net::Address address = net::local_address(listening_.fd());
    cluster_.endpoints.push_back({.name = "the-endpoint", .addresses = {address}});
    router_.add(std::make_unique<upstream::Cluster>(net_.loop, net_.metrics, cluster_));
    EXPECT_TRUE(writer_.start());
    reporter_.emplace(std::make_unique<AccessLog>(net_.loop, net_.metrics, writer_), true);
    exchanges_.reporter = sessions_.context.reporter = &*reporter_;
    sessions_.context.handlers = &factory_;
    teleport_options_.compression.method = compress::Method::kNone;
    EXPECT_TRUE(program_log().configure({.file = folder_.file("log")}));
  }
  ~ReportingTest() override {
    while (!sessions_.context.sessions.empty())
      sessions_.context.sessions.front().abort();
    net_.loop.run_once(Duration::zero());
    EXPECT_TRUE(program_log().configure({}));
  }

  TestPeer& connect() { return sessions_.connect<Http1Session>(); }
  TestPeer& connect_link() {
    TestPeer& peer = sessions_.connect<LinkAcceptor>();
    peer.send(test::link_handshake(test::LinkCoding::kNone));
    return peer;
  }
  // The endpoint, once the head of a request has come to it.
  TestPeer& accept() {
    TestPeer* peer = net_.accept(listening_);
    HT_ASSERT(peer != nullptr);
    EXPECT_TRUE(
        net_.run_until([&] { return peer->received.find("\r\n\r\n") != std::string::npos; }));
    return *peer;
  }
  bool wait_received(TestPeer& client, std::string_view text) {
    return net_.run_until([&] { return client.received.find(text) != std::string::npos; });
  }
  // The lines of the access log, once there are `count`.
  std::vector<json> lines(size_t count) {
    std::vector<json> all;
    EXPECT_TRUE(net_.run_until([&] {
      reporter_->flush();
      all.clear();
      std::istringstream text(test::read_file(folder_.file("access")));
      for (std::string line; std::getline(text, line) && !text.eof();)
        all.push_back(json::parse(line));
      return all.size() >= count;
    }));
    EXPECT_EQ(all.size(), count);
    all.resize(count);
    return all;
  }
  std::string program_lines() { return test::read_file(folder_.file("log")); }

  test::TemporaryFolder folder_;
  metrics::WorkerMetrics writer_metrics_;
  AccessLogWriter writer_{{.file = folder_.file("access"), .format = AccessLogFormat::kJson},
                          writer_metrics_};
  TestSessions sessions_;
  net::TestNet& net_ = sessions_.net;
  TeleportSessionOptions& teleport_options_ = sessions_.context.teleport;
  net::Socket listening_ = net::TestNet::listen_socket();
  upstream::ClusterOptions cluster_;
  ExchangeOptions options_;
  route::Table routes_{{{.host = "h"}}};
  std::optional<ExchangeReporter> reporter_;
  WaitingQueue queue_{net_.loop, net_.metrics, options_.queue};
  TableRouter router_{routes_, options_, queue_};
  ExchangeContext exchanges_{net_.loop, net_.metrics, options_, router_, queue_};
  ExchangeFactory factory_{exchanges_};
};

TEST_F(ReportingTest, WritesALineForARequestThatIsAnswered) {
  TestPeer& client = connect();
  client.send(
      "POST /a?b HTTP/1.1\r\nHost: h\r\nUser-Agent: u\r\nReferer: r\r\n"
      "Content-Length: 4\r\n\r\nbody");
  accept().send("HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok");
  ASSERT_TRUE(wait_received(client, "ok"));
  const json line = lines(1)[0];
  EXPECT_EQ(line["client_ip"], "127.0.0.1");
  EXPECT_EQ(line["client_port"], 1234);
  EXPECT_EQ(line["method"], "POST");
  EXPECT_EQ(line["target"], "/a?b");
  EXPECT_EQ(line["host"], "h");
  EXPECT_EQ(line["protocol"], "http/1.1");
  EXPECT_EQ(line["user_agent"], "u");
  EXPECT_EQ(line["referer"], "r");
  EXPECT_EQ(line["status"], 201);
  EXPECT_TRUE(line["error"].is_null());
  EXPECT_EQ(line["bytes_in"], 4);
  EXPECT_EQ(line["bytes_out"], 2);
  EXPECT_EQ(line["upstream"], "the-endpoint");
  EXPECT_EQ(line["attempts"], 1);
  EXPECT_THAT(line["request_id"].get<std::string>(), MatchesRegex("[0-9a-f]{32}"));
  EXPECT_LE(line["upstream_ms"].get<double>(), line["duration_ms"].get<double>());
  EXPECT_EQ(program_lines(), "");
}

// Of two that were asked, the one that answered is told.
TEST_F(ReportingTest, NamesTheEndpointThatAnsweredFirst) {
  const net::Socket second = net::TestNet::listen_socket();
  cluster_.endpoints.push_back(
      {.name = "another-endpoint", .addresses = {net::local_address(second.fd())}});
  net_.loop.delete_doomed();
  router_.clear();
  router_.add(std::make_unique<upstream::Cluster>(net_.loop, net_.metrics, cluster_));
  options_.try_timeout = 10ms;
  TestPeer& client = connect();
  client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  accept();  // and does not answer
  TestPeer* other = net_.accept(second);
  ASSERT_NE(other, nullptr);
  ASSERT_TRUE(net_.run_until([&] { return other->received.ends_with("\r\n\r\n"); }));
  other->send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  ASSERT_TRUE(wait_received(client, "ok"));
  const json line = lines(1)[0];
  EXPECT_EQ(line["upstream"], "another-endpoint");
  EXPECT_EQ(line["attempts"], 2);
}

TEST_F(ReportingTest, GivesTheEndpointTheIdThatTheLineHas) {
  options_.forwarding.request_id_field = "X-Request-Id";
  TestPeer& client = connect();
  client.send("GET /1 HTTP/1.1\r\nHost: h\r\n\r\n");
  TestPeer& endpoint = accept();
  const std::string made = endpoint.take();
  endpoint.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  ASSERT_TRUE(wait_received(client, "ok"));
  client.take();
  client.send("GET /2 HTTP/1.1\r\nHost: h\r\nx-request-id: mine-1\r\n\r\n");
  ASSERT_TRUE(net_.run_until([&] { return endpoint.received.ends_with("\r\n\r\n"); }));
  EXPECT_THAT(endpoint.received, HasSubstr("x-request-id: mine-1\r\n"));
  endpoint.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  ASSERT_TRUE(wait_received(client, "ok"));
  const auto all = lines(2);
  EXPECT_THAT(made, HasSubstr("X-Request-Id: " + all[0]["request_id"].get<std::string>() + "\r\n"));
  EXPECT_EQ(all[1]["request_id"], "mine-1");
}

TEST_F(ReportingTest, WritesALineForARequestThatIsRefused) {
  struct Case {
    std::string request;
    int status;
    const char* error;
    const char* target;
  };
  options_.request_body_bytes_max = 10;
  size_t refused = 0;
  for (const Case& one : {
           Case{"GET /x HTTP/1.1\r\nHost: h\r\nbad line\r\n\r\n", 400, "malformed", "/x"},
           Case{"GET / HTTP/3.0\r\n\r\n", 505, "bad_version", "/"},
           Case{"POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\n", 413, "body_too_large",
                "/p"},
           Case{"GET /n HTTP/1.1\r\nHost: other\r\n\r\n", 404, nullptr, "/n"},
           Case{"GET /" + std::string(5000, 'a') + " HTTP/1.1\r\n", 414, "target_too_long",
                nullptr},
       }) {
    TestPeer& client = connect();
    client.send(one.request);
    ASSERT_TRUE(wait_received(client, "HTTP/1.1 " + std::to_string(one.status)));
    const json line = lines(++refused).back();
    EXPECT_EQ(line["status"], one.status);
    EXPECT_EQ(line["error"], one.error == nullptr ? json() : json(one.error)) << one.request;
    if (one.target != nullptr) {
      EXPECT_EQ(line["target"], one.target);
    }
    EXPECT_EQ(line["bytes_in"], 0);
    EXPECT_GT(line["bytes_out"], 0);
    EXPECT_EQ(line["attempts"], 0);
  }
  EXPECT_THAT(program_lines(), HasSubstr("request failed request_id="));
  EXPECT_THAT(program_lines(), HasSubstr("cause=malformed"));
}

TEST_F(ReportingTest, WritesALineForABadRequestBehindAGoodOne) {
  TestPeer& client = connect();
  client.send("GET /1 HTTP/1.1\r\nHost: h\r\n\r\n");
  accept().send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  ASSERT_TRUE(wait_received(client, "ok"));
  client.send("nonsense\r\n\r\n");
  ASSERT_TRUE(wait_received(client, "HTTP/1.1 400"));
  EXPECT_EQ(lines(2)[1]["status"], 400);
}

TEST_F(ReportingTest, SaysThatAHeadDidNotComeInTime) {
  sessions_.context.http1.head_timeout = 1ms;
  TestPeer& client = connect();
  client.send("GET /never-en");
  ASSERT_TRUE(wait_received(client, "HTTP/1.1 408"));
  const json line = lines(1)[0];
  EXPECT_EQ(line["status"], 408);
  EXPECT_EQ(line["error"], "timeout");
  EXPECT_TRUE(line["target"].is_null());
}

TEST_F(ReportingTest, SaysThatABodyDidNotComeInTime) {
  sessions_.context.http1.body_idle_timeout = 1ms;
  TestPeer& client = connect();
  client.send("POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab");
  ASSERT_TRUE(wait_received(client, "HTTP/1.1 408"));
  const json line = lines(1)[0];
  EXPECT_EQ(line["status"], 408);
  EXPECT_EQ(line["error"], "timeout");
  EXPECT_EQ(line["bytes_in"], 2);
}

TEST_F(ReportingTest, SaysThatTheEndpointBrokeOff) {
  TestPeer& client = connect();
  client.send("GET /t HTTP/1.1\r\nHost: h\r\n\r\n");
  TestPeer& endpoint = accept();
  endpoint.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
  ASSERT_TRUE(wait_received(client, "half"));
  endpoint.close();
  const json line = lines(1)[0];
  EXPECT_EQ(line["status"], 200);
  EXPECT_EQ(line["bytes_out"], 4);
  EXPECT_EQ(line["error"], "truncated");
  EXPECT_THAT(program_lines(),
              HasSubstr("warning: request failed request_id=" +
                        line["request_id"].get<std::string>() + " peer=127.0.0.1 peer_port=1234"));
}

TEST_F(ReportingTest, SaysThatTheClientLeft) {
  TestPeer& client = connect();
  client.send("GET /c HTTP/1.1\r\nHost: h\r\n\r\n");
  accept();
  client.close();
  const json line = lines(1)[0];
  EXPECT_EQ(line["status"], 0);
  EXPECT_EQ(line["error"], "cancelled");
  EXPECT_EQ(line["upstream"], "the-endpoint");
}

TEST_F(ReportingTest, ReportsFailedAttemptsToTheProgramsLogOnly) {
  TestPeer& client = connect();
  client.send("GET /r HTTP/1.1\r\nHost: h\r\n\r\n");
  accept().reset();
  accept().send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  ASSERT_TRUE(wait_received(client, "ok"));
  const json line = lines(1)[0];
  EXPECT_EQ(line["status"], 200);
  EXPECT_EQ(line["attempts"], 2);
  EXPECT_TRUE(line["error"].is_null());
  EXPECT_THAT(program_lines(), HasSubstr("attempt failed, another one follows request_id=" +
                                         line["request_id"].get<std::string>()));
}

// ---- Over a link.

TEST_F(ReportingTest, WritesALineForARequestOverALink) {
  TestPeer& link = connect_link();
  link.send(test::link_frame(1, "GET /l HTTP/1.1\r\nHost: h\r\n\r\n"));
  accept().send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  const json line = lines(1)[0];
  EXPECT_EQ(line["client_ip"], "127.0.0.1");
  EXPECT_EQ(line["client_port"], 1234);
  EXPECT_EQ(line["protocol"], "teleport");
  EXPECT_EQ(line["target"], "/l");
  EXPECT_EQ(line["status"], 200);
}

TEST_F(ReportingTest, WritesALineForARequestThatALinkRefuses) {
  teleport_options_.request_head_bytes_max = 50;
  connect_link().send(test::link_frame(
      1, "GET /big HTTP/1.1\r\nHost: h\r\nA: " + std::string(100, 'a') + "\r\n\r\n"));
  const json line = lines(1)[0];
  EXPECT_EQ(line["target"], "/big");
  EXPECT_EQ(line["status"], 431);
  EXPECT_EQ(line["error"], "head_too_large");
}

TEST_F(ReportingTest, TellsTheAnswerThatALinkPutsInPlaceOfTheEndpoints) {
  teleport_options_.response_head_bytes_max = 100;
  teleport_options_.response_bytes_max = 100;
  TestPeer& link = connect_link();
  const std::string many(101, 'a');
  link.send(test::link_frame(1, "GET /head HTTP/1.1\r\nHost: h\r\n\r\n"));
  TestPeer& endpoint = accept();
  endpoint.take();
  endpoint.send("HTTP/1.1 200 OK\r\nA: " + many + "\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(lines(1)[0]["status"], 502);
  EXPECT_EQ(lines(1)[0]["error"], "head_too_large");

  link.send(test::link_frame(2, "GET /body HTTP/1.1\r\nHost: h\r\n\r\n"));
  ASSERT_TRUE(net_.run_until([&] { return !endpoint.received.empty(); }));
  endpoint.send("HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n" + many);
  const json line = lines(2)[1];
  EXPECT_EQ(line["status"], 502);
  EXPECT_EQ(line["error"], "body_too_large");
}

TEST_F(ReportingTest, TellsThatALinkEnded) {
  TestPeer& link = connect_link();
  ASSERT_TRUE(net_.run_until([&] { return !link.received.empty(); }));
  link.send(std::string(100, '\xff'));
  ASSERT_TRUE(net_.run_until([&] { return sessions_.context.sessions.empty(); }));
  EXPECT_THAT(program_lines(), HasSubstr("connection ended peer=127.0.0.1 peer_port=1234 cause="));
}

}  // namespace
}  // namespace httpteleport::proxy
