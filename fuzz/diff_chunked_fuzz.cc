// A chunked body that we accept is accepted by llhttp and by Boost.Beast, ends there where it ends
// for us, and has the same bytes. Takes the inputs of chunked_fuzz.
//
// Where we accept more, on purpose, the others are given what it means:
//   - a chunk extension of any text without control characters: none is ever passed on, so nobody
//     else will have to read it, and its end is a CRLF for all. They get ";x" instead;
//   - framing and routing fields among the trailers, which are dropped (RFC 9110 section 6.5.1)
//     where the others refuse them or take them for the head's. They get another name.
#include "base/assert.h"
#include "differential.h"
#include "fuzz_input.h"
#include "http/h1/body_decoder.h"

namespace httpteleport::fuzz {
namespace {

using http::h1::BodyDecoder;

struct Outcome {
  bool done = false;
  size_t size = 0;
  std::string body;
};

Outcome decode(std::string_view wire) {
  BodyDecoder decoder(Source::kDownstream, {});
  decoder.start(http::h1::BodyFraming::kChunked);
  Outcome out;
  while (!out.done) {
    const auto step = decoder.decode(wire.substr(out.size));
    if (!step) return {};
    out.body += step->body;
    out.size += step->consumed;
    out.done = step->done;
    if (step->consumed == 0) break;
  }
  return out;
}

// `wire` is a whole body that we have read. `trailers`: where they begin in what is returned.
std::string with_plain_extensions(std::string_view wire, size_t& trailers) {
  std::string text;
  uint64_t size = 1;
  while (size > 0) {
    const size_t line_end = wire.find("\r\n");
    const size_t digits = std::min(wire.find(';'), line_end);
    size = std::stoull(std::string(wire.substr(0, digits)), nullptr, 16);
    text += wire.substr(0, digits);
    if (digits < line_end) text += ";x";
    const size_t data = size > 0 ? size + 4 : 2;
    text += wire.substr(line_end, data);
    wire.remove_prefix(line_end + data);
  }
  trailers = text.size();
  return text + std::string(wire);
}

std::string normalised(std::string_view wire) {
  size_t begin = 0;
  std::string text = with_plain_extensions(wire, begin);
  http::Fields trailers;
  const Result<size_t> size = http::h1::parse_trailers(std::string_view(text).substr(begin), {},
                                                       Source::kDownstream, trailers);
  HT_ASSERT(size && *size == text.size() - begin);
  for (const http::Field& field : trailers) {
    if (field.dropped) *place_of(field.name, text) = 'X';
  }
  return text;
}

void compare(const char* parser, const ReferenceBody& theirs, const Outcome& ours,
             std::string_view text) {
  if (!theirs.error.empty()) differ(parser, "it refuses: " + theirs.error, text);
  if (theirs.body != ours.body) differ(parser, "another body", text);
}

void run(Input input) {
  input.choice();
  input.place();
  const std::string_view wire = input.rest();
  const Outcome ours = decode(wire);
  if (!ours.done) return;
  const std::string text = normalised(wire.substr(0, ours.size));
  compare("llhttp", llhttp_chunked(text), ours, text);
  compare("Beast", beast_chunked(text), ours, text);
}

}  // namespace
}  // namespace httpteleport::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  httpteleport::fuzz::run({data, size});
  return 0;
}
