// The listening sockets of a server: bound by us, or inherited from the service manager.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/snapshot.h"
#include "net/unix_socket.h"
#include "server/handover.h"
#include "server/service_manager.h"

namespace httpteleport::server {

struct ListenSockets {
  net::Address address;  // where the first of them is bound
  std::vector<net::Socket> sockets;
  // Each worker has one of `sockets`, and the kernel spreads the connections. Otherwise the control
  // thread takes the connections of all of them.
  bool one_a_worker = false;
  // The service manager has opened them, and has the file of a unix socket.
  bool managed = false;
  net::SocketFile file;  // of a unix socket that we have bound
  // The process before this one has the file of the unix socket, until this one is ready.
  bool file_is_predecessors = false;
};

// Fills `result`: with the sockets on that address that the process before this one hands over;
// else with those of the service manager (`managed`), after each has been checked to be a listening
// stream socket on that address; else binds it. Blocks for a moment. Returns an empty text, or one
// line that says what failed and what to do; `name` is what the address is called there, for
// example -in=":80".
std::string open_listen_sockets(const config::ListenerOptions& listener, size_t workers,
                                Inheritance& inheritance, std::vector<InheritedSocket> managed,
                                std::string_view name, ListenSockets& result);

// The line for an address that cannot be listened on: why, and what to do. Looks for the process
// that has the address.
std::string describe_listen_error(std::string_view name, const net::Address& address,
                                  const Error& error);

}  // namespace httpteleport::server
