#include "support/process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace httpteleport::test {
namespace {

std::vector<std::string> environment_with(const Process::Environment& extra) {
  std::vector<std::string> all;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::string_view entry_name = text.substr(0, text.find('='));
    bool replaced = false;
    for (const auto& [name, value] : extra)
      replaced |= entry_name == name;
    if (!replaced) all.emplace_back(text);
  }
  for (const auto& [name, value] : extra)
    all.emplace_back(name).append("=").append(value);
  return all;
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> result;
  for (std::string& text : strings)
    result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

std::string read_file(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// In the child between fork and exec: nothing that takes a lock or allocates.
[[noreturn]] void run_child(pid_t parent, int output, char* const* argv, char* const* environment) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(127);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(output, STDERR_FILENO);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execve(argv[0], argv, environment);
  constexpr std::string_view kText = "cannot execute the program\n";
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, kText.data(), kText.size());
  ::_exit(127);
}

}  // namespace

std::string ExitStatus::text() const {
  return signal != 0 ? "signal " + std::to_string(signal) : "exit code " + std::to_string(code);
}

Process::Process(std::vector<std::string> argv, const Environment& extra)
    : stop_(::eventfd(0, EFD_CLOEXEC)) {
  std::vector<std::string> environment = environment_with(extra);
  const std::vector<char*> argv_pointers = pointers(argv);
  const std::vector<char*> environment_pointers = pointers(environment);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) die("pipe2");
  pipe_ = Fd(ends[0]);
  Fd write_end(ends[1]);
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ < 0) die("fork");
  if (pid_ == 0) {
    run_child(parent, write_end.get(), argv_pointers.data(), environment_pointers.data());
  }
  pid_fd_ = Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  if (!pid_fd_ || !stop_) die("pidfd_open");
  collector_ = std::thread([this] { collect(); });
}

Process::~Process() {
  if (!status_) {
    signal(SIGKILL);
    wait_exit();
  }
  const uint64_t one = 1;
  if (::write(stop_.get(), &one, sizeof one) != sizeof one) die("eventfd");
  collector_.join();
}

void Process::collect() {
  char piece[16 * 1024];
  for (;;) {
    pollfd entries[2] = {{pipe_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}};
    if (::poll(entries, 2, -1) < 0 && errno != EINTR) die("poll");
    // What is not in the pipe any more is in output_, for whoever has the lock.
    const std::lock_guard lock(mutex_);
    const ssize_t got = entries[0].revents != 0 ? ::read(pipe_.get(), piece, sizeof piece) : -1;
    if (got > 0) {
      const size_t room = kOutputBytesMax - std::min(kOutputBytesMax, output_.size());
      output_.append(piece, std::min(static_cast<size_t>(got), room));
    } else if (got == 0 || entries[1].revents != 0) {
      output_ended_ = true;
    }
    grown_.notify_all();
    if (output_ended_) return;
  }
}

std::optional<ExitStatus> Process::wait_exit(Deadline deadline) {
  while (!status_) {
    pollfd entry{pid_fd_.get(), POLLIN, 0};
    const int ready = ::poll(&entry, 1, poll_timeout_ms(deadline));
    if (ready == 0 && Clock::now() >= deadline) return {};
    if (ready <= 0) continue;
    int status = 0;
    if (::waitpid(pid_, &status, 0) != pid_) die("waitpid");
    status_ = ExitStatus{};
    if (WIFEXITED(status)) status_->code = WEXITSTATUS(status);
    if (WIFSIGNALED(status)) status_->signal = WTERMSIG(status);
    wait_last_output();
  }
  return status_;
}

// The pipe may stay open: a child of the child may have it too.
void Process::wait_last_output() {
  std::unique_lock lock(mutex_);
  const auto is_empty = [this] {
    int waiting = 0;
    return output_ended_ || (::ioctl(pipe_.get(), FIONREAD, &waiting) == 0 && waiting == 0);
  };
  while (!is_empty())
    grown_.wait(lock);
}

void Process::signal(int number) {
  if (!status_) ::kill(pid_, number);
}

ExitStatus Process::terminate(std::chrono::seconds patience) {
  signal(SIGTERM);
  if (const auto status = wait_exit(after(patience))) return *status;
  signal(SIGKILL);
  return wait_exit().value_or(ExitStatus{});
}

std::string Process::output() const {
  const std::lock_guard lock(mutex_);
  return output_;
}

std::optional<std::string> Process::wait_line(std::string_view marker, Deadline deadline) {
  std::unique_lock lock(mutex_);
  std::optional<std::string> line;
  const auto find = [&] {
    const size_t at = output_.find(marker);
    const size_t end = at == std::string::npos ? at : output_.find('\n', at);
    if (end == std::string::npos) return output_ended_;
    line = output_.substr(at + marker.size(), end - at - marker.size());
    return true;
  };
  grown_.wait_until(lock, deadline, find);
  return line;
}

uint64_t Process::status_bytes(std::string_view key) const {
  std::istringstream lines(read_file("/proc/" + std::to_string(pid_) + "/status"));
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(key)) return std::strtoull(line.c_str() + key.size(), nullptr, 10) * 1024;
  }
  return 0;
}

std::chrono::microseconds Process::cpu_time() const {
  const std::string text = read_file("/proc/" + std::to_string(pid_) + "/stat");
  const size_t name_end = text.rfind(')');  // the name may hold spaces and parentheses
  if (name_end == std::string::npos) return {};
  std::istringstream fields(text.substr(name_end + 1));
  std::string skipped;
  for (int field = 3; field < 14; ++field)
    fields >> skipped;
  long long user = 0;
  long long system = 0;
  fields >> user >> system;
  return std::chrono::microseconds((user + system) * 1'000'000 / ::sysconf(_SC_CLK_TCK));
}

size_t Process::open_fd_count() const {
  std::error_code error;
  size_t count = 0;
  std::filesystem::directory_iterator entry("/proc/" + std::to_string(pid_) + "/fd", error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error))
    ++count;
  return count;
}

}  // namespace httpteleport::test
