#include "net/listener.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace httpteleport::net {

Listener::Listener(event::Loop& loop, Socket socket, AcceptHandler& handler,
                   metrics::WorkerMetrics& metrics, size_t descriptors_max)
    : Listener(loop, std::make_shared<const Socket>(std::move(socket)), handler, metrics,
               descriptors_max) {}

Listener::Listener(event::Loop& loop, std::shared_ptr<const Socket> socket, AcceptHandler& handler,
                   metrics::WorkerMetrics& metrics, size_t descriptors_max)
    : loop_(loop),
      socket_(std::move(socket)),
      handler_(handler),
      metrics_(metrics),
      descriptors_max_(descriptors_max) {}

Listener::~Listener() {
  if (watched_) loop_.unwatch(socket_->fd());
}

Result<void> Listener::start() {
  const Result<void> watched = loop_.watch_shared(socket_->fd(), *this);
  watched_ = watched.has_value();
  return watched;
}

void Listener::resume() {
  if (!is_open() || watched_) return;
  if (!start()) loop_.set_timer(pause_timer_, kPauseAfterError);
}

void Listener::on_ready(event::Readiness) {
  for (int i = 0; i < kAcceptsPerTurn && is_open(); ++i) {
    if (!accept_one()) return;
  }
}

bool Listener::has_descriptor_left() const {
  const Socket lowest_free(fcntl(socket_->fd(), F_DUPFD_CLOEXEC, 0));
  return lowest_free.is_open() && static_cast<size_t>(lowest_free.fd()) < descriptors_max_;
}

void Listener::pause() {
  metrics_.accept_errors.add();
  if (!watched_) return;
  loop_.unwatch(socket_->fd());
  watched_ = false;
  loop_.set_timer(pause_timer_, kPauseAfterError);
}

bool Listener::accept_one() {
  // Who is in the queue when the socket is closed is taken all the same.
  if (crowded_ && watched_ && !has_descriptor_left()) {
    pause();
    return false;
  }
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  Socket accepted(accept4(socket_->fd(), reinterpret_cast<sockaddr*>(&storage), &length,
                          SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (accepted.is_open()) {
    metrics_.accepted.add();
    crowded_ = static_cast<size_t>(accepted.fd()) + 1 >= descriptors_max_;
    set_no_delay(accepted.fd());
    handler_.on_accept(std::move(accepted),
                       Address(reinterpret_cast<const sockaddr*>(&storage), length));
    return true;
  }
  if (errno == EAGAIN) return false;
  if (errno == ECONNABORTED || errno == EINTR || errno == EPROTO) return true;
  pause();
  return false;
}

void Listener::close() {
  if (!is_open()) return;
  while (accept_one()) {
  }
  if (watched_) loop_.unwatch(socket_->fd());
  watched_ = false;
  pause_timer_.cancel();
  socket_.reset();
}

}  // namespace httpteleport::net
