#include "support/load_connection.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace httpteleport::test {
namespace {

constexpr size_t kTogetherBytesMax = 16 * 1024;  // bodies up to here leave with their head
constexpr size_t kTurnBytesMax = 1024 * 1024;    // sent or read by one connection in one turn
constexpr size_t kTextBytesMax = 64 * 1024;
constexpr uint64_t kAbortWaitMsMax = 50;

}  // namespace

AbortPlan AbortPlan::choose(double fraction, uint64_t dice, const LoadRequest& request) {
  AbortPlan plan;
  const auto chance = static_cast<double>(mix64(dice) % 1'000'000) / 1e6;
  if (chance >= fraction) return plan;
  plan.reset = mix64(dice + 1) % 2 == 0;
  const uint64_t where = mix64(dice + 2);
  switch (mix64(dice + 3) % 3) {
    case 0:
      plan.point = Point::kSending;
      plan.at = where % (request.body.size() + 100);
      break;
    case 1:
      plan.point = Point::kWaiting;
      plan.at = where % kAbortWaitMsMax;
      break;
    default:
      plan.point = Point::kReceiving;
      plan.at = where % (request.expected.size() + 1);
      break;
  }
  return plan;
}

LoadConnection::Progress LoadConnection::start(LoadRequest request, uint64_t tag,
                                               const AbortPlan& plan) {
  request_ = std::move(request);
  plan_ = plan;
  tag_ = std::to_string(tag);
  ++exchange_count_;
  sent_total_ = body_sent_ = chunk_index_ = checked_ = 0;
  out_.clear();
  out_sent_ = 0;
  last_chunk_made_ = sent_reported_ = body_differs_ = false;
  sent_hash_ = {};
  text_.clear();
  parser_.expect_response(request_.method == "HEAD");
  started_at_ = Clock::now();
  write_head();
  if (!fd_) return connect();
  phase_ = Phase::kExchanging;
  return pump();
}

LoadConnection::Progress LoadConnection::connect() {
  phase_ = Phase::kConnecting;
  events_registered = 0;
  const int family = address_.ipv6 ? AF_INET6 : AF_INET;
  fd_ = Fd(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd_) die("load client socket");
  const int one = 1;
  ::setsockopt(fd_.get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  sockaddr_storage storage;
  const unsigned size = address_.to_sockaddr(storage);
  if (::connect(fd_.get(), reinterpret_cast<sockaddr*>(&storage), size) != 0 &&
      errno != EINPROGRESS) {
    return end(Verdict::kConnectFailed, std::strerror(errno));
  }
  return Progress::kGoing;
}

void LoadConnection::write_head() {
  out_ = request_.method + " " + request_.target +
         " HTTP/1.1\r\nHost: load.test\r\nX-Tag: " + tag_ + "\r\n" + request_.fields;
  if (request_.has_body) {
    out_ += request_.chunked ? "Transfer-Encoding: chunked\r\n"
                             : "Content-Length: " + std::to_string(request_.body.size()) + "\r\n";
  }
  out_ += "\r\n";
  if (request_.has_body && !request_.chunked && request_.body.size() <= kTogetherBytesMax) {
    const std::string body = request_.body.to_string();
    sent_hash_.update(body);
    body_sent_ = body.size();
    out_ += body;
  }
}

uint32_t LoadConnection::events_wanted() const {
  if (phase_ == Phase::kConnecting) return EPOLLOUT;
  return uint32_t{EPOLLIN} | (all_sent() ? 0 : uint32_t{EPOLLOUT});
}

LoadConnection::Progress LoadConnection::on_events(uint32_t events) {
  if (phase_ == Phase::kConnecting) {
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) return end(Verdict::kConnectFailed, std::strerror(error));
    phase_ = Phase::kExchanging;
    started_at_ = Clock::now();
    return pump();
  }
  if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
    const Progress progress = receive();
    if (progress != Progress::kGoing) return progress;
  }
  return (events & EPOLLOUT) ? pump() : Progress::kGoing;
}

LoadConnection::Progress LoadConnection::end(Verdict verdict, std::string detail) {
  verdict_ = verdict;
  detail_ = std::move(detail);
  phase_ = Phase::kIdle;
  if (verdict != Verdict::kGood) fd_.reset();
  return Progress::kEnded;
}

