// Clients that leave, or take nothing, at every point of a request and its answer: the origin's
// side is free at once, nothing stays open, nobody else notices.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "conformance/fault_stage.h"

namespace httpteleport::test {
namespace {

using namespace std::chrono_literals;

enum class Leaving : uint8_t { kClose, kReset };

class LeavingClients : public FaultStage {
 protected:
  // Where the origin hears of a client that leaves, its own time must not be what ends it. A link
  // cannot take a request back: there the far end's time does.
  LeavingClients() : FaultStage(linked() ? flags() : SetupFlags{.near = {"-outTimeout=60s"}}) {}

  static void leave(RawClient client, Leaving how) {
    if (how == Leaving::kReset) client.reset();
  }
};

INSTANTIATE_TEST_SUITE_P(Setups, LeavingClients, testing::ValuesIn(kAllSetups), setup_test_name);

TEST_P(LeavingClients, InsideTheirRequestsLeaveNothingOpen) {
  const std::string target = "/good/left";
  const std::string whole = post(target, 20'000);
  for (const Leaving how : {Leaving::kClose, Leaving::kReset}) {
    for (size_t bytes = 0; bytes < whole.size(); bytes = bytes * 5 / 4 + 1) {
      RawClient client = setup_.connect();
      client.send(std::string_view(whole).substr(0, bytes));
      leave(std::move(client), how);
    }
  }
  EXPECT_TRUE(wait_until([&] { return setup_.near()->expvar("inConns") == 0; }));
  expect_nothing_open();
  EXPECT_TRUE(origin_.wait_for_ended(target));
  EXPECT_EQ(origin_.seen(target).whole, 0u) << "a request that was not whole was made so";
  expect_good();
}

TEST_P(LeavingClients, InsideAnUploadFreeTheOrigin) {
  for (const Leaving how : {Leaving::kClose, Leaving::kReset}) {
    if (by_wholes()) break;  // the origin hears of whole requests only
    const std::string target = "/good/upload/" + std::to_string(static_cast<int>(how));
    RawClient client = setup_.connect();
    client.send(post(target, 100'000).substr(0, 50'000));
    EXPECT_TRUE(origin_.wait_for_begun(target, 1));
    leave(std::move(client), how);
    EXPECT_TRUE(origin_.wait_for_ended(target));
    EXPECT_EQ(origin_.seen(target).whole, 0u);
  }
  expect_nothing_open();
  expect_good();
}

TEST_P(LeavingClients, WaitingForAnAnswerFreeTheOrigin) {
  std::vector<std::string> targets;
  for (const Leaving how : {Leaving::kClose, Leaving::kReset}) {
    for (const bool posts : {false, true}) {
      targets.push_back(origin_.add({.end = End::kHang}));
      RawClient client = setup_.connect();
      client.send(posts ? post(targets.back()) : get(targets.back()));
      EXPECT_TRUE(origin_.wait_for_begun(targets.back(), 1));
      leave(std::move(client), how);
      EXPECT_TRUE(wait_until([&] { return setup_.near()->expvar("exchangesOpen") == 0; }));
    }
  }
  for (const std::string& target : targets) {
    EXPECT_TRUE(origin_.wait_for_ended(target));
    EXPECT_EQ(origin_.seen(target).begun, 1u);
  }
  expect_nothing_open();
  expect_good();
}

// Pieces that come at once behind one another are no reason to read on.
TEST_P(LeavingClients, WithPipelinedRequestsFreeTheOrigin) {
  const std::string target = origin_.add({.end = End::kHang});
  RawClient client = setup_.connect();
  client.send(get(target) + get("/good/behind/1") + post("/good/behind/2"));
  EXPECT_TRUE(origin_.wait_for_begun(target, 1));
  leave(std::move(client), Leaving::kReset);
  EXPECT_TRUE(origin_.wait_for_ended(target));
  expect_nothing_open();
  EXPECT_EQ(origin_.most_whole("/good/behind/"), 0u);
  expect_good();
}

TEST_P(LeavingClients, InsideAnAnswerFreeTheOrigin) {
  const std::string head = "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n";
  const std::string parts[] = {head, head + "a part",
                               "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                               "HTTP/1.1 200 OK\r\n\r\na part"};
  for (const Leaving how : {Leaving::kClose, Leaving::kReset}) {
    for (const End end : {End::kHang, End::kDrip}) {
      for (const std::string& part : parts) {
        if (by_wholes()) break;  // answers pass whole only
        if (end == End::kDrip && part.ends_with("chunked\r\n\r\n")) continue;
        const std::string target = origin_.add({.bytes = part, .end = end});
        RawClient client = setup_.connect();
        client.send(get(target));
        EXPECT_TRUE(origin_.wait_for_begun(target, 1));
        EXPECT_TRUE(wait_until([&] { return !client.is_quiet(); })) << "the head must come at once";
        leave(std::move(client), how);
        EXPECT_TRUE(origin_.wait_for_ended(target));
      }
    }
  }
  expect_nothing_open();
  expect_good();
}

// What a client does not take is not read from the origin; what others get passes meanwhile.
TEST_P(LeavingClients, ThatTakeNothingHoldTheOriginBack) {
  const size_t bytes = size_t{48} << 20;
  const std::string target =
      origin_.add({.bytes = "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(bytes) +
                            "\r\n\r\n" + std::string(bytes, 'x')});
  for (const Leaving how : {Leaving::kClose, Leaving::kReset}) {
    const int64_t before = talker()->expvar("outBytesRead").value_or(0);
    RawClient client = setup_.connect();
    client.send(get(target));
    EXPECT_TRUE(wait_until([&] { return !client.is_quiet(); }));
    for (int i = 0; i < 20; ++i)
      expect_good();
    if (!by_wholes()) {
      EXPECT_LT(talker()->expvar("outBytesRead").value_or(0) - before, bytes / 2);
    }
    leave(std::move(client), how);
    EXPECT_TRUE(by_wholes() || origin_.wait_for_ended(target));
    expect_nothing_open();
  }
  expect_good();
}

}  // namespace
}  // namespace httpteleport::test
