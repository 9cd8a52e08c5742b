#include "server/handover.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>

#include "base/log.h"
#include "http/message.h"
#include "net/unix_socket.h"

extern char** environ;

namespace httpteleport::server {

namespace {

constexpr const char* kVariable = "HTTPTP_HANDOVER";
constexpr std::string_view kReadyName = "ready";
constexpr std::string_view kManagedName = "managed";

bool is_listening_socket(int fd) {
  int listening = 0;
  socklen_t length = sizeof listening;
  return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &length) == 0 && listening != 0;
}

bool is_any(const net::Address& address) {
  return address.ip() == "::" || address.ip() == "0.0.0.0";
}

// "in=5,in=6,ready=7"
std::string describe(std::span<const NamedDescriptor> sockets, int ready_fd) {
  std::string text;
  for (const NamedDescriptor& socket : sockets)
    text += socket.name + "=" + std::to_string(socket.fd) + ",";
  return text + std::string(kReadyName) + "=" + std::to_string(ready_fd);
}

void add_environment(std::vector<std::string>& variables) {
  for (char** entry = environ; *entry != nullptr; ++entry)
    variables.emplace_back(*entry);
}

std::vector<char*> pointers_to(std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (std::string& string : strings)
    pointers.push_back(string.data());
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

Inheritance Inheritance::take() {
  Inheritance inheritance;
  const char* text = std::getenv(kVariable);
  if (text == nullptr) return inheritance;
  const std::string copy(text);
  unsetenv(kVariable);
  std::string_view rest(copy);
  while (const auto element = http::next_list_element(rest)) {
    const size_t equals = element->find('=');
    if (equals == std::string_view::npos) continue;
    int fd = -1;
    const char* end = element->data() + element->size();
    const auto [stop, error] = std::from_chars(element->data() + equals + 1, end, fd);
    if (error != std::errc() || stop != end || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) continue;
    const std::string_view name = element->substr(0, equals);
    if (name == kReadyName) {
      inheritance.ready_pipe_ = net::Socket(fd);
    } else if (is_listening_socket(fd)) {
      inheritance.entries_.push_back({std::string(name), net::Socket(fd)});
    }
  }
  return inheritance;
}

bool is_same_place(const net::Address& bound, const net::Address& wanted, bool managed) {
  if (bound.is_unix() || wanted.is_unix()) return bound == wanted;
  const bool same_host = bound.ip() == wanted.ip() || (managed && is_any(bound) && is_any(wanted));
  return same_host && (wanted.port() == 0 || bound.port() == wanted.port());
}

net::Socket Inheritance::take_socket(std::string_view name, const net::Address& address) {
  for (Entry& entry : entries_) {
    if (entry.name != name || !entry.socket.is_open()) continue;
    const net::Address bound = net::local_address(entry.socket.fd());
    if (is_same_place(bound, address, name == kManagedName)) return std::move(entry.socket);
  }
  return {};
}

void Inheritance::announce_ready() {
  // The process before this one leaves its files to us.
  for (const Entry& entry : entries_) {
    if (!entry.socket.is_open()) continue;
    const net::Address bound = net::local_address(entry.socket.fd());
    const bool managed = entry.name == kManagedName;
    log_line(managed ? LogLevel::kWarn : LogLevel::kInfo,
             "a listening socket of the process before this one is closed: no flag asks for it",
             {{"kind", entry.name}, {"address", bound.to_string()}});
    if (!managed) net::SocketFile(bound).remove();
  }
  entries_.clear();
  if (!ready_pipe_.is_open()) return;
  [[maybe_unused]] const ssize_t written = write(ready_pipe_.fd(), "1", 1);
  ready_pipe_.reset();
}

Successor::Successor(event::Loop& loop, std::function<void()> on_ready,
                     std::function<void()> on_failed, Duration start_timeout)
    : loop_(loop),
      ready_(std::move(on_ready)),
      failed_(std::move(on_failed)),
      start_timeout_(start_timeout) {}

Successor::~Successor() {
  if (pipe_.is_open()) loop_.unwatch(pipe_.fd());
}

Result<void> Successor::start(const std::vector<std::string>& command,
                              std::vector<std::string> variables,
                              std::span<const NamedDescriptor> sockets) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
    return Error{Code::kSystem, Source::kInternal, errno, "cannot make a pipe"};
  pipe_ = net::Socket(ends[0]);
  const net::Socket write_end(ends[1]);
  // Everything is made before the fork: after it, in a program with threads, only plain system
  // calls are safe.
  std::vector<std::string> arguments = command;
  variables.push_back(std::string(kVariable) + "=" + describe(sockets, write_end.fd()));
  add_environment(variables);
  const std::vector<char*> argv = pointers_to(arguments);
  const std::vector<char*> envp = pointers_to(variables);
  pid_ = fork();
  if (pid_ == 0) {
    // Not all libraries mark theirs.
    close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
    for (const NamedDescriptor& socket : sockets)
      fcntl(socket.fd, F_SETFD, 0);
    fcntl(write_end.fd(), F_SETFD, 0);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    execve(argv[0], argv.data(), envp.data());
    _exit(127);
  }
  const int fork_errno = errno;
  if (pid_ > 0 && loop_.watch_level(pipe_.fd(), *this)) {
    loop_.set_timer(timer_, start_timeout_);
    return {};
  }
  pipe_.reset();
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  return Error{Code::kSystem, Source::kInternal, fork_errno, "cannot start the new process"};
}

void Successor::terminate() {
  if (is_starting()) kill(pid_, SIGTERM);
}

void Successor::on_ready(event::Readiness) {
  char byte = 0;
  const ssize_t count = read(pipe_.fd(), &byte, 1);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count != 1) return fail();
  timer_.cancel();
  loop_.unwatch(pipe_.fd());
  pipe_.reset();
  ready_();
}

void Successor::on_timeout() {
  fail();
}

// It is gone, or is made to be.
void Successor::fail() {
  timer_.cancel();
  loop_.unwatch(pipe_.fd());
  pipe_.reset();
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  failed_();
}

}  // namespace httpteleport::server
