// Links that end, break or stall at any byte, and requests that fail on them: what was in flight is
// answered once, the others do not notice, no POST happens twice.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "conformance/play_origin.h"
#include "conformance/setups.h"
#include "support/relay.h"

namespace httpteleport::test {
namespace {

using namespace std::chrono_literals;

constexpr size_t kOthers = kSanitized ? 20 : 50;

// near -> relay -> far -> origin.
class LinkFaults : public testing::TestWithParam<const char*> {
 protected:
  void start(const Flags& near, const Flags& far) {
    const Flags workers = {"-workers=1"};
    const std::string method = GetParam();
    far_ = std::make_unique<RunningHttptp>(far_flags(origin_.address().text()) + workers +
                                           Flags{"-inCompress=" + method} + far);
    relay_ = std::make_unique<Relay>(far_->address());
    near_ = std::make_unique<RunningHttptp>(near_flags(relay_->address().text()) + workers +
                                            Flags{"-outCompress=" + method} + near);
    ASSERT_TRUE(far_->started() && near_->started());
  }
  ~LinkFaults() override {
    origin_.open_gate();
    near_.reset();
  }

  static std::string request(bool posts, const std::string& target, size_t body_bytes = 300) {
    if (!posts) return "GET " + target + " HTTP/1.1\r\nHost: a\r\n\r\n";
    return "POST " + target +
           " HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body_bytes) + "\r\n\r\n" +
           std::string(body_bytes, 'b');
  }
  Message ask(const std::string& bytes) {
    RawClient client(near_->address());
    client.send(bytes);
    return client.read_response();
  }
  void expect_good() {
    for (const bool posts : {false, true}) {
      const std::string target = "/good/" + std::to_string(++asked_);
      const Message answer = ask(request(posts, target));
      EXPECT_EQ(answer.body, target) << answer.error << answer.head.status;
    }
  }

  // Requests that the origin has and does not answer yet, half of them POSTs.
  struct Others {
    std::vector<RawClient> clients{};
    std::vector<std::string> targets{};
  };
  Others put_others_in_flight() {
    origin_.close_gate();
    Others others;
    const std::string round = "/held/" + std::to_string(++asked_) + "/";
    for (size_t i = 0; i < kOthers; ++i) {
      others.targets.push_back(round + std::to_string(i));
      others.clients.emplace_back(near_->address());
      others.clients.back().send(request(i % 2 == 1, others.targets.back()));
    }
    for (const std::string& target : others.targets)
      EXPECT_TRUE(origin_.wait_for_begun(target, 1));
    return others;
  }
  // Each gets its own answer, or an error where that is allowed; an answer that the near end had
  // begun to pass on breaks off visibly. Returns how many have failed.
  size_t expect_answers(Others& others, bool may_fail, int status = 502) {
    size_t errors = 0;
    for (size_t i = 0; i < others.clients.size(); ++i) {
      const Message answer = others.clients[i].read_response();
      const bool failed = answer.outcome == Outcome::kTruncated ||
                          (answer.outcome == Outcome::kComplete && answer.head.status == status);
      EXPECT_TRUE(answer.body == others.targets[i] || (may_fail && failed))
          << i << ": " << answer.outcome << " " << answer.error << " " << answer.head.status;
      if (answer.outcome == Outcome::kComplete) {
        EXPECT_TRUE(others.clients[i].is_quiet());
      }
      if (i % 2 == 1) {
        EXPECT_LE(origin_.seen(others.targets[i]).begun, 1u) << "a POST happened twice";
      }
      errors += failed ? 1 : 0;
    }
    return errors;
  }
  void expect_nothing_open() {
    for (RunningHttptp* process : {near_.get(), far_.get()}) {
      EXPECT_TRUE(wait_until([&] { return (*process)->expvar("exchangesOpen") == 0; }));
    }
  }
  void test_only_one_suffers();
  // What becomes of it over v2, where a message passes as it comes.
  enum class Streamed : uint8_t { kAsHeld, kWhole, kCut };
  void expect_one_error(const std::string& what, int status, const std::string& bytes,
                        Streamed streamed = Streamed::kAsHeld);
  // Without compression or with zstd the link is v2.
  static bool streams() {
    const std::string method = GetParam();
    return method == "none" || method == "zstd";
  }

