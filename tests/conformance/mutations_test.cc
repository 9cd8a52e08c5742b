// Valid traffic that chance has changed, through a compressed link: what the origin gets is well
// formed and unambiguous, nobody gets another's answer, nothing hangs or dies, and a client that
// does nothing wrong notices none of it.
//
// HT_MUTATIONS says how many connections, HT_MUTATION_SEED what they send, HT_MUTATION_ONLY repeats
// the connection that a failure has named.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <thread>

#include "conformance/mutation_load.h"
#include "conformance/mutator.h"
#include "conformance/recording_origin.h"
#include "conformance/setups.h"

namespace httpteleport::test {
namespace {

using namespace std::chrono_literals;

uint64_t number_of(const char* variable, uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

// The canary: good requests one after the other, on a connection that must live as long as the
// test, and now and then on a new one.
std::string sing(const SetupUnderTest& setup, const std::atomic<bool>& stop, uint64_t& songs) {
  RawClient lasting = setup.connect();
  for (uint64_t song = 0; !stop; ++song) {
    RawClient fleeting(setup.address());
    RawClient& client = song % 10 == 0 ? fleeting : lasting;
    const std::string target = "/canary/" + std::to_string(song);
    const std::string body = "song " + std::to_string(song);
    client.send("POST " + target + " HTTP/1.1\r\nHost: canary\r\nContent-Length: " +
                std::to_string(body.size()) + "\r\n\r\n" + body);
    const Message answer = client.read_response();
    if (answer.head.status != 200 || !answer.body.ends_with(" POST " + target + "\n" + body))
      return "song " + std::to_string(song) + ": " + outcome_name(answer.outcome) + " " +
             answer.error + std::to_string(answer.head.status) + " " + answer.body;
    songs = song + 1;
    wait_until([&] { return stop.load(); }, after(2ms));
  }
  return {};
}

TEST(Mutations, HarmNobodyButTheirSender) {
  const bool one_only = std::getenv("HT_MUTATION_ONLY") != nullptr;
  const MutationLoad wanted{.seed = number_of("HT_MUTATION_SEED", 1),
                            .first = static_cast<uint32_t>(number_of("HT_MUTATION_ONLY", 0)),
                            .count = one_only ? 1
                                              : static_cast<uint32_t>(number_of(
                                                    "HT_MUTATIONS", kSanitized ? 3'000 : 20'000)),
                            .quiet = kSanitized ? 400ms : 100ms};
  RecordingOrigin origin({.keeps_requests = false});
  SetupUnderTest setup(SetupKind::kLinkFlate, origin.address().text(),
                       {.near = {"-inHeadTimeout=5s", "-inBodyIdleTimeout=5s"}});
  ASSERT_TRUE(setup.started());
  MutationLoad load = wanted;
  load.target = setup.address();

  std::atomic<bool> stop = false;
  uint64_t songs = 0;
  std::string wrong_song;
  std::thread canary([&] { wrong_song = sing(setup, stop, songs); });
  const MutationResult result = run_mutations(load);
  stop = true;
  canary.join();

  for (const std::string& failure : result.failures)
    ADD_FAILURE() << failure;
  for (const std::string& fault : origin.take_faults())
    ADD_FAILURE() << "the origin got, with seed " << load.seed << ": " << fault;
  EXPECT_EQ(origin.counts().faults, 0u);
  EXPECT_EQ(origin.counts().broken_off, 0u) << "a link carries whole messages only";
  EXPECT_EQ(wrong_song, "");
  EXPECT_EQ(result.connections, load.count);
  if (!one_only) {
    EXPECT_GT(songs, 10u);
    // Mutations that are all refused test little.
    EXPECT_GT(result.good_answers, result.connections / 2);
  }
  std::printf(
      "%lu connections, %lu mutated, %lu answers, %lu of them 200, %lu half-closed, "
      "%lu songs\n",
      result.connections, result.mutated, result.answers, result.good_answers, result.half_closed,
      songs);
}

TEST(Mutations, FollowFromTheirSeed) {
  for (const uint32_t connection : {0u, 1u, 77u}) {
    EXPECT_EQ(make_traffic(3, connection).bytes, make_traffic(3, connection).bytes);
    EXPECT_NE(make_traffic(3, connection).bytes, make_traffic(4, connection).bytes);
  }
}

TEST(Mutations, KnowTheirOwnTokens) {
  const std::string five = "GET /" + token_of(5) + "/0";
  EXPECT_FALSE(find_foreign_token(five, 5));
  EXPECT_EQ(find_foreign_token(five, 6), 5u);
  EXPECT_EQ(find_foreign_token(five + token_of(6), 5), 6u);
  std::string changed = five;
  changed[10] = changed[10] == '0' ? '1' : '0';
  EXPECT_FALSE(find_foreign_token(changed, 6)) << changed;
  EXPECT_FALSE(find_foreign_token("tk", 6));
}

}  // namespace
}  // namespace httpteleport::test
