#include "support/origin_connection.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>

namespace httpteleport::test {
namespace {

constexpr size_t kOutBytesMax = 256 * 1024;       // unsent echo: above it, reading stops
constexpr size_t kRestBytesMax = 64 * 1024;       // input before its turn: likewise
constexpr size_t kTogetherBytesMax = 16 * 1024;   // bodies up to here leave with their head
constexpr size_t kTurnBytesMax = 1024 * 1024;     // sent by one connection in one turn
constexpr uint64_t kSlowBurstBytes = 256 * 1024;  // slow=1: read this, then pause
constexpr uint64_t kSlowPauseMs = 5;

uint64_t to_number(std::string_view text) {
  uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// Cuts the part before `mark` off the front of `rest`.
std::string_view cut(std::string_view& rest, char mark) {
  const size_t at = rest.find(mark);
  const std::string_view part = rest.substr(0, at);
  rest.remove_prefix(at == std::string_view::npos ? rest.size() : at + 1);
  return part;
}

void parse_query(std::string_view query, OriginRoute& route) {
  while (!query.empty()) {
    std::string_view value = cut(query, '&');
    const std::string_view name = cut(value, '=');
    if (name == "seed") route.seed = to_number(value);
    if (name == "delay") route.delay_ms = to_number(value);
    if (name == "hold") route.hold = value == "1";
    if (name == "slow") route.slow = value == "1";
    if (name == "length") {
      route.has_length = true;
      route.length = to_number(value);
    }
  }
}

}  // namespace

OriginRoute parse_origin_target(std::string_view target) {
  OriginRoute route;
  std::string_view query = target;
  std::string_view path = cut(query, '?');
  parse_query(query, route);
  if (!path.starts_with('/')) return route;
  path.remove_prefix(1);
  if (path == "counters" || path == "control/open" || path == "control/close") {
    route.control = true;
    return route;
  }
  const std::string_view first = cut(path, '/');
  for (size_t index = 0; index < kPathKindCount; ++index) {
    const auto kind = static_cast<PathKind>(index);
    if (kind != PathKind::kUnknown && first == path_kind_name(kind)) route.kind = kind;
  }
  if (route.kind == PathKind::kSlow) route.delay_ms = to_number(cut(path, '/'));
  if (route.kind == PathKind::kStatus) {
    route.status = static_cast<int>(to_number(path));
  } else {
    route.size = to_number(path);
  }
  return route;
}

OriginConnection::OriginConnection(uint64_t id, Fd fd, OriginHost& host)
    : id_(id), fd_(std::move(fd)), host_(&host) {
  parser_.expect_request();
  ++host_->live_counters().connections_accepted;
  ++host_->live_counters().connections_open;
}

OriginConnection::~OriginConnection() {
  OriginCounters& counters = host_->live_counters();
  --counters.connections_open;
  if (!in_exchange() || route_.control) return;
  ++counters.aborted;
  if (phase_ == Phase::kStalled) ++counters.stalled_gone;
  if (phase_ == Phase::kHeld) --counters.held;
  if (phase_ != Phase::kHead && phase_ != Phase::kBody) --counters.pending;
}

uint32_t OriginConnection::events_wanted() const {
  const bool unsent = !out_.empty() || (phase_ == Phase::kSending);
  const bool room = out_.size() - out_sent_ < kOutBytesMax && rest_.size() < kRestBytesMax;
  return (room && !reading_paused_ ? uint32_t{EPOLLIN} : 0) | (unsent ? uint32_t{EPOLLOUT} : 0);
}

bool OriginConnection::on_readable() {
  const std::span<char> space = host_->scratch();
  const ssize_t got = ::recv(fd_.get(), space.data(), space.size(), 0);
  if (got < 0) return errno == EAGAIN || errno == EINTR;
  if (got == 0) return false;
  host_->live_counters().bytes_received += static_cast<uint64_t>(got);
  const std::string_view input(space.data(), static_cast<size_t>(got));
  if (phase_ == Phase::kTunnel) {
    out_.append(input);
    return pump();
  }
  if (phase_ != Phase::kHead && phase_ != Phase::kBody) {
    rest_.append(input);
    return true;
  }
  return process(input) && pump();
}

// Feeds the reader; what follows the request stays in rest_ until its answer is out.
bool OriginConnection::process(std::string_view input) {
  while (!input.empty() && (phase_ == Phase::kHead || phase_ == Phase::kBody)) {
    const auto step = parser_.step(input);
    if (parser_.failed()) {
      ++host_->live_counters().malformed;
      return false;
    }
    input.remove_prefix(step.consumed);
    if (phase_ == Phase::kHead && parser_.state() != MessageParser::State::kHead) on_head();
    if (!step.body.empty()) on_body(step.body);
    if (parser_.done() && !on_request_complete()) return false;
  }
  (phase_ == Phase::kTunnel ? out_ : rest_).append(input);
  return true;
}

void OriginConnection::on_head() {
  const MessageHead& head = parser_.head();
  route_ = parse_origin_target(head.target);
  if (!route_.control && host_->mood() != Origin::Mood::kWell) {
    const bool hangs = host_->mood() == Origin::Mood::kHangs;
    route_ = {.kind = hangs ? PathKind::kStall : PathKind::kStatus, .status = 500};
  }
  phase_ = Phase::kBody;
  close_after_ = !head.keep_alive();
  hash_ = {};
  if (!route_.control) {
    host_->on_request(head);
    ++host_->live_counters().requests;
    ++host_->live_counters().by_kind[static_cast<size_t>(route_.kind)];
  }
  if (!parser_.done() && head.has_token("expect", "100-continue")) {
    out_ += "HTTP/1.1 100 Continue\r\n\r\n";
  }
  if (route_.kind == PathKind::kEcho) begin_echo();
}

void OriginConnection::on_body(std::string_view body) {
  if (route_.kind == PathKind::kEcho) {
    if (parser_.is_chunked()) {
      char size[24];
      std::snprintf(size, sizeof size, "%zx\r\n", body.size());
      out_.append(size).append(body).append("\r\n");
    } else {
      out_.append(body);
    }
    return;
  }
  hash_.update(body);
  read_since_pause_ += body.size();
  if (route_.slow && read_since_pause_ >= kSlowBurstBytes) {
    read_since_pause_ = 0;
    reading_paused_ = true;
    host_->schedule(*this, kSlowPauseMs);
  }
}

bool OriginConnection::on_request_complete() {
  if (route_.control) return answer_control();
  OriginCounters& counters = host_->live_counters();
  ++counters.pending;
  counters.pending_max = std::max(counters.pending_max, counters.pending);
  if (route_.kind == PathKind::kStall) {
    phase_ = Phase::kStalled;
  } else if (route_.hold && !host_->gate_is_open()) {
    phase_ = Phase::kHeld;
    ++counters.held;
  } else if (route_.delay_ms > 0) {
    phase_ = Phase::kDelayed;
    host_->schedule(*this, route_.delay_ms);
  } else {
    return begin_answer();
  }
  return true;
}

bool OriginConnection::release() {
  if (phase_ != Phase::kHeld) return true;
  --host_->live_counters().held;
  return begin_answer() && pump();
}

bool OriginConnection::on_timer() {
  if (phase_ == Phase::kDelayed) return begin_answer() && pump();
  reading_paused_ = false;
  return true;
}

bool OriginConnection::begin_answer() {
  phase_ = Phase::kSending;
  switch (route_.kind) {
    case PathKind::kBytes:
    case PathKind::kStream:
    case PathKind::kSlow:
    case PathKind::kClose:
      answer_content(Content::bytes(route_.size, route_.seed), false);
      break;
    case PathKind::kJson:
      answer_content(Content::json(route_.size, route_.seed), false);
      break;
    case PathKind::kMixed:
      answer_content(Content::mixed(route_.size, route_.seed), false);
      break;
    case PathKind::kTunnel:
      begin_tunnel();
      break;
    case PathKind::kChunked:
      answer_content(Content::json(route_.size, route_.seed), true);
      break;
    case PathKind::kHash:
      answer_text(hash_.line());
      break;
    case PathKind::kHeaders:
      answer_text(parser_.head().raw);
      break;
    case PathKind::kStatus:
    case PathKind::kUnknown:
      answer_status();
      break;
    case PathKind::kSse:
      out_ += start_head(200);
      out_ += "Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
      phase_ = Phase::kEvents;
      break;
    case PathKind::kEcho:
      if (parser_.is_chunked()) {
        out_ += "0\r\n";
        for (const auto& [name, value] : parser_.head().trailers) {
          out_.append(name).append(": ").append(value).append("\r\n");
        }
        out_ += "\r\n";
      }
      break;
    case PathKind::kStall:
      break;
  }
  return true;
}

std::string OriginConnection::start_head(int status) const {
  std::string head = "HTTP/1.1 " + std::to_string(status) + " Status " + std::to_string(status);
  head += "\r\nServer: test-origin\r\n";
  if (auto tag = parser_.head().find("x-tag")) {
    if (corruption_ == Origin::Corruption::kWrongTag) *tag += "0";
    head += "X-Tag: " + *tag + "\r\n";
  }
  if (close_after_) head += "Connection: close\r\n";
  return head;
}

void OriginConnection::begin_echo() {
  out_ += start_head(200);
  const MessageHead& head = parser_.head();
  if (parser_.is_chunked()) {
    out_ += "Transfer-Encoding: chunked\r\n";
  } else {
    out_ += "Content-Length: " + head.find("content-length").value_or("0") + "\r\n";
  }
  out_ += "Content-Type: " + head.find("content-type").value_or("application/octet-stream");
  out_ += "\r\n\r\n";
}

void OriginConnection::begin_tunnel() {
  const auto protocol = parser_.head().find("upgrade");
  if (!protocol) return answer_status();
  out_ += "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: " + *protocol +
          "\r\n\r\n";
  phase_ = Phase::kTunnel;
}

void OriginConnection::answer_content(const Content& content, bool chunked) {
  content_ = content;
  content_sent_ = 0;
  content_end_ = content.size();
  chunk_index_ = 0;
  corruption_ = host_->next_corruption();
  const bool to_10 = parser_.head().minor_version == 0;
  const bool until_close = route_.kind == PathKind::kClose || (chunked && to_10);
  chunked_ = chunked && !to_10;
  close_after_ = close_after_ || until_close;
  if (corruption_ == Origin::Corruption::kShortBody && content_end_ > 0) --content_end_;
  if (corruption_ == Origin::Corruption::kWrongBody) {
    content_ = chunked || route_.kind == PathKind::kJson
                   ? Content::json(content.size(), content.seed() + 1)
                   : Content::bytes(content.size(), content.seed() + 1);
  }
  out_ += start_head(200);
  if (chunked_) {
    out_ += "Transfer-Encoding: chunked\r\n";
  } else if (!until_close) {
    out_ += "Content-Length: " + std::to_string(content_end_) + "\r\n";
  }
  const bool json = route_.kind == PathKind::kJson || route_.kind == PathKind::kChunked;
  out_ += json ? "Content-Type: application/json\r\n\r\n"
               : "Content-Type: application/octet-stream\r\n\r\n";
  if (parser_.head().method == "HEAD") content_end_ = 0;
  if (parser_.head().method == "HEAD") chunked_ = false;
  if (corruption_ == Origin::Corruption::kTruncate && content_end_ > 0) {
    content_end_ /= 2;
    chunked_ = false;
    close_after_ = true;
  }
  if (!chunked_ && content_end_ <= kTogetherBytesMax) {
    const size_t head_bytes = out_.size();
    out_.resize(head_bytes + content_end_);
    read_content(0, std::span(out_).subspan(head_bytes));
    content_sent_ = content_end_;
  }
}

void OriginConnection::answer_text(std::string_view text) {
  out_ += start_head(200);
  out_ += "Content-Type: text/plain\r\nContent-Length: " + std::to_string(text.size()) + "\r\n\r\n";
  if (parser_.head().method != "HEAD") out_ += text;
}

void OriginConnection::answer_status() {
  const std::string text = "status " + std::to_string(route_.status) + "\n";
  const bool to_head = parser_.head().method == "HEAD";
  const bool bodiless = to_head || route_.status == 204 || route_.status == 304;
  out_ += start_head(route_.status);
  if (bodiless && route_.has_length && route_.status != 204) {
    out_ += "Content-Length: " + std::to_string(route_.length) + "\r\n";
  } else if (!bodiless) {
    out_ += "Content-Length: " + std::to_string(text.size()) + "\r\n";
  }
  out_ += "\r\n";
  if (!bodiless) out_ += text;
}

bool OriginConnection::answer_control() {
  const std::string& target = parser_.head().target;
  if (target.starts_with("/control/")) host_->set_gate(target == "/control/open");
  phase_ = Phase::kSending;
  answer_text(host_->live_counters().to_json());
  return true;
}

bool OriginConnection::send_event(const std::string& data) {
  if (phase_ != Phase::kEvents) return true;
  const std::string event = "data: " + data + "\n\n";
  char size[24];
  std::snprintf(size, sizeof size, "%zx\r\n", event.size());
  out_ += size + event + "\r\n";
  return pump();
}

ssize_t OriginConnection::send_bytes(std::string_view bytes) {
  const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (sent < 0) return errno == EAGAIN || errno == EINTR ? 0 : -1;
  host_->live_counters().bytes_sent += static_cast<uint64_t>(sent);
  return sent;
}

// Writes until the answer is out, the socket is full or the turn is over.
bool OriginConnection::pump() {
  const uint64_t before = host_->live_counters().bytes_sent;
  while (host_->live_counters().bytes_sent - before < kTurnBytesMax) {
    if (!out_.empty()) {
      const ssize_t sent = send_bytes(std::string_view(out_).substr(out_sent_));
      if (sent < 0) return false;
      if (sent == 0) return true;
      out_sent_ += static_cast<size_t>(sent);
      if (out_sent_ < out_.size()) {
        if (out_sent_ > kOutBytesMax) out_.erase(0, std::exchange(out_sent_, 0));
        continue;
      }
      out_.clear();
      out_sent_ = 0;
      if (out_.capacity() > kRestBytesMax) out_.shrink_to_fit();
    } else if (phase_ != Phase::kSending) {
      return true;
    } else if (content_sent_ < content_end_ || chunked_) {
      bool progress = false;
      if (!pump_content(&progress)) return false;
      if (!progress) return true;
    } else if (!finish_exchange()) {
      return false;
    }
  }
  return true;
}

bool OriginConnection::pump_content(bool* progress) {
  *progress = true;
  if (chunked_) {
    append_next_chunk();
    return true;
  }
  const uint64_t left = content_end_ - content_sent_;
  const std::span<char> piece =
      host_->scratch().first(std::min<uint64_t>(left, host_->scratch().size()));
  read_content(content_sent_, piece);
  const ssize_t sent = send_bytes({piece.data(), piece.size()});
  if (sent < 0) return false;
  content_sent_ += static_cast<uint64_t>(sent);
  *progress = sent > 0;
  return true;
}

// Chunks of one byte, of some, and of many; the last one ends the body.
void OriginConnection::append_next_chunk() {
  const uint64_t left = content_end_ - content_sent_;
  const uint64_t dice = mix64(content_.seed() ^ (chunk_index_++ << 32));
  const uint64_t limit = dice % 4 == 0 ? 1 : (dice % 4 == 1 ? 100 : 16 * 1024);
  const uint64_t size = std::min(left, 1 + (dice >> 8) % limit);
  char line[24];
  std::snprintf(line, sizeof line, "%llx\r\n", static_cast<unsigned long long>(size));
  out_ += line;
  const size_t begin = out_.size();
  out_.resize(begin + size);
  read_content(content_sent_, std::span(out_).subspan(begin));
  out_ += "\r\n";
  content_sent_ += size;
  if (size == 0) chunked_ = false;
}

void OriginConnection::read_content(uint64_t offset, std::span<char> out) {
  content_.read(offset, out);
  const uint64_t flip = mix64(content_.seed()) % std::max<uint64_t>(content_end_, 1);
  if (corruption_ == Origin::Corruption::kFlipByte && flip >= offset &&
      flip < offset + out.size()) {
    char& spoiled = out[flip - offset];
    spoiled = static_cast<char>(spoiled ^ 1);
  }
}

bool OriginConnection::finish_exchange() {
  if (!route_.control) {
    --host_->live_counters().pending;
    ++host_->live_counters().answered;
  }
  phase_ = Phase::kHead;
  corruption_ = Origin::Corruption::kNone;
  parser_.expect_request();
  if (close_after_) return false;
  return rest_.empty() || process(std::exchange(rest_, {}));
}

}  // namespace httpteleport::test
