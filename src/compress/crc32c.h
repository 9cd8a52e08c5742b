// CRC-32C (Castagnoli polynomial 0x1EDC6F41, reflected), the checksum of the snappy framing format.
#pragma once

#include <cstdint>
#include <string_view>

namespace httpteleport::compress {

// The checksum of `bytes`. Uses the processor's crc32 instruction (8 bytes each 3 cycles) where
// there is one, a table elsewhere.
uint32_t crc32c(std::string_view bytes);

// The table version alone, so that a machine with the instruction can test it.
uint32_t crc32c_by_table(std::string_view bytes);

// The form in which snappy stores a checksum: rotated and shifted by a constant, because the
// checksum of data that contains its own plain checksum is a poor one.
constexpr uint32_t crc32c_masked(uint32_t crc) {
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8U;
}

}  // namespace httpteleport::compress
