#include "support/origin.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <cerrno>
#include <condition_variable>
#include <future>
#include <memory>
#include <mutex>
#include <queue>
#include <thread>
#include <unordered_map>
#include <vector>

#include "support/origin_connection.h"

namespace httpteleport::test {
namespace {

constexpr size_t kScratchBytes = 128 * 1024;
constexpr int kEventsPerTurn = 512;
constexpr uint64_t kListenerId = 0;
constexpr uint64_t kWakeId = 1;

}  // namespace

const char* path_kind_name(PathKind kind) {
  constexpr const char* kNames[kPathKindCount] = {
      "bytes", "stream", "json",    "chunked", "close", "slow",   "stall",  "sse",
      "echo",  "hash",   "headers", "status",  "mixed", "tunnel", "unknown"};
  return kNames[static_cast<size_t>(kind)];
}

std::string OriginCounters::to_json() const {
  std::string text = "{";
  const auto add = [&](const char* name, uint64_t value) {
    if (text.size() > 1) text += ", ";
    text.append("\"").append(name).append("\": ").append(std::to_string(value));
  };
  add("connections_accepted", connections_accepted);
  add("connections_open", connections_open);
  add("requests", requests);
  add("pending", pending);
  add("pending_max", pending_max);
  add("held", held);
  add("answered", answered);
  add("aborted", aborted);
  add("stalled_gone", stalled_gone);
  add("malformed", malformed);
  add("bytes_received", bytes_received);
  add("bytes_sent", bytes_sent);
  for (size_t index = 0; index < kPathKindCount; ++index) {
    add(path_kind_name(static_cast<PathKind>(index)), by_kind[index]);
  }
  return text + "}\n";
}

class Origin::Loop : public OriginHost {
 public:
  explicit Loop(const Options& options)
      : options_(options),
        listener_({.ipv6 = options.ipv6,
                   .port = options.port,
                   .unix_path = options.unix_path,
                   .receive_buffer_bytes = options.receive_buffer_bytes}),
        epoll_(::epoll_create1(EPOLL_CLOEXEC)),
        wake_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
        scratch_(kScratchBytes) {
    if (!epoll_ || !wake_) die("epoll");
    add(listener_.fd(), kListenerId, EPOLLIN);
    add(wake_.get(), kWakeId, EPOLLIN);
    thread_ = std::thread([this] { run(); });
  }

  ~Loop() override {
    post([this] { stopping_ = true; });
    thread_.join();
  }

  Address address() const { return listener_.address(); }

  // Runs `command` in the loop's thread.
  void post(std::function<void()> command) {
    {
      const std::lock_guard lock(mutex_);
      commands_.push_back(std::move(command));
    }
    const uint64_t one = 1;
    if (::write(wake_.get(), &one, sizeof one) != sizeof one) die("eventfd");
  }

  OriginCounters counters() {
    const auto answer = std::make_shared<std::promise<OriginCounters>>();
    post([this, answer] { answer->set_value(live_); });
    return answer->get_future().get();
  }

  bool wait_for(const std::function<bool(const OriginCounters&)>& condition, Deadline deadline) {
    std::unique_lock lock(mutex_);
    return changed_.wait_until(lock, deadline, [&] { return condition(published_); });
  }

  void broadcast(const std::string& data) {
    for_all([&](OriginConnection& connection) { return connection.send_event(data); });
  }

  // OriginHost
  OriginCounters& live_counters() override { return live_; }
  bool gate_is_open() const override { return gate_open_; }
  void set_gate(bool open) override {
    gate_open_ = open;
    gate_moved_ = true;  // acted upon at the end of the turn, when no connection is in a call
  }
  Origin::Mood mood() const override { return mood_; }
  void set_mood(Mood mood) { mood_ = mood; }
  void schedule(OriginConnection& connection, uint64_t delay_ms) override {
    timers_.push({Clock::now() + std::chrono::milliseconds(delay_ms), connection.id()});
  }
  Corruption next_corruption() override {
    if (options_.corruption == Corruption::kNone) return Corruption::kNone;
    return ++bodies_ % options_.corrupt_every == 0 ? options_.corruption : Corruption::kNone;
  }
  void on_request(const MessageHead& head) override {
    if (options_.on_request) options_.on_request(head);
  }
  std::span<char> scratch() override { return scratch_; }

 private:
  struct Timer {
    Deadline due;
    uint64_t id;
    bool operator>(const Timer& other) const { return due > other.due; }
  };

  void add(int fd, uint64_t id, uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.u64 = id;
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) die("epoll_ctl");
  }

  void run() {
    std::vector<epoll_event> events(kEventsPerTurn);
    while (!stopping_) {
      const int timeout = timers_.empty() ? -1 : poll_timeout_ms(timers_.top().due);
      const int count = ::epoll_wait(epoll_.get(), events.data(), kEventsPerTurn, timeout);
      if (count < 0 && errno != EINTR) die("epoll_wait");
      for (int index = 0; index < count; ++index)
        on_event(events[static_cast<size_t>(index)]);
      run_timers();
      if (std::exchange(gate_moved_, false) && gate_open_) {
        for_all([](OriginConnection& connection) { return connection.release(); });
      }
      publish();
    }
    connections_.clear();
  }

