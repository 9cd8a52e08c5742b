// The effects of the flags of timeouts and limits: that it happens, and not before its time.
#include <csignal>
#include <filesystem>
#include <string>

#include "integration/flags.h"
#include "support/websocket.h"

namespace httpteleport::test {
namespace {

using namespace std::chrono_literals;

constexpr auto kTime = 300ms;  // what the tests configure as "300ms"

RunningHttptp in_front_of(const Origin& origin, const Flags& flags) {
  return RunningHttptp(http_flags(origin.address().text()) + Flags{"-workers=1"} + flags);
}

TEST(FlagsLimits, InHeadTimeoutEndsSlowHeads) {
  Origin origin;
  RunningHttptp proxy = in_front_of(origin, {"-inHeadTimeout=300ms"});
  HttpConnection client(proxy.address());
  const Stopwatch watch;
  client.send("GET / HTTP/1.1\r\nHost: ");
  EXPECT_EQ(client.read_response().head.status, 408);
  EXPECT_TRUE(watch.has_run(kTime));
  EXPECT_TRUE(client.wait_closed());
}

TEST(FlagsLimits, InBodyIdleTimeoutEndsBodiesThatPause) {
  Origin origin;
  RunningHttptp proxy = in_front_of(origin, {"-inBodyIdleTimeout=300ms"});
  HttpConnection client(proxy.address());
  client.send("POST /hash HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
  ASSERT_TRUE(origin.wait_for([](const OriginCounters& c) { return c.requests == 1; }));
  const Stopwatch watch;
  client.send("d");
  EXPECT_EQ(client.read_response().head.status, 408);
  EXPECT_TRUE(watch.has_run(kTime));
}

TEST(FlagsLimits, InKeepAliveTimeoutEndsIdleConnections) {
  Origin origin;
  RunningHttptp proxy = in_front_of(origin, {"-inKeepAliveTimeout=300ms"});
  const Stopwatch before_the_first;
  HttpConnection client(proxy.address());
  EXPECT_TRUE(client.wait_closed());
  EXPECT_TRUE(before_the_first.has_run(kTime));
  HttpConnection another(proxy.address());
  const Stopwatch between;
  EXPECT_EQ(ask(another, get_text("/bytes/1")).head.status, 200);
  EXPECT_TRUE(another.wait_closed());
  EXPECT_TRUE(between.has_run(kTime));
}

TEST(FlagsLimits, InWriteIdleTimeoutEndsClientsThatDoNotRead) {
  Origin origin;
  RunningHttptp proxy = in_front_of(origin, {"-inWriteIdleTimeout=300ms"});
  auto client = Socket::connect(proxy.address(), after(), 4096);
  ASSERT_TRUE(client);
  const Stopwatch watch;
  client->send_all(get_text("/bytes/50000000"));
  EXPECT_TRUE(becomes(*proxy, "failures.timeout", 1));
  EXPECT_TRUE(watch.has_run(kTime));
  EXPECT_LT(client->recv_to_end().bytes.size(), 50'000'000u);
}

TEST(FlagsLimits, OutConnectTimeoutEndsAttempts) {
  // Its queue is full, so the kernel answers no further SYN.
  const Listener full({.backlog = 0});
  const auto first = Socket::connect(full.address());
  ASSERT_TRUE(first);
  RunningHttptp proxy(http_flags(full.address().text()) +
                      Flags{"-outConnectTimeout=300ms", "-outTimeout=30s"});
  const Stopwatch watch;
  const Deadline half_of_out_timeout = after(14s);
  EXPECT_EQ(exchange(proxy.address(), get_text("/"), after(20s)).head.status, 502);
  EXPECT_TRUE(watch.has_run(kTime));
  EXPECT_LT(Clock::now(), half_of_out_timeout);
  EXPECT_TRUE(becomes(*proxy, "outDialError", 1));
}

TEST(FlagsLimits, OutTimeoutEndsTheWaitForAResponse) {
  Origin origin;
  RunningHttptp proxy = in_front_of(origin, {"-outTimeout=300ms"});
  const Stopwatch watch;
  EXPECT_EQ(exchange(proxy.address(), get_text("/stall")).head.status, 504);
  EXPECT_TRUE(watch.has_run(kTime));
  EXPECT_EQ(exchange(proxy.address(), get_text("/bytes/1")).head.status, 200);
}

// A near end that has stopped says nothing more; the far end, which waits for ten minutes, knows
// how long to work for it.
TEST(FlagsLimits, OutTimeoutsTravelWithARequestOverALink) {
  for (const char* limit : {"-outTimeout=3s", "-outTotalTimeout=3s"}) {
    SCOPED_TRACE(limit);
    Origin origin;
    RunningHttptp far({"-in=127.0.0.1:0", "-inType=teleport", "-outType=http",
                       "-out=" + origin.address().text(), "-outTimeout=10m",
                       "-outIdleTimeout=10m"});
    RunningHttptp near({"-in=127.0.0.1:0", "-inType=http", "-outType=teleport",
                        "-out=" + far.address().text(), "-outTimeout=10m", limit});
    ASSERT_TRUE(near.started());
    HttpConnection client(near.address());
    client.send(get_text("/stall"));
    ASSERT_TRUE(origin.wait_for([](const OriginCounters& c) { return c.pending == 1; }));
    near->process().signal(SIGSTOP);
    EXPECT_TRUE(
        origin.wait_for([](const OriginCounters& c) { return c.stalled_gone == 1; }, after(60s)));
    near->process().signal(SIGCONT);
    EXPECT_EQ(client.read_response().head.status, 504);
  }
}

// The origin has begun its answer and goes on for ever.
void expect_broken_off(const RunningHttptp& proxy) {
  HttpConnection client(proxy.address());
  const Stopwatch watch;
  client.send(get_text("/sse"));
  const Message answer = client.read_response();
  EXPECT_EQ(answer.head.status, 200);
  EXPECT_EQ(answer.outcome, Outcome::kTruncated);
  EXPECT_TRUE(watch.has_run(kTime));
}

TEST(FlagsLimits, OutTotalTimeoutEndsRequestsWithTheirResponses) {
  Origin origin;
  RunningHttptp proxy =
      in_front_of(origin, {"-outTotalTimeout=300ms", "-outTimeout=20s", "-outIdleTimeout=20s"});
  expect_broken_off(proxy);
  const Stopwatch watch;
  EXPECT_EQ(exchange(proxy.address(), get_text("/stall")).head.status, 504);
  EXPECT_TRUE(watch.has_run(kTime));
}

TEST(FlagsLimits, OutIdleTimeoutEndsResponsesThatPause) {
  Origin origin;
  RunningHttptp proxy = in_front_of(origin, {"-outIdleTimeout=300ms", "-outTimeout=20s"});
  expect_broken_off(proxy);
}

TEST(FlagsLimits, TunnelIdleTimeoutEndsSilentTunnels) {
  WebSocketEcho origin;
  RunningHttptp proxy(http_flags(origin.address().text()) + Flags{"-tunnelIdleTimeout=300ms"});
  std::string error;
  auto tunnel = WebSocket::open(proxy.address(), error);
  ASSERT_TRUE(tunnel) << error;
  const Stopwatch watch;
  tunnel->send_frame("abc");
  EXPECT_EQ(tunnel->read_frame().bytes, "abc");
  const IoStatus end = tunnel->read_frame().status;
  EXPECT_TRUE(end == IoStatus::kReset || end == IoStatus::kClosed) << end;
  EXPECT_TRUE(watch.has_run(kTime));
  EXPECT_TRUE(becomes(*proxy, "tunnelsOpen", 0));
}

const std::string kHeld = get_text("/bytes/10?hold=1");

HttpConnection hold_one(const RunningHttptp& proxy, Origin& origin) {
  HttpConnection client(proxy.address());
  client.send(kHeld);
  EXPECT_TRUE(origin.wait_for([](const OriginCounters& c) { return c.held == 1; }));
  return client;
}

TEST(FlagsLimits, ShutdownTimeoutBoundsTheWaitForRequests) {
  Origin origin;
  RunningHttptp proxy = in_front_of(origin, {"-shutdownTimeout=300ms", "-outTimeout=30s"});
  ASSERT_TRUE(proxy.started());
  HttpConnection client = hold_one(proxy, origin);
  const Stopwatch watch;
  proxy->process().signal(SIGTERM);
  const auto status = proxy->process().wait_exit();
  EXPECT_TRUE(watch.has_run(kTime));
  ASSERT_TRUE(status);
  EXPECT_EQ(status->code, 0);
  EXPECT_NE(client.read_response().head.status, 200);
}

TEST(FlagsLimits, DrainDelayLetsBalancersLookAway) {
  Origin origin;
  RunningHttptp proxy = in_front_of(origin, {"-drainDelay=1s"});
  ASSERT_TRUE(proxy.started());
  const auto ready = [&] { return get(proxy->metrics_address(), "/readyz").head.status; };
  EXPECT_EQ(ready(), 200);
  const Stopwatch watch;
  proxy->process().signal(SIGTERM);
  EXPECT_TRUE(wait_until([&] { return ready() == 503; }));
  EXPECT_EQ(get(proxy->metrics_address(), "/healthz").head.status, 200);
  EXPECT_EQ(exchange(proxy.address(), get_text("/bytes/1")).head.status, 200)
      << "new connections are still taken";
  EXPECT_TRUE(proxy->process().wait_exit());
  EXPECT_TRUE(watch.has_run(1000ms));
}

TEST(FlagsLimits, ConcurrencyAndQueueSizeLetOneWaitAndRefuseTheNext) {
  Origin origin;
  RunningHttptp proxy = in_front_of(
      origin, {"-concurrency=1", "-queueSize=1", "-queueTimeout=30s", "-outTimeout=30s"});
  ASSERT_TRUE(proxy.started());
  HttpConnection first = hold_one(proxy, origin);
  HttpConnection second(proxy.address());
  second.send(kHeld);
  ASSERT_TRUE(becomes(*proxy, "queueLength", 1));
  EXPECT_EQ(exchange(proxy.address(), get_text("/bytes/1")).head.status, 429);
  EXPECT_EQ(proxy->expvar("queueRefused"), 1);
  EXPECT_EQ(proxy->expvar("exchangesOpen"), 1);
  origin.open_gate();
  EXPECT_EQ(first.read_response().head.status, 200);
  EXPECT_EQ(second.read_response().head.status, 200);
  EXPECT_EQ(origin.counters().pending_max, 1u);
}

TEST(FlagsLimits, QueueSizeZeroLetsNobodyWait) {
  Origin origin;
  RunningHttptp proxy = in_front_of(
      origin, {"-concurrency=1", "-queueSize=0", "-queueTimeout=30s", "-outTimeout=30s"});
  const HttpConnection first = hold_one(proxy, origin);
  EXPECT_EQ(exchange(proxy.address(), get_text("/bytes/1"), after(20s)).head.status, 429);
}

TEST(FlagsLimits, QueueTimeoutEndsTheWait) {
  Origin origin;
  RunningHttptp proxy =
      in_front_of(origin, {"-concurrency=1", "-queueTimeout=300ms", "-outTimeout=30s"});
  const HttpConnection first = hold_one(proxy, origin);
  const Stopwatch watch;
  EXPECT_EQ(exchange(proxy.address(), get_text("/bytes/1")).head.status, 429);
  EXPECT_TRUE(watch.has_run(kTime));
}

TEST(FlagsLimits, OutMaxConnsPerAddrBoundsRequestsAtAnEndpoint) {
  Origin full;
  RunningHttptp alone =
      in_front_of(full, {"-outMaxConnsPerAddr=1", "-queueTimeout=30s", "-outTimeout=30s"});
  ASSERT_TRUE(alone.started());
  HttpConnection first = hold_one(alone, full);
  HttpConnection second(alone.address());
  second.send(kHeld);
  ASSERT_TRUE(becomes(*alone, "queueLength", 1));
  full.open_gate();
  EXPECT_EQ(first.read_response().head.status, 200);
  EXPECT_EQ(second.read_response().head.status, 200);
  EXPECT_EQ(full.counters().pending_max, 1u);
}

TEST(FlagsLimits, MaxMemoryRefusesWhatWouldBeHeld) {
  Origin origin;
  Chain chain(origin.address().text(), {"-maxMemory=1048576"}, {});
  ASSERT_TRUE(chain.started());
  EXPECT_EQ(exchange(chain.address(), post_text(std::string(100'000, 'x'))).head.status, 200);
  EXPECT_EQ(exchange(chain.address(), post_text(std::string(3'000'000, 'x'))).head.status, 503);
  EXPECT_EQ(exchange(chain.address(), post_text(std::string(100'000, 'x'))).head.status, 200);
}

TEST(FlagsLimits, WorkersAreThreads) {
  RunningHttptp one(http_flags("127.0.0.1:9") + Flags{"-workers=1"});
  RunningHttptp five(http_flags("127.0.0.1:9") + Flags{"-workers=5"});
  ASSERT_TRUE(one.started() && five.started());
  const auto threads = [](RunningHttptp& proxy) {
    const std::string tasks = "/proc/" + std::to_string(proxy->process().pid()) + "/task";
    return std::distance(std::filesystem::directory_iterator(tasks), {});
  };
  EXPECT_TRUE(wait_until([&] { return threads(one) > 1 && threads(five) == threads(one) + 4; }));
}

}  // namespace
}  // namespace httpteleport::test
