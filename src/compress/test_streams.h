// What the tests of this folder share: input to compress, and ways to feed a decoder.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "compress/stream.h"

namespace httpteleport::compress {

// Compressible: words of a small vocabulary.
inline std::string text_of(size_t bytes) {
  std::mt19937 random(1);
  std::vector<std::string> words(200);
  for (std::string& word : words) {
    for (uint32_t letters = 4 + random() % 8; letters > 0; --letters) {
      word.push_back(static_cast<char>('a' + random() % 26));
    }
    word.push_back(' ');
  }
  std::string text;
  while (text.size() < bytes)
    text += words[random() % words.size()];
  text.resize(bytes);
  return text;
}

// Incompressible.
inline std::string noise_of(size_t bytes) {
  std::mt19937 random(2);
  std::string noise(bytes, '\0');
  for (char& byte : noise)
    byte = static_cast<char>(random());
  return noise;
}

inline std::string file_content(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.is_open()) << path;
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

inline std::string take_all(BufferChain& chain) {
  std::string all = chain.to_string();
  chain.clear();
  return all;
}

// Encodes and flushes once.
inline std::string encoded(Encoder& encoder, std::string_view plain) {
  BlockPool pool;
  BufferChain wire(pool);
  encoder.encode(plain, wire);
  encoder.flush(wire);
  return wire.to_string();
}

struct Outcome {
  std::string plain;
  bool failed = false;
  std::string detail;  // of the error
};

// Drives a decoder as its contract says, with output spans of one size, and gathers what comes out.
class Feeder {
 public:
  explicit Feeder(Method method, size_t span_bytes = 16 * 1024)
      : decoder_(make_decoder(method, Source::kUpstream)), room_(span_bytes + 1, kCanary) {}

  // Checks that every byte is taken and that nothing is written behind the span.
  void feed(std::string_view wire) {
    const std::span<char> span(room_.data(), room_.size() - 1);
    while (!outcome.failed) {
      const auto step = decoder_->decode(wire, span);
      ASSERT_EQ(room_.back(), kCanary);
      if (!step) {
        EXPECT_EQ(step.error().code, Code::kMalformed);
        EXPECT_EQ(step.error().source, Source::kUpstream);
        outcome.failed = true;
        outcome.detail = step.error().detail;
        return;
      }
      ASSERT_LE(step->consumed, wire.size());
      ASSERT_LE(step->produced, span.size());
      outcome.plain.append(span.data(), step->produced);
      wire.remove_prefix(step->consumed);
      if (step->consumed == 0 && step->produced == 0) break;
    }
    EXPECT_TRUE(wire.empty());
  }

  Outcome outcome;

 private:
  static constexpr char kCanary = 0x5a;

  std::unique_ptr<Decoder> decoder_;
  std::vector<char> room_;  // the span and the canary
};

inline Outcome decode_in_pieces(Method method, std::string_view wire, size_t piece_bytes,
                                size_t span_bytes = 16 * 1024) {
  Feeder feeder(method, span_bytes);
  while (!wire.empty() && !feeder.outcome.failed) {
    feeder.feed(wire.substr(0, piece_bytes));
    wire.remove_prefix(std::min(piece_bytes, wire.size()));
  }
  return feeder.outcome;
}

inline Outcome decode_cut_at(Method method, std::string_view wire, size_t cut) {
  Feeder feeder(method);
  feeder.feed(wire.substr(0, cut));
  if (!feeder.outcome.failed) feeder.feed(wire.substr(cut));
  return feeder.outcome;
}

// Feeds `wire` whole, cut at every position, and in pieces of 1 to 64 bytes, and expects one
// outcome of all. Returns that. What precedes a fault need not be given out, so it is not compared.
inline Outcome decode_every_way(Method method, std::string_view wire) {
  const Outcome whole = decode_in_pieces(method, wire, wire.size());
  const auto expect_same = [&whole](const Outcome& other) {
    EXPECT_EQ(other.failed, whole.failed);
    EXPECT_EQ(other.detail, whole.detail);
    EXPECT_TRUE(whole.failed || other.plain == whole.plain);
  };
  for (size_t cut = 0; cut <= wire.size(); ++cut) {
    SCOPED_TRACE("cut at " + std::to_string(cut));
    expect_same(decode_cut_at(method, wire, cut));
    if (testing::Test::HasFailure()) return whole;
  }
  for (size_t piece_bytes = 1; piece_bytes <= 64; ++piece_bytes) {
    SCOPED_TRACE("pieces of " + std::to_string(piece_bytes));
    expect_same(decode_in_pieces(method, wire, piece_bytes));
    expect_same(decode_in_pieces(method, wire, piece_bytes, 1 + piece_bytes % 7));
    if (testing::Test::HasFailure()) return whole;
  }
  return whole;
}

}  // namespace httpteleport::compress
