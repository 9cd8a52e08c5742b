#include "proxy/access_log.h"

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstring>

#include "base/append_file.h"
#include "base/log.h"

namespace httpteleport::proxy {

namespace {

constexpr Duration kFlushInterval = std::chrono::seconds(1);
// How often a writer that waits for a pipe looks whether the program ends.
constexpr int kPollMilliseconds = 100;

static_assert(AccessLogBlock::kFullBytes >= 16 * 1024, "blocks would be handed over too often");

TimePoint steady_now() {
  return std::chrono::steady_clock::now();
}

// As many whole lines as a pipe takes without blocking when it takes anything, so that lines do not
// mix with those of other processes; part of a line that is longer.
std::string_view first_piece(std::string_view text) {
  if (text.size() <= PIPE_BUF) return text;
  const size_t last_end = text.rfind('\n', PIPE_BUF - 1);
  return text.substr(0, last_end == std::string_view::npos ? PIPE_BUF : last_end + 1);
}

}  // namespace

AccessLogWriter::AccessLogWriter(const AccessLogOptions& options, metrics::WorkerMetrics& metrics)
    : options_(options), metrics_(metrics) {}

AccessLogWriter::~AccessLogWriter() {
  if (thread_.joinable()) {
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
      end_deadline_ = steady_now() + options_.end_timeout;
    }
    wake_.notify_one();
    thread_.join();
  }
  if (fd_ > STDERR_FILENO) close(fd_);
}

Result<void> AccessLogWriter::start() {
  if (options_.file == "-") {
    use(STDOUT_FILENO);
  } else {
    const Result<int> fd = open_for_append(options_.file);
    if (!fd) return fd.error();
    use(*fd);
  }
  thread_ = std::thread([this] { run(); });
  return {};
}

void AccessLogWriter::use(int fd) {
  if (fd_ > STDERR_FILENO) close(fd_);
  fd_ = fd;
  inside_line_ = false;
  struct stat status {};
  is_file_ = fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

bool AccessLogWriter::submit(std::unique_ptr<AccessLogBlock>& block) {
  {
    const std::lock_guard lock(mutex_);
    if (queue_.size() >= options_.queued_blocks_max) return false;
    queue_.push_back(std::move(block));
    if (!free_.empty()) {
      block = std::move(free_.back());
      free_.pop_back();
    }
  }
  wake_.notify_one();
  // Uninitialised: what is in it counts from `size` = 0 on.
  if (!block) block.reset(new AccessLogBlock);
  return true;
}

void AccessLogWriter::reopen() {
  {
    const std::lock_guard lock(mutex_);
    reopen_asked_ = true;
  }
  wake_.notify_one();
}

// ---- The thread.

void AccessLogWriter::run() {
  // Signals are the control thread's; that of a pipe without a reader shows as an error.
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return ending_ || reopen_asked_ || !queue_.empty(); });
    if (std::exchange(reopen_asked_, false)) {
      lock.unlock();
      open_again();
      lock.lock();
    }
    if (queue_.empty()) {
      if (ending_) return;
      continue;
    }
    std::unique_ptr<AccessLogBlock> block = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    write_block(*block);
    block->size = block->lines = 0;
    lock.lock();
    free_.push_back(std::move(block));
  }
}

void AccessLogWriter::open_again() {
  if (options_.file == "-") return;
  const Result<int> fd = open_for_append(options_.file);
  if (fd) return use(*fd);
  log_line(LogLevel::kWarn, "the access log cannot be opened again, the old one stays",
           {{"file", options_.file}, {"error", std::strerror(fd.error().sys_errno)}});
}

void AccessLogWriter::write_block(const AccessLogBlock& block) {
  write_errno_ = 0;
  std::string_view left = block.text();
  // What a failed write has left of a line must not become part of the next one.
  if (!inside_line_ || write_all("\n").empty()) left = write_all(left);
  const auto dropped = static_cast<uint64_t>(std::count(left.begin(), left.end(), '\n'));
  metrics_.access_log_lines_written.add(block.lines - dropped);
  metrics_.access_log_lines_dropped.add(dropped);
  if (dropped == 0) return;
  log_line(LogLevel::kWarn, "lines of the access log are dropped",
           {{"file", options_.file},
            {"lines", dropped},
            {"error", write_errno_ == 0 ? "nobody reads it" : std::strerror(write_errno_)}});
}

std::string_view AccessLogWriter::write_all(std::string_view text) {
  while (!text.empty()) {
    if (!is_file_ && !wait_writable()) break;
    const std::string_view piece = is_file_ ? text : first_piece(text);
    const ssize_t written = write(fd_, piece.data(), piece.size());
    if (written < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (written <= 0) {
      write_errno_ = errno;
      break;
    }
    inside_line_ = piece[static_cast<size_t>(written) - 1] != '\n';
    text.remove_prefix(static_cast<size_t>(written));
  }
  return text;
}

bool AccessLogWriter::wait_writable() {
  const TimePoint stuck_at = steady_now() + options_.stuck_after;
  for (;;) {
    pollfd wanted{.fd = fd_, .events = POLLOUT, .revents = 0};
    if (poll(&wanted, 1, kPollMilliseconds) > 0) return true;
    const TimePoint now = steady_now();
    const std::lock_guard lock(mutex_);
    if (now >= stuck_at || (ending_ && now >= end_deadline_)) return false;
  }
}

// ---- A worker's part.

AccessLog::AccessLog(event::Loop& loop, metrics::WorkerMetrics& metrics, AccessLogWriter& writer)
    : loop_(loop),
      metrics_(metrics),
      writer_(writer),
      block_(new AccessLogBlock),
      time_(writer.format()) {}

AccessLog::~AccessLog() {
  flush();
}

void AccessLog::add(const ExchangeRecord& record) {
  AccessLogBlock& block = *block_;
  LineWriter line({block.memory.data() + block.size, AccessLogBlock::kBytes - block.size});
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  format_access_line(line, record, now, time_);
  HT_ASSERT(line.did_fit());
  block.size += line.text().size();
  ++block.lines;
  if (block.size >= AccessLogBlock::kFullBytes) return flush();
  if (!timer_.is_set()) loop_.set_timer(timer_, kFlushInterval);
}

void AccessLog::flush() {
  timer_.cancel();
  if (block_->size == 0 || writer_.submit(block_)) return;
  metrics_.access_log_lines_dropped.add(block_->lines);
  block_->size = block_->lines = 0;
}

}  // namespace httpteleport::proxy
