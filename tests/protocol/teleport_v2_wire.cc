// The real encoder and decoder of link version 2 for tests/protocol/teleport_v2_test.py.
//
//   teleport_v2_wire record   writes streams that use every coding, eviction and change of level:
//                             a line "tables" with the six sizes for each stream, then for each
//                             batch a line with its wire and its frames, in hexadecimal digits
//   teleport_v2_wire decode   reads such wires of one direction, a line each, and writes their
//                             frames, or "error"
#include <cstdint>
#include <iostream>
#include <string>
#include <string_view>

#include "support/content.h"
#include "teleport/v2/test_frames.h"

namespace httpteleport::teleport::v2 {
namespace {

constexpr uint32_t kSeed = 20'260'102;

std::string hex_of(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<uint8_t>(c);
    text.push_back(kDigits[byte >> 4]);
    text.push_back(kDigits[byte & 15]);
  }
  return text.empty() ? "-" : text;
}

std::string bytes_of(std::string_view hex) {
  std::string bytes;
  for (size_t at = 0; at + 1 < hex.size(); at += 2)
    bytes.push_back(static_cast<char>(std::stoi(std::string(hex.substr(at, 2)), nullptr, 16)));
  return bytes;
}

class Recorder {
 public:
  explicit Recorder(const EncoderOptions& options) : direction_(options) {
    const TableSizes& sizes = options.sizes;
    std::cout << "tables " << sizes.window_log << ' ' << sizes.lines << ' ' << sizes.line_bytes
              << ' ' << sizes.ids << ' ' << sizes.secret_blocks << ' ' << sizes.body_bytes << '\n';
  }

  void batch(std::string_view frames) {
    std::cout << hex_of(direction_.encode(frames)) << ' ' << hex_of(frames) << '\n';
  }
  void set_level(int level) { direction_.encoder.set_level(level); }

 private:
  Direction direction_;
};

void record_traffic(const EncoderOptions& options, int batches) {
  RandomTraffic traffic(kSeed);
  Recorder recorder(options);
  for (int i = 0; i < batches; ++i)
    recorder.batch(traffic.batch());
}

void record_level_changes(const TableSizes& sizes) {
  RandomTraffic traffic(kSeed);
  Recorder recorder({.sizes = sizes});
  for (uint64_t i = 0; i < 30; ++i) {
    recorder.set_level(i % 12 < 6 ? 3 : -1);
    std::string frames = traffic.batch();
    append_frame(frames, FrameType::kData, 1, test::Content::json(60'000, i).to_string());
    recorder.batch(frames);
  }
}

void record() {
  record_traffic({.method = EncoderOptions::Method::kNone}, 20);
  record_traffic({.sizes = kNormalTables}, 300);
  record_traffic({.sizes = kTinyTables}, 600);
  record_traffic({.sizes = {.window_log = 12,
                            .lines = 7,
                            .line_bytes = 4200,
                            .ids = 3,
                            .secret_blocks = 5,
                            .body_bytes = 1999}},
                 600);
  record_traffic({.sizes = kSmallTables, .secret_fields = {}}, 100);
  record_level_changes(kTinyTables);
  record_level_changes(kSmallTables);
}

void decode() {
  BatchDecoder decoder(kNormalTables, Source::kUpstream);
  for (std::string line; std::getline(std::cin, line);) {
    const std::string wire = bytes_of(line);
    const auto step = decoder.decode(wire);
    if (!step || step->consumed != wire.size()) {
      std::cout << "error\n";
      return;
    }
    std::cout << hex_of(step->frames) << '\n';
  }
}

}  // namespace
}  // namespace httpteleport::teleport::v2

int main(int argc, char** argv) {
  const std::string_view mode = argc == 2 ? argv[1] : "";
  if (mode == "record") {
    httpteleport::teleport::v2::record();
  } else if (mode == "decode") {
    httpteleport::teleport::v2::decode();
  } else {
    std::cerr << "usage: teleport_v2_wire record|decode\n";
    return 2;
  }
  return std::cout.flush() ? 0 : 1;
}
