// An httptp that replaces itself, and those that have taken its place.
#pragma once

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <csignal>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "integration/topology.h"

namespace httpteleport::test {

// All of them write to the output of the first. The test adopts those whose parent has ended, so
// that it sees how they end. The destructor ends all and checks that each ended with code 0.
class ReplacedHttptp {
 public:
  static constexpr std::chrono::seconds kLongPatience = 3 * kPatience;

  explicit ReplacedHttptp(Flags flags, const std::string& binary = {})
      : ReplacedHttptp(HttptpProcess::Options{.binary = binary, .flags = std::move(flags)}) {}
  explicit ReplacedHttptp(const HttptpProcess::Options& options) {
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    std::string error;
    first_ = HttptpProcess::start(options, error);
    if (first_ == nullptr) {
      ADD_FAILURE() << error;
      return;
    }
    pids_.push_back(first_->process().pid());
  }
  ~ReplacedHttptp() {
    if (started()) end();
  }

  bool started() const { return first_ != nullptr; }
  HttptpProcess& first() { return *first_; }
  Address address() const { return first_->address(); }
  // Of the one that serves now, as far as it was said by replace().
  pid_t pid() const { return pids_.back(); }
  pid_t pid(size_t index) const { return pids_[index]; }

  // To the one that serves now. What is logged from here on is what wait_log() finds.
  void signal(int number) {
    mark();
    kill(pid(), number);
  }
  void mark() { mark_ = first_->process().output().size(); }
  // The rest of the first line logged since mark() that contains `text`.
  std::optional<std::string> wait_log(const std::string& text) {
    std::optional<std::string> rest;
    wait_until(
        [&] {
          const std::string output = first_->process().output();
          const size_t at = output.find(text, mark_);
          const size_t end = at == std::string::npos ? at : output.find('\n', at);
          if (end != std::string::npos)
            rest = output.substr(at + text.size(), end - at - text.size());
          return rest.has_value();
        },
        after(kLongPatience));
    EXPECT_TRUE(rest) << "not logged: " << text << "\n" << since_mark();
    return rest;
  }
  std::string since_mark() const { return first_->process().output().substr(mark_); }

  // Waits for the process that SIGUSR2 has started, and remembers it.
  pid_t wait_started() {
    const auto started = wait_log("started a new process: pid ");
    const pid_t pid = started ? std::stoi(*started) : -1;
    if (pid > 0) starting_.push_back(pid);
    return pid;
  }
  // SIGUSR2, and the next one serves.
  bool replace() {
    signal(SIGUSR2);
    return wait_replaced();
  }
  // The same, when the signal has been sent.
  bool wait_replaced() {
    const pid_t pid = wait_started();
    return pid > 0 && wait_serving(pid);
  }
  // The same, for what wait_started() has returned.
  bool wait_serving(pid_t pid) {
    if (!wait_log("the new process serves")) return false;
    std::erase(starting_, pid);
    pids_.push_back(pid);
    return true;
  }

  // True when that process ends with code 0 in time. Those before it must have ended.
  bool wait_end(size_t index) {
    const pid_t pid = pids_[index];
    if (index == 0) {
      const auto status = first_->process().wait_exit(after(kLongPatience));
      EXPECT_TRUE(status && status->code == 0) << (status ? status->text() : "it runs");
      return status && status->code == 0;
    }
    int status = -1;
    const bool ended =
        wait_until([&] { return waitpid(pid, &status, WNOHANG) == pid; }, after(kLongPatience));
    EXPECT_TRUE(ended && WIFEXITED(status) && WEXITSTATUS(status) == 0)
        << "pid " << pid << (ended ? " ended with " + std::to_string(status) : " runs");
    if (ended) pids_[index] = -1;
    return ended;
  }

  static bool is_there(pid_t pid) {
    return std::filesystem::exists("/proc/" + std::to_string(pid));
  }
  static size_t open_fd_count(pid_t pid) {
    std::error_code error;
    const std::filesystem::directory_iterator entries("/proc/" + std::to_string(pid) + "/fd",
                                                      error);
    return static_cast<size_t>(std::distance(entries, std::filesystem::directory_iterator()));
  }

  // SIGTERM to all that are left, and their ends.
  void end() {
    for (const pid_t pid : pids_) {
      if (pid > 0 && pid != pids_.front()) kill(pid, SIGTERM);
    }
    first_->process().signal(SIGTERM);
    for (size_t i = 0; i < pids_.size(); ++i) {
      if (pids_[i] > 0 && !wait_end(i)) kill(pids_[i], SIGKILL);
    }
    for (const pid_t pid : starting_) {
      // Ours only once its parent has ended.
      if (waitpid(pid, nullptr, WNOHANG) == 0) {
        ADD_FAILURE() << "pid " << pid << " runs";
        kill(pid, SIGKILL);
        waitpid(pid, nullptr, 0);
      }
    }
    if (testing::Test::HasFailure()) {
      std::cerr << first_->process().output().substr(0, 20000) << "\n";
    }
    first_.reset();
  }

 private:
  std::unique_ptr<HttptpProcess> first_;
  std::vector<pid_t> pids_;      // that have served; -1: waited for
  std::vector<pid_t> starting_;  // that have not, so far
  size_t mark_ = 0;
};

}  // namespace httpteleport::test
