// What the tests of faults share: an arrangement whose talk with the origin is impatient, and the
// request that must be answered after whatever happened.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "conformance/play_origin.h"
#include "conformance/setups.h"

namespace httpteleport::test {

// How long the process that talks to the origin waits for it.
inline constexpr std::chrono::seconds kOriginTimeout{1};

class FaultStage : public testing::TestWithParam<SetupKind> {
 protected:
  explicit FaultStage(const SetupFlags& with = flags())
      : setup_(GetParam(), origin_.address().text(), with) {}
  void SetUp() override { ASSERT_TRUE(setup_.started()); }

  static SetupFlags flags() {
    const Flags impatient = {"-outTimeout=1s", "-outIdleTimeout=1s", "-inMaxBodySize=20000000"};
    const Flags patient = {"-outTimeout=30s", "-inMaxBodySize=20000000"};
    return {.near = linked() ? patient : impatient, .far = impatient};
  }
  static bool linked() { return has_link(GetParam()); }
  static bool by_wholes() { return carries_wholes(GetParam()); }
  // The process that talks to the origin.
  RunningHttptp& talker() { return linked() ? setup_.far() : setup_.near(); }

  static std::string get(const std::string& target, int minor_version = 1) {
    return "GET " + target + " HTTP/1." + std::to_string(minor_version) + "\r\nHost: a\r\n\r\n";
  }
  static std::string post(const std::string& target, size_t body_bytes = 3000) {
    return "POST " + target +
           " HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body_bytes) + "\r\n\r\n" +
           std::string(body_bytes, 'b');
  }

  // A GET and a POST on a connection of their own get their own answers.
  void expect_good() {
    RawClient client = setup_.connect();
    for (const bool posts : {false, true}) {
      const std::string target = "/good/" + std::to_string(++asked_);
      client.send(posts ? post(target) : get(target));
      const Message answer = client.read_response();
      EXPECT_EQ(answer.body, target) << answer.error << client.transcript();
    }
  }
  void expect_nothing_open() {
    const auto none = [](RunningHttptp& process) { return process->expvar("exchangesOpen") == 0; };
    EXPECT_TRUE(wait_until([&] { return none(setup_.near()) && none(talker()); }));
  }

  PlayOrigin origin_;
  SetupUnderTest setup_;
  int asked_ = 0;
};

// In a few words, for a failed test.
inline std::string described(const Message& answer) {
  return std::string(outcome_name(answer.outcome)) + " " + answer.error + ", status " +
         std::to_string(answer.head.status) + ": " + answer.body.substr(0, 200);
}

}  // namespace httpteleport::test
