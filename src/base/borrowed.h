// Shared ownership of what somebody else owns.
#pragma once

#include <memory>

namespace httpteleport {

// A pointer for interfaces that share what they are given, to an object that outlives its use.
// Copying it costs no atomic operation.
template <class T>
std::shared_ptr<T> borrowed(T& object) {
  return std::shared_ptr<T>(std::shared_ptr<void>(), &object);
}

}  // namespace httpteleport
