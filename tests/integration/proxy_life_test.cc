// A proxy at work: events at once, clients that leave, several origins, limits, addresses, and the
// end of the process.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <string>

#include "integration/topology.h"
#include "support/content.h"
#include "support/http_message.h"
#include "support/load_client.h"
#include "support/origin.h"

namespace httpteleport::test {
namespace {

using testing::HasSubstr;
using namespace std::chrono_literals;

constexpr const char* kHeldGet = "GET /bytes/9000?seed=7&hold=1 HTTP/1.1\r\nHost: a\r\n\r\n";
constexpr const char* kPlainGet = "GET /bytes/100?seed=1 HTTP/1.1\r\nHost: a\r\n\r\n";

class ProxyLife : public testing::TestWithParam<Topology> {};

INSTANTIATE_TEST_SUITE_P(Topologies, ProxyLife, testing::Values(Topology::kHttp, Topology::kChain),
                         topology_name);

TEST(HttpProxy, PassesEventsAtOnce) {
  Origin origin;
  RunningHttptp proxy(http_flags(origin.address().text()));
  ASSERT_TRUE(proxy.started());
  HttpConnection client(proxy.address());
  client.send("GET /sse HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_THAT(client.socket().recv_until("\r\n\r\n").bytes, HasSubstr("text/event-stream"));
  for (const char* event : {"one", "two", "three"}) {
    origin.send_event(event);  // the next is not sent before this one has arrived
    const Received received = client.socket().recv_until("\n\n");
    ASSERT_EQ(received.status, IoStatus::kOk);
    EXPECT_THAT(received.bytes, HasSubstr(std::string("data: ") + event));
  }
  client.socket().close();
  EXPECT_TRUE(origin.wait_for([](const OriginCounters& c) { return c.aborted == 1; }))
      << "the client is gone, the origin's stream goes on";
}

TEST(HttpProxy, PassesARequestBodyAsItComes) {
  Origin origin;
  RunningHttptp proxy(http_flags(origin.address().text()));
  ASSERT_TRUE(proxy.started());
  HttpConnection client(proxy.address());
  client.send("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (const char* piece : {"first", "other", "third"}) {
    client.send(std::string("5\r\n") + piece + "\r\n");
    EXPECT_EQ(client.socket().recv_until(piece).status, IoStatus::kOk) << piece;
  }
  client.send("0\r\n\r\n");
  EXPECT_EQ(client.socket().recv_until("0\r\n\r\n").status, IoStatus::kOk);
}

TEST(HttpProxy, EndsTheOriginsWorkWhenTheClientLeaves) {
  Origin origin;
  RunningHttptp proxy(http_flags(origin.address().text()) + Flags{"-outTimeout=60s"});
  ASSERT_TRUE(proxy.started());
  for (const bool reset : {false, true}) {
    const uint64_t gone = origin.counters().stalled_gone;
    HttpConnection client(proxy.address());
    client.send("GET /stall HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_TRUE(origin.wait_for([](const OriginCounters& c) { return c.pending == 1; }));
    reset ? client.socket().reset() : client.socket().close();
    EXPECT_TRUE(origin.wait_for([&](const OriginCounters& c) { return c.stalled_gone == gone + 1; },
                                after(5s)));
  }
  const uint64_t aborted = origin.counters().aborted;
  HttpConnection uploader(proxy.address());
  uploader.send("POST /hash HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nonly the beginning");
  EXPECT_TRUE(origin.wait_for([](const OriginCounters& c) { return c.of(PathKind::kHash) == 1; }));
  uploader.socket().close();
  EXPECT_TRUE(origin.wait_for([&](const OriginCounters& c) { return c.aborted == aborted + 1; },
                              after(5s)));
}

TEST_P(ProxyLife, WorksOnWhenClientsLeaveInTheMiddle) {
  Origin origin;
  Arrangement proxy(GetParam(), origin.address().text());
  ASSERT_TRUE(proxy.started());
  LoadClient client({.address = proxy.address(),
                     .connections = 64,
                     .requests = 3000,
                     .make =
                         [](uint64_t index) {
                           const uint64_t size = mix64(index) % 40'000;
                           if (index % 3 == 0) return get_json(size, index, index % 2 == 0);
                           if (index % 3 == 1) return get_bytes(size, index, "delay=5");
                           return post_echo(Content::json(size, index), index % 2 == 0);
                         },
                     .abort_fraction = 0.3});
  const LoadReport report = client.run();
  EXPECT_EQ(report.errors(), 0u) << report.text();
  EXPECT_GT(report.aborted(), 100u) << report.text();
}

TEST_P(ProxyLife, TellsTheOriginTheClientsAddress) {
  Origin origin;
  Arrangement proxy(GetParam(), origin.address().text(), {"-clientIPHeader=X-Client-Address"});
  ASSERT_TRUE(proxy.started());
  const Message answer = exchange(
      proxy.address(), "GET /headers HTTP/1.1\r\nHost: a\r\nx-client-address: 6.6.6.6\r\n\r\n");
  EXPECT_THAT(answer.body, HasSubstr("127.0.0.1\r\n"));
  EXPECT_EQ(answer.body.find("6.6.6.6"), std::string::npos) << "a client cannot choose it";
}

TEST(HttpProxy, SpeaksIpv6OnBothSides) {
  Origin origin({.ipv6 = true});
  RunningHttptp proxy(http_flags(origin.address().text(), "[::1]:0") +
                      Flags{"-clientIPHeader=X-Client-Address"});
  ASSERT_TRUE(proxy.started());
  ASSERT_TRUE(proxy.address().ipv6);
  EXPECT_TRUE(body_is(exchange(proxy.address(), kPlainGet), Content::bytes(100, 1)));
  EXPECT_THAT(get(proxy.address(), "/headers").body, HasSubstr("::1\r\n"));
}

TEST(Link, SpeaksIpv6OnAllSides) {
  Origin origin({.ipv6 = true});
  RunningHttptp far(far_flags(origin.address().text(), "[::1]:0"));
  ASSERT_TRUE(far.started());
  RunningHttptp near(near_flags(far.address().text(), "[::1]:0"));
  ASSERT_TRUE(near.started());
  EXPECT_TRUE(body_is(exchange(near.address(), kPlainGet), Content::bytes(100, 1)));
  near.stop();
}

// 500 requests of all kinds, a third of them not idempotent.
LoadReport run_mixed_load(const Address& proxy) {
  LoadClient client(
      {.address = proxy, .connections = 16, .requests = 500, .make = [](uint64_t index) {
         const uint64_t size = mix64(index) % 10'000;
         if (index % 3 != 0) return get_bytes(size, index);
         return post_hash(Content::bytes(size, index), index % 2 == 0);
       }});
  return client.run();
}

TEST(HttpProxy, LosesNoRequestToADeadOrigin) {
  Origin origin;
  const std::string live = origin.address().text();
  const std::string dead = dead_address().text();
  for (const std::string& out : {dead + "," + live, live + "," + dead}) {
    RunningHttptp proxy(http_flags(out));
    ASSERT_TRUE(proxy.started());
    const LoadReport report = run_mixed_load(proxy.address());
    EXPECT_EQ(report.good(), 500u) << report.text();
  }
}

TEST(Link, LosesNoRequestToADeadFarEnd) {
  Origin origin;
  RunningHttptp far(far_flags(origin.address().text()));
  ASSERT_TRUE(far.started());
  const std::string live = far.address().text();
  const std::string dead = dead_address().text();
  for (const std::string& out : {dead + "," + live, live + "," + dead}) {
    RunningHttptp near(near_flags(out));
    ASSERT_TRUE(near.started());
    const LoadReport report = run_mixed_load(near.address());
    EXPECT_EQ(report.good(), 500u) << report.text();
  }
}

TEST(HttpProxy, UsesAllLiveOrigins) {
  Origin first, second;
  RunningHttptp proxy(http_flags(first.address().text() + "," + second.address().text()));
  ASSERT_TRUE(proxy.started());
  EXPECT_EQ(run_mixed_load(proxy.address()).good(), 500u);
  // In what shares depends on how fast each of them is served by a busy machine.
  EXPECT_GT(first.counters().requests, 0u);
  EXPECT_GT(second.counters().requests, 0u);
}

// The far end goes away and comes back; what is asked in between may fail, the rest must not.
TEST(Link, ConnectsAgainWhenTheFarEndComesBack) {
  Origin origin;
  auto far = std::make_unique<RunningHttptp>(far_flags(origin.address().text()));
  ASSERT_TRUE(far->started());
  const std::string link = far->address().text();
  RunningHttptp near(near_flags(link));
  ASSERT_TRUE(near.started());
  EXPECT_EQ(exchange(near.address(), kPlainGet).head.status, 200);
  far.reset();
  const int status = exchange(near.address(), kPlainGet).head.status;
  EXPECT_TRUE(status == 502 || status == 504) << status;
  RunningHttptp again(far_flags(origin.address().text(), link));
  ASSERT_TRUE(again.started());
  EXPECT_TRUE(wait_until([&] { return exchange(near.address(), kPlainGet).head.status == 200; },
                         after(15s)));
  EXPECT_EQ(run_mixed_load(near.address()).good(), 500u);
  near.stop();
}

TEST_P(ProxyLife, DrainsOnSigterm) {
  Origin origin;
  Arrangement proxy(GetParam(), origin.address().text(), {"-outTimeout=30s"});
  ASSERT_TRUE(proxy.started());
  Process& process = (*proxy.near()).process();
  HttpConnection idle(proxy.address());
  idle.send(kPlainGet);
  EXPECT_EQ(idle.read_response().head.status, 200);
  HttpConnection client(proxy.address());
  client.send(kHeldGet);
  ASSERT_TRUE(origin.wait_for([](const OriginCounters& c) { return c.held == 1; }));
  process.signal(SIGTERM);
  EXPECT_TRUE(wait_until([&] { return !Socket::connect(proxy.address(), after(1s)).has_value(); }))
      << "it still takes connections";
  EXPECT_TRUE(process.is_running()) << "it left a request behind";
  origin.open_gate();
  const Message answer = client.read_response();
  EXPECT_EQ(answer.outcome, Outcome::kComplete) << answer.error;
  EXPECT_EQ(answer.head.status, 200);
  EXPECT_TRUE(body_is(answer, Content::bytes(9000, 7)));
  const auto status = process.wait_exit();
  ASSERT_TRUE(status.has_value()) << "it does not end although nothing is left to do";
  EXPECT_EQ(status->code, 0) << process.output();
}

// The far end, too, finishes what it has taken on.
TEST(Link, FarEndDrainsOnSigterm) {
  Origin origin;
  RunningHttptp far(far_flags(origin.address().text()));
  ASSERT_TRUE(far.started());
  RunningHttptp near(near_flags(far.address().text()) + Flags{"-outTimeout=30s"});
  ASSERT_TRUE(near.started());
  HttpConnection client(near.address());
  client.send(kHeldGet);
  ASSERT_TRUE(origin.wait_for([](const OriginCounters& c) { return c.held == 1; }));
  far->process().signal(SIGTERM);
  EXPECT_TRUE(wait_until([&] { return !Socket::connect(far.address(), after(1s)).has_value(); }))
      << "it still takes connections";
  origin.open_gate();
  EXPECT_TRUE(body_is(client.read_response(), Content::bytes(9000, 7)));
  const auto status = far->process().wait_exit();
  ASSERT_TRUE(status.has_value()) << "it does not end although nothing is left to do";
  EXPECT_EQ(status->code, 0) << far->process().output();
  near.stop();
}

TEST_P(ProxyLife, Answers429OverTheLimitOfRequests) {
  Origin origin;
  Arrangement proxy(GetParam(), origin.address().text(),
                    {"-concurrency=1", "-workers=1", "-outTimeout=30s"});
  ASSERT_TRUE(proxy.started());
  HttpConnection first(proxy.address());
  first.send(kHeldGet);
  ASSERT_TRUE(origin.wait_for([](const OriginCounters& c) { return c.held == 1; }));
  const Message refused = exchange(proxy.address(), kPlainGet);
  EXPECT_EQ(refused.head.status, 429) << refused.error << refused.body;
  EXPECT_FALSE(refused.body.empty()) << "a line says why";
  origin.open_gate();
  EXPECT_TRUE(body_is(first.read_response(), Content::bytes(9000, 7)));
  EXPECT_TRUE(wait_until([&] { return exchange(proxy.address(), kPlainGet).head.status == 200; }))
      << "the place is free again";
  EXPECT_EQ(origin.counters().of(PathKind::kBytes), 2u);
}

}  // namespace
}  // namespace httpteleport::test
