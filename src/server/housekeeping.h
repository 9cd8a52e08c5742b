// What the control thread of every program of ours does beside its own work: it takes signals,
// tells of repeats in the log, and gives the service manager signs of life.
#pragma once

#include <initializer_list>

#include "event/loop.h"
#include "server/service_manager.h"

namespace httpteleport::server {

class SignalHandler {
 public:
  virtual ~SignalHandler() = default;
  virtual void on_signal(int signal) = 0;
};

// Control thread. What it is given outlives it.
class Housekeeping final : private event::IoHandler {
 public:
  Housekeeping(event::Loop& loop, ServiceManager& manager, SignalHandler& handler)
      : loop_(loop), manager_(manager), handler_(handler) {}
  ~Housekeeping();

  // From now on these go to the handler, and SIGPIPE to nobody. Call it before there are other
  // threads: they inherit the mask, so that signals come here only.
  void watch(std::initializer_list<int> signals);
  // Begins with the log and the signs of life.
  void start();
  // Signs of life are another process's business now.
  void end_signs_of_life() { watchdog_timer_.cancel(); }

 private:
  void on_ready(event::Readiness readiness) override;
  void tell_repeats();
  void notify_alive();

  event::Loop& loop_;
  ServiceManager& manager_;
  SignalHandler& handler_;
  int signal_fd_ = -1;
  event::MemberTimer<Housekeeping, &Housekeeping::tell_repeats> log_timer_{*this};
  event::MemberTimer<Housekeeping, &Housekeeping::notify_alive> watchdog_timer_{*this};
};

}  // namespace httpteleport::server
