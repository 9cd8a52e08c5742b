// An origin that ends, breaks or stops at every point of a request and its answer, in every
// arrangement: the client is told so, within the time, and nobody else notices.
#include <gtest/gtest.h>

#include <iterator>
#include <string>
#include <vector>

#include "conformance/fault_stage.h"

namespace httpteleport::test {
namespace {

using namespace std::chrono_literals;

class Faults : public FaultStage {};

INSTANTIATE_TEST_SUITE_P(Setups, Faults, testing::ValuesIn(kAllSetups), setup_test_name);

// How far the origin goes.
struct Point {
  const char* name;
  size_t body_bytes_first;
  std::string bytes;
  bool head_sent;  // the client may have the head by then
};

std::vector<Point> points() {
  const std::string head = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n";
  return {
      {"behind the request's head", 0, "", false},
      {"inside the request's body", 1000, "", false},
      {"behind the request", SIZE_MAX, "", false},
      {"inside the status line", SIZE_MAX, "HTTP/1.1 20", false},
      {"inside the answer's head", SIZE_MAX, head.substr(0, 30), false},
      {"behind a 103", SIZE_MAX, "HTTP/1.1 103 Early Hints\r\n\r\n", false},
      {"between head and body", SIZE_MAX, head, true},
      {"inside the body", SIZE_MAX, head + "a part", true},
      {"inside a body in chunks", SIZE_MAX,
       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\na part\r\n", true},
  };
}

// An answer that has begun must look broken; through a link that holds answers, it is an error.
void expect_failure(const Message& answer, int status, bool head_sent, bool by_wholes) {
  const bool told = answer.outcome == Outcome::kComplete && answer.head.status == status;
  const bool cut = answer.outcome == Outcome::kTruncated || answer.outcome == Outcome::kNothing;
  EXPECT_TRUE(told || (head_sent && !by_wholes && cut)) << described(answer);
}

TEST_P(Faults, OfAnOriginThatEndsAreTold) {
  for (const Point& point : points()) {
    for (const End end : {End::kClose, End::kReset}) {
      for (const bool posts : {false, true}) {
        SCOPED_TRACE(std::string(point.name) + ", " + end_name(end) + (posts ? ", POST" : ", GET"));
        const std::string target = origin_.add(
            {.bytes = point.bytes, .end = end, .body_bytes_first = point.body_bytes_first});
        RawClient client = setup_.connect();
        client.send(posts ? post(target) : get(target));
        expect_failure(client.read_final_response(), 502, point.head_sent, by_wholes());
        EXPECT_LE(origin_.seen(target).begun, posts ? 1u : 3u) << "repeated";
        EXPECT_TRUE(origin_.wait_for_ended(target));
        expect_good();
      }
    }
  }
  expect_nothing_open();
}

TEST_P(Faults, OfAnOriginThatEndsInsideTheRequestAreTold) {
  for (const size_t bytes : {0, 1, 20, 30}) {
    for (const End end : {End::kClose, End::kReset}) {
      for (const bool posts : {false, true}) {
        SCOPED_TRACE(std::to_string(bytes) + " bytes, " + end_name(end) + (posts ? ", POST" : ""));
        ASSERT_TRUE(origin_.drop_connections());
        origin_.set_ambush(PlayOrigin::Ambush{bytes, end});
        RawClient client = setup_.connect();
        client.send(posts ? post("/good/x") : get("/good/x"));
        expect_failure(client.read_response(), 502, false, by_wholes());
        origin_.set_ambush({});
        expect_good();
      }
    }
  }
  EXPECT_GE(origin_.ambushed(), 16u);
}

// Sends all requests, and expects that each fails after the time, and not much later.
class HangingFaults : public FaultStage {
 protected:
  void ask(const std::string& name, const std::string& request, bool head_sent) {
    waiting_.push_back({name, setup_.connect(), head_sent});
    begun_ = Clock::now();
    waiting_.back().client.send(request);
  }
  void expect_all_told() {
    for (Waiting& one : waiting_) {
      SCOPED_TRACE(one.name);
      expect_failure(one.client.read_final_response(), 504, one.head_sent, by_wholes());
      EXPECT_LE(Clock::now() - begun_, kOriginTimeout + (kSanitized ? 8s : 1s));
    }
    EXPECT_GE(Clock::now() - begun_, kOriginTimeout - 10ms) << "too soon";
  }

 private:
  struct Waiting {
    std::string name;
    RawClient client;
    bool head_sent;
  };
  std::vector<Waiting> waiting_;
  Deadline begun_;  // of the last one
};

INSTANTIATE_TEST_SUITE_P(Setups, HangingFaults, testing::ValuesIn(kAllSetups), setup_test_name);

TEST_P(HangingFaults, AreToldInTime) {
  std::vector<std::string> targets;
  const auto add = [&](const Point& point, End end) {
    targets.push_back(origin_.add(
        {.bytes = point.bytes, .end = end, .body_bytes_first = point.body_bytes_first}));
    return targets.back();
  };
  const Point drip{"dripping inside the head", SIZE_MAX, "HTTP/1.1 200 OK\r\nX: ", false};
  ask(drip.name, get(add(drip, End::kDrip)), false);
  for (const Point& point : points()) {
    ask(point.name, get(add(point, End::kHang)), point.head_sent);
    ask(std::string(point.name) + ", POST", post(add(point, End::kHang)), point.head_sent);
  }
  expect_all_told();
  for (const std::string& target : targets) {
    EXPECT_TRUE(origin_.wait_for_ended(target)) << target << " is still connected";
    EXPECT_EQ(origin_.seen(target).begun, 1u) << "no other origin can be asked";
  }
  expect_good();
  expect_nothing_open();
}

TEST_P(HangingFaults, InsideTheRequestAreToldInTime) {
  origin_.set_ambush(PlayOrigin::Ambush{20, End::kHang});
  ask("GET", get("/good/x"), false);
  ask("POST", post("/good/x"), false);
  expect_all_told();
  EXPECT_EQ(origin_.ambushed(), 2u);
  origin_.set_ambush({});
  expect_good();
}

// More than the buffers between hold: the time of a pause counts, not that of an answer.
TEST_P(HangingFaults, OfAnOriginThatTakesNoMoreAreToldInTime) {
  const size_t bytes = 15'000'000;
  const std::string target = origin_.add({.end = End::kHang, .body_bytes_first = 1000});
  RawClient client = setup_.connect();
  const Deadline began = Clock::now();
  client.send(post(target, bytes));
  const Message answer = client.read_response();
  // The client, still sending, may see the end before it.
  if (answer.outcome == Outcome::kComplete) {
    EXPECT_EQ(answer.head.status, 504) << described(answer);
  }
  EXPECT_NE(answer.outcome, Outcome::kTimeout);
  EXPECT_GE(Clock::now() - began, kOriginTimeout - 10ms);
  EXPECT_TRUE(origin_.wait_for_ended(target));
  expect_good();
}

struct Truncation {
  const char* name;
  std::string bytes;
  bool fin_ends_it = false;  // a FIN is its proper end
};

// RFC 9112 section 8.
std::vector<Truncation> truncations() {
  const std::string chunks = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  return {
      {"by length, nothing", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"},
      {"by length", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n123456789"},
      {"by length, HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 10\r\n\r\n12345"},
      {"no chunk", chunks},
      {"in a size", chunks + "5\r\nhello\r\n1"},
      {"in the line of a size", chunks + "5\r\nhello\r\n1\r"},
      {"in an extension", chunks + "5\r\nhello\r\n1;a"},
      {"in the data", chunks + "5\r\nhell"},
      {"before the CRLF of the data", chunks + "5\r\nhello"},
      {"in the CRLF of the data", chunks + "5\r\nhello\r"},
      {"before the last chunk", chunks + "5\r\nhello\r\n"},
      {"in the last chunk", chunks + "5\r\nhello\r\n0"},
      {"behind the last chunk", chunks + "5\r\nhello\r\n0\r\n"},
      {"in a trailer", chunks + "5\r\nhello\r\n0\r\nX: a"},
      {"behind the trailers", chunks + "5\r\nhello\r\n0\r\nX: a\r\n"},
      {"in the last CRLF", chunks + "5\r\nhello\r\n0\r\nX: a\r\n\r"},
      {"until the end", "HTTP/1.1 200 OK\r\n\r\nhello", true},
      {"until the end, HTTP/1.0", "HTTP/1.0 200 OK\r\n\r\nhello", true},
  };
}

// To an HTTP/1.0 client all but the first three are delimited by the end of the connection.
TEST_P(Faults, InsideABodyNeverMakeItLookWhole) {
  for (const Truncation& one : truncations()) {
    for (const End end : {End::kClose, End::kReset}) {
      for (const size_t piece_bytes : {0, 1}) {
        for (const int minor_version : {1, 0}) {
          if (end == End::kClose && one.fin_ends_it) continue;
          SCOPED_TRACE(std::string(one.name) + ", " + end_name(end) + ", HTTP/1." +
                       std::to_string(minor_version));
          const std::string target =
              origin_.add({.bytes = one.bytes, .end = end, .piece_bytes = piece_bytes});
          RawClient client = setup_.connect();
          client.send(get(target, minor_version));
          expect_failure(client.read_response(), 502, true, by_wholes());
          EXPECT_TRUE(origin_.wait_for_ended(target));
        }
      }
    }
  }
  expect_good();
}

// RFC 9110 section 9.2.2, RFC 9112 section 9.3.1.
TEST_P(Faults, NeverMakeAPostHappenTwice) {
  RawClient client = setup_.connect();
  int good = 0;
  for (int round = 0; round < 60; ++round) {
    // The connection it leaves behind ends about when the POST wants to use it.
    const std::string before =
        origin_.add({.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
                     .end = round % 2 == 0 ? End::kClose : End::kReset});
    client.send(get(before));
    client.read_response();
    const std::string target = "/good/post/" + std::to_string(round);
    client.send(post(target, round % 3 == 0 ? 0 : 3000));
    const Message answer = client.read_response();
    const bool told = answer.outcome == Outcome::kComplete && answer.head.status == 502;
    EXPECT_TRUE(told || answer.body == target) << described(answer);
    EXPECT_LE(origin_.seen(target).begun, 1u);
    EXPECT_TRUE(told || origin_.seen(target).whole == 1);
    good += told ? 0 : 1;
  }
  EXPECT_LE(origin_.most_whole("/good/post/"), 1u);
  EXPECT_GT(good, 0);
  expect_good();
}

// Where it is sure that nothing has been executed, the request is sent again: a connection that had
// ended before the POST came is such a case.
TEST_P(Faults, OfAnIdleConnectionCostNoPost) {
  for (int round = 0; round < 5; ++round) {
    expect_good();
    ASSERT_TRUE(origin_.drop_connections());
    RawClient client = setup_.connect();
    const std::string target = "/good/idle/" + std::to_string(round);
    client.send(post(target));
    EXPECT_EQ(client.read_response().body, target) << client.transcript();
    EXPECT_EQ(origin_.seen(target).whole, 1u);
  }
}

TEST_P(Faults, OfAnOriginThatRefusesAreTold) {
  SetupUnderTest setup(GetParam(), dead_address().text(), flags());
  ASSERT_TRUE(setup.started());
  RawClient client = setup.connect();
  for (const std::string& request : {get("/"), post("/"), get("/")}) {
    client.send(request);
    const Message answer = client.read_response();
    EXPECT_EQ(answer.head.status, 502) << described(answer);
  }
}

}  // namespace
}  // namespace httpteleport::test
