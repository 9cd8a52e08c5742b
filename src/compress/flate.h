// Raw DEFLATE streams (RFC 1951) as the legacy link carries them: no zlib header, no final block, a
// 32 KiB window for the life of the connection, and an empty stored block (a sync flush, the bytes
// 00 00 ff ff) at the end of each batch.
//
// Levels 1 to 3 and all decoding are ISA-L's, which make less of a message than zlib's levels of
// these numbers and take a fraction of the time; the others are zlib's, for links where bytes cost
// more than time.
#pragma once

#include <memory>

#include "compress/stream.h"

namespace httpteleport::compress {

// `level` is 1 to 9.
std::unique_ptr<Encoder> make_flate_encoder(int level);

// Stricter than RFC 1951 on purpose: a block marked as final is kMalformed as soon as its header is
// read. The stream never ends before the connection does, so nothing could follow such a block.
std::unique_ptr<Decoder> make_flate_decoder(Source peer);

}  // namespace httpteleport::compress
