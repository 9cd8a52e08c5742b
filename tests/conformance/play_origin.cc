#include "conformance/play_origin.h"

#include <poll.h>

#include <algorithm>

namespace httpteleport::test {

namespace {

// No wait of an origin is what a test waits for; this only bounds a program that has failed.
constexpr std::chrono::seconds kLong{120};
constexpr int kDripMilliseconds = 20;

std::string good_answer(const std::string& target) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(target.size()) + "\r\n\r\n" +
         target;
}

}  // namespace

const char* end_name(End end) {
  switch (end) {
    case End::kKeep:
      return "keep";
    case End::kClose:
      return "FIN";
    case End::kReset:
      return "RST";
    case End::kHang:
      return "hang";
    case End::kDrip:
      return "drip";
  }
  return "?";
}

PlayOrigin::PlayOrigin() {
  acceptor_ = std::thread([this] { accept_all(); });
}

PlayOrigin::~PlayOrigin() {
  listener_.shut_down();
  acceptor_.join();
  std::unique_lock lock(mutex_);
  ending_ = gate_open_ = true;
  changed_.notify_all();
  for (Connection& connection : connections_)
    connection.socket.shut_down();
  changed_.wait(lock, [this] { return connections_.empty(); });
}

std::string PlayOrigin::add(Play play) {
  const std::lock_guard lock(mutex_);
  std::string target = "/play/" + std::to_string(plays_.size());
  plays_.emplace(target, std::move(play));
  return target;
}

PlayOrigin::Seen PlayOrigin::seen(const std::string& target) const {
  const std::lock_guard lock(mutex_);
  const auto found = seen_.find(target);
  return found == seen_.end() ? Seen{} : found->second;
}

bool PlayOrigin::wait_for_begun(const std::string& target, size_t count, Deadline deadline) {
  std::unique_lock lock(mutex_);
  return changed_.wait_until(lock, deadline, [&] { return seen_[target].begun >= count; });
}

bool PlayOrigin::wait_for_ended(const std::string& target, Deadline deadline) {
  std::unique_lock lock(mutex_);
  return changed_.wait_until(lock, deadline, [&] {
    const Seen& seen = seen_[target];
    return seen.ended == seen.begun;
  });
}

size_t PlayOrigin::most_whole(std::string_view prefix) const {
  const std::lock_guard lock(mutex_);
  size_t most = 0;
  for (const auto& [target, seen] : seen_) {
    if (target.starts_with(prefix)) most = std::max(most, seen.whole);
  }
  return most;
}

void PlayOrigin::open_gate() {
  const std::lock_guard lock(mutex_);
  gate_open_ = true;
  changed_.notify_all();
}

void PlayOrigin::close_gate() {
  const std::lock_guard lock(mutex_);
  gate_open_ = false;
}

void PlayOrigin::set_ambush(std::optional<Ambush> ambush) {
  const std::lock_guard lock(mutex_);
  ambush_ = ambush;
}

bool PlayOrigin::drop_connections(Deadline deadline) {
  std::unique_lock lock(mutex_);
  for (Connection& connection : connections_)
    connection.socket.shutdown_write();
  return changed_.wait_until(lock, deadline, [this] { return connections_.empty(); });
}

void PlayOrigin::accept_all() {
  while (auto socket = listener_.accept(Deadline::max())) {
    const std::lock_guard lock(mutex_);
    Connection& connection = connections_.emplace_back(Connection{std::move(*socket)});
    std::thread([this, &connection] { serve(connection); }).detach();
  }
}

void PlayOrigin::serve(Connection& connection) {
  while (serve_request(connection)) {
  }
  const std::lock_guard lock(mutex_);
  connection.socket.close();
  for (const std::string& target : connection.carried)
    ++seen_[target].ended;
  connections_.remove_if([&](const Connection& one) { return &one == &connection; });
  changed_.notify_all();
}

bool PlayOrigin::is_ambushed(Connection& connection) {
  End how;
  {
    const std::lock_guard lock(mutex_);
    if (!ambush_ || connection.bytes_read < ambush_->after_bytes) return false;
    how = ambush_->end;
  }
  ++ambushed_;
  end(connection, how);
  return true;
}

