// Streaming compression without I/O: one encoder and one decoder for the life of a link direction.
//
// Used by teleport/v0. Not thread safe; one worker, one stream. All memory of a stream is taken
// when it is made or when it is first needed, never per call. A flate encoder or decoder holds 100
// to 300 KiB, a snappy encoder or decoder up to 140 KiB.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "base/buffer.h"
#include "base/result.h"

namespace httpteleport::compress {

enum class Method : uint8_t { kNone, kFlate, kSnappy };

// What an encoder is to do. `level` counts for kFlate only: 1 to 3 are ISA-L's levels, 4 to 9
// zlib's. Any other level is a bug of the caller.
struct Settings {
  Method method = Method::kFlate;
  int level = 1;

  friend bool operator==(const Settings&, const Settings&) = default;
};

class Encoder {
 public:
  virtual ~Encoder() = default;

  // Compresses `plain` to the back of `wire`. What is written need not yet decode to all of
  // `plain`: call flush() at the end of a batch. `plain` need not outlive the call.
  virtual void encode(std::string_view plain, BufferChain& wire) = 0;
  // The same for all of `plain`, which is empty afterwards. Both are of one pool.
  virtual void encode_all(BufferChain&& plain, BufferChain& wire);

  // Writes to `wire` whatever is left, so that a decoder that has read everything so far has all of
  // the input so far. Writes nothing when nothing was encoded since the last flush. What was
  // learned from earlier input stays in use: a flush costs a few bytes, not the compression ratio.
  virtual void flush(BufferChain& wire) = 0;
};

class Decoder {
 public:
  struct Step {
    size_t consumed = 0;  // bytes used up from the front of `wire`
    size_t produced = 0;  // bytes written to the front of `plain`
  };

  virtual ~Decoder() = default;

  // Decompresses from `wire` into `plain` until one of them is used up. Call again with the rest of
  // `wire` while `produced > 0` or `consumed > 0`; a step with neither means that more bytes must
  // come from the peer. Output is bounded by `plain`, which must not be empty, so a small input
  // that decodes to a large output costs the caller nothing it did not ask for. A decoder may hold
  // decoded bytes back when `plain` is full (64 KiB and a little at most): call again, also with an
  // empty `wire`, until `produced == 0`.
  //
  // Errors (the decoder must not be used again): kMalformed, source `peer` of make_decoder(). The
  // content of `plain` is then undefined, and bytes held back are lost: a broken stream ends the
  // link, and nothing that arrived together with the fault is to be trusted.
  virtual Result<Step> decode(std::string_view wire, std::span<char> plain) = 0;
};

// Never null. For kNone they copy. `peer` is who sends the bytes; it goes into the errors.
std::unique_ptr<Encoder> make_encoder(const Settings& settings);
std::unique_ptr<Decoder> make_decoder(Method method, Source peer);

}  // namespace httpteleport::compress
