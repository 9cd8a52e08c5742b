#include "client.h"

#include <openssl/err.h>

#include <algorithm>

#include "http/h1/head_parser.h"
#include "relay/sockets.h"

namespace httpteleport::bench {

namespace {

constexpr size_t kReadBytes = 64 * 1024;
constexpr http::h1::HeadLimits kLimits{.head_bytes_max = 64 * 1024, .fields_max = 500};

std::vector<char>& room() {
  static std::vector<char> bytes(kReadBytes);
  return bytes;
}

http::h1::BodyFraming framing_of(const http::ResponseHead& head) {
  using http::h1::BodyFraming;
  if (head.body.is_none()) return BodyFraming::kNone;
  if (head.body.is_known()) return BodyFraming::kLength;
  return head.body_is_chunked ? BodyFraming::kChunked : BodyFraming::kUntilClose;
}

}  // namespace

Client::Client(const ClientOptions& options)
    : options_(options), decoder_(Source::kUpstream, {.trailers = kLimits}) {}

Client::Step Client::start(int epoll_fd, const Work& work, Clock::time_point due) {
  work_ = work;
  due_ = due;
  sent_ = 0;
  body_bytes_ = 0;
  received_bytes_ = 0;
  head_done_ = false;
  if (work.answers != nullptr) differs_.assign(work.answers->size(), false);
  if (fd_ < 0) {
    open(epoll_fd);
    phase_ = Phase::kConnecting;
  } else {
    phase_ = Phase::kExchanging;
  }
  return go_on();
}

void Client::open(int epoll_fd) {
  fd_ = connect_to(SOCK_STREAM, options_.port);
  hung_up_ = false;
  resumed_ = false;
  pending_.clear();
  if (options_.tls != nullptr)
    tls_ = std::make_unique<Ssl>(options_.tls, fd_, options_.resume ? session_.get() : nullptr);
  epoll_event event{.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data = {.ptr = this}};
  check(epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd_, &event) == 0, "epoll_ctl");
}

void Client::close() {
  if (tls_ != nullptr) {
    if (SslSession session = tls_->take_session()) session_ = std::move(session);
    // Without this OpenSSL takes the session for one that has failed.
    SSL_set_quiet_shutdown(tls_->get(), 1);
    SSL_shutdown(tls_->get());
    tls_.reset();
  }
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
  phase_ = Phase::kIdle;
}

Client::Step Client::fail(const char* why) {
  failure_ = why;
  close();
  return Step::kFailed;
}

Client::Step Client::succeed() {
  phase_ = Phase::kIdle;
  return Step::kAnswered;
}

Client::Step Client::on_events(uint32_t events) {
  if (phase_ == Phase::kIdle) {
    // Between two exchanges a server may only close, or send TLS tickets, which the next exchange
    // reads.
    if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) return fail("closed while idle");
    return Step::kGoing;
  }
  if ((events & EPOLLERR) != 0) {
    if (phase_ == Phase::kAwaitingEnd) return on_stream_end();
    return fail(phase_ == Phase::kConnecting ? "connection refused" : "connection reset");
  }
  if ((events & EPOLLRDHUP) != 0) hung_up_ = true;
  if (phase_ == Phase::kConnecting && (events & EPOLLOUT) == 0) return Step::kGoing;
  const Step step = go_on();
  if (step != Step::kGoing || (events & (EPOLLIN | EPOLLRDHUP)) == 0) return step;
  return phase_ >= Phase::kExchanging ? read_all() : step;
}

// Does what needs no further event: the handshake, and sending.
Client::Step Client::go_on() {
  if (phase_ == Phase::kConnecting || phase_ == Phase::kShaking) {
    if (tls_ != nullptr) {
      phase_ = Phase::kShaking;
      const Step step = shake_hands();
      if (step != Step::kGoing || phase_ == Phase::kShaking) return step;
    } else {
      phase_ = Phase::kExchanging;
    }
  }
  if (phase_ == Phase::kExchanging && write_rest() == Io::kBroken) return fail("cannot send");
  return Step::kGoing;
}

Client::Step Client::shake_hands() {
  ERR_clear_error();
  const int result = SSL_do_handshake(tls_->get());
  if (result != 1) {
    const int error = SSL_get_error(tls_->get(), result);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return Step::kGoing;
    return fail("TLS handshake failed");
  }
  resumed_ = tls_->is_resumed();
  if (options_.handshake_only) return say_goodbye();
  phase_ = Phase::kExchanging;
  return Step::kGoing;
}

// The server's end of the connection shows that it has done all of its part.
Client::Step Client::say_goodbye() {
  SSL_shutdown(tls_->get());
  shutdown(fd_, SHUT_WR);
  phase_ = Phase::kAwaitingEnd;
  return read_all();
}

Client::Io Client::write_rest() {
  while (sent_ < work_.request.size()) {
    const std::string_view rest = work_.request.substr(sent_);
    ssize_t count = 0;
    if (tls_ != nullptr) {
      ERR_clear_error();
      count = SSL_write(tls_->get(), rest.data(), static_cast<int>(rest.size()));
      if (count <= 0) {
        const int error = SSL_get_error(tls_->get(), static_cast<int>(count));
        return error == SSL_ERROR_WANT_WRITE || error == SSL_ERROR_WANT_READ ? Io::kWait
                                                                             : Io::kBroken;
      }
    } else {
      count = send(fd_, rest.data(), rest.size(), MSG_NOSIGNAL);
      if (count < 0) return errno == EAGAIN || errno == ENOTCONN ? Io::kWait : Io::kBroken;
    }
    sent_ += static_cast<size_t>(count);
  }
  return Io::kDone;
}