  PlayOrigin origin_;
  std::unique_ptr<RunningHttptp> far_;
  std::unique_ptr<Relay> relay_;
  std::unique_ptr<RunningHttptp> near_;
  int asked_ = 0;
};

INSTANTIATE_TEST_SUITE_P(Setups, LinkFaults, testing::Values("none", "zstd", "flate", "snappy"),
                         [](const auto& method) { return std::string(method.param); });

TEST_P(LinkFaults, AtAnyByteOfRequestsFailWhatWasInFlightOnce) {
  start({}, {});
  for (const Relay::Fault fault : {Relay::Fault::kFin, Relay::Fault::kReset}) {
    for (const size_t bytes : {0, 1, 4, 5, 30, 100}) {
      SCOPED_TRACE("fault " + std::to_string(static_cast<int>(fault)) + " after " +
                   std::to_string(bytes));
      Others others = put_others_in_flight();
      relay_->arm(Relay::Way::kForth, bytes, fault);
      // Incompressible enough to be longer than that in every case.
      std::string target = "/good/trigger/" + std::to_string(++asked_) + "/";
      for (unsigned seed = 1, i = 0; i < 300; ++i)
        target += static_cast<char>('a' + (seed = seed * 1103515245 + 12345) / 65536 % 26);
      const Message trigger = ask(request(true, target));
      EXPECT_TRUE(trigger.body == target || trigger.head.status == 502) << trigger.error;
      EXPECT_LE(origin_.seen(target).begun, 1u);
      EXPECT_TRUE(relay_->has_struck());
      origin_.open_gate();
      EXPECT_GE(expect_answers(others, true), kOthers / 2) << "what was sent is not known";
      expect_good();
    }
  }
  expect_nothing_open();
}

TEST_P(LinkFaults, AtAnyByteOfAnswersFailWhatWasInFlightOnce) {
  start({}, {});
  for (const Relay::Fault fault : {Relay::Fault::kFin, Relay::Fault::kReset}) {
    for (const size_t bytes : {0, 1, 4, 5, 20, 50, 100}) {
      SCOPED_TRACE("fault " + std::to_string(static_cast<int>(fault)) + " after " +
                   std::to_string(bytes));
      Others others = put_others_in_flight();
      relay_->arm(Relay::Way::kBack, bytes, fault);
      origin_.open_gate();
      expect_answers(others, true);
      EXPECT_TRUE(relay_->has_struck());
      expect_good();
    }
  }
  expect_nothing_open();
}

// No request has been sent yet. Where there is no other address to try, it fails, once.
TEST_P(LinkFaults, InsideTheHandshakeAreTold) {
  start({}, {});
  for (const Relay::Way way : {Relay::Way::kForth, Relay::Way::kBack}) {
    for (const Relay::Fault fault : {Relay::Fault::kFin, Relay::Fault::kReset}) {
      for (const size_t bytes : {0, 1, 5, 8}) {
        SCOPED_TRACE(std::to_string(bytes));
        relay_->strike(Relay::Fault::kReset);
        EXPECT_TRUE(wait_until([&] { return (*near_)->expvar("linkConns") == 0; }));
        relay_->arm(way, bytes, fault);
        const std::string target = "/good/handshake/" + std::to_string(++asked_);
        const Message answer = ask(request(true, target));
        EXPECT_TRUE(answer.body == target || answer.head.status == 502) << answer.error;
        EXPECT_EQ(origin_.seen(target).whole, answer.body == target ? 1u : 0u);
        EXPECT_TRUE(relay_->has_struck());
        expect_good();
      }
    }
  }
}

// The link ends while nothing is on it; a request that is waiting for its turn then goes over the
// next one, POST or not.
TEST_P(LinkFaults, BetweenRequestsCostNone) {
  start({}, {});
  for (const Relay::Fault fault : {Relay::Fault::kFin, Relay::Fault::kReset}) {
    for (int round = 0; round < 10; ++round) {
      expect_good();
      relay_->strike(fault);
      EXPECT_TRUE(wait_until([&] { return (*near_)->expvar("linkConns") == 0; }));
      const std::string target = "/good/between/" + std::to_string(++asked_);
      EXPECT_EQ(ask(request(true, target)).body, target);
      EXPECT_EQ(origin_.seen(target).whole, 1u);
    }
  }
}

// How soon a request is answered again by a link that worked before.
TEST_P(LinkFaults, AreOverWithinASecond) {
  start({}, {});
  for (const Relay::Fault fault : {Relay::Fault::kFin, Relay::Fault::kReset}) {
    for (int round = 0; round < 5; ++round) {
      expect_good();
      relay_->strike(fault);
      EXPECT_TRUE(wait_until([&] { return (*near_)->expvar("linkConns") == 0; }));
      const Deadline began = Clock::now();
      expect_good();
      EXPECT_LT(Clock::now() - began, kSanitized ? 5s : 1s);
    }
  }
}

TEST_P(LinkFaults, ThatStallAreToldInTime) {
  start({"-outTimeout=1s", "-outIdleTimeout=1s"}, {});
  for (const Relay::Way way : {Relay::Way::kForth, Relay::Way::kBack}) {
    Others others = put_others_in_flight();
    relay_->arm(way, way == Relay::Way::kForth ? 3 : 10, Relay::Fault::kStall);
    RawClient trigger(near_->address());
    const std::string triggering = "/held/trigger/" + std::to_string(++asked_);
    trigger.send(request(true, triggering));
    if (way == Relay::Way::kForth) {
      EXPECT_TRUE(relay_->wait_struck());
    }
    origin_.open_gate();
    EXPECT_GE(expect_answers(others, true, 504), 1u);
    EXPECT_EQ(trigger.read_response().head.status, 504);
    EXPECT_LE(origin_.seen(triggering).begun, 1u);
    // Answers that come now are nobody's.
    relay_->release();
    EXPECT_TRUE(wait_until([&] {
      const std::string target = "/good/" + std::to_string(++asked_);
      return ask(request(false, target)).body == target;
    }));
    expect_good();
  }
  EXPECT_LE(origin_.most_whole("/held/"), 1u);
  EXPECT_EQ(relay_->accepted(), 1u) << "a stall is no reason to open the link anew";
}

void LinkFaults::expect_one_error(const std::string& what, int status, const std::string& bytes,
                                  Streamed streamed) {
  SCOPED_TRACE(what);
  const Message answer = ask(bytes);
  const bool whole = answer.outcome == Outcome::kComplete;
  // Whether the head has gone before it is seen that the rest does not come is a matter of time.
  if (streams() && streamed == Streamed::kCut && !whole) {
    EXPECT_EQ(answer.outcome, Outcome::kTruncated) << answer.error;
    return;
  }
  EXPECT_TRUE(whole) << answer.error;
  EXPECT_EQ(answer.head.status, streams() && streamed == Streamed::kWhole ? 200 : status)
      << answer.body.substr(0, 200);
}

void LinkFaults::test_only_one_suffers() {
  const std::string ok = "HTTP/1.1 200 OK\r\n";
  const auto played = [this](const std::string& bytes, End end = End::kClose) {
    return request(false, origin_.add({.bytes = bytes, .end = end}));
  };
  const std::string big(150'000, 'x');
  const std::string long_field = "X: " + std::string(2000, 'x') + "\r\n";
  expect_one_error("an answer's head that the near end does not take", 502,
                   played(ok + long_field + "Content-Length: 0\r\n\r\n"));
  expect_one_error("a request's head that the far end does not take", 431,
                   "GET / HTTP/1.1\r\nHost: a\r\n" + std::string(long_field) + "\r\n");
  expect_one_error("a request's body that the far end does not take", 413,
                   request(true, "/good/big", big.size()));
  expect_one_error("an answer that the far end does not hold", 502,
                   played(ok + "Content-Length: 150000\r\n\r\n" + big), Streamed::kWhole);
  expect_one_error("the same without a length", 502, played(ok + "\r\n" + big), Streamed::kWhole);
  expect_one_error("an answer that breaks off", 502,
                   played(ok + "Content-Length: 10\r\n\r\nhello", End::kReset), Streamed::kCut);
  expect_one_error("chunks that break off", 502,
                   played(ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nhel"), Streamed::kCut);
  expect_one_error("no HTTP", 502, played("nonsense\r\n\r\n"));
  expect_one_error("nothing", 502, played(""));
  expect_one_error("a GET with a body", 501,
                   "GET /good/get HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx",
                   Streamed::kWhole);
}

TEST_P(LinkFaults, OfOneRequestAreNotThoseOfOthers) {
  start({"-outMaxHeaderSize=1000"},
        {"-inMaxHeaderSize=1000", "-inMaxBodySize=100000", "-outMaxBodySize=100000"});
  // What the near end itself takes is more.
  Others others = put_others_in_flight();
  test_only_one_suffers();
  const std::string post = request(true, "/held/abandoned", 3000);
  for (size_t bytes = 0; bytes <= post.size(); bytes = bytes * 2 + 1) {
    RawClient leaving(near_->address());
    leaving.send(post.substr(0, bytes));
    if (bytes % 2 == 0) leaving.reset();
  }
  for (int i = 0; i < 10; ++i) {
    const std::string target = "/held/left/" + std::to_string(i);
    RawClient leaving(near_->address());
    leaving.send(request(i % 2 == 0, target));
    EXPECT_TRUE(origin_.wait_for_begun(target, 1));
    leaving.reset();
  }
  origin_.open_gate();
  EXPECT_EQ(expect_answers(others, false), 0u);
  EXPECT_EQ(relay_->accepted(), 1u) << "the link has been lost";
  expect_good();
  expect_nothing_open();
}

}  // namespace
}  // namespace httpteleport::test
