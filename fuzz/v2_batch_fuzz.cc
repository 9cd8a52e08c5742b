// Whatever the other end of a v2 link sends: no crash, frames that are well formed and of bounded
// size, the same ones wherever the network cuts the batches, and no more memory than a link may
// take.
//
// The input: a byte that chooses the tables, whether the network cuts at all, and how to read the
// rest: as the wire itself, or as batches for the zstd encoder, each a byte of options, the lengths
// of the main part and of what is beside it, and both. Checksums are always right if they are 0
// (crc32c() is replaced when this is linked), else hardly any input would get through.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#include <sanitizer/allocator_interface.h>
#define HT_KNOWS_ALLOCATED_BYTES
#endif
#endif

#include "base/assert.h"
#include "fuzz_input.h"
#include "teleport/v2/test_frames.h"

extern "C" uint32_t
__wrap__ZN12httpteleport8compress6crc32cESt17basic_string_viewIcSt11char_traitsIcEE(
    std::string_view /*bytes*/) {
  return 0;
}

namespace httpteleport::fuzz {
namespace {

using namespace teleport::v2;

constexpr int kLargeMainsMax = 3;
constexpr size_t kBytesOfLinkMax = 24 * 1024 * 1024;

size_t allocated_bytes() {
#ifdef HT_KNOWS_ALLOCATED_BYTES
  return __sanitizer_get_current_allocated_bytes();
#else
  return 0;
#endif
}

// Batches from the choices of the input.
std::string forged_wire(Input& input, const TableSizes& sizes) {
  ZstdEncoder zstd(1, sizes);
  std::string wire;
  int large = 0;
  while (!input.rest().empty()) {
    const uint8_t options = input.choice();
    const size_t main_bytes = input.choice();
    const size_t beside_bytes = input.choice() % 64;
    std::string main(input.take(main_bytes));
    const std::string beside(input.take(beside_bytes));
    // A main part that is larger than inputs are.
    if ((options & 0x0f) == 1 && ++large <= kLargeMainsMax) {
      for (int i = 0; i < 12; ++i)
        main += main;
    }
    std::string piece;
    const bool begins = zstd.encode(main, piece);
    Batch batch{.flags = static_cast<uint8_t>(begins ? kCompressed | kNewFrame : kCompressed),
                .main = piece,
                .beside = beside};
    if ((options & 0xf0) == 0x10) batch = {.main = main, .beside = beside};
    if ((options & 0xf0) == 0x20) zstd.set_level(-1);
    wire += put_together(batch);
  }
  return wire;
}

// Frames one after the other, and whether the link has ended.
struct Outcome {
  std::string frames;
  bool broken = false;
};

void check_frames(std::string_view frames, bool compressed) {
  HT_ASSERT(frames.size() <= kBatchBytesMax);
  ByteReader reader(frames);
  while (const auto frame = read_frame(reader))
    HT_ASSERT(frame->stream <= kStreamMax);
  // Without compression nobody has looked at them yet.
  if (compressed) HT_ASSERT(!reader.failed());
}

Outcome decode(const TableSizes& sizes, const std::vector<std::string_view>& pieces) {
  const size_t before = allocated_bytes();
  BatchDecoder decoder(sizes, Source::kUpstream);
  Outcome outcome;
  std::string left;
  for (const std::string_view piece : pieces) {
    left += piece;
    while (!left.empty()) {
      const ExactBytes exact(left);
      const auto step = decoder.decode(exact.view());
      HT_ASSERT(allocated_bytes() <= before + kBytesOfLinkMax + 4 * left.size());
      if (!step) {
        outcome.broken = true;
        return outcome;
      }
      if (step->consumed == 0) break;
      check_frames(step->frames, (left.front() & kCompressed) != 0);
      outcome.frames += step->frames;
      left.erase(0, step->consumed);
      if (outcome.frames.size() > 4 * kBatchBytesMax) return outcome;
    }
  }
  return outcome;
}

void check(Input input) {
  const uint8_t choice = input.choice();
  const TableSizes& sizes = (choice & 7) == 0 ? kSmallTables : kTinyTables;
  size_t place = input.place();
  const std::string wire =
      (choice & 0x80) == 0 ? forged_wire(input, sizes) : std::string(input.rest());
  const std::string_view bytes = wire;
  const Outcome whole = decode(sizes, {bytes});
  if ((choice & 0x40) != 0) return;
  place %= bytes.size() + 1;
  const Outcome cut = decode(sizes, {bytes.substr(0, place), bytes.substr(place)});
  HT_ASSERT(cut.frames == whole.frames);
  HT_ASSERT(cut.broken == whole.broken);
}

}  // namespace
}  // namespace httpteleport::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  httpteleport::fuzz::check({data, size});
  return 0;
}
