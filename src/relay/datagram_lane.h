// The way of datagrams to an endpoint that takes them as a stream.
#pragma once

#include <string_view>

#include "base/deletable.h"
#include "base/error.h"

namespace httpteleport::relay {

class DatagramLaneHandler {
 public:
  // The endpoint is there.
  virtual void on_lane_connected() = 0;
  virtual void on_datagram(std::string_view bytes) = 0;
  // It could not be reached (kConnectFailed), has ended the lane for want of traffic (kTimeout), or
  // has broken it off. The last callback.
  virtual void on_lane_closed(const Error& error) = 0;

 protected:
  ~DatagramLaneHandler() = default;
};

// Owned by a session, which destroys it by delete_later().
class DatagramLane : public Deletable {
 public:
  // False: it was dropped. Calls nobody back.
  virtual bool send(std::string_view datagram) = 0;
  // No callback follows.
  virtual void close() = 0;
};

}  // namespace httpteleport::relay
