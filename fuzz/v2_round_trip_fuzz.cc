// Whatever frames one end of a v2 link has to send, the other end gets the same. And with one byte
// of the wire changed it gets some of them, in order, or none, but never others.
//
// The input: a byte that chooses tables and compression, two for the byte to change and one for
// how; then steps, a byte each, with what follows:
//   0..127    a frame: type and stream by that byte and the next, then length and payload
//   128..159  the frame so many before, again, on the next stream
//   160..167  another level from now on
//   168..175  data of 90,000 bytes, of which the level has to wait for three
//   176..     the batch ends
#include <string>
#include <string_view>
#include <vector>

#include "base/assert.h"
#include "fuzz_input.h"
#include "teleport/v2/test_frames.h"

// Inputs do the same each time.
extern "C" uint64_t __wrap__ZN12httpteleport8teleport2v211random_seedEv() {
  return 1;
}

namespace httpteleport::fuzz {
namespace {

using namespace teleport::v2;

constexpr int kLargeDataMax = 8;

// Makes batches from the steps of an input, and their wires.
class Sender {
 public:
  explicit Sender(const EncoderOptions& options)
      : direction_(options), zstd_(options.method == EncoderOptions::Method::kZstd) {}

  void run(Input input) {
    while (!input.rest().empty())
      step(input);
    end_batch();
  }

  std::vector<std::string> batches;
  std::vector<std::string> wires;

 private:
  void step(Input& input) {
    const uint8_t choice = input.choice();
    if (choice < 128) {
      frame(choice, input);
    } else if (choice < 160) {
      again(choice - 128u);
    } else if (choice < 168) {
      if (zstd_) direction_.encoder.set_level(choice % 2 == 0 ? -1 : choice - 160);
    } else if (choice < 176) {
      if (++large_ <= kLargeDataMax)
        add(FrameType::kData, std::string(90'000, static_cast<char>(choice)));
    } else {
      end_batch();
    }
  }

  void frame(uint8_t choice, Input& input) {
    const auto type = static_cast<FrameType>(choice % kFrameTypeMax + 1);
    const uint8_t stream = input.choice();
    stream_ = stream < 128 ? stream_ + stream % 3 : (kStreamMax >> (stream % 32));
    size_t length = input.choice();
    if (length > 200) length = (length - 200) * 16 + input.choice();
    add(type, std::string(input.take(length)));
  }

  void again(size_t distance) {
    if (distance >= sent_.size()) return;
    const auto [type, payload] = sent_[sent_.size() - 1 - distance];
    stream_ = (stream_ + 1) % kStreamMax;
    add(type, payload);
  }

  void add(FrameType type, const std::string& payload) {
    if (frames_.size() + payload.size() > kBatchBytesGoal) end_batch();
    if (stream_ > kStreamMax) stream_ = 1;
    append_frame(frames_, type, stream_, payload);
    sent_.emplace_back(type, payload);
  }

  void end_batch() {
    batches.push_back(std::exchange(frames_, {}));
    wires.push_back(direction_.encode(batches.back()));
  }

  Direction direction_;
  const bool zstd_;
  std::string frames_;
  std::vector<std::pair<FrameType, std::string>> sent_;
  uint32_t stream_ = 1;
  int large_ = 0;
};

// How many of `batches` come out of `wire`; no other frames may.
size_t count_same(const TableSizes& sizes, std::string_view wire,
                  const std::vector<std::string>& batches) {
  BatchDecoder decoder(sizes, Source::kUpstream);
  size_t count = 0;
  while (!wire.empty()) {
    const ExactBytes exact(wire);
    const auto step = decoder.decode(exact.view());
    if (!step || step->consumed == 0) break;
    HT_ASSERT(count < batches.size() && step->frames == batches[count]);
    ++count;
    wire.remove_prefix(step->consumed);
  }
  return count;
}

void check(Input input) {
  const uint8_t choice = input.choice();
  const EncoderOptions options{.method = (choice & 0x30) == 0 ? EncoderOptions::Method::kNone
                                                              : EncoderOptions::Method::kZstd,
                               .sizes = (choice & 7) == 0 ? kSmallTables : kTinyTables};
  size_t at = input.place();
  const uint8_t change = input.choice();
  Sender sender(options);
  sender.run(input);
  std::string wire;
  for (const std::string& batch : sender.wires)
    wire += batch;
  HT_ASSERT(count_same(options.sizes, wire, sender.batches) == sender.batches.size());
  if (change == 0) return;
  at %= wire.size();
  wire[at] = static_cast<char>(wire[at] ^ change);
  count_same(options.sizes, wire, sender.batches);
}

}  // namespace
}  // namespace httpteleport::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  httpteleport::fuzz::check({data, size});
  return 0;
}
