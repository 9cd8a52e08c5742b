#include "health/monitor.h"

#include <gtest/gtest.h>
#include <malloc.h>
#include <sys/resource.h>

#include <ctime>
#include <functional>
#include <set>

#include "support/temporary_folder.h"
#include "tls/test_tls.h"

namespace httpteleport::health {
namespace {

using namespace std::chrono_literals;
using net::TestPeer;

// Writes down what it is told: "1 up", "1 down: why".
class Handler final : public HealthHandler {
 public:
  std::vector<std::string> told;
  std::function<void(Key)> inside;  // called in each, if set

  void on_health(Key key, bool up, std::string_view reason) override {
    told.push_back(std::to_string(key) + (up ? " up" : " down: ") + std::string(reason));
    if (inside) inside(key);
  }
  std::string last() const { return told.empty() ? "nothing" : told.back(); }
};

class MonitorTest : public testing::Test {
 protected:
  net::Address address() const { return net::local_address(listening_.fd()); }
  // An address where nobody listens.
  static net::Address dead_address() {
    return net::local_address(net::TestNet::listen_socket().fd());
  }
  void set(const CheckOptions& options, std::vector<net::Address> addresses, Key key = 1) {
    monitor_.set(key, {.options = std::make_shared<const CheckOptions>(options),
                       .host = "name.test:80",
                       .addresses = std::move(addresses)});
  }
  void set(const CheckOptions& options) { set(options, {address()}); }
  uint64_t checks(Key key = 1) const {
    const Status status = monitor_.status(key);
    return status.successes + status.failures;
  }
  bool run_until_checked(uint64_t count = 1) {
    return net_.run_until([&] { return checks() >= count; });
  }
  bool run_until_told(size_t count = 1) {
    return net_.run_until([&] { return handler_.told.size() >= count; });
  }
  // Gives `answer` to whoever connects and says `asked`, until `condition()` holds.
  template <class Condition>
  bool answer_until(std::string_view answer, std::string_view asked, Condition&& condition) {
    return net_.run_until([&] {
      if (condition()) return true;
      net_.accept_waiting(listening_);
      for (TestPeer& peer : net_.peers) {
        if (!peer.is_open() || peer.received.find(asked) == std::string::npos) continue;
        last_question_ = peer.take();
        peer.send(answer);
        peer.finish();
      }
      net_.peers.remove_if([](const TestPeer& peer) { return peer.ended || peer.broken; });
      return false;
    });
  }

