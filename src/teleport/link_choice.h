// What an end of a link speaks and how it compresses, as its user chooses: the words of flags and
// of configuration files, and what they mean together.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "teleport/link_options.h"

namespace httpteleport::teleport {

enum class ProtocolChoice : uint8_t {
  kAuto,  // v2 with a peer that knows it, else v0
  kV0,
  kV2,
};

struct CodingChoice {
  enum class Kind : uint8_t { kAuto, kNone, kFlate, kSnappy, kZstd };

  Kind kind = Kind::kAuto;
  int flate_level = 1;       // of kAuto and kFlate, and of kZstd with a peer that knows only v0
  int zstd_level = 1;        // of kAuto and kZstd
  bool zstd_adapts = false;  // of kZstd: the level follows what is short, from that one on
};

inline constexpr int kZstdLevelMax = 19;

// "auto", "v0", "v2"; or nothing.
std::optional<ProtocolChoice> parse_protocol(std::string_view text);
inline constexpr std::string_view kProtocolsAccepted = "auto, v2 and v0 are accepted";

// "auto", "none", "zstd", "zstd:1" to "zstd:19", "zstd:auto", "flate", "flate:1" to "flate:9",
// "snappy"; or nothing.
std::optional<CodingChoice> parse_coding(std::string_view text);
inline constexpr std::string_view kCodingsAccepted =
    "auto, none, zstd, zstd:1 to zstd:19, zstd:auto, flate, flate:1 to flate:9, and snappy are "
    "accepted";
// Those that the version has.
std::string_view codings_accepted(ProtocolChoice protocol);

// Both together. Nothing: the version does not have this compression. Flate and snappy are v0's, so
// that with kAuto they choose v0 too.
std::optional<LinkOptions> choose_link(ProtocolChoice protocol, const CodingChoice& coding);

// The same of two texts; what is wrong with them, or that they do not go together, gives the
// defaults, which whoever asks has been told before.
LinkOptions choose_link(std::string_view protocol, std::string_view coding);

// "small", "normal", "large"; or nothing.
std::optional<v2::TableSizes> parse_link_memory(std::string_view text);

}  // namespace httpteleport::teleport
