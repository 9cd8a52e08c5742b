// Deferred deletion: an object is never destroyed inside one of its own callbacks. Its owner hands
// it to event::Loop::delete_later(), and it goes at the end of the loop turn.
#pragma once

#include <memory>

namespace httpteleport {

namespace event {
class Loop;
}

class Deletable {
 public:
  virtual ~Deletable() = default;

 private:
  friend class event::Loop;
  std::unique_ptr<Deletable> next_doomed_;
};

}  // namespace httpteleport