  net::TestNet net_;
  net::Socket listening_ = net::TestNet::listen_socket();
  Handler handler_;
  Monitor monitor_{net_.loop, handler_, 1};
  std::string last_question_;
};

constexpr std::string_view kGood = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
constexpr std::string_view kBad = "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n";

// So rarely that only the first check comes.
CheckOptions once(CheckType type) {
  return {.type = type, .interval = 10h, .timeout = 5s};
}

TEST_F(MonitorTest, AsksNothingThatWouldBeMoreThanOneRequest) {
  Key key = 1;
  for (const char* text : {"/a\r\n\r\nDELETE", "/a b", "/\x7f"}) {
    const CheckOptions options{.type = CheckType::kHttp, .path = text};
    set(options, {address()}, key);
    ASSERT_TRUE(net_.run_until([&] { return checks(key) >= 1; })) << text;
    EXPECT_FALSE(monitor_.status(key).up);
    EXPECT_EQ(monitor_.status(key).last_error, "blanks or control characters in path or host");
    monitor_.remove(key++);
    const CheckOptions good{.type = CheckType::kHttp};
    monitor_.set(key, {.options = std::make_shared<const CheckOptions>(good),
                       .host = text,
                       .addresses = {address()}});
    ASSERT_TRUE(net_.run_until([&] { return checks(key) >= 1; })) << text;
    EXPECT_FALSE(monitor_.status(key).up);
    monitor_.remove(key++);
  }
  net_.accept_waiting(listening_);
  EXPECT_TRUE(net_.peers.empty());
}

TEST_F(MonitorTest, TakesATargetForUpAndChecksItAtOnce) {
  set(once(CheckType::kTcp));
  EXPECT_TRUE(monitor_.status(1).up);
  EXPECT_FALSE(monitor_.status(1).checked);
  ASSERT_TRUE(run_until_checked());
  const Status status = monitor_.status(1);
  EXPECT_TRUE(status.up && status.checked);
  EXPECT_EQ(status.successes, 1u);
  EXPECT_EQ(status.failures, 0u);
  EXPECT_EQ(status.last_error, "");
  EXPECT_NEAR(static_cast<double>(status.since_s), static_cast<double>(std::time(nullptr)), 10);
  EXPECT_TRUE(handler_.told.empty());
}

TEST_F(MonitorTest, LetsTheFirstCheckAloneTakeATargetDown) {
  CheckOptions options = once(CheckType::kTcp);
  options.fall = 5;
  set(options, {dead_address()});
  ASSERT_TRUE(run_until_told());
  EXPECT_EQ(handler_.last(), "1 down: connect: Connection refused");
  EXPECT_FALSE(monitor_.status(1).up);
  EXPECT_EQ(monitor_.status(1).failures, 1u);
  EXPECT_EQ(monitor_.status(1).last_error, "connect: Connection refused");
}

TEST_F(MonitorTest, CountsRiseAndFallExactly) {
  CheckOptions options{.type = CheckType::kHttp, .interval = 3ms, .rise = 2, .fall = 3};
  set(options);
  const auto failures = [&](uint64_t count) {
    return [this, count] { return monitor_.status(1).failures == count; };
  };
  const auto successes = [&](uint64_t count) {
    return [this, count] { return monitor_.status(1).successes == count; };
  };
  ASSERT_TRUE(answer_until(kGood, "\r\n\r\n", successes(1)));
  EXPECT_EQ(last_question_.find("GET / HTTP/1.1\r\nHost: name.test:80\r\n"), 0u);
  ASSERT_TRUE(answer_until(kBad, "\r\n\r\n", failures(2)));
  EXPECT_EQ(handler_.last(), "nothing");
  const uint64_t good_before = monitor_.status(1).successes;
  ASSERT_TRUE(answer_until(kGood, "\r\n\r\n", successes(good_before + 1)));
  ASSERT_TRUE(answer_until(kBad, "\r\n\r\n", failures(4)));
  EXPECT_EQ(handler_.last(), "nothing") << "a good check ends the row of bad ones";
  ASSERT_TRUE(answer_until(kBad, "\r\n\r\n", failures(5)));
  EXPECT_EQ(handler_.last(), "1 down: answered 500, wanted 200-399");
  const uint64_t good = monitor_.status(1).successes;
  ASSERT_TRUE(answer_until(kGood, "\r\n\r\n", successes(good + 1)));
  EXPECT_FALSE(monitor_.status(1).up);
  ASSERT_TRUE(answer_until(kGood, "\r\n\r\n", successes(good + 2)));
  EXPECT_EQ(handler_.last(), "1 up");
  EXPECT_EQ(handler_.told.size(), 2u);
}

TEST_F(MonitorTest, LooksForATextInTheBody) {
  CheckOptions options = once(CheckType::kHttp);
  options.interval = 3ms;
  options.rise = options.fall = 1;
  options.path = "/up";
  options.expect = "ok";
  set(options);
  ASSERT_TRUE(answer_until(kGood, "\r\n\r\n", [&] { return checks() == 1; }));
  EXPECT_EQ(last_question_.find("GET /up HTTP/1.1\r\n"), 0u);
  EXPECT_TRUE(handler_.told.empty());
  ASSERT_TRUE(answer_until("HTTP/1.1 200 OK\r\n\r\nso so", "\r\n\r\n",
                           [&] { return !handler_.told.empty(); }));
  EXPECT_EQ(handler_.last(), "1 down: the answer lacks \"ok\"");
}

TEST_F(MonitorTest, ExchangesTexts) {
  CheckOptions options{.type = CheckType::kExchange,
                       .send = "PING\r\n",
                       .expect = "+PONG",
                       .interval = 3ms,
                       .rise = 1,
                       .fall = 1};
  set(options);
  ASSERT_TRUE(answer_until("+PONG\r\n", "PING\r\n", [&] { return checks() == 2; }));
  EXPECT_EQ(last_question_, "PING\r\n");
  EXPECT_TRUE(handler_.told.empty());
  ASSERT_TRUE(answer_until("-LOADING\r\n", "PING\r\n", [&] { return !handler_.told.empty(); }));
  EXPECT_EQ(handler_.last(), "1 down: the answer lacks \"+PONG\"");
}

// A server of TLS for whoever connects; its answers are given once it has the end of a head.
class TlsMonitorTest : public MonitorTest {
 protected:
  template <class Condition>
  bool serve_until(std::string_view answer, Condition&& condition) {
    return net_.run_until([&] {
      const size_t before = net_.peers.size();
      net_.accept_waiting(listening_);
      if (net_.peers.size() > before) server_.emplace(net_.peers.back(), options());
      if (!server_) return condition();
      server_->pump();
      if (server_->received().find("\r\n\r\n") != std::string::npos) {
        last_question_ = std::exchange(server_->received(), {});
        server_->send(answer);
      }
      if (server_->is_complete()) asked_for_ = server_->tls().server_name();
      return condition();
    });
  }
  test::TlsOptions options() const { return {.server = true, .certificate = certificate_}; }

