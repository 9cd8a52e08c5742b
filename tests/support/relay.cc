#include "support/relay.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <vector>

namespace httpteleport::test {

namespace {

constexpr size_t kOnTheirWayMax = 256 * 1024;

size_t from(Relay::Way way) {
  return way == Relay::Way::kForth ? 0 : 1;
}
size_t to(Relay::Way way) {
  return 1 - from(way);
}
size_t index(Relay::Way way) {
  return static_cast<size_t>(way);
}

}  // namespace

Relay::Relay(const Address& target, bool records)
    : target_(target), records_(records), wake_(::eventfd(0, EFD_NONBLOCK)) {
  if (!wake_) die("eventfd");
  thread_ = std::thread([this] { run(); });
}

Relay::~Relay() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake();
  thread_.join();
}

void Relay::wake() {
  ::eventfd_write(wake_.get(), 1);
}

void Relay::arm(Way way, size_t after_bytes, Fault fault) {
  const std::lock_guard lock(mutex_);
  trap_ = Trap{way, after_bytes, fault};
}

bool Relay::has_struck() const {
  const std::lock_guard lock(mutex_);
  return !trap_;
}

bool Relay::wait_struck(Deadline deadline) {
  std::unique_lock lock(mutex_);
  return changed_.wait_until(lock, deadline, [this] { return !trap_; });
}

void Relay::strike(Fault fault) {
  const std::lock_guard lock(mutex_);
  if (fault == Fault::kStall) stalled_ = true;
  for (Pair& pair : pairs_)
    end(pair, fault);
  wake();
}

void Relay::release() {
  const std::lock_guard lock(mutex_);
  stalled_ = false;
  wake();
}

size_t Relay::accepted() const {
  const std::lock_guard lock(mutex_);
  return accepted_;
}

std::string Relay::recorded(Way way) const {
  const std::lock_guard lock(mutex_);
  return recorded_[index(way)];
}

void Relay::run() {
  for (;;) {
    std::vector<pollfd> waits = {{.fd = listener_.fd(), .events = POLLIN, .revents = 0},
                                 {.fd = wake_.get(), .events = POLLIN, .revents = 0}};
    {
      const std::lock_guard lock(mutex_);
      if (ending_) return;
      pairs_.remove_if([](const Pair& pair) { return pair.over; });
      for (Pair& pair : pairs_) {
        for (const Way way : {Way::kForth, Way::kBack}) {
          const size_t held = pair.on_their_way[index(way)].size();
          const bool reads = !stalled_ && !pair.ended[index(way)] && held < kOnTheirWayMax;
          const bool writes = !stalled_ && held > 0;
          waits.push_back(
              {.fd = reads ? pair.sides[from(way)].fd() : -1, .events = POLLIN, .revents = 0});
          waits.push_back(
              {.fd = writes ? pair.sides[to(way)].fd() : -1, .events = POLLOUT, .revents = 0});
        }
      }
    }
    ::poll(waits.data(), waits.size(), -1);
    eventfd_t count;
    ::eventfd_read(wake_.get(), &count);
    const std::lock_guard lock(mutex_);
    size_t at = 2;
    for (Pair& pair : pairs_) {
      for (const Way way : {Way::kForth, Way::kBack}) {
        move(pair, way, static_cast<short>(waits[at].revents | waits[at + 1].revents));
        at += 2;
      }
    }
    if (waits[0].revents != 0) take_connection();
  }
}

void Relay::take_connection() {
  auto came = listener_.accept(Clock::now());
  if (!came) return;
  ++accepted_;
  auto onward = Socket::connect(target_);
  if (!onward) return came->reset();
  pairs_.emplace_back().sides = {*std::move(came), *std::move(onward)};
}

void Relay::move(Pair& pair, Way way, short events) {
  if (pair.over || stalled_ || events == 0) return;
  if (!receive(pair, way)) return end(pair, Fault::kReset);
  send(pair, way);
  if (!pair.over && pair.ended[0] && pair.ended[1] && pair.on_their_way[0].empty() &&
      pair.on_their_way[1].empty()) {
    pair.over = true;
  }
}

// False when that side is broken.
bool Relay::receive(Pair& pair, Way way) {
  std::string& held = pair.on_their_way[index(way)];
  if (pair.ended[index(way)] || held.size() >= kOnTheirWayMax) return true;
  char piece[64 * 1024];
  const ssize_t got = ::recv(pair.sides[from(way)].fd(), piece, sizeof piece, 0);
  if (got < 0) return errno == EAGAIN || errno == EINTR;
  if (got == 0) pair.ended[index(way)] = true;
  held.append(piece, static_cast<size_t>(got));
  return true;
}

void Relay::send(Pair& pair, Way way) {
  std::string& held = pair.on_their_way[index(way)];
  while (!held.empty()) {
    const size_t size = allowed(pair, way, held.size());
    if (size == 0) return;
    const ssize_t sent = ::send(pair.sides[to(way)].fd(), held.data(), size, MSG_NOSIGNAL);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (sent < 0) return end(pair, Fault::kReset);
    if (records_) recorded_[index(way)].append(held, 0, static_cast<size_t>(sent));
    held.erase(0, static_cast<size_t>(sent));
    if (trap_ && trap_->way == way) trap_->after_bytes -= static_cast<size_t>(sent);
  }
  if (pair.ended[index(way)]) pair.sides[to(way)].shutdown_write();
}

size_t Relay::allowed(Pair& pair, Way way, size_t bytes) {
  if (!trap_ || trap_->way != way) return bytes;
  if (trap_->after_bytes > 0) return std::min(bytes, trap_->after_bytes);
  const Fault fault = trap_->fault;
  trap_.reset();
  changed_.notify_all();
  if (fault == Fault::kStall) stalled_ = true;
  end(pair, fault);
  return 0;
}

void Relay::end(Pair& pair, Fault fault) {
  if (fault == Fault::kStall || pair.over) return;
  pair.over = true;
  for (Socket& side : pair.sides) {
    if (fault == Fault::kReset) side.reset();
    // What is unread would make it a reset.
    if (fault == Fault::kFin) side.shutdown_write();
    if (fault == Fault::kFin) side.close();
  }
}

}  // namespace httpteleport::test
