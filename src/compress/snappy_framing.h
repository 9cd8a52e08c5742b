// The snappy framing format: a stream of chunks, each a type byte, a 24 bit little-endian length
// and that many bytes.
//
//   ff        stream identifier, "sNaPpY"; first, and again whenever a writer likes
//   00        masked CRC-32C of the plain bytes (little endian), then a snappy block
//   01        masked CRC-32C, then the plain bytes as they are
//   02 to 7f  reserved, must not be skipped
//   80 to fd  reserved, to be skipped
//   fe        padding, to be skipped
//
// A chunk of type 00 or 01 carries at most 64 KiB of plain bytes.
#pragma once

#include <memory>

#include "compress/stream.h"

namespace httpteleport::compress {

// Gathers up to 64 KiB; writes a chunk when that is full and at flush(). The stream identifier goes
// out before the first chunk. A chunk that would not shrink by at least one eighth goes out plain:
// the peer then saves the work too. libsnappy takes and frees its hash table within each chunk; the
// encoder itself allocates nothing after its first large chunk.
std::unique_ptr<Encoder> make_snappy_encoder();

// Checks everything the format allows to be checked; a chunk's bytes are given out only after its
// checksum was found right. Memory is two fixed buffers, taken when a chunk first comes in pieces
// or first does not fit into the caller's span; what a chunk declares never sizes anything.
std::unique_ptr<Decoder> make_snappy_decoder(Source peer);

}  // namespace httpteleport::compress
