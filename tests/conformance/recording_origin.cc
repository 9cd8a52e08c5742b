#include "conformance/recording_origin.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <mutex>
#include <thread>
#include <unordered_map>

#include "conformance/strict_request.h"

namespace httpteleport::test {
namespace {

constexpr size_t kFaultsKept = 20;
constexpr uint64_t kListenerId = 0;
constexpr uint64_t kWakeId = 1;

// What all connections write to and other threads read.
struct Record {
  std::mutex mutex;  // guards all of it
  RecordingOrigin::Counts counts;
  std::vector<RecordedRequest> requests;
  std::vector<std::string> faults;
  bool keeps_requests = true;

  void add_fault(const std::string& what, std::string_view bytes) {
    const std::lock_guard lock(mutex);
    ++counts.faults;
    if (faults.size() < kFaultsKept)
      faults.push_back(what + ":\n" + std::string(bytes.substr(0, 4096)));
  }
};

class RecordingConnection {
 public:
  RecordingConnection(Fd fd, Record& record) : fd_(std::move(fd)), record_(record) {
    parser_.expect_request();
  }
  ~RecordingConnection() {
    const std::lock_guard lock(record_.mutex);
    --record_.counts.open;
    if (parser_.started() && !parser_.done() && !parser_.failed()) ++record_.counts.broken_off;
  }

  int fd() const { return fd_.get(); }
  bool wants_to_write() const { return !out_.empty(); }
  bool registered_for_write = false;

  // False: the connection is over.
  bool on_ready(bool readable) {
    if (readable && !read()) return false;
    return flush();
  }

 private:
  bool read() {
    std::array<char, 64 * 1024> room;
    const ssize_t size = ::recv(fd_.get(), room.data(), room.size(), 0);
    if (size < 0) return errno == EAGAIN || errno == EINTR;
    if (size == 0) return false;
    const std::string_view bytes(room.data(), static_cast<size_t>(size));
    if (tunnel_) {
      out_.append(bytes);
      return true;
    }
    raw_.append(bytes.substr(0, 64 * 1024 - std::min<size_t>(raw_.size(), 64 * 1024)));
    return take(bytes);
  }

  bool take(std::string_view bytes) {
    while (!bytes.empty() && !parser_.done() && !parser_.failed()) {
      const bool had_head = parser_.state() != MessageParser::State::kHead;
      const auto step = parser_.step(bytes);
      body_.append(step.body);
      bytes.remove_prefix(step.consumed);
      if (!had_head && parser_.state() == MessageParser::State::kBody) on_head();
      if (step.consumed == 0) break;
    }
    if (parser_.failed()) {
      record_.add_fault("malformed (" + parser_.error().substr(0, 40) + ")", raw_);
      return false;
    }
    if (!parser_.done()) return true;
    on_request();
    if (bytes.empty() || tunnel_) return true;
    // A proxy that does not pipeline has nothing to say before it has the answer.
    record_.add_fault("bytes behind a request", raw_);
    return false;
  }

  void on_head() {
    const auto expect = parser_.head().find("expect");
    if (expect) out_ += "HTTP/1.1 100 Continue\r\n\r\n";
  }

  void on_request() {
    const MessageHead& head = parser_.head();
    for (const std::string& fault : {fault_of(head), fault_of_trailers(head)}) {
      if (!fault.empty()) record_.add_fault(fault, raw_);
    }
    if (parser_.is_chunked()) check_chunks(head);
    uint64_t id = 0;
    {
      const std::lock_guard lock(record_.mutex);
      id = ++record_.counts.requests;
      if (record_.keeps_requests) {
        record_.requests.push_back(
            {.id = id, .head = head, .body = body_, .chunked = parser_.is_chunked()});
      }
    }
    answer(id, head);
    body_.clear();
    raw_.clear();
    parser_.expect_request();
  }

  // The lines of sizes, which the parser reads but does not keep.
  void check_chunks(const MessageHead& head) {
    if (raw_.size() >= 64 * 1024) return;
    std::string_view rest = std::string_view(raw_).substr(head.raw.size());
    while (!rest.empty()) {
      const std::string_view line = rest.substr(0, rest.find("\r\n"));
      if (!is_plain_chunk_size(line)) return record_.add_fault("chunk size", raw_);
      const size_t size = std::stoul(std::string(line), nullptr, 16);
      if (size == 0) return;
      rest.remove_prefix(std::min(rest.size(), line.size() + 2 + size + 2));
    }
  }

