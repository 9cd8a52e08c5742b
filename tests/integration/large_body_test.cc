// Bodies far larger than memory should be: they pass through http->http as a stream, and the proxy
// stays as small as it was, whoever is slow.
#include <gtest/gtest.h>

#include <string>

#include "integration/topology.h"
#include "support/content.h"
#include "support/http_message.h"
#include "support/load_client.h"
#include "support/origin.h"

namespace httpteleport::test {
namespace {

using namespace std::chrono_literals;

constexpr uint64_t kMiB = uint64_t{1} << 20;
constexpr uint64_t kLargeBytes = 2048 * kMiB / (kSanitized ? 16 : 1);
constexpr uint64_t kSlowBytes = 64 * kMiB / (kSanitized ? 16 : 1);
// A sanitizer keeps records of its own about every allocation and every byte.
constexpr uint64_t kGrowthMax = 16 * kMiB * (kSanitized ? 4 : 1);
constexpr std::chrono::seconds kTimeLimit{240};
constexpr int kSmallBufferBytes = 64 * 1024;

// One proxy in front of one origin, and its memory before the test's traffic.
class LargeBody : public testing::Test {
 protected:
  explicit LargeBody(const Origin::Options& options = {}) : origin_(options) {}

  void SetUp() override {
    ASSERT_TRUE(proxy_.started());
    // Threads, pools and lazily bound code are there after the first requests.
    LoadClient warm_up({.address = proxy_.address(),
                        .connections = 8,
                        .requests = 100,
                        .make = [](uint64_t index) { return get_bytes(100'000, index); }});
    const LoadReport report = warm_up.run();
    ASSERT_EQ(report.good(), 100u) << report.text();
    idle_bytes_ = proxy_->process().rss_bytes();
    ASSERT_GT(idle_bytes_, 0u);
  }

  // Sends one request and checks its answer.
  void run(const LoadRequest& request) {
    LoadClient client({.address = proxy_.address(),
                       .make = [&](uint64_t) { return request; },
                       .time_limit = kTimeLimit});
    const LoadReport report = client.run();
    EXPECT_EQ(report.good(), 1u) << report.text();
  }

  void expect_small() {
    const uint64_t most = proxy_->process().rss_max_bytes();
    EXPECT_LT(most, idle_bytes_ + kGrowthMax)
        << "grew from " << idle_bytes_ / kMiB << " MiB to " << most / kMiB << " MiB";
  }

  Origin origin_;
  // A transfer may take longer than the default deadline of a request.
  RunningHttptp proxy_{http_flags(origin_.address().text()) +
                       Flags{"-outTimeout=300s", "-inMaxBodySize=4294967296"}};
  uint64_t idle_bytes_ = 0;
};

LoadRequest download(uint64_t bytes) {
  LoadRequest request;
  request.target = "/stream/" + std::to_string(bytes) + "?seed=8";
  request.expected = Content::bytes(bytes, 8);
  return request;
}

TEST_F(LargeBody, DownloadsInBoundedMemory) {
  run(download(kLargeBytes));
  expect_small();
}

TEST_F(LargeBody, UploadsByLengthInBoundedMemory) {
  run(post_hash(Content::bytes(kLargeBytes, 9), false));
  expect_small();
}

TEST_F(LargeBody, UploadsChunkedInBoundedMemory) {
  run(post_hash(Content::bytes(kSlowBytes, 10), true));
  expect_small();
}

TEST_F(LargeBody, DownloadsToASlowReaderInBoundedMemory) {
  auto socket = Socket::connect(proxy_.address(), after(), kSmallBufferBytes);
  ASSERT_TRUE(socket.has_value());
  const Content content = Content::bytes(kSlowBytes, 8);
  socket->send_all("GET /stream/" + std::to_string(kSlowBytes) +
                   "?seed=8 HTTP/1.1\r\nHost: slow.test\r\n\r\n");
  const Received head = socket->recv_until("\r\n\r\n");
  ASSERT_EQ(head.status, IoStatus::kOk);
  constexpr uint64_t kBurstBytes = 256 * 1024;
  for (uint64_t received = 0; received < kSlowBytes;) {
    const uint64_t burst = std::min(kBurstBytes, kSlowBytes - received);
    const Received piece = socket->recv_exactly(burst, after(30s));
    ASSERT_EQ(piece.status, IoStatus::kOk) << "after " << received << " bytes";
    ASSERT_TRUE(content.matches(received, piece.bytes)) << "after " << received << " bytes";
    received += burst;
    ::poll(nullptr, 0, 5);  // the reader's slowness itself; nothing is waited for here
  }
  expect_small();
}

// How far the origin could send when nobody reads tells how much the proxy was willing to hold.
TEST_F(LargeBody, StopsReadingFromTheOriginWhenTheReaderStops) {
  auto socket = Socket::connect(proxy_.address(), after(), kSmallBufferBytes);
  ASSERT_TRUE(socket.has_value());
  const uint64_t sent_before = origin_.counters().bytes_sent;
  socket->send_all("GET /stream/" + std::to_string(kLargeBytes) +
                   " HTTP/1.1\r\nHost: stopped.test\r\n\r\n");
  ASSERT_EQ(socket->recv_exactly(kMiB).status, IoStatus::kOk);
  uint64_t last = 0;
  int unchanged = 0;  // looks in a row at which nothing had moved, 2 ms apart
  EXPECT_TRUE(wait_until(
      [&] {
        const uint64_t now = origin_.counters().bytes_sent;
        unchanged = now == last ? unchanged + 1 : 0;
        last = now;
        return unchanged >= 100;
      },
      after(30s)));
  // The kernel's buffers of two connections, and a little of the proxy's.
  EXPECT_LT(last - sent_before, std::min(kLargeBytes / 2, 80 * kMiB));
  expect_small();
  socket->reset();
  EXPECT_TRUE(origin_.wait_for([](const OriginCounters& c) { return c.aborted == 1; }))
      << "the client is gone, and the origin still sends";
}

class LargeBodySlowOrigin : public LargeBody {
 protected:
  LargeBodySlowOrigin() : LargeBody({.receive_buffer_bytes = kSmallBufferBytes}) {}
};

TEST_F(LargeBodySlowOrigin, UploadsToASlowReaderInBoundedMemory) {
  run(post_hash(Content::bytes(kSlowBytes, 11), false, "slow=1"));
  run(post_hash(Content::bytes(kSlowBytes / 4, 12), true, "slow=1"));
  expect_small();
}

}  // namespace
}  // namespace httpteleport::test
