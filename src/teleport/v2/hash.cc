#include "teleport/v2/hash.h"

#include <random>

namespace httpteleport::teleport::v2 {

uint64_t random_seed() {
  std::random_device device;
  return uint64_t{device()} << 32 | device();
}

}  // namespace httpteleport::teleport::v2
