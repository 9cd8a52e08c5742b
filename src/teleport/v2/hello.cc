#include "teleport/v2/hello.h"

#include <array>

#include "teleport/v2/varint.h"

namespace httpteleport::teleport::v2 {

namespace {

// A hello is its length and, for each of these, number and value.
struct Setting {
  uint64_t number;
  uint64_t min;
  uint64_t max;
  uint32_t& (*of)(Hello&);
};

constexpr std::array<Setting, 9> kSettings = {{
    {1, 10, 24, [](Hello& hello) -> uint32_t& { return hello.tables.window_log; }},
    {2, 1, 32768, [](Hello& hello) -> uint32_t& { return hello.tables.lines; }},
    {3, 0, 16u << 20, [](Hello& hello) -> uint32_t& { return hello.tables.line_bytes; }},
    {4, 1, 65536, [](Hello& hello) -> uint32_t& { return hello.tables.ids; }},
    {5, 1, 65536, [](Hello& hello) -> uint32_t& { return hello.tables.secret_blocks; }},
    {6, 0, 16u << 20, [](Hello& hello) -> uint32_t& { return hello.tables.body_bytes; }},
    {7, 16384, 0x7fffffff, [](Hello& hello) -> uint32_t& { return hello.stream_window; }},
    {8, 65536, 0x7fffffff, [](Hello& hello) -> uint32_t& { return hello.link_window; }},
    {9, 1, 0x7fffffff, [](Hello& hello) -> uint32_t& { return hello.streams; }},
}};

}  // namespace

std::string encode_hello(const Hello& hello) {
  Hello copy = hello;
  std::string settings;
  for (const Setting& setting : kSettings) {
    append_varint(settings, setting.number);
    append_varint(settings, setting.of(copy));
  }
  std::string bytes;
  append_varint(bytes, settings.size());
  return bytes + settings;
}

Result<Hello> parse_hello(std::string_view bytes, Source peer, size_t& consumed) {
  const Error malformed{Code::kMalformed, peer, 0, "the hello of the link is malformed"};
  consumed = 0;
  ByteReader reader(bytes);
  const uint64_t length = reader.varint();
  if (reader.failed()) {
    if (bytes.size() >= 2) return malformed;
    return Hello{};
  }
  if (length > kHelloBytesMax) return malformed;
  if (reader.left() < length) return Hello{};
  Hello hello;
  ByteReader settings(reader.bytes(length));
  while (!settings.at_end()) {
    const uint64_t number = settings.varint();
    const uint64_t value = settings.varint();
    for (const Setting& setting : kSettings) {
      if (setting.number != number) continue;
      if (value < setting.min || value > setting.max) return malformed;
      setting.of(hello) = static_cast<uint32_t>(value);
    }
  }
  if (settings.failed()) return malformed;
  consumed = bytes.size() - reader.left();
  return hello;
}

}  // namespace httpteleport::teleport::v2
