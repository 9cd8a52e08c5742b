// What shuttle makes of backends that fail, are checked, come back, and are taken out by hand.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "running_shuttle.h"
#include "steady_traffic.h"
#include "support/certificates.h"
#include "support/origin.h"
#include "support/temporary_folder.h"

namespace httpteleport::test {
namespace {

// Checked where it listens.
std::string checked_json(const std::string& name, const Address& address) {
  return backend_json(name, address, R"(, "check_address": ")" + address.text() + "\"");
}

constexpr const char* kFastChecks = R"(, "check_interval": 100, "fall": 2, "rise": 2)";

class ShuttleHealth : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(shuttle_.started()); }

  void serve(const std::string& more = "") {
    shuttle_.change("/web", host_json("a",
                                      checked_json("first", first_->address()) + ", " +
                                          checked_json("second", second_.address()),
                                      kFastChecks + more));
  }
  // Of so many requests, how many each has answered.
  std::pair<uint64_t, uint64_t> shares(int requests) {
    const uint64_t first = first_ ? first_->counters().of(PathKind::kBytes) : 0;
    const uint64_t second = second_.counters().of(PathKind::kBytes);
    for (int i = 0; i < requests; ++i)
      EXPECT_EQ(shuttle_.fetch("a", "/bytes/10").head.status, 200);
    return {(first_ ? first_->counters().of(PathKind::kBytes) : 0) - first,
            second_.counters().of(PathKind::kBytes) - second};
  }
  void kill_first() {
    first_port_ = first_->address().port;
    first_.reset();
  }
  void revive_first() { first_ = std::make_unique<Origin>(Origin::Options{.port = first_port_}); }

  uint16_t first_port_ = 0;
  std::unique_ptr<Origin> first_ = std::make_unique<Origin>();
  Origin second_;
  RunningShuttle shuttle_;
};

TEST_F(ShuttleHealth, SendsRequestsToOthersAtOnceWhenABackendRefusesThem) {
  serve(R"(, "check_interval": 3600000)");
  EXPECT_EQ(shares(10), std::make_pair(uint64_t{5}, uint64_t{5}));
  kill_first();
  EXPECT_EQ(shares(20).second, 20u);
}

TEST_F(ShuttleHealth, TakesABackendOutWhenItsChecksFailAndBackWhenTheySucceed) {
  serve();
  EXPECT_TRUE(shuttle_.wait_up("web/first"));
  kill_first();
  EXPECT_TRUE(shuttle_.wait_up("web/first", false));
  EXPECT_GE(shuttle_.number("/web/first", "check_fail"), 1);
  EXPECT_EQ(shares(10).second, 10u);
  revive_first();
  EXPECT_TRUE(shuttle_.wait_up("web/first"));
  EXPECT_TRUE(wait_until([&] { return shares(10).first >= 4; }));
}

TEST_F(ShuttleHealth, LosesNoRequestWhenABackendIsTakenOutByItsChecks) {
  serve(R"(, "check": {"type": "http", "path": "/status/200"})");
  SteadyRequests kept(shuttle_.http(), "", 2);
  ASSERT_TRUE(kept.wait_for_more(100));
  shuttle_.change("/web", R"({"check": {"path": "/status/500"}})");
  EXPECT_TRUE(shuttle_.wait_up("web/first", false));
  shuttle_.change("/web", R"({"check": {"path": "/status/200"}})");
  EXPECT_TRUE(shuttle_.wait_up("web/first"));
  ASSERT_TRUE(kept.wait_for_more(100));
  const std::vector<std::string> failures = kept.stop();
  // With both out there is nobody to ask: these are told so.
  for (const std::string& failure : failures)
    EXPECT_TRUE(failure.starts_with("HTTP/1.1 50")) << failure;
}

TEST_F(ShuttleHealth, LetsABackendComeBackSlowly) {
  serve(R"(, "slow_start": 15000)");
  kill_first();
  EXPECT_TRUE(shuttle_.wait_up("web/first", false));
  revive_first();
  EXPECT_TRUE(shuttle_.wait_up("web/first"));
  const uint64_t at_the_beginning = shares(20).first;
  EXPECT_LE(at_the_beginning, 7u);
  EXPECT_TRUE(wait_until([&] { return shares(20).first >= 9; }, after(6 * kPatience)));
}

TEST_F(ShuttleHealth, DoesWithABackendWhatIsSaidByHand) {
  serve();
  for (const char* state : {"down", "drain", "maint"}) {
    shuttle_.change("/web/first/_state", state);
    EXPECT_EQ(shares(6).second, 6u) << state;
    EXPECT_FALSE(shuttle_.is_up("web/first")) << state;
  }
  const int64_t checks = shuttle_.number("/web/first", "check_success");
  const int64_t others = shuttle_.number("/web/second", "check_success");
  EXPECT_TRUE(
      wait_until([&] { return shuttle_.number("/web/second", "check_success") > others + 3; }));
  EXPECT_LE(shuttle_.number("/web/first", "check_success"), checks) << "in maintenance";
  shuttle_.change("/web/first/_state", "auto");
  EXPECT_TRUE(shuttle_.wait_up("web/first"));
  EXPECT_GE(shares(6).first, 2u);
  // Whatever its checks say.
  shuttle_.change("/web", R"({"check": {"type": "http", "path": "/status/500"}})");
  shuttle_.change("/web/first/_state", "up");
  EXPECT_TRUE(shuttle_.wait_up("web/second", false));
  EXPECT_TRUE(shuttle_.is_up("web/first"));
  EXPECT_EQ(shares(6).first, 6u);
}