  void on_event(const epoll_event& event) {
    const uint64_t id = event.data.u64;
    if (id == kListenerId) return accept_all();
    if (id == kWakeId) return run_commands();
    const auto found = connections_.find(id);
    if (found == connections_.end()) return;
    OriginConnection& connection = *found->second;
    bool keep = (event.events & EPOLLERR) == 0;
    // A hang-up shows as readable: the read tells what it was.
    if (keep && (event.events & (EPOLLIN | EPOLLHUP))) keep = connection.on_readable();
    if (keep && (event.events & EPOLLOUT)) keep = connection.on_writable();
    settle(connection, keep);
  }

  // After each call into a connection: closes it, or tells epoll what it waits for.
  void settle(OriginConnection& connection, bool keep) {
    if (!keep) {
      connections_.erase(connection.id());
      return;
    }
    const uint32_t wanted = connection.events_wanted();
    if (wanted == connection.events_registered) return;
    epoll_event event{};
    event.events = connection.events_registered = wanted;
    event.data.u64 = connection.id();
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, connection.fd(), &event) != 0) die("epoll_ctl");
  }

  template <class Call>
  void for_all(Call&& call) {
    std::vector<uint64_t> ids;
    ids.reserve(connections_.size());
    for (const auto& [id, connection] : connections_)
      ids.push_back(id);
    for (const uint64_t id : ids) {
      OriginConnection& connection = *connections_.at(id);
      settle(connection, call(connection));
    }
  }

  void accept_all() {
    for (int count = 0; count < kEventsPerTurn; ++count) {
      Fd fd(::accept4(listener_.fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (!fd) {
        if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED) return;
        die("origin accept");
      }
      const int no_delay = 1;
      ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &no_delay, sizeof no_delay);
      const uint64_t id = next_id_++;
      const int number = fd.get();
      auto connection = std::make_unique<OriginConnection>(id, std::move(fd), *this);
      connection->events_registered = EPOLLIN;
      add(number, id, EPOLLIN);
      connections_.emplace(id, std::move(connection));
    }
  }

  void run_commands() {
    uint64_t times = 0;
    if (::read(wake_.get(), &times, sizeof times) < 0 && errno != EAGAIN) die("eventfd");
    std::vector<std::function<void()>> commands;
    {
      const std::lock_guard lock(mutex_);
      commands.swap(commands_);
    }
    for (const auto& command : commands)
      command();
  }

  void run_timers() {
    const Deadline now = Clock::now();
    while (!timers_.empty() && timers_.top().due <= now) {
      const uint64_t id = timers_.top().id;
      timers_.pop();
      const auto found = connections_.find(id);
      if (found != connections_.end()) settle(*found->second, found->second->on_timer());
    }
  }

  void publish() {
    {
      const std::lock_guard lock(mutex_);
      published_ = live_;
    }
    changed_.notify_all();
  }

  const Options options_;
  Listener listener_;
  Fd epoll_;
  Fd wake_;
  std::vector<char> scratch_;
  std::unordered_map<uint64_t, std::unique_ptr<OriginConnection>> connections_;
  std::priority_queue<Timer, std::vector<Timer>, std::greater<>> timers_;
  uint64_t next_id_ = kWakeId + 1;
  uint64_t bodies_ = 0;
  bool gate_open_ = false;
  bool gate_moved_ = false;
  Mood mood_ = Mood::kWell;
  bool stopping_ = false;
  OriginCounters live_;

  mutable std::mutex mutex_;  // guards the three below; the rest belongs to the thread
  std::condition_variable changed_;
  std::vector<std::function<void()>> commands_;
  OriginCounters published_;
  std::thread thread_;
};

Origin::Origin(const Options& options) : loop_(std::make_unique<Loop>(options)) {}
Origin::~Origin() = default;

Address Origin::address() const {
  return loop_->address();
}
OriginCounters Origin::counters() const {
  return loop_->counters();
}

bool Origin::wait_for(const std::function<bool(const OriginCounters&)>& condition,
                      Deadline deadline) {
  return loop_->wait_for(condition, deadline);
}

void Origin::open_gate() {
  loop_->post([loop = loop_.get()] { loop->set_gate(true); });
}

void Origin::close_gate() {
  loop_->post([loop = loop_.get()] { loop->set_gate(false); });
}

void Origin::set_mood(Mood mood) {
  loop_->post([loop = loop_.get(), mood] { loop->set_mood(mood); });
}

void Origin::send_event(std::string data) {
  loop_->post([loop = loop_.get(), data = std::move(data)] { loop->broadcast(data); });
}

}  // namespace httpteleport::test