LoadConnection::Progress LoadConnection::abort_now() {
  if (plan_.reset) {
    const linger now{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
  }
  return end(Verdict::kAborted, {});
}

bool LoadConnection::all_sent() const {
  if (!out_.empty()) return false;
  if (!request_.has_body) return true;
  return request_.chunked ? last_chunk_made_ : body_sent_ == request_.body.size();
}

size_t LoadConnection::sendable(size_t bytes) const {
  if (plan_.point != AbortPlan::Point::kSending) return bytes;
  return std::min<uint64_t>(bytes, plan_.at - std::min(plan_.at, sent_total_));
}

ssize_t LoadConnection::send_bytes(std::string_view bytes) {
  const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (sent < 0) return errno == EAGAIN || errno == EINTR ? 0 : -1;
  sent_total_ += static_cast<uint64_t>(sent);
  return sent;
}

// Writes until the request is out, the socket is full or the turn is over.
LoadConnection::Progress LoadConnection::pump() {
  const uint64_t before = sent_total_;
  while (!all_sent() && sent_total_ - before < kTurnBytesMax) {
    if (plan_.point == AbortPlan::Point::kSending && sent_total_ >= plan_.at) return abort_now();
    ssize_t sent = 0;
    if (!out_.empty()) {
      const std::string_view unsent = std::string_view(out_).substr(out_sent_);
      sent = send_bytes(unsent.substr(0, sendable(unsent.size())));
      out_sent_ += static_cast<size_t>(std::max<ssize_t>(sent, 0));
      if (out_sent_ == out_.size()) {
        out_.clear();
        out_sent_ = 0;
      }
    } else if (request_.chunked) {
      append_next_chunk();
      continue;
    } else {
      sent = send_piece();
    }
    // A server may answer and close before it has everything: what it said is still there to read.
    if (sent < 0) return receive();
    if (sent == 0) return Progress::kGoing;
  }
  if (!all_sent() || sent_reported_) return Progress::kGoing;
  sent_reported_ = true;
  return Progress::kSent;
}

ssize_t LoadConnection::send_piece() {
  const uint64_t left = request_.body.size() - body_sent_;
  const std::span<char> piece = scratch_.first(sendable(std::min<uint64_t>(left, scratch_.size())));
  request_.body.read(body_sent_, piece);
  const ssize_t sent = send_bytes({piece.data(), piece.size()});
  if (sent > 0) {
    sent_hash_.update({piece.data(), static_cast<size_t>(sent)});
    body_sent_ += static_cast<uint64_t>(sent);
  }
  return sent;
}

void LoadConnection::append_next_chunk() {
  const uint64_t left = request_.body.size() - body_sent_;
  const uint64_t dice = mix64(request_.body.seed() * 31 + chunk_index_++);
  const uint64_t limit = dice % 4 == 0 ? 8 : (dice % 4 == 1 ? 500 : 16 * 1024);
  const uint64_t size = std::min(left, 1 + (dice >> 8) % limit);
  char line[24];
  std::snprintf(line, sizeof line, "%llx\r\n", static_cast<unsigned long long>(size));
  out_ += line;
  const size_t begin = out_.size();
  out_.resize(begin + size);
  request_.body.read(body_sent_, std::span(out_).subspan(begin));
  sent_hash_.update(std::string_view(out_).substr(begin));
  out_ += "\r\n";
  body_sent_ += size;
  if (size == 0) last_chunk_made_ = true;
}

LoadConnection::Progress LoadConnection::receive() {
  for (size_t total = 0; total < kTurnBytesMax;) {
    const ssize_t got = ::recv(fd_.get(), scratch_.data(), scratch_.size(), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return Progress::kGoing;
    if (got <= 0) {
      if (got == 0 && parser_.finish()) return finish_answer(false);
      return end(Verdict::kClosed, got == 0 ? "closed" : std::strerror(errno));
    }
    total += static_cast<size_t>(got);
    const Progress progress = take_input({scratch_.data(), static_cast<size_t>(got)});
    if (progress != Progress::kGoing) return progress;
    if (static_cast<size_t>(got) < scratch_.size()) return Progress::kGoing;
  }
  return Progress::kGoing;
}

LoadConnection::Progress LoadConnection::take_input(std::string_view input) {
  while (!input.empty()) {
    const auto step = parser_.step(input);
    if (parser_.failed()) return end(Verdict::kMalformed, parser_.error());
    input.remove_prefix(step.consumed);
    if (!step.body.empty()) check_piece(step.body);
    const bool head_read = parser_.state() != MessageParser::State::kHead;
    if (parser_.done() && parser_.head().status < 200) {
      parser_.expect_response(request_.method == "HEAD");
    } else if (parser_.done()) {
      return finish_answer(!input.empty());
    } else if (plan_.point == AbortPlan::Point::kReceiving && head_read && checked_ >= plan_.at) {
      return abort_now();
    }
  }
  return Progress::kGoing;
}

void LoadConnection::check_piece(std::string_view piece) {
  const bool expected_status = parser_.head().status == request_.expected_status;
  if (request_.check != LoadRequest::Check::kContent || !expected_status) {
    text_.append(piece.substr(0, kTextBytesMax - std::min(kTextBytesMax, text_.size())));
  } else if (!body_differs_) {
    body_differs_ = !request_.expected.matches(checked_, piece);
  }
  checked_ += piece.size();
}

// Compares the whole answer with what it must be.
LoadConnection::Progress LoadConnection::finish_answer(bool more_input) {
  const MessageHead& head = parser_.head();
  const std::string status = std::to_string(head.status);
  if (head.status != request_.expected_status) {
    return end(Verdict::kWrongStatus, "status " + status + " " + text_.substr(0, 100));
  }
  if (head.find("x-tag") != tag_) {
    return end(Verdict::kMixUp, "tag " + head.find("x-tag").value_or("none") + " for " + tag_);
  }
  std::string expected_text = request_.expected_text;
  if (request_.check == LoadRequest::Check::kSentHash) expected_text = sent_hash_.line();
  const bool is_text = request_.check != LoadRequest::Check::kContent;
  const uint64_t expected_size = is_text ? expected_text.size() : request_.expected.size();
  if (request_.method != "HEAD") {
    if (checked_ != expected_size) {
      return end(Verdict::kWrongLength, std::to_string(checked_) + " bytes for " +
                                            std::to_string(expected_size) + " " + text_);
    }
    if (is_text ? text_ != expected_text : body_differs_) {
      return end(Verdict::kWrongBody, is_text ? text_ + " for " + expected_text : "body differs");
    }
  }
  if (more_input) return end(Verdict::kMalformed, "bytes after the answer");
  const bool reusable = all_sent() && head.keep_alive();
  end(Verdict::kGood, {});
  if (!reusable) fd_.reset();
  return Progress::kEnded;
}

}  // namespace httpteleport::test
