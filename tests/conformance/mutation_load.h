// Many clients at once, in one thread, each with a connection of mutated traffic.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "support/socket.h"

namespace httpteleport::test {

struct MutationLoad {
  Address target{};
  uint64_t seed = 1;
  uint32_t first = 0;  // number of the first connection
  uint32_t count = 0;
  size_t at_once = 64;
  // A client that has sent all and gets nothing for so long ends its side.
  std::chrono::milliseconds quiet{100};
};

struct MutationResult {
  uint64_t connections = 0;
  uint64_t mutated = 0;
  uint64_t answers = 0;
  uint64_t good_answers = 0;  // 200
  uint64_t half_closed = 0;
  // What went wrong, with the connection's number and its bytes; of many, the first.
  std::vector<std::string> failures;
};

// Runs until all connections are over. An answer that is malformed, comes twice, or bears the token
// of another connection is a failure; so are a connection that does not end, and one of valid
// traffic that does not get all its answers.
MutationResult run_mutations(const MutationLoad& load);

}  // namespace httpteleport::test
