// What systemd, or another manager with the same interface, does for a service and wants to hear
// from it: sockets it has opened for us (sd_listen_fds(3)) and the state we are in (sd_notify(3)).
// Control thread; the environment is read, and changed, before other threads start.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "net/socket.h"

namespace httpteleport::server {

// A listening socket that the service manager has opened for this process.
struct InheritedSocket {
  net::Socket socket;
  std::string name;  // as the manager calls it (FileDescriptorName= of a socket unit)
};

// Takes over the descriptors from `first_fd` on that LISTEN_FDS counts, if LISTEN_PID is this
// process, and removes the variables, so that they mean nothing to child processes. Empty when
// there are none. On errors returns one line, else an empty text.
std::string take_inherited_sockets(std::vector<InheritedSocket>& result, int first_fd = 3);

// Sends each state as one datagram to NOTIFY_SOCKET. Does nothing where there is no such variable.
// Failures are nobody's business: the manager finds out by itself.
class ServiceManager {
 public:
  // Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID, and removes them.
  ServiceManager();

  // `status` is one line for people.
  void notify_ready(std::string_view status);
  void notify_reloading();  // notify_ready() follows when it is done
  void notify_stopping(std::string_view status);
  void notify_status(std::string_view status);
  void notify_alive();
  // This process has taken the place of the one that the manager started.
  void notify_main_process();

  // The variables as they came ("NAME=value"), for a process that takes this one's place.
  const std::vector<std::string>& environment() const { return environment_; }

  // How often notify_alive() is due: half of what the manager waits. Nothing when it does not.
  std::optional<Duration> watchdog_interval() const { return watchdog_interval_; }

 private:
  void send(const std::string& state) const;

  std::optional<net::Address> target_;
  std::vector<std::string> environment_;
  std::optional<Duration> watchdog_interval_;
};

}  // namespace httpteleport::server
