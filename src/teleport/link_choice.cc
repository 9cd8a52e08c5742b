#include "teleport/link_choice.h"

#include <charconv>

namespace httpteleport::teleport {

namespace {

using Kind = CodingChoice::Kind;

// A number from 1 to `most` in decimal, without anything around it.
std::optional<int> parse_level(std::string_view text, int most) {
  int level = 0;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, level);
  if (error != std::errc() || end != last || text.starts_with('0') || level < 1 || level > most)
    return {};
  return level;
}

}  // namespace

std::optional<ProtocolChoice> parse_protocol(std::string_view text) {
  if (text == "auto") return ProtocolChoice::kAuto;
  if (text == "v0") return ProtocolChoice::kV0;
  if (text == "v2") return ProtocolChoice::kV2;
  return {};
}

std::optional<CodingChoice> parse_coding(std::string_view text) {
  constexpr std::string_view kFlate = "flate:";
  constexpr std::string_view kZstd = "zstd:";
  if (text == "auto") return CodingChoice{.kind = Kind::kAuto};
  if (text == "none") return CodingChoice{.kind = Kind::kNone};
  if (text == "flate") return CodingChoice{.kind = Kind::kFlate};
  if (text == "snappy") return CodingChoice{.kind = Kind::kSnappy};
  if (text == "zstd") return CodingChoice{.kind = Kind::kZstd};
  if (text == "zstd:auto") return CodingChoice{.kind = Kind::kZstd, .zstd_adapts = true};
  if (text.starts_with(kFlate)) {
    if (const auto level = parse_level(text.substr(kFlate.size()), 9))
      return CodingChoice{.kind = Kind::kFlate, .flate_level = *level};
  }
  if (text.starts_with(kZstd)) {
    if (const auto level = parse_level(text.substr(kZstd.size()), kZstdLevelMax))
      return CodingChoice{.kind = Kind::kZstd, .zstd_level = *level};
  }
  return {};
}

std::string_view codings_accepted(ProtocolChoice protocol) {
  switch (protocol) {
    case ProtocolChoice::kAuto:
      break;
    case ProtocolChoice::kV0:
      return "auto, none, flate, flate:1 to flate:9, and snappy are accepted";
    case ProtocolChoice::kV2:
      return "auto, none, zstd, zstd:1 to zstd:19, and zstd:auto are accepted";
  }
  return kCodingsAccepted;
}

std::optional<LinkOptions> choose_link(ProtocolChoice protocol, const CodingChoice& coding) {
  const bool only_v0 = coding.kind == Kind::kFlate || coding.kind == Kind::kSnappy;
  if (only_v0 && protocol == ProtocolChoice::kV2) return {};
  if (coding.kind == Kind::kZstd && protocol == ProtocolChoice::kV0) return {};
  LinkOptions choice;
  choice.versions.v0 = protocol != ProtocolChoice::kV2;
  choice.versions.v2 = protocol != ProtocolChoice::kV0 && !only_v0;
  choice.compression.level = coding.flate_level;
  choice.v2.level = coding.zstd_level;
  choice.v2.adaptive = coding.zstd_adapts;
  if (coding.kind == Kind::kSnappy) choice.compression = {.method = compress::Method::kSnappy};
  if (coding.kind == Kind::kNone) {
    choice.compression = {.method = compress::Method::kNone};
    choice.v2.method = v2::EncoderOptions::Method::kNone;
  }
  return choice;
}

LinkOptions choose_link(std::string_view protocol, std::string_view coding) {
  return choose_link(parse_protocol(protocol).value_or(ProtocolChoice::kAuto),
                     parse_coding(coding).value_or(CodingChoice{}))
      .value_or(LinkOptions{});
}

std::optional<v2::TableSizes> parse_link_memory(std::string_view text) {
  if (text == "small") return v2::kSmallTables;
  if (text == "normal") return v2::kNormalTables;
  if (text == "large") return v2::kLargeTables;
  return {};
}

}  // namespace httpteleport::teleport
