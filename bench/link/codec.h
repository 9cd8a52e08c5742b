// What a codec makes of recorded traffic: bytes and processor time, nothing else in the way.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace httpteleport::bench {

// One direction of a link: an encoder, and the decoder that reads what it writes.
class Codec {
 public:
  virtual ~Codec() = default;
  // Encodes these messages as one batch, to be read by decode().
  virtual void encode(const std::vector<std::string_view>& messages) = 0;
  // Decodes the last batch. Returns a checksum of what came out, over whole messages as the
  // receiver has them; 0: it is not what was sent.
  virtual bool decode() = 0;
  virtual uint64_t wire_bytes() const = 0;
};

using MakeCodec = std::unique_ptr<Codec> (*)();

struct NamedCodec {
  const char* name;
  MakeCodec make;
};

// All that are compared, the first one being what the others are compared with.
const std::vector<NamedCodec>& codecs();

}  // namespace httpteleport::bench
