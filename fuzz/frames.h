// What the two targets for v0 frames share. The input's first byte chooses the compression, and
// whether the rest is the wire itself or is to be compressed to one first: a compressor's output is
// what gets through to the frames, anything else is mostly for the decompressors.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/assert.h"
#include "compress/stream.h"
#include "fuzz_input.h"
#include "teleport/v0/test_frames.h"

namespace httpteleport::fuzz {

struct FramesOutcome {
  std::string text;
  bool between_frames = false;
  std::optional<Code> error;
};

template <class Reader, class Events>
FramesOutcome read_frames(compress::Method method, const std::vector<std::string_view>& pieces) {
  Events events;
  const teleport::v0::ReaderLimits limits{.head_bytes_max = 512, .fields_max = 16};
  Reader reader(method, limits, events);
  for (const std::string_view piece : pieces) {
    const ExactBytes exact(piece);
    if (const Result<void> fed = reader.feed(exact.view()); !fed)
      return {events.text, false, fed.error().code};
  }
  return {events.text, reader.is_between_frames(), std::nullopt};
}

inline std::string compressed(compress::Method method, std::string_view plain) {
  const auto encoder = compress::make_encoder({.method = method, .level = 1});
  BlockPool pool;
  BufferChain wire(pool);
  encoder->encode(plain, wire);
  encoder->flush(wire);
  return wire.to_string();
}

template <class Reader, class Events>
void check_frames(Input input) {
  const uint8_t choice = input.choice();
  const auto method = static_cast<compress::Method>(choice % 3);
  const bool compress_first = (choice & 0x80) == 0;
  size_t place = input.place();
  std::string wire(input.rest());
  if (compress_first) {
    // A head that cannot be right any more is judged when its end is there: two empty lines let
    // both readings come to that.
    wire = compressed(method, wire + "\r\n\r\n\r\n\r\n");
    place = place % (wire.size() + 1);
  }
  const std::string_view bytes = wire;
  const auto read = [method](const std::vector<std::string_view>& pieces) {
    return read_frames<Reader, Events>(method, pieces);
  };
  const FramesOutcome whole = read({bytes});
  const FramesOutcome cut = read({bytes.substr(0, place), bytes.substr(place)});
  // In a wire of the fuzzer's own, what a broken stream gave out before its fault depends on the
  // cuts; that it is broken does not.
  if (!whole.error) {
    HT_ASSERT(!cut.error);
    HT_ASSERT(cut.text == whole.text);
    HT_ASSERT(cut.between_frames == whole.between_frames);
  } else if (compress_first) {
    HT_ASSERT(cut.error == whole.error);
  }
}

}  // namespace httpteleport::fuzz
