// Child processes of tests: started, watched, and always ended.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "support/deadline.h"
#include "support/fd.h"

namespace httpteleport::test {

// How a process ended.
struct ExitStatus {
  int code = -1;   // of exit(), -1 when a signal ended it
  int signal = 0;  // that ended it, 0 when none did
  std::string text() const;
};

// One child. What it writes to standard output and standard error is collected by a thread of this
// object, so the child never blocks on it; the first kOutputBytesMax bytes are kept.
//
// The kernel kills the child when the thread that constructed this object ends, so construct it in
// a thread that lives long enough. The destructor kills a child that still runs, by its id, and
// waits for it.
class Process {
 public:
  static constexpr size_t kOutputBytesMax = size_t{1} << 20;
  using Environment = std::vector<std::pair<std::string, std::string>>;

  // Starts argv[0], a path, with the environment of this process and `extra` on top. A program that
  // cannot be executed shows as exit code 127.
  explicit Process(std::vector<std::string> argv, const Environment& extra = {});
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t pid() const { return pid_; }
  // The end of the process, when it came in time; output() has all that it has written then. May be
  // asked again.
  std::optional<ExitStatus> wait_exit(Deadline deadline = after());
  bool is_running() { return !wait_exit(Clock::now()); }
  // Does nothing once the process has been waited for.
  void signal(int number);
  // SIGTERM, and SIGKILL when `patience` did not suffice; the status tells which it was.
  ExitStatus terminate(std::chrono::seconds patience = kPatience);

  // Everything written so far.
  std::string output() const;
  // The rest of the first line that contains `marker`, from behind it, as soon as the line is
  // complete. Empty value: not in time, or the process ended without it.
  std::optional<std::string> wait_line(std::string_view marker, Deadline deadline = after());

  // Resident memory now and at its highest, in bytes; 0 when the process is gone.
  uint64_t rss_bytes() const { return status_bytes("VmRSS:"); }
  uint64_t rss_max_bytes() const { return status_bytes("VmHWM:"); }
  // User and system time used so far by all its threads.
  std::chrono::microseconds cpu_time() const;
  size_t open_fd_count() const;

 private:
  void collect();
  void wait_last_output();
  uint64_t status_bytes(std::string_view key) const;

  pid_t pid_ = -1;
  Fd pid_fd_;
  Fd pipe_;
  Fd stop_;  // tells the collecting thread to end
  std::optional<ExitStatus> status_;

  mutable std::mutex mutex_;  // guards the two below
  std::condition_variable grown_;
  std::string output_;
  bool output_ended_ = false;
  std::thread collector_;
};

}  // namespace httpteleport::test