  void answer(uint64_t id, const MessageHead& head) {
    if (head.count("upgrade") > 0 && head.target.starts_with("/switch")) {
      const std::string offer = *head.find("upgrade");
      out_ += "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: " +
              offer.substr(0, offer.find(',')) + "\r\nX-Id: " + std::to_string(id) + "\r\n\r\n";
      tunnel_ = true;
      return;
    }
    const std::string body =
        std::to_string(id) + " " + head.method + " " + head.target + "\n" + body_;
    out_ += "HTTP/1.1 200 OK\r\nX-Id: " + std::to_string(id) +
            "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n";
    if (head.method != "HEAD") out_ += body;
  }

  bool flush() {
    while (!out_.empty()) {
      const ssize_t sent = ::send(fd_.get(), out_.data(), out_.size(), MSG_NOSIGNAL);
      if (sent < 0) return errno == EAGAIN || errno == EINTR;
      out_.erase(0, static_cast<size_t>(sent));
    }
    return true;
  }

  Fd fd_;
  Record& record_;
  MessageParser parser_;
  std::string body_;
  std::string raw_;  // of the request that is being read
  std::string out_;
  bool tunnel_ = false;
};

}  // namespace

class RecordingOrigin::Loop {
 public:
  explicit Loop(const Options& options)
      : epoll_(::epoll_create1(EPOLL_CLOEXEC)), wake_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    if (!epoll_ || !wake_) die("epoll");
    record.keeps_requests = options.keeps_requests;
    control(EPOLL_CTL_ADD, listener_.fd(), kListenerId, EPOLLIN);
    control(EPOLL_CTL_ADD, wake_.get(), kWakeId, EPOLLIN);
    thread_ = std::thread([this] { run(); });
  }
  ~Loop() {
    const uint64_t one = 1;
    if (::write(wake_.get(), &one, sizeof one) != sizeof one) die("eventfd");
    thread_.join();
  }

  Address address() const { return listener_.address(); }

  Record record;

 private:
  void control(int operation, int fd, uint64_t id, uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.u64 = id;
    if (::epoll_ctl(epoll_.get(), operation, fd, &event) != 0) die("epoll_ctl");
  }

  void run() {
    std::array<epoll_event, 256> events;
    for (;;) {
      const int count =
          ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), -1);
      for (int index = 0; index < count; ++index) {
        const epoll_event& event = events[static_cast<size_t>(index)];
        if (event.data.u64 == kWakeId) return;
        if (event.data.u64 == kListenerId) {
          accept();
        } else {
          serve(event.data.u64, event.events);
        }
      }
    }
  }

  void accept() {
    Fd fd(::accept4(listener_.fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd) return;
    const int no_delay = 1;
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &no_delay, sizeof no_delay);
    const uint64_t id = ++last_id_;
    control(EPOLL_CTL_ADD, fd.get(), id, EPOLLIN);
    {
      const std::lock_guard lock(record.mutex);
      ++record.counts.connections;
      ++record.counts.open;
    }
    connections_.emplace(id, std::make_unique<RecordingConnection>(std::move(fd), record));
  }

  void serve(uint64_t id, uint32_t events) {
    const auto found = connections_.find(id);
    if (found == connections_.end()) return;
    RecordingConnection& connection = *found->second;
    if (!connection.on_ready((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)) {
      connections_.erase(found);
      return;
    }
    const bool writes = connection.wants_to_write();
    if (writes == connection.registered_for_write) return;
    connection.registered_for_write = writes;
    control(EPOLL_CTL_MOD, connection.fd(), id, writes ? EPOLLIN | EPOLLOUT : EPOLLIN);
  }

  Listener listener_;
  Fd epoll_;
  Fd wake_;
  uint64_t last_id_ = kWakeId;
  std::unordered_map<uint64_t, std::unique_ptr<RecordingConnection>> connections_;
  std::thread thread_;
};

RecordingOrigin::RecordingOrigin(const Options& options) : loop_(std::make_unique<Loop>(options)) {}
RecordingOrigin::~RecordingOrigin() = default;

Address RecordingOrigin::address() const {
  return loop_->address();
}

std::vector<RecordedRequest> RecordingOrigin::take_requests() {
  const std::lock_guard lock(loop_->record.mutex);
  return std::exchange(loop_->record.requests, {});
}

std::vector<std::string> RecordingOrigin::take_faults() {
  const std::lock_guard lock(loop_->record.mutex);
  return std::exchange(loop_->record.faults, {});
}

RecordingOrigin::Counts RecordingOrigin::counts() const {
  const std::lock_guard lock(loop_->record.mutex);
  return loop_->record.counts;
}

}  // namespace httpteleport::test
