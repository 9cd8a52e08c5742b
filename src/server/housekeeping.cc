#include "server/housekeeping.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>

#include "base/log.h"

namespace httpteleport::server {

namespace {

// How often it is looked whether the log has repeats to tell of.
constexpr Duration kLogInterval = std::chrono::seconds(1);

}  // namespace

Housekeeping::~Housekeeping() {
  if (signal_fd_ < 0) return;
  loop_.unwatch(signal_fd_);
  close(signal_fd_);
}

void Housekeeping::watch(std::initializer_list<int> signals) {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : signals)
    sigaddset(&set, signal);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signal(SIGPIPE, SIG_IGN);
  signal_fd_ = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  const bool watched = signal_fd_ >= 0 && loop_.watch_level(signal_fd_, *this).has_value();
  HT_ASSERT(watched);
}

void Housekeeping::on_ready(event::Readiness) {
  signalfd_siginfo info{};
  while (read(signal_fd_, &info, sizeof info) == sizeof info)
    handler_.on_signal(static_cast<int>(info.ssi_signo));
}

void Housekeeping::start() {
  tell_repeats();
  notify_alive();
}

void Housekeeping::tell_repeats() {
  program_log().tell_repeats(std::chrono::steady_clock::now());
  loop_.set_timer(log_timer_, kLogInterval);
}

// The control thread alone answers for the process: a worker that hangs shows in its clients'
// errors.
void Housekeeping::notify_alive() {
  const std::optional<Duration> interval = manager_.watchdog_interval();
  if (!interval) return;
  manager_.notify_alive();
  loop_.set_timer(watchdog_timer_, *interval);
}

}  // namespace httpteleport::server