TEST_F(ShuttleHealth, FollowsChangesOfChecks) {
  serve();
  EXPECT_TRUE(shuttle_.wait_up("web/first"));
  shuttle_.change("/web/first", R"({"check_address": ")" + dead_address().text() + "\"}");
  EXPECT_TRUE(shuttle_.wait_up("web/first", false));
  shuttle_.change("/web/first", R"({"check_address": ")" + second_.address().text() + "\"}");
  EXPECT_TRUE(shuttle_.wait_up("web/first"));
  shuttle_.change("/web/first", R"({"check_address": ")" + dead_address().text() + "\"}");
  EXPECT_TRUE(shuttle_.wait_up("web/first", false));
  shuttle_.change("/web", R"({"check": {"type": "none"}})");
  EXPECT_TRUE(shuttle_.wait_up("web/first"));
}

// ---- What checks can ask for.

struct CheckCase {
  const char* name;
  const char* good;
  const char* bad;
  bool tls = false;
};

class ShuttleCheckType : public testing::TestWithParam<CheckCase> {};

std::string check_json(const char* check) {
  return R"({"check": )" + std::string(check) + "}";
}

TEST_P(ShuttleCheckType, TellsGoodBackendsFromBadOnes) {
  const CheckCase& wanted = GetParam();
  const Origin origin;
  // TLS is spoken by another one, with services of the origin.
  const TemporaryFolder certificates;
  const Pem pem = TestCa("root").issue({.names = {"a"}});
  certificates.write("a.pem", pem.certificate);
  certificates.write("a.key", pem.key);
  RunningShuttle front({"-certs=" + certificates.path(), "-https=127.0.0.1:0"});
  ASSERT_TRUE(front.started());
  front.change("/origin", host_json("a", backend_json("b", origin.address())));

  RunningShuttle shuttle;
  ASSERT_TRUE(shuttle.started());
  const Address address = wanted.tls ? front.https() : origin.address();
  shuttle.change("/web", host_json("a", checked_json("b", address), kFastChecks));
  for (int round = 0; round < 2; ++round) {
    shuttle.change("/web", check_json(wanted.bad));
    EXPECT_TRUE(shuttle.wait_up("web/b", false)) << wanted.bad;
    shuttle.change("/web", check_json(wanted.good));
    EXPECT_TRUE(shuttle.wait_up("web/b")) << wanted.good;
    if (std::string_view(wanted.good).find("none") != std::string_view::npos) continue;
    const int64_t so_far = shuttle.number("/web/b", "check_success");
    EXPECT_TRUE(wait_until([&] { return shuttle.number("/web/b", "check_success") > so_far; }));
    EXPECT_TRUE(shuttle.is_up("web/b")) << wanted.good;
  }
}

constexpr CheckCase kCheckCases[] = {
    {"HttpPath", R"({"type": "http", "path": "/status/200"})",
     R"({"type": "http", "path": "/status/500"})"},
    {"HttpStatus", R"({"type": "http", "path": "/status/404", "status": [404]})",
     R"({"type": "http", "path": "/status/404", "status": [200]})"},
    {"HttpBody", R"({"type": "http", "path": "/headers", "expect": "GET /headers"})",
     R"({"type": "http", "path": "/headers", "expect": "other"})"},
    {"Exchange",
     R"({"type": "exchange", "send": "GET /status/204 HTTP/1.0\r\n\r\n", "expect": " 204 "})",
     R"({"type": "exchange", "send": "GET /status/404 HTTP/1.0\r\n\r\n", "expect": " 204 "})"},
    {"Tcp", R"({"type": "tcp"})", R"({"type": "http", "path": "/status/503"})"},
    // Not TLS at all, and then not checked.
    {"None", R"({"type": "none"})", R"({"type": "tls"})"},
    {"Tls", R"({"type": "tls", "host": "a"})", R"({"type": "http", "path": "/status/200"})", true},
    {"Https", R"({"type": "https", "host": "a", "path": "/status/200", "status": [200]})",
     R"({"type": "https", "host": "a", "path": "/status/500", "status": [200]})", true},
};

INSTANTIATE_TEST_SUITE_P(All, ShuttleCheckType, testing::ValuesIn(kCheckCases),
                         [](const auto& one) { return std::string(one.param.name); });

}  // namespace
}  // namespace httpteleport::test
