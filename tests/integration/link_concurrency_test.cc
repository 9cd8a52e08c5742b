// Very many requests in flight at one time over one link connection: each gets its own answer, and
// clients that leave take nothing with them but their own.
#include <gtest/gtest.h>

#include <future>
#include <string>

#include "integration/topology.h"
#include "support/content.h"
#include "support/http_message.h"
#include "support/load_client.h"
#include "support/paths.h"

namespace httpteleport::test {
namespace {

using namespace std::chrono_literals;

constexpr uint64_t kRequests = kSanitized ? 2000 : 10'000;
constexpr uint64_t kBodyBytesMax = 64 * 1024;
constexpr std::chrono::seconds kTimeLimit{100};

// Half of the bodies go up and half come down, every size from 0 to 64 KiB; all wait for the gate.
LoadRequest held_request(uint64_t index) {
  const uint64_t size = mix64(index) % (kBodyBytesMax + 1);
  if (index % 2 == 0) return get_bytes(size, index, "hold=1");
  return post_hash(Content::bytes(size, index), index % 10 == 1, "hold=1");
}

// The origin is a process of its own: its connections and those of the clients are too many for
// one.
class LinkConcurrency : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_GT(raise_file_limit(), kRequests + 1000);
    const auto line = origin_.wait_line("listening on ");
    ASSERT_TRUE(line.has_value()) << origin_.output();
    origin_address_ = *Address::parse(*line);
    far_ = std::make_unique<RunningHttptp>(far_flags(origin_address_.text()) +
                                           Flags{"-workers=1", "-concurrency=100000"});
    ASSERT_TRUE(far_->started());
    near_ = std::make_unique<RunningHttptp>(
        near_flags(far_->address().text()) +
        Flags{"-workers=1", "-outConnsPerAddr=1", "-concurrency=100000", "-outTimeout=60s"});
    ASSERT_TRUE(near_->started());
  }

  void TearDown() override {
    near_.reset();
    far_.reset();
    EXPECT_EQ(origin_.terminate().code, 0);
  }

  LoadClient::Options options(double abort_fraction) const {
    return {.address = near_->address(),
            .connections = kRequests,
            .requests = kRequests,
            .make = held_request,
            .time_limit = kTimeLimit,
            .abort_fraction = abort_fraction};
  }

  int64_t origin_counter(const char* name) const {
    return json_number(get(origin_address_, "/counters").body, name).value_or(-1);
  }

  void open_gate() const { EXPECT_EQ(get(origin_address_, "/control/open").head.status, 200); }

  void expect_one_link_connection() {
    EXPECT_EQ((*near_)->expvar("linkConns"), 1) << (*near_)->expvar_json();
    EXPECT_EQ((*far_)->expvar("linkConns"), 1) << (*far_)->expvar_json();
  }

  Process origin_{{bin_dir() + "/test_origin"}};
  Address origin_address_;
  std::unique_ptr<RunningHttptp> far_;
  std::unique_ptr<RunningHttptp> near_;
};

TEST_F(LinkConcurrency, CarriesAllRequestsInFlightAtOneTime) {
  LoadClient client(options(0));
  std::future<LoadReport> running = std::async(std::launch::async, [&] { return client.run(); });
  EXPECT_TRUE(wait_until(
      [&] { return origin_counter("held") == int64_t{kRequests} || client.finished() > 0; },
      after(50s)));
  EXPECT_EQ(origin_counter("held"), int64_t{kRequests}) << "all are in flight at one time";
  EXPECT_EQ(client.finished(), 0u);
  expect_one_link_connection();
  open_gate();
  const LoadReport report = running.get();
  EXPECT_EQ(report.good(), kRequests) << report.text();
  EXPECT_EQ(report.errors(), 0u) << report.text();
  EXPECT_EQ(report.count(Verdict::kMixUp), 0u) << report.text();
  EXPECT_EQ(origin_counter("requests"), int64_t{kRequests});
  EXPECT_EQ(origin_counter("pending_max"), int64_t{kRequests});
  expect_one_link_connection();
}

TEST_F(LinkConcurrency, LosesNothingWhenAThirdOfTheClientsAbort) {
  LoadClient client(options(1.0 / 3));
  // Which requests are given up follows from the seed: what is left must be in flight together.
  std::future<LoadReport> running = std::async(std::launch::async, [&] { return client.run(); });
  int64_t last = -1;
  int unchanged = 0;
  EXPECT_TRUE(wait_until(
      [&] {
        // Those that stay, and those that leave while receiving, have all been sent and are held.
        const int64_t held = origin_counter("held");
        const bool settled = held == last && client.aborted() > kRequests / 6;
        unchanged = settled ? unchanged + 1 : 0;
        last = held;
        return unchanged >= 50 && held >= int64_t{kRequests} * 3 / 5;
      },
      after(50s)))
      << "held " << last << ", aborted " << client.aborted();
  EXPECT_GE(origin_counter("held"), int64_t{kRequests} * 3 / 5);
  open_gate();
  const LoadReport report = running.get();
  EXPECT_EQ(report.errors(), 0u) << report.text();
  EXPECT_EQ(report.count(Verdict::kMixUp), 0u) << report.text();
  EXPECT_EQ(report.good() + report.aborted(), kRequests) << report.text();
  EXPECT_GT(report.aborted(), kRequests / 5) << report.text();
  EXPECT_GT(report.good(), kRequests / 2) << report.text();
  expect_one_link_connection();

  // The link is as good as new for those who come later.
  LoadClient later(LoadClient::Options{
      .address = near_->address(), .connections = 100, .requests = 2000, .make = held_request});
  const LoadReport later_report = later.run();
  EXPECT_EQ(later_report.good(), 2000u) << later_report.text();
}

}  // namespace
}  // namespace httpteleport::test
