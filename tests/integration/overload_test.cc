// What happens when descriptors, memory or an endpoint's patience run out: who comes last is
// refused or waits, who is there is served on, and the process lives.
#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "integration/flags.h"
#include "support/paths.h"

namespace httpteleport::test {
namespace {

using namespace std::chrono_literals;

// httptp under a limit of prlimit(1).
std::unique_ptr<HttptpProcess> start_under(const std::string& limit, const Flags& flags) {
  std::string error;
  auto process = HttptpProcess::start(
      {.binary = "/usr/bin/prlimit", .flags = Flags{limit, bin_dir() + "/httptp"} + flags}, error);
  EXPECT_TRUE(process) << error;
  return process;
}

using Clients = std::vector<HttpConnection>;

size_t count_served(Clients& clients) {
  for (HttpConnection& client : clients)
    client.send(get_text("/bytes/100"));
  return static_cast<size_t>(std::count_if(clients.begin(), clients.end(), [](auto& client) {
    return client.read_response().head.status == 200;
  }));
}

// With half of 100 descriptors for clients.
TEST(Overload, OfDescriptorsLetsNewClientsWait) {
  Origin origin;
  const auto proxy =
      start_under("--nofile=100:100", http_flags(origin.address().text()) + Flags{"-workers=1"});
  ASSERT_TRUE(proxy);
  Clients clients;
  for (int i = 0; i < 100; ++i)
    clients.emplace_back(proxy->address());
  ASSERT_TRUE(wait_until([&] { return proxy->expvar("inAcceptError") > 0; }));
  const auto accepted = static_cast<size_t>(proxy->expvar("inConns").value_or(0));
  EXPECT_GT(accepted, 25u);
  EXPECT_LE(accepted, 50u);
  Clients waiting;
  for (; clients.size() > accepted; clients.pop_back())
    waiting.push_back(std::move(clients.back()));

  // All of those who were accepted are served, also at a time.
  EXPECT_EQ(count_served(clients), accepted);
  EXPECT_EQ(proxy->expvar("failures.connect_failed"), 0);
  // Ten vain attempts take a second; a process that spins takes all of the CPU meanwhile.
  const auto errors = proxy->expvar("inAcceptError").value_or(0);
  const auto cpu_before = proxy->process().cpu_time();
  const Stopwatch watch;
  ASSERT_TRUE(wait_until([&] { return proxy->expvar("inAcceptError") >= errors + 10; }));
  EXPECT_TRUE(watch.has_run(800ms));
  EXPECT_LT(proxy->process().cpu_time() - cpu_before, kSanitized ? 5s : 1s);

  clients.clear();
  waiting.erase(waiting.begin() + 20, waiting.end());
  EXPECT_EQ(count_served(waiting), 20u);
  EXPECT_EQ(exchange(proxy->address(), get_text("/bytes/1")).head.status, 200);
  EXPECT_EQ(proxy->stop().code, 0);
}

// What clients do not take is held, up to -maxMemory in all: here in chunks, which do not pass from
// socket to socket inside the kernel.
TEST(Overload, OfMemoryAnswers503ToNewRequestsOnly) {
  Origin origin;
  RunningHttptp proxy(
      http_flags(origin.address().text()) +
      Flags{"-workers=1", "-maxMemory=10000000", "-outIdleTimeout=60s", "-inWriteIdleTimeout=60s"});
  ASSERT_TRUE(proxy.started());
  Clients readers;
  const auto status = [&] { return exchange(proxy.address(), get_text("/bytes/10")).head.status; };
  while (status() == 200 && readers.size() < 200) {
    auto socket = Socket::connect(proxy.address(), after(), 4096);
    ASSERT_TRUE(socket);
    readers.emplace_back(std::move(*socket));
    readers.back().send(get_text("/chunked/30000000?seed=7"));
  }
  EXPECT_EQ(status(), 503);
  EXPECT_TRUE(proxy->expvar("failures.overloaded") > 0);
  // Who was there before is served to the end.
  ASSERT_FALSE(readers.empty());
  EXPECT_TRUE(
      body_is(readers.front().read_response(false, after(60s)), Content::json(30'000'000, 7)));
  readers.clear();
  EXPECT_TRUE(wait_until([&] { return status() == 200; }));
}

// Bodies for a link are held whole. With 160 MiB in all, 80 MiB of them are.
TEST(Overload, OfTheProcesssMemoryAnswers503) {
  if (kSanitized) return;  // a sanitizer takes terabytes of addresses
  Origin origin;
  RunningHttptp far(far_flags(origin.address().text()));
  const auto near = start_under("--as=" + std::to_string(160 << 20),
                                near_flags(far.address().text()) + Flags{"-workers=1"});
  ASSERT_TRUE(near);
  const std::string begun = "POST /hash HTTP/1.1\r\nHost: a\r\nContent-Length: 4100000\r\n\r\n" +
                            std::string(4'000'000, 'x');
  Clients senders;
  const auto is_refused = [&] { return near->expvar("failures.overloaded") > 0; };
  while (!is_refused() && senders.size() < 30) {
    senders.emplace_back(near->address());
    senders.back().send(begun);
    const auto all = static_cast<int64_t>(senders.size() * begun.size());
    EXPECT_TRUE(wait_until([&] { return near->expvar("inBytesRead") >= all || is_refused(); }));
  }
  EXPECT_TRUE(is_refused());
  EXPECT_GT(senders.size(), 15u);
  senders.clear();
  EXPECT_TRUE(wait_until(
      [&] { return test::exchange(near->address(), get_text("/bytes/10")).head.status == 200; }));
  EXPECT_EQ(near->stop().code, 0);
}

// A response over the far end's memory fails alone; the others on the link do not notice.
TEST(Overload, OfAFarEndsMemoryAnswers503ToThatRequestAlone) {
  Origin origin;
  Chain chain(origin.address().text(), {"-outTimeout=30s"}, {"-maxMemory=1048576"});
  ASSERT_TRUE(chain.started());
  HttpConnection other(chain.address());
  other.send(get_text("/bytes/1000?seed=3&hold=1"));
  ASSERT_TRUE(origin.wait_for([](const OriginCounters& c) { return c.held == 1; }));
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(exchange(chain.address(), get_text("/bytes/8000000")).head.status, 503);
    EXPECT_EQ(exchange(chain.address(), get_text("/bytes/1000")).head.status, 200);
  }
  EXPECT_EQ(chain.far().expvar("failures.overloaded"), 3);
  EXPECT_EQ(chain.near().expvar("outDialSuccess"), 1) << "it is still the same link";
  origin.open_gate();
  EXPECT_TRUE(body_is(other.read_response(), Content::bytes(1000, 3)));
}

void expect_answers_in_time(const Address& proxy) {
  constexpr auto kTimeout = 300ms;
  std::chrono::milliseconds worst{};
  for (int i = 0; i < 20; ++i) {
    const Deadline began = Clock::now();
    EXPECT_EQ(test::exchange(proxy, get_text("/stall")).head.status, 504);
    worst = std::max(worst,
                     std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - began));
  }
  std::printf("the latest of 20 answers came %lld ms after its time\n",
              static_cast<long long>((worst - kTimeout).count()));
  EXPECT_LT(worst, kTimeout + 5s);
}

bool are_let_go_of(Origin& origin) {
  return origin.wait_for([](const OriginCounters& c) { return c.stalled_gone == 20; });
}

const Flags kHangs = {"-outTimeout=300ms", "-outEjectFailures=0"};

TEST(HangingEndpoint, IsAnsweredForInTimeAndLetGoOf) {
  Origin origin;
  RunningHttptp proxy(http_flags(origin.address().text()) + kHangs);
  ASSERT_TRUE(proxy.started());
  expect_answers_in_time(proxy.address());
  EXPECT_TRUE(are_let_go_of(origin));
}

// The wire has no way to take a request back: the far end lets go of the endpoint in its own time.
TEST(HangingEndpoint, BehindALinkIsAnsweredForInTimeAndLetGoOf) {
  Origin origin;
  Chain chain(origin.address().text(), kHangs, {"-outTimeout=1s", "-outEjectFailures=0"});
  ASSERT_TRUE(chain.started());
  expect_answers_in_time(chain.address());
  EXPECT_TRUE(are_let_go_of(origin));
}

}  // namespace
}  // namespace httpteleport::test