Client::Io Client::read_some(size_t& count) {
  if (tls_ != nullptr) {
    ERR_clear_error();
    const int result = SSL_read(tls_->get(), room().data(), static_cast<int>(room().size()));
    count = result > 0 ? static_cast<size_t>(result) : 0;
    if (result > 0) return Io::kDone;
    switch (SSL_get_error(tls_->get(), result)) {
      case SSL_ERROR_WANT_READ:
      case SSL_ERROR_WANT_WRITE:
        return Io::kWait;
      case SSL_ERROR_ZERO_RETURN:
        return Io::kEnded;
      default:
        return Io::kBroken;
    }
  }
  const ssize_t result = recv(fd_, room().data(), room().size(), 0);
  if (result < 0) return errno == EAGAIN ? Io::kWait : Io::kBroken;
  count = static_cast<size_t>(result);
  return result == 0 ? Io::kEnded : Io::kDone;
}

Client::Step Client::read_all() {
  for (;;) {
    size_t count = 0;
    switch (read_some(count)) {
      case Io::kWait:
        return Step::kGoing;
      case Io::kEnded:
        return on_stream_end();
      case Io::kBroken:
        return phase_ == Phase::kAwaitingEnd ? on_stream_end() : fail("connection reset");
      case Io::kDone:
        break;
    }
    const Step step = take({room().data(), count});
    if (step != Step::kGoing) return step;
    // A short read has emptied the socket, unless its end is behind.
    if (tls_ == nullptr && count < room().size() && !hung_up_) return Step::kGoing;
  }
}

Client::Step Client::on_stream_end() {
  if (phase_ == Phase::kAwaitingEnd) {
    close();
    return Step::kAnswered;
  }
  if (head_done_ && decoder_.may_end_here() && phase_ == Phase::kExchanging) {
    phase_ = Phase::kAwaitingEnd;
    return on_stream_end();
  }
  return fail("the answer ends early");
}

Client::Step Client::take(std::string_view bytes) {
  if (phase_ != Phase::kExchanging) return fail("bytes behind the answer");
  received_bytes_ += bytes.size();
  const bool was_pending = !pending_.empty();
  if (was_pending) pending_.append(bytes);
  std::string_view rest = was_pending ? std::string_view(pending_) : bytes;
  const Step step = take_answer(rest);
  if (step == Step::kFailed) return step;
  if (step == Step::kAnswered || phase_ == Phase::kAwaitingEnd) {
    if (!rest.empty()) return fail("bytes behind the answer");
    pending_.clear();
    return step;
  }
  // Not a plain assignment: `rest` may stand inside of it.
  if (was_pending) {
    pending_.erase(0, pending_.size() - rest.size());
  } else {
    pending_.assign(rest);
  }
  return step;
}

Client::Step Client::take_answer(std::string_view& rest) {
  while (!head_done_) {
    const size_t before = rest.size();
    const Step step = take_head(rest);
    if (step != Step::kGoing || rest.size() == before) return step;
  }
  for (;;) {
    const auto step = decoder_.decode(rest);
    if (!step) return fail("the answer's body is malformed");
    rest.remove_prefix(step->consumed);
    if (!take_body(step->body)) return fail("the answer's body is wrong");
    if (step->done) return answer_complete();
    if (step->consumed == 0) return Step::kGoing;
  }
}

Client::Step Client::take_head(std::string_view& rest) {
  const auto length = http::h1::parse_response_head(rest, kLimits, work_.method, head_);
  if (!length) return fail("the answer's head is malformed");
  if (*length == 0) return Step::kGoing;
  rest.remove_prefix(*length);
  if (head_.is_informational()) return Step::kGoing;
  if (!status_fits()) return fail("the answer has another status");
  if (!options_.close_each && !head_.keep_alive) return fail("the server does not keep alive");
  decoder_.start(framing_of(head_), head_.body.bytes);
  head_done_ = true;
  return Step::kGoing;
}

bool Client::status_fits() {
  if (work_.answers == nullptr) return head_.status == 200;
  bool one_left = false;
  for (size_t i = 0; i < work_.answers->size(); ++i) {
    differs_[i] = (*work_.answers)[i].status != head_.status;
    one_left = one_left || !differs_[i];
  }
  return one_left;
}

bool Client::take_body(std::string_view bytes) {
  const uint64_t offset = body_bytes_;
  body_bytes_ += bytes.size();
  if (work_.answers == nullptr || bytes.empty()) return true;
  bool one_left = false;
  for (size_t i = 0; i < work_.answers->size(); ++i) {
    const std::string_view body = (*work_.answers)[i].body;
    if (body_bytes_ > body.size() || body.substr(offset, bytes.size()) != bytes) differs_[i] = true;
    one_left = one_left || !differs_[i];
  }
  return one_left;
}

bool Client::body_fits() const {
  if (work_.answers == nullptr) return work_.body_bytes == body_bytes_;
  for (size_t i = 0; i < work_.answers->size(); ++i) {
    if (!differs_[i] && (*work_.answers)[i].body.size() == body_bytes_) return true;
  }
  return false;
}

Client::Step Client::answer_complete() {
  if (!body_fits()) return fail("the answer's body has another length");
  if (!options_.close_each) return succeed();
  phase_ = Phase::kAwaitingEnd;
  return Step::kGoing;
}

}  // namespace httpteleport::bench
