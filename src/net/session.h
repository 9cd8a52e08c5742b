// One downstream connection's protocol state, as its owner sees it.
#pragma once

#include "base/deletable.h"
#include "base/intrusive_list.h"

namespace httpteleport::net {

// Owned by a list of its worker from its creation until it takes itself out and is deleted later.
class Session : public IntrusiveNode, public Deletable {
 public:
  // Take nothing new: close when idle, or after the exchanges under way.
  virtual void drain() = 0;
  // Close now, whatever is under way.
  virtual void abort() = 0;
};

}  // namespace httpteleport::net
