// CRC-32C (Castagnoli polynomial 0x1EDC6F41, reflected), the checksum of the snappy framing format
// and of v2 batches.
#pragma once

#include <cstdint>
#include <string_view>

namespace httpteleport::compress {

// The checksum of `bytes`, below 2 GiB. By carry-less multiplication where the processor has it:
// over 10 bytes a nanosecond.
uint32_t crc32c(std::string_view bytes);

// The form in which snappy stores a checksum: rotated and shifted by a constant, because the
// checksum of data that contains its own plain checksum is a poor one.
constexpr uint32_t crc32c_masked(uint32_t crc) {
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8U;
}

}  // namespace httpteleport::compress
