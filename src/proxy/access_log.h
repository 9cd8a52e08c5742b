// The access log: a line for each finished exchange (docs/logging.md).
//
// Workers format lines into blocks of their own memory and hand full blocks to one thread, which
// writes them. A thread, because a write to a disk or a pipe can block for as long as it likes, and
// a worker must not; one, because then blocks follow each other and lines never mix, in a pipe
// neither, and because it alone owns the descriptor, so that opening the file again needs no care.
// Between them is a queue of bounded length. When it is full, or writing fails, lines are dropped
// and counted, and the requests go on.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "event/loop.h"
#include "metrics/worker_metrics.h"
#include "proxy/access_log_format.h"

namespace httpteleport::proxy {

struct AccessLogOptions {
  std::string file;  // -accessLog; "-": standard output; empty: no access log
  AccessLogFormat format = AccessLogFormat::kText;
  size_t queued_blocks_max = 64;                   // of all workers; more are dropped
  Duration stuck_after = std::chrono::seconds(5);  // a pipe that nobody reads: its block is dropped
  Duration end_timeout = std::chrono::seconds(1);  // the same when the program ends
};

// Whole lines on their way from a worker to the writer.
struct AccessLogBlock {
  static constexpr size_t kBytes = 64 * 1024;
  // From here on a block is full: a line of any length fits into what is below.
  static constexpr size_t kFullBytes = kBytes - kAccessLineBytesMax;

  std::string_view text() const { return {memory.data(), size}; }

  std::array<char, kBytes> memory;
  size_t size = 0;
  uint64_t lines = 0;
};

// One a program. Created and destroyed by the control thread; outlives every AccessLog.
class AccessLogWriter {
 public:
  // `metrics` counts lines written and lines that could not be; only the writer's thread does so.
  AccessLogWriter(const AccessLogOptions& options, metrics::WorkerMetrics& metrics);
  // Writes what is queued and ends the thread; what cannot be written in time is dropped.
  ~AccessLogWriter();

  // Opens the file and starts the thread; once. Errors: kSystem when the file cannot be opened.
  Result<void> start();

  // Any thread. Takes a block and gives an empty one in its place. False, and nothing is changed:
  // the queue is full.
  bool submit(std::unique_ptr<AccessLogBlock>& block);
  // Any thread, soon: opens the file again under its name, for after it has been renamed. What was
  // submitted before may go to either. When it fails the old file stays and the log has a warning.
  void reopen();

  AccessLogFormat format() const { return options_.format; }

 private:
  void run();
  void open_again();
  void write_block(const AccessLogBlock& block);
  // Writes what it can; returns what is left.
  std::string_view write_all(std::string_view text);
  bool wait_writable();
  void use(int fd);

  const AccessLogOptions options_;
  metrics::WorkerMetrics& metrics_;
  int fd_ = -1;               // of the thread, once it runs
  bool is_file_ = false;      // a regular one, which takes any amount at once
  bool inside_line_ = false;  // the last write ended there
  int write_errno_ = 0;       // why it did
  std::mutex mutex_;          // of everything below
  std::condition_variable wake_;
  std::deque<std::unique_ptr<AccessLogBlock>> queue_;
  std::vector<std::unique_ptr<AccessLogBlock>> free_;
  bool reopen_asked_ = false;
  bool ending_ = false;
  TimePoint end_deadline_{};
  std::thread thread_;
};

// One a worker, on its thread; must not outlive the writer and the loop.
class AccessLog {
 public:
  AccessLog(event::Loop& loop, metrics::WorkerMetrics& metrics, AccessLogWriter& writer);
  // Hands over what there is.
  ~AccessLog();

  // Goes to the writer when the block is full, or a second later. Allocates nothing.
  void add(const ExchangeRecord& record);
  // Hands over what there is now.
  void flush();

 private:
  event::Loop& loop_;
  metrics::WorkerMetrics& metrics_;
  AccessLogWriter& writer_;
  std::unique_ptr<AccessLogBlock> block_;
  AccessTime time_;
  event::MemberTimer<AccessLog, &AccessLog::flush> timer_{*this};
};

}  // namespace httpteleport::proxy