bool PlayOrigin::serve_request(Connection& connection) {
  if (is_ambushed(connection)) return false;
  MessageParser parser;
  parser.expect_request();
  Play play;
  if (!read_request(connection, parser, play)) return false;
  if (!perform(connection, play)) return false;
  // The rest of a request that was answered early.
  play.body_bytes_first = SIZE_MAX;
  return parser.done() || read_request(connection, parser, play);
}

bool PlayOrigin::read_request(Connection& connection, MessageParser& parser, Play& play) {
  bool in_body = parser.state() == MessageParser::State::kBody;
  for (;;) {
    while (!connection.rest.empty() && !parser.done() && !parser.failed()) {
      const auto step = parser.step(connection.rest);
      connection.rest.erase(0, step.consumed);
      const bool head_read = parser.state() != MessageParser::State::kHead;
      if (head_read && !in_body && !parser.failed()) {
        in_body = true;
        play = begin(connection, parser.head().target);
      }
      if (in_body && parser.body_bytes() >= play.body_bytes_first) return true;
      if (step.consumed == 0) break;
    }
    if (parser.failed()) return false;
    if (parser.done()) break;
    size_t bytes_max = 64 * 1024;
    {
      const std::lock_guard lock(mutex_);
      if (ambush_) bytes_max = std::max<size_t>(1, ambush_->after_bytes - connection.bytes_read);
    }
    Received received = connection.socket.recv_some(bytes_max, after(kLong));
    if (received.status != IoStatus::kOk) return false;
    connection.bytes_read += received.bytes.size();
    connection.rest += received.bytes;
    if (is_ambushed(connection)) return false;
  }
  const std::lock_guard lock(mutex_);
  ++seen_[connection.target].whole;
  changed_.notify_all();
  return true;
}

Play PlayOrigin::begin(Connection& connection, const std::string& target) {
  const std::lock_guard lock(mutex_);
  ++seen_[target].begun;
  connection.target = target;
  connection.carried.push_back(target);
  changed_.notify_all();
  const auto found = plays_.find(target);
  if (found != plays_.end()) return found->second;
  return {.bytes = good_answer(target)};
}

bool PlayOrigin::perform(Connection& connection, const Play& play) {
  if (connection.target.starts_with("/held/") && !wait_for_gate()) return false;
  if (!send_pieces(connection, play)) return false;
  if (!play.behind_gate.empty()) {
    if (!wait_for_gate()) return false;
    if (connection.socket.send_all(play.behind_gate) != IoStatus::kOk) return false;
  }
  if (play.end == End::kKeep) return true;
  end(connection, play.end);
  return false;
}

bool PlayOrigin::wait_for_gate() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return gate_open_; });
  return !ending_;
}

bool PlayOrigin::send_pieces(Connection& connection, const Play& play) {
  std::string_view rest = play.bytes;
  while (!rest.empty()) {
    const size_t size = play.piece_bytes == 0 ? rest.size() : play.piece_bytes;
    const std::string_view piece = rest.substr(0, size);
    if (connection.socket.send_all(piece, after(kLong)) != IoStatus::kOk) return false;
    rest.remove_prefix(piece.size());
    if (play.piece_bytes > 0) std::this_thread::yield();
  }
  return true;
}

void PlayOrigin::wait_for_peer(Connection& connection, bool drips) {
  const Deadline deadline = after(kLong);
  while (Clock::now() < deadline) {
    // Unread bytes of the request must not count as a sign of life.
    pollfd wait{.fd = connection.socket.fd(), .events = POLLRDHUP, .revents = 0};
    if (::poll(&wait, 1, drips ? kDripMilliseconds : 1000) > 0) return;
    if (drips && connection.socket.send_all("x") != IoStatus::kOk) return;
  }
}

void PlayOrigin::end(Connection& connection, End end) {
  if (end == End::kClose) connection.socket.shutdown_write();
  // A close with something of the request unread would be a reset.
  if (end != End::kReset) return wait_for_peer(connection, end == End::kDrip);
  const std::lock_guard lock(mutex_);
  connection.socket.reset();
}

}  // namespace httpteleport::test
