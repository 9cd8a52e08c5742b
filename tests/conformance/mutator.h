// Valid traffic of a client, and what chance makes of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace httpteleport::test {

// What a client sends on one connection. Everything follows from `seed`.
struct Traffic {
  std::string bytes;
  size_t requests = 0;  // that were put in before the mutations, the last one included
  bool is_mutated = true;
  size_t piece_bytes = 0;  // sent at a time, 0: all at once
};
// One connection in ten sends what is valid. The last request asks for the end of the connection.
Traffic make_traffic(uint64_t seed, uint32_t connection);

// A text that stands in every request of a connection, wherever it is echoed. A mutated one is, but
// for one in 2^32, no token at all.
std::string token_of(uint32_t connection);
// The connection of the first token in `text` that is not `own`'s.
std::optional<uint32_t> find_foreign_token(std::string_view text, uint32_t own);

}  // namespace httpteleport::test
