// A second opinion on what goes over a v0 teleport link: readers that share nothing with the code
// under test. Flate is read by zlib, snappy framing by a walker of its own with a CRC-32C that
// works bit by bit, the messages by MessageParser. They take whole byte strings and do not care for
// speed.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "support/http_message.h"

namespace httpteleport::test {

// The wire's numbers.
enum class LinkCoding : uint8_t { kFlate = 0, kNone = 1, kSnappy = 2 };
inline constexpr LinkCoding kLinkCodings[] = {LinkCoding::kNone, LinkCoding::kFlate,
                                              LinkCoding::kSnappy};
// "none", "flate", "snappy": as in flags and in names of files.
const char* link_coding_name(LinkCoding coding);

// The 15 bytes that each end sends first.
inline constexpr size_t kLinkHandshakeBytes = 15;
std::string link_handshake(LinkCoding coding, bool tls = false);

// CRC-32C, one bit at a time.
uint32_t crc32c_by_bits(std::string_view bytes);

// One direction of a link, uncompressed.
struct Unpacked {
  std::string plain{};
  // The wire ends where a writer may end a batch: behind a sync flush (flate), between two chunks
  // (snappy), anywhere (none).
  bool at_flush = false;
  std::string error{};  // what is wrong with the wire; empty when nothing is
};
Unpacked unpack(LinkCoding coding, std::string_view wire);

// The reverse, up to a place where a batch may end: flate as zlib writes it, snappy with every
// chunk in plain.
std::string pack(LinkCoding coding, std::string_view plain);

// A frame in text form: the id in four bytes, lowest first, and the message.
std::string link_frame(uint32_t id, std::string_view message);

struct LinkFrame {
  uint32_t id = 0;
  MessageHead head{};
  std::string body{};
  std::string raw{};  // all of it, id included
};

struct LinkFrames {
  std::vector<LinkFrame> frames{};
  std::string rest{};   // bytes of a frame that is not complete
  std::string error{};  // of MessageParser, empty when there was none

  // The frame with that id; nullptr when there is none.
  const LinkFrame* find(uint32_t id) const;
};
LinkFrames split_requests(std::string_view plain);
// `is_head(id)`: that request was a HEAD. Empty: none was.
LinkFrames split_responses(std::string_view plain,
                           const std::function<bool(uint32_t)>& is_head = {});

}  // namespace httpteleport::test
