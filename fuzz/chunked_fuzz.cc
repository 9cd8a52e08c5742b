// Whatever the bytes: no crash; views stay inside the input; the outcome does not depend on where
// the bytes are cut; what was read is written and read again as the same body.
#include "base/assert.h"
#include "describe_heads.h"
#include "fuzz_input.h"
#include "http/h1/body_decoder.h"
#include "http/h1/encoder.h"

namespace httpteleport::fuzz {
namespace {

using http::h1::BodyDecoder;
using http::h1::BodyFraming;

struct Outcome {
  std::string body;
  std::string end;  // "open", "done" with the trailers, or the error
  size_t used = 0;  // 0 after an error: how far it had got then depends on the cut
  bool operator==(const Outcome&) const = default;
};

bool is_inside(std::string_view view, std::string_view bytes) {
  return view.empty() ||
         (view.data() >= bytes.data() && view.data() + view.size() <= bytes.data() + bytes.size());
}

// Reads as a connection does: what was not consumed is offered again with the next piece behind it.
// Trailers are judged when their end is there, so an empty line is put behind all pieces.
Outcome decode(const BodyDecoder::Limits& limits, std::string_view wire, size_t cut) {
  BodyDecoder decoder(Source::kDownstream, limits);
  decoder.start(BodyFraming::kChunked);
  Outcome out{.end = "open"};
  std::string unread;
  for (const std::string_view piece :
       {wire.substr(0, cut), wire.substr(cut), std::string_view("\r\n\r\n")}) {
    unread += piece;
    while (out.end == "open") {
      const ExactBytes exact(unread);
      const auto step = decoder.decode(exact.view());
      if (!step) {
        out.end = describe(step.error());
        out.used = 0;
        return out;
      }
      HT_ASSERT(step->consumed <= unread.size());
      HT_ASSERT(step->body.size() <= step->consumed);
      HT_ASSERT(is_inside(step->body, exact.view()));
      HT_ASSERT(step->done == decoder.is_done());
      out.body += step->body;
      out.used += step->consumed;
      if (step->done) {
        HT_ASSERT(decoder.trailers().size() <= limits.trailers.fields_max);
        out.end = "done\n" + describe(decoder.trailers());
      }
      unread.erase(0, step->consumed);
      if (step->consumed == 0) break;
    }
  }
  return out;
}

// The body in one chunk, with the trailers that were passed on.
std::string encode(const Outcome& outcome, const http::Fields& trailers) {
  std::string wire;
  if (!outcome.body.empty()) {
    wire += http::h1::make_chunk_head(outcome.body.size()).view();
    wire += outcome.body + "\r\n";
  }
  BlockPool pool;
  BufferChain out(pool);
  http::h1::encode_last_chunk(trailers, out);
  return wire + out.to_string();
}

void check_round_trip(const BodyDecoder::Limits& limits, std::string_view wire,
                      const Outcome& whole) {
  BodyDecoder decoder(Source::kDownstream, limits);
  decoder.start(BodyFraming::kChunked);
  // With the empty line that decode() has put behind.
  const std::string all = std::string(wire) + "\r\n\r\n";
  std::string_view rest = all;
  while (!decoder.is_done()) {
    const auto step = decoder.decode(rest);
    HT_ASSERT(step && (step->consumed > 0 || step->done));
    rest.remove_prefix(step->consumed);
  }
  const std::string again = encode(whole, decoder.trailers());
  BodyDecoder::Limits wide;
  wide.trailers.head_bytes_max = size_t{1} << 20;
  const Outcome back = decode(wide, again, again.size() / 2);
  HT_ASSERT(back.body == whole.body);
  HT_ASSERT(back.end == whole.end);
  HT_ASSERT(back.used == again.size());
}

void run(Input input) {
  const uint8_t limit = input.choice();
  BodyDecoder::Limits limits;
  if (limit > 0) {
    limits = {.chunk_bytes_max = limit * uint64_t{16},
              .extension_bytes_max = limit % 32u,
              .trailers = {.head_bytes_max = 2u * limit, .fields_max = limit % 8u}};
  }
  const size_t cut = input.place();
  const std::string_view wire = input.rest();
  const Outcome whole = decode(limits, wire, 0);
  HT_ASSERT(decode(limits, wire, cut) == whole);
  if (whole.end.starts_with("done")) check_round_trip(limits, wire, whole);
}

}  // namespace
}  // namespace httpteleport::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  httpteleport::fuzz::run({data, size});
  return 0;
}
