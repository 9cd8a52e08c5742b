#include "proxy/access_log.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "support/deadline.h"
#include "support/fd.h"
#include "support/temporary_folder.h"

namespace httpteleport::proxy {
namespace {

using namespace std::chrono_literals;

ExchangeRecord record_of(std::string_view target) {
  ExchangeRecord record;
  record.method = "GET";
  record.target = target;
  record.status = 200;
  return record;
}

// Targets of the lines in `text`, each of which must be one JSON object.
std::vector<std::string> targets_in(const std::string& text) {
  std::vector<std::string> targets;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    targets.push_back(nlohmann::json::parse(line)["target"]);
  return targets;
}

class AccessLogTest : public testing::Test {
 protected:
  AccessLogTest() {
    options_.file = folder_.file("access.log");
    options_.format = AccessLogFormat::kJson;
  }
  void start() {
    writer_.emplace(options_, writer_metrics_);
    ASSERT_TRUE(writer_->start());
  }
  // Everything is written, or dropped.
  void stop() { writer_.reset(); }
  std::string written() const { return test::read_file(options_.file); }
  uint64_t lines_written() const { return writer_metrics_.access_log_lines_written.value(); }
  uint64_t lines_dropped() const {
    return writer_metrics_.access_log_lines_dropped.value() +
           metrics_.access_log_lines_dropped.value();
  }
  // A pipe in place of the file, and the reader's end of it.
  test::Fd make_pipe() {
    EXPECT_EQ(::mkfifo(options_.file.c_str(), 0600), 0);
    return test::Fd(::open(options_.file.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  }

  test::TemporaryFolder folder_;
  AccessLogOptions options_;
  metrics::WorkerMetrics writer_metrics_;
  metrics::WorkerMetrics metrics_;
  event::Loop loop_;
  std::optional<AccessLogWriter> writer_;
};

TEST_F(AccessLogTest, WritesWhenToldAndAtTheEnd) {
  start();
  {
    AccessLog log(loop_, metrics_, *writer_);
    log.add(record_of("/1"));
    log.flush();
    EXPECT_TRUE(test::wait_until([&] { return lines_written() == 1; }));
    EXPECT_THAT(targets_in(written()), testing::ElementsAre("/1"));
    log.add(record_of("/2"));
  }
  stop();
  EXPECT_THAT(targets_in(written()), testing::ElementsAre("/1", "/2"));
  EXPECT_EQ(lines_written(), 2u);
  EXPECT_EQ(lines_dropped(), 0u);
}

TEST_F(AccessLogTest, WritesASecondLaterWithoutBeingTold) {
  start();
  AccessLog log(loop_, metrics_, *writer_);
  log.add(record_of("/1"));
  EXPECT_TRUE(test::wait_until([&] {
    loop_.run_once(10ms);
    return lines_written() == 1;
  }));
}

TEST_F(AccessLogTest, WritesAFullBlockAtOnce) {
  start();
  AccessLog log(loop_, metrics_, *writer_);
  const std::string target(1000, 'a');
  for (size_t i = 0; i < AccessLogBlock::kBytes / target.size(); ++i)
    log.add(record_of(target));
  EXPECT_TRUE(test::wait_until([&] { return lines_written() > 10; }));
}

TEST_F(AccessLogTest, LosesNoLineWhenTheFileIsRenamedUnderIt) {
  start();
  AccessLog log(loop_, metrics_, *writer_);
  constexpr int kLines = 200;
  std::string all;
  for (int i = 0; i < kLines; ++i) {
    log.add(record_of(std::to_string(i)));
    log.flush();
    if (i % 10 != 5) continue;
    std::filesystem::rename(options_.file, folder_.file("old" + std::to_string(i)));
    writer_->reopen();
    ASSERT_TRUE(test::wait_until([&] { return std::filesystem::exists(options_.file); }));
  }
  stop();
  for (const auto& file : std::filesystem::directory_iterator(folder_.path()))
    all += test::read_file(file.path());
  const auto targets = targets_in(all);
  EXPECT_EQ(targets.size(), size_t{kLines});
  EXPECT_EQ(std::set<std::string>(targets.begin(), targets.end()).size(), size_t{kLines});
}

TEST_F(AccessLogTest, KeepsTheOldFileWhenItCannotReopen) {
  const std::string inner = folder_.file("logs");
  std::filesystem::create_directory(inner);
  options_.file = inner + "/access.log";
  start();
  std::filesystem::rename(inner, folder_.file("moved"));
  writer_->reopen();
  {
    AccessLog log(loop_, metrics_, *writer_);
    log.add(record_of("/1"));
  }
  stop();
  EXPECT_THAT(targets_in(test::read_file(folder_.file("moved/access.log"))),
              testing::ElementsAre("/1"));
}

TEST_F(AccessLogTest, SaysWhenTheFileCannotBeOpened) {
  options_.file = folder_.file("none/access.log");
  writer_.emplace(options_, writer_metrics_);
  const Result<void> started = writer_->start();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().sys_errno, ENOENT);
}

TEST_F(AccessLogTest, MixesNoLinesOfSeveralWorkers) {
  options_.queued_blocks_max = 10'000;
  start();
  constexpr int kWorkers = 4;
  constexpr int kLines = 2000;
  std::vector<std::thread> workers;
  for (int worker = 0; worker < kWorkers; ++worker) {
    workers.emplace_back([this, worker] {
      event::Loop loop;
      metrics::WorkerMetrics metrics;
      AccessLog log(loop, metrics, *writer_);
      for (int i = 0; i < kLines; ++i) {
        log.add(record_of(std::to_string(worker * kLines + i)));
        if (i % (7 + worker) == 0) log.flush();
      }
    });
  }
  for (std::thread& worker : workers)
    worker.join();
  stop();
  const auto targets = targets_in(written());
  EXPECT_EQ(targets.size(), size_t{kWorkers} * kLines);
  EXPECT_EQ(std::set<std::string>(targets.begin(), targets.end()).size(), targets.size());
}

TEST_F(AccessLogTest, WritesToAPipeInWholeLines) {
  const test::Fd reader = make_pipe();
  start();
  std::string received;
  constexpr size_t kLines = 500;
  std::thread worker([this] {
    event::Loop loop;
    AccessLog log(loop, metrics_, *writer_);
    for (size_t i = 0; i < kLines; ++i)
      log.add(record_of(std::string(600, 'a')));
  });
  EXPECT_TRUE(test::wait_until([&] {
    std::array<char, 8192> room;
    ssize_t count = 0;
    while ((count = ::read(reader.get(), room.data(), room.size())) > 0)
      received.append(room.data(), static_cast<size_t>(count));
    return std::count(received.begin(), received.end(), '\n') == kLines;
  }));
  worker.join();
  EXPECT_EQ(targets_in(received).size(), kLines);
}

TEST_F(AccessLogTest, DropsAndCountsWhatNobodyReads) {
  options_.queued_blocks_max = 2;
  options_.stuck_after = 1h;
  options_.end_timeout = 1ms;
  const test::Fd reader = make_pipe();
  start();
  constexpr uint64_t kLines = 2000;
  {
    AccessLog log(loop_, metrics_, *writer_);
    for (uint64_t i = 0; i < kLines; ++i)
      log.add(record_of(std::string(1000, 'a')));
  }
  EXPECT_GT(metrics_.access_log_lines_dropped.value(), kLines / 2);
  stop();
  EXPECT_EQ(lines_written() + lines_dropped(), kLines);
  EXPECT_GT(lines_written(), 0u);
}

TEST_F(AccessLogTest, DropsTheBlockThatAPipeDoesNotTakeInTime) {
  options_.stuck_after = 10ms;
  options_.end_timeout = 1h;
  const test::Fd reader = make_pipe();
  start();
  constexpr uint64_t kLines = 500;
  {
    AccessLog log(loop_, metrics_, *writer_);
    for (uint64_t i = 0; i < kLines; ++i)
      log.add(record_of(std::string(1000, 'a')));
  }
  stop();
  EXPECT_GT(lines_dropped(), 0u);
  EXPECT_EQ(lines_written() + lines_dropped(), kLines);
}

TEST_F(AccessLogTest, DropsAndCountsWhenTheReaderIsGone) {
  test::Fd reader = make_pipe();
  start();
  reader.reset();
  {
    AccessLog log(loop_, metrics_, *writer_);
    for (int i = 0; i < 10; ++i)
      log.add(record_of("/"));
  }
  stop();
  EXPECT_EQ(lines_written(), 0u);
  EXPECT_EQ(lines_dropped(), 10u);
}

TEST_F(AccessLogTest, DropsAndCountsWhenTheDiskIsFull) {
  options_.file = "/dev/full";
  start();
  {
    AccessLog log(loop_, metrics_, *writer_);
    for (int i = 0; i < 10; ++i)
      log.add(record_of("/"));
  }
  stop();
  EXPECT_EQ(lines_written(), 0u);
  EXPECT_EQ(lines_dropped(), 10u);
}

}  // namespace
}  // namespace httpteleport::proxy
