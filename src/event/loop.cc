#include "event/loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

namespace httpteleport::event {

namespace {

constexpr int kEventsMax = 256;
// An idle loop still wakes this often, so that a clock that jumped cannot hold a timer back.
constexpr Duration kWaitMax = std::chrono::seconds(60);

TimePoint read_clock() {
  return std::chrono::steady_clock::now();
}

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

Readiness to_readiness(uint32_t events) {
  return {.readable = (events & EPOLLIN) != 0,
          .writable = (events & EPOLLOUT) != 0,
          .peer_closed = (events & (EPOLLRDHUP | EPOLLHUP)) != 0,
          .failed = (events & EPOLLERR) != 0};
}

}  // namespace

Loop::Loop()
    : read_buffer_(std::make_unique_for_overwrite<char[]>(kReadBufferBytes)),
      now_(read_clock()),
      timers_(now_) {
  epoll_fd_ = epoll_create1(EPOLL_CLOEXEC);
  if (epoll_fd_ < 0) fail("cannot create an epoll descriptor");
  wake_fd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wake_fd_ < 0) {
    close(epoll_fd_);
    fail("cannot create an eventfd");
  }
  epoll_event event{.events = EPOLLIN | EPOLLET, .data = {.ptr = nullptr}};
  HT_ASSERT(epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, wake_fd_, &event) == 0);
}

Loop::~Loop() {
  delete_doomed();
  close(wake_fd_);
  close(epoll_fd_);
}

Result<void> Loop::add(int fd, IoHandler& handler, uint32_t events) {
  epoll_event event{.events = events, .data = {.ptr = &handler}};
  if (epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, fd, &event) == 0) return {};
  return Error{Code::kSystem, Source::kInternal, errno, "cannot watch a descriptor"};
}

Result<void> Loop::watch(int fd, IoHandler& handler) {
  return add(fd, handler, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
}

Result<void> Loop::watch_level(int fd, IoHandler& handler) {
  return add(fd, handler, EPOLLIN);
}

Result<void> Loop::watch_shared(int fd, IoHandler& handler) {
  return add(fd, handler, EPOLLIN | EPOLLEXCLUSIVE);
}

Result<void> Loop::watch_reading(int fd, IoHandler& handler) {
  return add(fd, handler, EPOLLIN | EPOLLET);
}

void Loop::unwatch(int fd) {
  epoll_ctl(epoll_fd_, EPOLL_CTL_DEL, fd, nullptr);
}

void Loop::run() {
  stopped_ = false;
  while (!stopped_)
    run_once(kWaitMax);
}

void Loop::run_once(Duration wait_max) {
  wait(next_turn_.empty() ? wait_max : Duration::zero());
  turn_end_.splice_back(next_turn_);
  run_turn_end_tasks();
  delete_doomed();
}

void Loop::wait(Duration wait_max) {
  Duration timeout = wait_max;
  if (const auto expiry = timers_.next_expiry()) {
    timeout = std::clamp(*expiry - read_clock(), Duration::zero(), wait_max);
  }
  const timespec limit{.tv_sec = timeout.count() / 1'000'000'000,
                       .tv_nsec = timeout.count() % 1'000'000'000};
  std::array<epoll_event, kEventsMax> events;
  const int count = epoll_pwait2(epoll_fd_, events.data(), kEventsMax, &limit, nullptr);
  HT_ASSERT(count >= 0 || errno == EINTR);
  now_ = read_clock();

  bool woken = false;
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<size_t>(i)];
    if (event.data.ptr == nullptr) {
      woken = true;
    } else {
      static_cast<IoHandler*>(event.data.ptr)->on_ready(to_readiness(event.events));
    }
  }
  timers_.advance(now_);
  if (woken) {
    uint64_t wakeups = 0;
    while (read(wake_fd_, &wakeups, sizeof wakeups) > 0) {
    }
    mailbox_.deliver();
  }
}

// A task may queue others, also itself; those run in the same turn. What must not starve the
// others uses at_next_turn().
void Loop::run_turn_end_tasks() {
  while (!turn_end_.empty())
    turn_end_.pop_front().on_turn_end();
}

void Loop::delete_later(std::unique_ptr<Deletable> object) {
  if (!object) return;
  object->next_doomed_ = std::move(doomed_);
  doomed_ = std::move(object);
}

// Destructors may doom further objects, so the list is taken apart one by one.
void Loop::delete_doomed() {
  while (doomed_) {
    std::unique_ptr<Deletable> object = std::move(doomed_);
    doomed_ = std::move(object->next_doomed_);
  }
}

void Loop::post(Mailbox::Letter letter) {
  if (!mailbox_.post(std::move(letter))) return;
  const uint64_t one = 1;
  const ssize_t written = write(wake_fd_, &one, sizeof one);
  HT_ASSERT(written == sizeof one || errno == EAGAIN);
}

}  // namespace httpteleport::event
