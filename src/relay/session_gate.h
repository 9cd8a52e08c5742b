// Limits on sessions that a relay's owner keeps.
#pragma once

#include <cstdint>
#include <optional>

#include "net/address.h"

namespace httpteleport::relay {

// Whether a client may have a session. The worker's thread.
class SessionGate {
 public:
  // A ticket for leave(); nothing: it may not.
  virtual std::optional<uint32_t> admit(const net::Address& client) = 0;
  // A session that was admitted is over.
  virtual void leave(uint32_t ticket) = 0;

 protected:
  ~SessionGate() = default;
};

}  // namespace httpteleport::relay
