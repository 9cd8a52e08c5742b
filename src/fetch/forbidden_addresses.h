// Addresses of this process that no fetch may reach, whatever name or redirect leads there.
#pragma once

#include <sys/socket.h>

#include <vector>

#include "net/address.h"

namespace httpteleport::fetch {

// Immutable; any thread.
class ForbiddenAddresses {
 public:
  ForbiddenAddresses() = default;
  // Those that are listened on. One of all addresses (0.0.0.0 or ::) means each that this machine
  // has. Unix sockets are of no interest: nothing is fetched from them.
  explicit ForbiddenAddresses(std::vector<net::Address> listened)
      : listened_(std::move(listened)) {}

  // Whether connecting to `address` would, or might, end at one of them: loopback addresses and
  // 0.0.0.0 with the port of any of them count. Asks the system for its addresses if need be.
  bool contains(const net::Address& address) const;

 private:
  std::vector<net::Address> listened_;
};

}  // namespace httpteleport::fetch
