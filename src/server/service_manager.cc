#include "server/service_manager.h"

#include <fcntl.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <ctime>

#include "base/log.h"

namespace httpteleport::server {

namespace {

constexpr int kInheritedMax = 256;  // what a typing error may make us look at
// A manager that does not read does not hold us for longer.
constexpr timeval kSendTimeout{.tv_sec = 1, .tv_usec = 0};

// The value of a variable that is removed; empty when it is not set.
std::string take_variable(const char* name) {
  const char* value = std::getenv(name);
  std::string text = value != nullptr ? value : "";
  unsetenv(name);
  return text;
}

std::optional<int64_t> to_number(std::string_view text) {
  int64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stop != end) return std::nullopt;
  return number;
}

// Line breaks part the variables of a datagram.
std::string one_line(std::string_view text) {
  std::string line(text);
  std::replace(line.begin(), line.end(), '\n', ' ');
  return line;
}

int64_t monotonic_us() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000;
}

}  // namespace

std::string take_inherited_sockets(std::vector<InheritedSocket>& result, int first_fd) {
  const std::string pid = take_variable("LISTEN_PID");
  const std::string count_text = take_variable("LISTEN_FDS");
  std::string names = take_variable("LISTEN_FDNAMES");
  if (pid.empty() || count_text.empty() || to_number(pid) != getpid()) return "";
  const std::optional<int64_t> count = to_number(count_text);
  if (!count || *count < 0 || *count > kInheritedMax)
    return "LISTEN_FDS=\"" + count_text + "\" is no number of descriptors";
  for (int fd = first_fd; fd < first_fd + static_cast<int>(*count); ++fd) {
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
      return "LISTEN_FDS=" + count_text + ", but descriptor " + std::to_string(fd) + " is not open";
    const std::string name = names.substr(0, names.find(':'));
    names.erase(0, name.size() + 1);
    result.push_back({.socket = net::Socket(fd), .name = name.empty() ? "unnamed" : name});
  }
  return "";
}

ServiceManager::ServiceManager() {
  const std::string path = take_variable("NOTIFY_SOCKET");
  const std::string watchdog_us = take_variable("WATCHDOG_USEC");
  const std::string watchdog_pid = take_variable("WATCHDOG_PID");
  if (path.empty()) return;
  const Result<net::Address> target = net::Address::unix_path(path);
  if (!target || (path.front() != '/' && path.front() != '@')) {
    log_line(LogLevel::kWarn, "NOTIFY_SOCKET=\"" + path + "\" is no path of a unix socket");
    return;
  }
  target_ = *target;
  environment_ = {"NOTIFY_SOCKET=" + path};
  if (!watchdog_us.empty()) environment_.push_back("WATCHDOG_USEC=" + watchdog_us);
  if (!watchdog_pid.empty() && to_number(watchdog_pid) != getpid()) return;
  const std::optional<int64_t> timeout_us = to_number(watchdog_us);
  if (timeout_us && *timeout_us > 1)
    watchdog_interval_ = std::chrono::microseconds(*timeout_us / 2);
}

void ServiceManager::notify_ready(std::string_view status) {
  send("READY=1\nSTATUS=" + one_line(status));
}

// The time is for units of type notify-reload.
void ServiceManager::notify_reloading() {
  send("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(monotonic_us()));
}

void ServiceManager::notify_stopping(std::string_view status) {
  send("STOPPING=1\nSTATUS=" + one_line(status));
}

void ServiceManager::notify_status(std::string_view status) {
  send("STATUS=" + one_line(status));
}

void ServiceManager::notify_alive() {
  send("WATCHDOG=1");
}

void ServiceManager::notify_main_process() {
  send("MAINPID=" + std::to_string(getpid()));
}

void ServiceManager::send(const std::string& state) const {
  if (!target_) return;
  const net::Socket socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket.is_open()) return;
  setsockopt(socket.fd(), SOL_SOCKET, SO_SNDTIMEO, &kSendTimeout, sizeof kSendTimeout);
  sendto(socket.fd(), state.data(), state.size(), MSG_NOSIGNAL, target_->get(), target_->length());
}

}  // namespace httpteleport::server
