#include "acme/name_table.h"

#include <gtest/gtest.h>

#include "acme/test_certificate.h"

namespace httpteleport::acme {
namespace {

using namespace std::chrono_literals;

constexpr std::time_t kStart = 1'800'000'000;
constexpr std::time_t kDay = 24 * 3600;

class NameTableTest : public testing::Test {
 protected:
  NameTableTest() { options_.renewal_jitter = 0; }

  // After that much time, by both clocks.
  static Moment at(std::chrono::seconds since) {
    return {.steady = TimePoint{} + 1000h + since, .wall = kStart + since.count()};
  }
  // Good for 90 days from kStart + `since`.
  static NameTable::CertificatePtr certificate(std::chrono::seconds since = 0s) {
    const std::time_t from = kStart + since.count();
    return test_certificate("a.example", from, from + 90 * kDay);
  }
  static constexpr Answer answer(const std::optional<Found>& found) {
    return found ? found->answer : Answer::kRefused;
  }

  Options options_;
};

TEST_F(NameTableTest, LeadsFromUnknownToReady) {
  NameTable table(options_, 1);
  EXPECT_FALSE(table.find("a.example", at(0s)));
  EXPECT_EQ(table.next_begin(at(0s)), TimePoint::max());
  EXPECT_EQ(table.add("a.example", at(0s)).answer, Answer::kPending);
  EXPECT_EQ(table.next_begin(at(0s)), at(0s).steady);
  const auto job = table.begin(at(0s));
  ASSERT_TRUE(job);
  EXPECT_EQ(job->name, "a.example");
  EXPECT_EQ(answer(table.find("a.example", at(1s))), Answer::kPending);
  EXPECT_FALSE(table.begin(at(1s)));  // one order a name
  EXPECT_FALSE(table.on_obtained("a.example", certificate(), at(2s)));
  const auto found = table.find("a.example", at(3s));
  EXPECT_EQ(answer(found), Answer::kReady);
  EXPECT_NE(found->certificate, nullptr);
}

TEST_F(NameTableTest, RenewsWhenDueAndServesTheOldOneMeanwhile) {
  NameTable table(options_, 1);
  table.adopt("a.example", certificate(), at(0s));
  EXPECT_FALSE(table.begin(at(24h * 59)));
  EXPECT_EQ(table.next_begin(at(24h * 60 - 1min)), at(24h * 60).steady);
  ASSERT_TRUE(table.begin(at(24h * 60)));
  EXPECT_EQ(answer(table.find("a.example", at(24h * 60))), Answer::kReady);
  EXPECT_TRUE(table.on_obtained("a.example", certificate(24h * 60), at(24h * 60)));
  EXPECT_FALSE(table.begin(at(24h * 61)));
}

TEST_F(NameTableTest, PausesBetweenRenewalsWhateverTheDatesSay) {
  options_.renewal_fraction = 0;
  NameTable table(options_, 1);
  table.adopt("a.example", certificate(), at(0s));
  ASSERT_TRUE(table.begin(at(0s)));
  table.on_obtained("a.example", certificate(), at(0s));
  EXPECT_FALSE(table.begin(at(59s)));
  EXPECT_TRUE(table.begin(at(60s)));
}

TEST_F(NameTableTest, LeavesANameThatFailedAloneForGrowingPauses) {
  NameTable table(options_, 1);
  table.add("a.example", at(0s));
  ASSERT_TRUE(table.begin(at(0s)));
  EXPECT_EQ(table.on_failure("a.example", {}, at(0s)), 60s);
  EXPECT_EQ(answer(table.find("a.example", at(59s))), Answer::kRefused);
  EXPECT_FALSE(table.begin(at(1h)));  // nobody asks for it
  EXPECT_EQ(answer(table.find("a.example", at(60s))), Answer::kPending);
  ASSERT_TRUE(table.begin(at(60s)));
  EXPECT_EQ(table.on_failure("a.example", {}, at(60s)), 240s);
  EXPECT_EQ(answer(table.find("a.example", at(299s))), Answer::kRefused);
  EXPECT_EQ(answer(table.find("a.example", at(300s))), Answer::kPending);
  ASSERT_TRUE(table.begin(at(300s)));
  EXPECT_EQ(table.on_failure("a.example", {.retry_after = 2h}, at(300s)), 2h);
}

TEST_F(NameTableTest, ChangesTheChallengeAfterOneThatFailed) {
  NameTable table(options_, 1);
  table.add("a.example", at(0s));
  EXPECT_FALSE(table.begin(at(0s))->other_challenge);
  table.on_failure("a.example", {.challenge_failed = true}, at(0s));
  table.find("a.example", at(1h));
  EXPECT_TRUE(table.begin(at(1h))->other_challenge);
  table.on_failure("a.example", {}, at(1h));
  table.find("a.example", at(2h));
  EXPECT_TRUE(table.begin(at(2h))->other_challenge);
}

TEST_F(NameTableTest, TriesARenewalAgainByItselfUntilTheCertificateExpires) {
  NameTable table(options_, 1);
  table.adopt("a.example", certificate(), at(0s));
  ASSERT_TRUE(table.begin(at(24h * 89)));
  table.on_failure("a.example", {}, at(24h * 89));
  EXPECT_EQ(answer(table.find("a.example", at(24h * 89))), Answer::kReady);
  EXPECT_FALSE(table.begin(at(24h * 89 + 59s)));
  ASSERT_TRUE(table.begin(at(24h * 90)));
  EXPECT_EQ(answer(table.find("a.example", at(24h * 90))), Answer::kPending);
  table.on_failure("a.example", {}, at(24h * 90));
  EXPECT_EQ(answer(table.find("a.example", at(24h * 90))), Answer::kRefused);
  EXPECT_FALSE(table.begin(at(24h * 91)));
  EXPECT_EQ(answer(table.find("a.example", at(24h * 91))), Answer::kPending);
}

TEST_F(NameTableTest, ServesAgainWhatHadExpiredByAClockThatWasAhead) {
  NameTable table(options_, 1);
  table.adopt("a.example", certificate(), at(0s));
  const Moment ahead{.steady = at(1h).steady, .wall = at(24h * 365).wall};
  ASSERT_TRUE(table.begin(ahead));
  table.on_failure("a.example", {}, ahead);
  EXPECT_EQ(answer(table.find("a.example", ahead)), Answer::kRefused);
  EXPECT_EQ(answer(table.find("a.example", at(1h + 1s))), Answer::kReady);
  EXPECT_FALSE(table.begin(at(24h * 59)));
  EXPECT_TRUE(table.begin(at(24h * 60)));  // and it is renewed
}

TEST_F(NameTableTest, DelaysNoRenewalBeyondTheEndWhenTheClockIsSetBack) {
  NameTable table(options_, 1);
  table.adopt("a.example", certificate(), at(0s));
  const Moment ahead{.steady = at(24h * 61).steady, .wall = at(24h * 90 - 1s).wall};
  ASSERT_TRUE(table.begin(ahead));
  table.on_failure("a.example", {.retry_after = 8h}, ahead);
  EXPECT_EQ(answer(table.find("a.example", at(24h * 61))), Answer::kReady);
  EXPECT_TRUE(table.begin(at(24h * 90)));
}

TEST_F(NameTableTest, DoesNotAdoptWhatHasExpired) {
  NameTable table(options_, 1);
  table.adopt("a.example", certificate(), at(24h * 90));
  EXPECT_EQ(table.size(), 0u);
}

TEST_F(NameTableTest, RenewsBeforeItObtains) {
  NameTable table(options_, 1);
  table.add("new.example", at(0s));
  table.adopt("a.example", certificate(), at(0s));
  EXPECT_EQ(table.begin(at(24h * 70))->name, "a.example");
  EXPECT_EQ(table.begin(at(24h * 70))->name, "new.example");
}

TEST_F(NameTableTest, BoundsNamesQueueAndOrdersAtATime) {
  options_.names_max = 4;
  options_.names_queued_max = 3;
  options_.orders_active_max = 2;
  NameTable table(options_, 1);
  for (const char* name : {"1.example", "2.example", "3.example"})
    EXPECT_EQ(table.add(name, at(0s)).answer, Answer::kPending);
  EXPECT_EQ(table.add("4.example", at(0s)).answer, Answer::kRefused);  // the queue
  ASSERT_TRUE(table.begin(at(0s)));
  ASSERT_TRUE(table.begin(at(0s)));
  EXPECT_FALSE(table.begin(at(0s)));
  EXPECT_EQ(table.next_begin(at(0s)), TimePoint::max());
  EXPECT_EQ(table.add("4.example", at(0s)).answer, Answer::kPending);
  EXPECT_EQ(table.add("5.example", at(0s)).answer, Answer::kRefused);  // the names
  EXPECT_EQ(table.size(), 4u);
}

TEST_F(NameTableTest, RefusesWhileNoOrderMayBegin) {
  options_.orders_per_hour_max = 1;
  NameTable table(options_, 1);
  table.add("1.example", at(0s));
  ASSERT_TRUE(table.begin(at(0s)));
  EXPECT_EQ(table.add("2.example", at(1s)).answer, Answer::kRefused);
  EXPECT_FALSE(table.begin(at(1s)));
  EXPECT_EQ(table.next_begin(at(1s)), at(1h).steady);
  EXPECT_EQ(table.begin(at(1h))->name, "2.example");
}

TEST_F(NameTableTest, SpendsNoOrderOnACertificateThatIsThereAlready) {
  options_.orders_per_hour_max = 1;
  NameTable table(options_, 1);
  for (const char* name : {"1.example", "2.example", "3.example"}) {
    EXPECT_EQ(table.add(name, at(0s)).answer, Answer::kPending);
    ASSERT_TRUE(table.begin(at(0s)));
    table.on_found(name, certificate(), at(0s));
    EXPECT_EQ(answer(table.find(name, at(0s))), Answer::kReady);
  }
  table.add("4.example", at(0s));
  ASSERT_TRUE(table.begin(at(0s)));
  EXPECT_EQ(table.add("5.example", at(0s)).answer, Answer::kRefused);
}

TEST_F(NameTableTest, ForgetsNamesThatFailedLongAgo) {
  NameTable table(options_, 1);
  table.add("a.example", at(0s));
  ASSERT_TRUE(table.begin(at(0s)));
  table.on_failure("a.example", {}, at(0s));
  EXPECT_FALSE(table.begin(at(24h)));
  EXPECT_EQ(table.size(), 1u);
  EXPECT_FALSE(table.begin(at(26h)));
  EXPECT_EQ(table.size(), 0u);
}

}  // namespace
}  // namespace httpteleport::acme
