// What the tests of this folder share: frames in short words, both ends of a direction, and traffic
// of every kind made from a seed.
#pragma once

#include <algorithm>
#include <array>
#include <initializer_list>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/buffer.h"
#include "teleport/v2/batch_decoder.h"
#include "teleport/v2/batch_encoder.h"
#include "teleport/v2/frame.h"

namespace httpteleport::teleport::v2 {

// Every table is full after a few messages.
inline constexpr TableSizes kTinyTables{.window_log = 10,
                                        .lines = 16,
                                        .line_bytes = 2048,
                                        .ids = 8,
                                        .secret_blocks = 4,
                                        .body_bytes = 4096};

inline std::string frame_of(FrameType type, uint32_t stream, std::string_view payload) {
  std::string frame;
  append_frame(frame, type, stream, payload);
  return frame;
}

inline std::string head_of(std::initializer_list<std::string_view> lines) {
  std::string head;
  for (const std::string_view line : lines)
    head.append(line).append("\r\n");
  return head + "\r\n";
}

// The two ends of one direction of a link.
class Direction {
 public:
  explicit Direction(const EncoderOptions& options = {.sizes = kSmallTables})
      : encoder(options), decoder(options.sizes, Source::kUpstream) {}

  std::string encode(std::string_view frames) {
    BufferChain batch(pool_);
    encoder.encode(frames, batch);
    return batch.to_string();
  }
  // What is left of frames at the other end; nothing if they have not come through as one batch.
  std::optional<std::string> pass(std::string_view frames) {
    wire = encode(frames);
    const auto step = decoder.decode(wire);
    if (!step || step->consumed != wire.size()) return {};
    return std::string(step->frames);
  }

  BatchEncoder encoder;
  BatchDecoder decoder;
  std::string wire;  // of the last batch that was passed

 private:
  BlockPool pool_;
};

// The parts of a batch.
struct Batch {
  uint8_t flags = 0;
  std::string_view main = {};
  std::string_view beside = {};
  uint32_t checksum = 0;
};

inline Batch take_apart(std::string_view wire) {
  Batch batch;
  ByteReader reader(wire);
  batch.flags = reader.byte();
  const uint64_t main_bytes = reader.varint();
  const uint64_t beside_bytes = reader.varint();
  for (int i = 0; i < 4; ++i)
    batch.checksum |= uint32_t{reader.byte()} << (8 * i);
  batch.main = reader.bytes(main_bytes);
  batch.beside = reader.bytes(beside_bytes);
  return batch;
}

inline std::string put_together(const Batch& batch) {
  std::string wire(1, static_cast<char>(batch.flags));
  append_varint(wire, batch.main.size());
  append_varint(wire, batch.beside.size());
  for (int i = 0; i < 4; ++i)
    wire.push_back(static_cast<char>(batch.checksum >> (8 * i)));
  return wire.append(batch.main).append(batch.beside);
}

// Reads the main parts of batches in a row, as the decoder does.
class MainReader {
 public:
  explicit MainReader(const TableSizes& sizes = kSmallTables) : zstd_(sizes) {}

  // Nothing: it cannot be decompressed.
  std::optional<std::string> read(std::string_view wire) {
    const Batch batch = take_apart(wire);
    const auto main = zstd_.decode(batch.main, (batch.flags & kNewFrame) != 0, Source::kUpstream);
    if (!main) return {};
    return std::string(*main);
  }

 private:
  ZstdDecoder zstd_;
};

// Traffic that uses every coding, and comes back to what it has sent before.
class RandomTraffic {
 public:
  explicit RandomTraffic(uint32_t seed) : random_(seed) {}

  // The frames of one batch.
  std::string batch() {
    std::string frames;
    for (size_t i = number(1, 12); i > 0; --i)
      add_frames(frames);
    return frames;
  }

  size_t number(size_t min, size_t max) {
    return std::uniform_int_distribution<size_t>(min, max)(random_);
  }
  bool chance(size_t percent) { return number(1, 100) <= percent; }
  std::string hex(size_t digits) { return text_of("0123456789abcdef", digits); }
  std::string text_of(std::string_view letters, size_t length) {
    std::string text;
    while (text.size() < length)
      text.push_back(letters[number(0, letters.size() - 1)]);
    return text;
  }
  std::string noise(size_t bytes) {
    std::string text;
    while (text.size() < bytes)
      text.push_back(static_cast<char>(random_()));
    return text;
  }

 private:
  static constexpr std::string_view kTokenLetters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

