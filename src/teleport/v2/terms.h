// What holds for the requests that a near end opens (docs/protocol/teleport-v2.md, "Terms").
#pragma once

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "teleport/v2/varint.h"

namespace httpteleport::teleport::v2 {

// Milliseconds; 0: no limit.
struct Terms {
  static constexpr uint32_t kLimitMax = 0x7fffffff;

  uint32_t answer_ms = 0;  // from the end of the request to the head of its response
  uint32_t total_ms = 0;   // from the beginning of the request to the end of its response
  // Bytes of bodies, both ways, do not pass the compressor, and nothing remembers them.
  bool plain_bodies = false;

  friend bool operator==(const Terms&, const Terms&) = default;
};

// What is left of a limit, as it is told: five digits of it count, and what is behind them is
// rounded up, so that requests that have waited a little at the near end have the same terms.
inline uint32_t told_limit(Duration left) {
  using Milliseconds = std::chrono::milliseconds;
  const auto ms = std::max<int64_t>(std::chrono::ceil<Milliseconds>(left).count(), 1);
  if (ms > Terms::kLimitMax / 2) return 0;
  const auto exact = static_cast<uint32_t>(ms);
  const int dropped = std::max(static_cast<int>(std::bit_width(exact)) - 5, 0);
  const uint32_t unit = uint32_t{1} << dropped;
  return (exact + unit - 1) & ~(unit - 1);
}

// Of the third number, which need not be there.
inline constexpr uint64_t kPlainBodies = 1;

inline void append_terms(std::string& to, const Terms& terms) {
  append_varint(to, terms.answer_ms);
  append_varint(to, terms.total_ms);
  if (terms.plain_bodies) append_varint(to, kPlainBodies);
}

// Nothing: they are malformed. What is behind the known ones is skipped.
inline std::optional<Terms> read_terms(std::string_view payload) {
  ByteReader reader(payload);
  const uint64_t answer_ms = reader.varint();
  const uint64_t total_ms = reader.varint();
  const uint64_t flags = reader.at_end() ? 0 : reader.varint();
  if (reader.failed() || std::max(answer_ms, total_ms) > Terms::kLimitMax) return std::nullopt;
  return Terms{.answer_ms = static_cast<uint32_t>(answer_ms),
               .total_ms = static_cast<uint32_t>(total_ms),
               .plain_bodies = (flags & kPlainBodies) != 0};
}

}  // namespace httpteleport::teleport::v2