  const test::TestCa ca_{"somebody"};
  const test::Pem certificate_ = ca_.issue({.names = {"another.test"}});
  std::optional<tls::TlsPeer> server_;
  std::string asked_for_;
};

TEST_F(TlsMonitorTest, WantsAHandshakeAndNoCertificateInParticular) {
  set(once(CheckType::kTls));
  ASSERT_TRUE(serve_until("", [&] { return checks() == 1; }));
  EXPECT_EQ(monitor_.status(1).last_error, "");
  ASSERT_TRUE(serve_until("", [&] { return server_->is_complete(); }));
  EXPECT_EQ(asked_for_, "name.test");
}

TEST_F(TlsMonitorTest, TellsWhatIsNoTls) {
  set(once(CheckType::kTls));
  ASSERT_TRUE(answer_until("220 mail.test\r\n", "", [&] { return checks() == 1; }));
  EXPECT_EQ(handler_.last().find("1 down: TLS: "), 0u) << handler_.last();
}

TEST_F(TlsMonitorTest, AsksOverTls) {
  CheckOptions options = once(CheckType::kHttps);
  options.interval = 3ms;
  options.fall = 1;
  set(options);
  ASSERT_TRUE(serve_until(kGood, [&] { return checks() == 1; }));
  EXPECT_EQ(monitor_.status(1).last_error, "");
  EXPECT_EQ(last_question_.find("GET / HTTP/1.1\r\nHost: name.test:80\r\n"), 0u);
  EXPECT_EQ(server_->tls().protocol(), "");
  ASSERT_TRUE(serve_until(kBad, [&] { return !handler_.told.empty(); }));
  EXPECT_EQ(handler_.last(), "1 down: answered 500, wanted 200-399");
}

TEST_F(MonitorTest, GivesUpPeersThatAreSilentOrNeverEnd) {
  struct Case {
    CheckType type;
    std::string_view trickle;  // sent again and again
    std::string_view reason;
  };
  for (const Case& tested :
       {Case{CheckType::kTls, "", "no TLS handshake in 50 ms"},
        Case{CheckType::kHttp, "", "no whole answer in 50 ms"},
        Case{CheckType::kExchange, "", "no whole answer in 50 ms"},
        Case{CheckType::kHttp, "HTTP/1.1 100 Continue\r\n\r\n",
             "too many answers with a status of 1xx"},
        Case{CheckType::kHttp, "HTTP/1.1 200 OK\r\n\r\n ....................................",
             "the first 64 KiB of the answer lack \"ok\""},
        Case{CheckType::kExchange, "..........................................",
             "the first 64 KiB of the answer lack \"ok\""}}) {
    handler_.told.clear();
    CheckOptions options = once(tested.type);
    options.expect = "ok";
    // What is sent without end is to be ended by its size.
    if (tested.trickle.empty()) options.timeout = 50ms;
    set(options);
    std::string bytes;
    for (int i = 0; i < 100; ++i)
      bytes += tested.trickle;
    ASSERT_TRUE(net_.run_until([&] {
      net_.accept_waiting(listening_);
      for (TestPeer& peer : net_.peers) {
        if (peer.all_sent()) peer.send(bytes);
      }
      return !handler_.told.empty();
    })) << tested.reason;
    EXPECT_EQ(handler_.last(), "1 down: " + std::string(tested.reason));
    net_.peers.clear();
    monitor_.remove(1);
  }
}

TEST_F(MonitorTest, AsksOneAddressAfterTheOtherAndTakesAnyThatIsWell) {
  CheckOptions options = once(CheckType::kTcp);
  options.interval = 3ms;
  options.fall = 1;
  set(options, {dead_address(), address()});
  ASSERT_TRUE(run_until_checked(3));
  EXPECT_TRUE(handler_.told.empty());
  listening_ = {};
  ASSERT_TRUE(run_until_told());
  EXPECT_EQ(handler_.last().find("1 down: 127.0.0.1:"), 0u) << handler_.last();
  EXPECT_NE(handler_.last().find(": connect: Connection refused"), std::string::npos);
}

TEST_F(MonitorTest, LeavesTimeForTheAddressesBehindASilentOne) {
  const net::Socket silent = net::TestNet::listen_socket();
  CheckOptions options = once(CheckType::kHttp);
  options.timeout = 600ms;
  set(options, {net::local_address(silent.fd()), address()});
  ASSERT_TRUE(answer_until(kGood, "\r\n\r\n", [&] { return checks() == 1; }));
  EXPECT_EQ(monitor_.status(1).successes, 1u) << monitor_.status(1).last_error;
}

TEST_F(MonitorTest, ChecksUnixSocketsToo) {
  const test::TemporaryFolder folder;
  const net::Address path = *net::Address::unix_path(folder.file("s"));
  net::Socket unix_socket = *net::listen_on(path, {});
  CheckOptions options = once(CheckType::kTcp);
  options.interval = 3ms;
  options.fall = 1;
  set(options, {path});
  ASSERT_TRUE(run_until_checked());
  EXPECT_TRUE(handler_.told.empty());
  unix_socket = {};
  ASSERT_TRUE(run_until_told());
  EXPECT_EQ(handler_.last(), "1 down: connect: Connection refused");
}

TEST_F(MonitorTest, BlamesNoTargetForOurWantOfDescriptors) {
  CheckOptions options = once(CheckType::kTcp);
  options.interval = 2ms;
  set(options);
  ASSERT_TRUE(run_until_checked());
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{.rlim_cur = 3, .rlim_max = before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  const bool noticed = net_.run_until([&] { return !monitor_.status(1).last_error.empty(); });
  const uint64_t successes = monitor_.status(1).successes;
  net_.settle();
  const Status status = monitor_.status(1);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  ASSERT_TRUE(noticed);
  EXPECT_EQ(status.last_error, "cannot create a socket: Too many open files");
  EXPECT_EQ(status.successes, successes);
  ASSERT_TRUE(net_.run_until([&] { return monitor_.status(1).successes > successes; }));
  EXPECT_EQ(monitor_.status(1).failures, 0u);
  EXPECT_TRUE(handler_.told.empty());
}

TEST_F(MonitorTest, ChecksInDifferentPhases) {
  constexpr Key kTargets = 40;
  CheckOptions options = once(CheckType::kTcp);
  options.interval = 400ms;
  for (Key key = 1; key <= kTargets; ++key)
    set(options, {address()}, key);
  const auto all_checked = [&] {
    for (Key key = 1; key <= kTargets; ++key) {
      if (checks(key) == 0) return false;
    }
    return true;
  };
  ASSERT_TRUE(net_.run_until(all_checked));
  // How many there are yet to come falls step by step, not at once.
  std::set<size_t> numbers_seen;
  ASSERT_TRUE(net_.run_until([&] {
    size_t second = 0;
    for (Key key = 1; key <= kTargets; ++key)
      second += checks(key) >= 2 ? 1 : 0;
    numbers_seen.insert(second);
    return second == kTargets;
  }));
  EXPECT_GE(numbers_seen.size(), 4u);
}

TEST_F(MonitorTest, KeepsWhatItKnowsWhenOnlyTimesChange) {
  const net::Address dead = dead_address();
  CheckOptions options = once(CheckType::kTcp);
  set(options, {dead});
  ASSERT_TRUE(run_until_told());
  options.interval = 2ms;
  set(options, {dead});
  ASSERT_TRUE(run_until_checked(4)) << "the shorter interval is in force";
  options.interval = 10h;
  set(options, {dead});
  net_.settle();
  const uint64_t before = checks();
  const TimePoint since = net_.loop.now();
  ASSERT_TRUE(net_.run_until([&] { return net_.loop.now() - since > 10ms; }));
  EXPECT_EQ(checks(), before) << "the longer interval is in force";
  EXPECT_EQ(handler_.told.size(), 1u) << "it stayed down";
  EXPECT_EQ(monitor_.status(1).failures, before);
}

TEST_F(MonitorTest, UsesANewRiseAndFallAtOnce) {
  CheckOptions options = once(CheckType::kTcp);
  options.interval = 2ms;
  options.fall = 1'000'000;
  set(options);
  ASSERT_TRUE(run_until_checked());
  const net::Address gone = address();
  listening_ = {};
  ASSERT_TRUE(net_.run_until([&] { return monitor_.status(1).failures >= 5; }));
  EXPECT_TRUE(handler_.told.empty());
  options.fall = 3;
  set(options, {gone});
  ASSERT_TRUE(run_until_told());
  EXPECT_EQ(handler_.last(), "1 down: connect: Connection refused");
}

TEST_F(MonitorTest, ChecksAtOnceWhatIsAskedOtherwise) {
  set(once(CheckType::kTcp));
  ASSERT_TRUE(run_until_checked());
  set(once(CheckType::kHttp));
  ASSERT_TRUE(answer_until(kBad, "\r\n\r\n", [&] { return !handler_.told.empty(); }));
  EXPECT_EQ(handler_.last(), "1 down: answered 500, wanted 200-399")
      << "the first check of a new kind decides alone";
  set(once(CheckType::kTcp));
  EXPECT_FALSE(monitor_.status(1).up) << "until it is checked, it is what it was";
  ASSERT_TRUE(run_until_told(2));
  EXPECT_EQ(handler_.last(), "1 up");
}

TEST_F(MonitorTest, IsToldWhatRequestsShow) {
  CheckOptions options = once(CheckType::kTcp);
  options.interval = 5ms;
  options.rise = 2;
  set(options);
  ASSERT_TRUE(run_until_checked(3));
  monitor_.mark_down(1, "connect: Connection refused");
  EXPECT_EQ(handler_.last(), "1 down: connect: Connection refused");
  EXPECT_EQ(monitor_.status(1).last_error, "connect: Connection refused");
  const uint64_t before = checks();
  monitor_.mark_down(1, "again");
  monitor_.mark_down(2, "who?");
  EXPECT_EQ(handler_.told.size(), 1u);
  ASSERT_TRUE(run_until_told(2));
  EXPECT_EQ(handler_.last(), "1 up");
  EXPECT_EQ(checks(), before + 1) << "the check that is made at once decides alone";
}

TEST_F(MonitorTest, ChecksNothingWithoutAddresses) {
  CheckOptions options = once(CheckType::kTcp);
  options.interval = 2ms;
  set(options, {});
  net_.settle();
  EXPECT_EQ(checks(), 0u);
  EXPECT_TRUE(monitor_.status(1).up);
  monitor_.set_addresses(1, {address()});
  ASSERT_TRUE(run_until_checked(2));
  monitor_.set_addresses(1, {});
  net_.settle();
  const TimePoint since = net_.loop.now();
  const uint64_t before = checks();
  ASSERT_TRUE(net_.run_until([&] { return net_.loop.now() - since > 10ms; }));
  EXPECT_EQ(checks(), before);
  monitor_.set_addresses(1, {dead_address()});
  EXPECT_TRUE(run_until_told());
}

TEST_F(MonitorTest, ForgetsWhatIsRemoved) {
  const auto waiting = [&] { return net_.peers.size(); };
  for (Key key = 1; key <= 5; ++key)
    set(once(CheckType::kHttp), {address()}, key);
  ASSERT_TRUE(answer_until("", "never", [&] { return waiting() == 5; }));
  for (Key key = 1; key <= 4; ++key)
    monitor_.remove(key);
  monitor_.remove(4);
  EXPECT_EQ(monitor_.size(), 1u);
  ASSERT_TRUE(answer_until("", "never", [&] { return waiting() == 1; }));
  EXPECT_TRUE(handler_.told.empty());
}

TEST_F(MonitorTest, MayBeChangedByWhomItTells) {
  handler_.inside = [&](Key key) {
    monitor_.remove(key);
    if (key < 5) set(once(CheckType::kTcp), {dead_address()}, key + 1);
  };
  set(once(CheckType::kTcp), {dead_address()});
  ASSERT_TRUE(run_until_told(5));
  EXPECT_EQ(monitor_.size(), 0u);
}

TEST_F(MonitorTest, EndsWithChecksUnderWay) {
  {
    Monitor short_lived(net_.loop, handler_, 2);
    for (Key key = 1; key <= 3; ++key)
      short_lived.set(key, {.options = std::make_shared<const CheckOptions>(once(CheckType::kHttp)),
                            .host = "h",
                            .addresses = {address()}});
    ASSERT_TRUE(answer_until("", "never", [&] { return net_.peers.size() == 3; }));
  }
  ASSERT_TRUE(answer_until("", "never", [&] { return net_.peers.empty(); }));
  EXPECT_TRUE(handler_.told.empty());
}

TEST_F(MonitorTest, BoundsChecksUnderWay) {
  constexpr Key kTargets = Monitor::kChecksMax + 50;
  for (Key key = 1; key <= kTargets; ++key)
    set(once(CheckType::kHttp), {address()}, key);
  ASSERT_TRUE(answer_until("", "never", [&] { return net_.peers.size() == Monitor::kChecksMax; }));
  net_.settle();
  net_.accept_waiting(listening_);
  EXPECT_EQ(net_.peers.size(), Monitor::kChecksMax);
  const auto all_good = [&] {
    uint64_t good = 0;
    for (Key key = 1; key <= kTargets; ++key)
      good += monitor_.status(key).successes;
    return good == kTargets;
  };
  EXPECT_TRUE(answer_until(kGood, "\r\n\r\n", all_good));
}

TEST_F(MonitorTest, BeginsABoundedNumberOfChecksInATurn) {
  for (Key key = 1; key <= 2 * Monitor::kStartsPerTurn; ++key)
    set(once(CheckType::kTcp), {address()}, key);
  const auto open = [&] { return static_cast<size_t>(monitor_.sockets().open.value()); };
  net_.loop.run_once(Duration::zero());
  EXPECT_EQ(open(), Monitor::kStartsPerTurn);
  EXPECT_TRUE(net_.run_until([&] { return checks(2 * Monitor::kStartsPerTurn) == 1; }));
}

TEST_F(MonitorTest, KeepsIdleTargetsSmall) {
  constexpr Key kTargets = 30'000;
  const auto options = std::make_shared<const CheckOptions>(once(CheckType::kTcp));
  const size_t before = mallinfo2().uordblks;
  {
    Monitor monitor(net_.loop, handler_, 3);
    for (Key key = 0; key < kTargets; ++key)
      monitor.set(key, {.options = options, .host = "", .addresses = {address()}});
    const size_t each = (mallinfo2().uordblks - before) / kTargets;
    EXPECT_LT(each, 600u);
    RecordProperty("bytes_each", static_cast<int>(each));
  }
}

}  // namespace
}  // namespace httpteleport::health