  std::string uuid() {
    const std::string digits = hex(32);
    return digits.substr(0, 8) + "-" + digits.substr(8, 4) + "-" + digits.substr(12, 4) + "-" +
           digits.substr(16, 4) + "-" + digits.substr(20);
  }

  // One of the last few of `pool`, or a new one that `make` makes.
  template <class Make>
  std::string again(std::vector<std::string>& pool, Make&& make) {
    if (!pool.empty() && chance(60)) return pool[number(0, pool.size() - 1)];
    pool.push_back(make());
    if (pool.size() > 24) pool.erase(pool.begin());
    return pool.back();
  }

  std::string id() {
    return again(ids_, [this]() -> std::string {
      constexpr std::array<size_t, 8> kSizes = {15, 16, 17, 32, 63, 64, 65, 129};
      if (chance(50)) return uuid();
      std::string digits = hex(kSizes[number(0, kSizes.size() - 1)]);
      if (chance(10)) std::ranges::transform(digits, digits.begin(), ::toupper);
      return digits;
    });
  }

  std::string token() {
    return again(tokens_, [this] {
      std::string value;
      for (size_t i = number(1, 4); i > 0; --i)
        value += text_of(kTokenLetters, number(0, 70)) + (chance(50) ? "=" : "; ");
      return value;
    });
  }

  std::string line() {
    switch (number(0, 9)) {
      case 0:
        return "traceparent: 00-" + id() + "-" + id() + "-01";
      case 1:
        return "X-Request-Id: " + id();
      case 2:
        return (chance(50) ? "Cookie: " : "set-cookie:") + token();
      case 3:
        return "Authorization: Bearer " + token();
      case 4:
        return std::string(1, static_cast<char>(number(11, 255))) + text_of("abc \r:", 9);
      case 5:
        return "x-n: " + std::to_string(number(0, 50));
      case 6:
        return text_of("ab", number(1, 5));
      case 7:
        return chance(5) ? "x-long: " + text_of("abcdef ", number(4000, 5000)) : "x-short: 1";
      case 8:
        return "content-length: " + std::to_string(number(0, 99));
      default:
        return "accept: */*";
    }
  }

  std::string head(std::optional<size_t> body_bytes) {
    if (chance(2)) return noise(number(0, 99));
    std::string text = chance(50) ? "GET /" + id() + " HTTP/1.1\r\n" : "HTTP/1.1 200 OK\r\n";
    if (chance(2)) text += "x: \x02 bare\nlines\r\n";
    for (size_t i = number(0, 6); i > 0; --i)
      text += again(lines_, [this] { return line(); }) + "\r\n";
    if (body_bytes) text += "Content-Length: " + std::to_string(*body_bytes) + "\r\n";
    return text + "\r\n";
  }

  std::string body() {
    return again(bodies_, [this]() -> std::string {
      switch (number(0, 5)) {
        case 0:
          return "";
        case 1:
          return noise(number(0, 400));
        case 2:
          return text_of("ab\x01", number(1, 300));
        case 3:
          return text_of("lorem ipsum ", number(0, chance(5) ? 20'000 : 500));
        default:
          return R"({"id":")" + id() + R"(","of":")" + id() + R"("})";
      }
    });
  }

  uint32_t stream() {
    if (chance(3)) return static_cast<uint32_t>(number(0, kStreamMax));
    if (chance(2)) return chance(50) ? kStreamMax : 1;
    next_ = next_ > 1'000'000 ? 1 : next_ + static_cast<uint32_t>(number(0, 2));
    return next_;
  }

  void add_frames(std::string& frames) {
    const uint32_t stream = this->stream();
    switch (number(0, 9)) {
      case 0:
        return append_frame(frames, FrameType::kHeadEnd, stream, head({}));
      case 1:
        return append_frame(frames, FrameType::kTrailers, stream, head({}));
      case 2:
        return append_frame(frames, static_cast<FrameType>(number(6, kFrameTypeMax)), stream,
                            noise(number(0, 40)));
      case 3:
      case 4:
        return append_frame(frames, chance(50) ? FrameType::kData : FrameType::kDataEnd, stream,
                            body());
      default: {
        const std::string bytes = body();
        append_frame(frames, FrameType::kHead, stream, head(bytes.size()));
        if (chance(10)) append_frame(frames, FrameType::kPing, 0, "12345678");
        append_frame(frames, FrameType::kDataEnd, chance(95) ? stream : stream / 2, bytes);
      }
    }
  }

  std::mt19937 random_;
  std::vector<std::string> ids_;
  std::vector<std::string> tokens_;
  std::vector<std::string> lines_;
  std::vector<std::string> bodies_;
  uint32_t next_ = 1;
};

}  // namespace httpteleport::teleport::v2
