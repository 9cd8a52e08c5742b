// How much the two ends of a v2 link direction remember (docs/protocol/teleport-v2.md, "Tables").
#pragma once

#include <cstddef>
#include <cstdint>

namespace httpteleport::teleport::v2 {

// The receiver says in its hello what it has room for, and the sender uses exactly these, so that
// both tables change in the same way. Memory is taken when a direction is first used.
struct TableSizes {
  uint32_t window_log = 22;        // of the zstd window, 2^ that many bytes; 10 to 24
  uint32_t lines = 32768;          // header lines; at most 32768
  uint32_t line_bytes = 4u << 20;  // of all of them together
  uint32_t ids = 65536;            // hexadecimal identifiers
  uint32_t secret_blocks = 65536;  // of 16 characters; at most 65536
  uint32_t body_bytes = 4u << 20;  // of remembered bodies

  friend bool operator==(const TableSizes&, const TableSizes&) = default;
};

// -linkMemory.
inline constexpr TableSizes kSmallTables{.window_log = 19,
                                         .lines = 4096,
                                         .line_bytes = 512u << 10,
                                         .ids = 4096,
                                         .secret_blocks = 8192,
                                         .body_bytes = 256u << 10};
inline constexpr TableSizes kNormalTables{};
inline constexpr TableSizes kLargeTables{.window_log = 24,
                                         .lines = 32768,
                                         .line_bytes = 16u << 20,
                                         .ids = 65536,
                                         .secret_blocks = 65536,
                                         .body_bytes = 16u << 20};

}  // namespace httpteleport::teleport::v2
