#include "server/listen_sockets.h"

#include <fcntl.h>

#include <cerrno>

#include "base/text.h"
#include "server/port_owner.h"

namespace httpteleport::server {

namespace {

constexpr uint16_t kFirstFreePort = 1024;

int socket_option(int fd, int option) {
  int value = -1;
  socklen_t length = sizeof value;
  return getsockopt(fd, SOL_SOCKET, option, &value, &length) == 0 ? value : -1;
}

std::string check_inherited(const InheritedSocket& inherited, const net::Address& wanted,
                            std::string_view name) {
  const int fd = inherited.socket.fd();
  const std::string who = "LISTEN_FDS: descriptor " + std::to_string(fd) + " (" + inherited.name +
                          ") of the service manager ";
  if (socket_option(fd, SO_TYPE) != SOCK_STREAM) return who + "is no stream socket";
  if (socket_option(fd, SO_ACCEPTCONN) != 1) {
    return who + "does not listen; a socket unit of systemd needs ListenStream= and Accept=no";
  }
  const net::Address bound = net::local_address(fd);
  if (is_same_place(bound, wanted, true)) return "";
  return who + "listens on " + bound.to_string() + ", but " + std::string(name) +
         " says otherwise; make the two the same";
}

std::string use_inherited(std::vector<InheritedSocket> inherited, const net::Address& wanted,
                          std::string_view name, ListenSockets& result) {
  for (InheritedSocket& one : inherited) {
    if (std::string problem = check_inherited(one, wanted, name); !problem.empty()) return problem;
    const int fd = one.socket.fd();
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    result.sockets.push_back(std::move(one.socket));
  }
  result.address = net::local_address(result.sockets.front().fd());
  result.managed = true;
  return "";
}

}  // namespace

std::string describe_listen_error(std::string_view name, const net::Address& address,
                                  const Error& error) {
  std::string text = "cannot listen on " + std::string(name) + ": ";
  switch (error.sys_errno) {
    case EADDRINUSE: {
      const std::string owner = describe_port_owner(address);
      text += "address already in use by ";
      text += owner.empty() ? "another process" : owner;
      return text + "; end that one, or choose another address";
    }
    case EACCES:
    case EPERM:
      text += "permission denied. ";
      if (address.is_unix()) return text + "This user may not create files in the folder";
      if (address.port() >= kFirstFreePort) return text + "The system forbids this address";
      return text +
             "Ports below 1024 need a privilege: sudo setcap cap_net_bind_service=+ep on the "
             "program, AmbientCapabilities=CAP_NET_BIND_SERVICE in the systemd unit, or a port "
             "from 1024 on";
    case EADDRNOTAVAIL:
      return text + "this machine has no address " + address.ip() +
             "; choose one that it has, or leave the host out for all";
    case EEXIST:
      return text + "at " + address.path() +
             " there is a file that is no socket; remove it, or choose another path";
    case ENOENT:
      return text + "the folder of " + address.path() + " does not exist; create it";
    default:
      return text + in_words(error);
  }
}

namespace {

// Sockets that can be bound again are one a worker, but for links, which are placed by load: theirs
// can be only because others may listen too. There may have been another number of them.
void take_handed_over(Inheritance& inheritance, const config::ListenerOptions& listener,
                      ListenSockets& result) {
  const bool is_placed = listener.protocol == config::ListenerProtocol::kTeleport;
  for (const char* name : {"in", "managed"}) {
    for (;;) {
      net::Socket socket = inheritance.take_socket(name, listener.address);
      if (!socket.is_open()) break;
      result.managed = std::string_view(name) == "managed";
      result.one_a_worker =
          !result.managed && !is_placed && socket_option(socket.fd(), SO_REUSEPORT) == 1;
      result.sockets.push_back(std::move(socket));
    }
  }
  if (result.sockets.empty()) return;
  result.address = net::local_address(result.sockets.front().fd());
  result.file_is_predecessors = !result.managed;
}

std::string bind_missing(const config::ListenerOptions& listener, size_t count,
                         std::string_view name, ListenSockets& result) {
  while (result.sockets.size() < count) {
    Result<net::Socket> socket = net::listen_on(
        result.address, {.reuse_port = result.one_a_worker || listener.shared_with_others,
                         .unix_mode = listener.unix_mode});
    if (!socket) return describe_listen_error(name, result.address, socket.error());
    // With port 0 the first socket's port is everybody's.
    result.address = net::local_address(socket->fd());
    result.sockets.push_back(*std::move(socket));
    if (result.address.is_unix()) result.file = net::SocketFile(result.address);
  }
  return "";
}

}  // namespace

// Every worker has a socket of its own on the address (SO_REUSEPORT), unless the connections are
// placed by load or the address cannot be bound twice. Where the address is not to be shared with
// other processes, a plain socket is bound first: that fails if anybody has the address, which a
// reusable one might not.
std::string open_listen_sockets(const config::ListenerOptions& listener, size_t workers,
                                Inheritance& inheritance, std::vector<InheritedSocket> managed,
                                std::string_view name, ListenSockets& result) {
  take_handed_over(inheritance, listener, result);
  if (!result.sockets.empty())
    return bind_missing(listener, result.one_a_worker ? workers : 1, name, result);
  if (!managed.empty()) return use_inherited(std::move(managed), listener.address, name, result);
  const bool is_unix = listener.address.is_unix();
  result.address = listener.address;
  result.one_a_worker = !is_unix && listener.protocol != config::ListenerProtocol::kTeleport;
  if (!is_unix && !listener.shared_with_others && listener.address.port() != 0) {
    const Result<net::Socket> probe = net::listen_on(listener.address, {.reuse_port = false});
    if (!probe) return describe_listen_error(name, listener.address, probe.error());
  }
  return bind_missing(listener, result.one_a_worker ? workers : 1, name, result);
}

}  // namespace httpteleport::server
