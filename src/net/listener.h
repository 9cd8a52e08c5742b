// Accepts connections on one listening socket for one worker.
#pragma once

#include <memory>

#include "base/clock.h"
#include "event/loop.h"
#include "metrics/worker_metrics.h"
#include "net/socket.h"

namespace httpteleport::net {

class AcceptHandler {
 public:
  // A new connection, non-blocking, with TCP_NODELAY set.
  virtual void on_accept(Socket socket, const Address& peer) = 0;

 protected:
  ~AcceptHandler() = default;
};

// Owned by a worker, which outlives it. At most kAcceptsPerTurn connections are taken a turn, so
// that a flood of new ones does not starve those that are there. When descriptors are short it
// waits kPauseAfterError instead of spinning, and new connections wait in the kernel's queue.
class Listener final : public event::IoHandler {
 public:
  static constexpr int kAcceptsPerTurn = 64;
  static constexpr Duration kPauseAfterError = std::chrono::milliseconds(100);

  // `descriptors_max`: it accepts nothing while the process has so many open.
  Listener(event::Loop& loop, Socket socket, AcceptHandler& handler,
           metrics::WorkerMetrics& metrics, size_t descriptors_max = SIZE_MAX);
  // Listeners of several workers share the socket: whoever is free takes what comes.
  Listener(event::Loop& loop, std::shared_ptr<const Socket> socket, AcceptHandler& handler,
           metrics::WorkerMetrics& metrics, size_t descriptors_max = SIZE_MAX);
  ~Listener();

  // Starts accepting. Errors: kSystem.
  Result<void> start();
  // Takes what already waits in the kernel's queue, which closing the socket would reset, and
  // stops.
  void close();

  Address address() const { return local_address(socket_->fd()); }
  bool is_open() const { return socket_ != nullptr; }

 private:
  void on_ready(event::Readiness readiness) override;
  void resume();
  // False when the queue is empty or accepting had to be paused.
  bool accept_one();
  // The kernel gives out the lowest free number, so that tells how many are in use.
  bool has_descriptor_left() const;
  void pause();

  event::Loop& loop_;
  std::shared_ptr<const Socket> socket_;  // nullptr: closed
  AcceptHandler& handler_;
  metrics::WorkerMetrics& metrics_;
  size_t descriptors_max_;
  bool crowded_ = false;  // the last one accepted was the last one allowed
  bool watched_ = false;
  event::MemberTimer<Listener, &Listener::resume> pause_timer_{*this};
};

}  // namespace httpteleport::net
