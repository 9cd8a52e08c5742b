#include "compress/snappy_framing.h"

#include <gtest/gtest.h>
#include <snappy.h>

#include <algorithm>

#include "compress/test_streams.h"

namespace httpteleport::compress {
namespace {

constexpr size_t kPlainBytesMax = 64 * 1024;
const std::string kIdentifier("\xff\x06\x00\x00sNaPpY", 10);

// CRC-32C bit by bit, and its mask as the format's description words it: on purpose not the code
// under test.
uint32_t masked_checksum(std::string_view bytes) {
  uint32_t crc = ~uint32_t{0};
  for (const char byte : bytes) {
    crc ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) {
      const bool carry = (crc & 1) != 0;
      crc >>= 1;
      if (carry) crc ^= 0x82f63b78U;
    }
  }
  crc = ~crc;
  const uint64_t rotated = (uint64_t{crc} << 32 | crc) >> 15;
  return static_cast<uint32_t>(rotated) + 0xa282ead8U;
}

std::string little_endian(size_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i)
    text.push_back(static_cast<char>(value >> (8 * i)));
  return text;
}

size_t number_at(std::string_view bytes, size_t begin, size_t count) {
  size_t value = 0;
  for (size_t i = count; i > 0; --i) {
    value = value << 8 | static_cast<unsigned char>(bytes[begin + i - 1]);
  }
  return value;
}

std::string chunk(uint8_t type, std::string_view data) {
  return static_cast<char>(type) + little_endian(data.size(), 3) + std::string(data);
}

std::string plain_chunk(std::string_view plain) {
  return chunk(0x01, little_endian(masked_checksum(plain), 4) + std::string(plain));
}

std::string compressed_chunk(std::string_view plain) {
  std::string body;
  snappy::Compress(plain.data(), plain.size(), &body);
  return chunk(0x00, little_endian(masked_checksum(plain), 4) + body);
}

struct Chunk {
  uint8_t type;
  std::string plain;
};

// An independent reader of whole streams.
std::vector<Chunk> walk(std::string_view wire) {
  std::vector<Chunk> chunks;
  while (!wire.empty()) {
    EXPECT_GE(wire.size(), 4U);
    const auto type = static_cast<uint8_t>(wire[0]);
    const size_t bytes = number_at(wire, 1, 3);
    EXPECT_LE(bytes, wire.size() - 4);
    if (testing::Test::HasFailure()) break;
    const std::string_view data = wire.substr(4, bytes);
    wire.remove_prefix(4 + bytes);
    if (type == 0xff) {
      EXPECT_EQ(data, "sNaPpY");
      chunks.push_back({type, {}});
      continue;
    }
    EXPECT_LE(type, 0x01);
    std::string plain(data.substr(4));
    if (type == 0x00) {
      EXPECT_TRUE(snappy::Uncompress(data.data() + 4, bytes - 4, &plain));
    }
    EXPECT_LE(plain.size(), kPlainBytesMax);
    EXPECT_EQ(number_at(data, 0, 4), masked_checksum(plain));
    chunks.push_back({type, plain});
  }
  return chunks;
}

TEST(SnappyEncoder, WritesChunksThatAnotherReaderUnderstands) {
  for (const bool compressible : {true, false}) {
    for (const size_t bytes :
         {1U, 7U, 100U, 13'000U, 14'500U, 65'535U, 65'536U, 65'537U, 300'000U}) {
      const std::string plain = compressible ? text_of(bytes) : noise_of(bytes);
      const auto encoder = make_snappy_encoder();
      const std::vector<Chunk> chunks = walk(encoded(*encoder, plain));
      ASSERT_EQ(chunks.size(), 1 + (bytes + kPlainBytesMax - 1) / kPlainBytesMax);
      EXPECT_EQ(chunks[0].type, 0xff);
      std::string back;
      for (const Chunk& one : chunks)
        back += one.plain;
      EXPECT_TRUE(back == plain) << bytes;
      for (size_t i = 1; i < chunks.size(); ++i) {
        const bool shrinks = compressible && chunks[i].plain.size() >= 10'000;
        EXPECT_EQ(chunks[i].type, shrinks ? 0x00 : 0x01) << bytes << ' ' << i;
      }
    }
  }
}

TEST(SnappyEncoder, SendsTheIdentifierOnceBeforeTheFirstChunk) {
  const auto encoder = make_snappy_encoder();
  BlockPool pool;
  BufferChain wire(pool);
  encoder->encode("abc", wire);
  EXPECT_TRUE(wire.empty());
  encoder->flush(wire);
  EXPECT_EQ(take_all(wire), kIdentifier + plain_chunk("abc"));
  encoder->encode("d", wire);
  encoder->encode("ef", wire);
  encoder->flush(wire);
  EXPECT_EQ(take_all(wire), plain_chunk("def"));
}

TEST(SnappyEncoder, AFullBufferLeavesWithoutAFlush) {
  for (const size_t piece_bytes : {size_t{1}, size_t{1000}, kPlainBytesMax, 3 * kPlainBytesMax}) {
    const auto encoder = make_snappy_encoder();
    const std::string plain = text_of(3 * kPlainBytesMax);
    BlockPool pool;
    BufferChain wire(pool);
    for (size_t done = 0; done < plain.size(); done += piece_bytes) {
      encoder->encode(std::string_view(plain).substr(done, piece_bytes), wire);
    }
    EXPECT_EQ(walk(wire.to_string()).size(), 4U) << piece_bytes;
    const size_t bytes = wire.size();
    encoder->flush(wire);
    EXPECT_EQ(wire.size(), bytes);
  }
}

TEST(SnappyEncoder, SendsPlainWhatShrinksByLessThanAnEighth) {
  // Noise with a run at its end: the longer the run, the better it compresses.
  size_t plain_chunks = 0;
  size_t compressed_chunks = 0;
  for (size_t run_bytes = 0; run_bytes < 600; run_bytes += 20) {
    const std::string plain = noise_of(2000) + std::string(run_bytes, 'r');
    const auto encoder = make_snappy_encoder();
    const std::string wire = encoded(*encoder, plain);
    const std::vector<Chunk> chunks = walk(wire);
    ASSERT_EQ(chunks.size(), 2U);
    std::string body;
    snappy::Compress(plain.data(), plain.size(), &body);
    const bool pays = body.size() < plain.size() - plain.size() / 8;
    EXPECT_EQ(chunks[1].type, pays ? 0x00 : 0x01) << run_bytes;
    ++(pays ? compressed_chunks : plain_chunks);
  }
  EXPECT_GT(plain_chunks, 0U);
  EXPECT_GT(compressed_chunks, 0U);
}

struct Stream {
  const char* name;
  std::string wire;
  std::string outcome;  // the plain bytes, or the detail of the error
};

std::vector<Stream> good_streams() {
  const std::string text = text_of(400);
  const std::string start = kIdentifier;
  return {
      {"identifier alone", start, ""},
      {"plain chunk", start + plain_chunk("abc"), "abc"},
      {"compressed chunk", start + compressed_chunk(text), text},
      {"compressed chunk that did not shrink", start + compressed_chunk("xyz"), "xyz"},
      {"empty plain chunk", start + plain_chunk("") + plain_chunk("a"), "a"},
      {"empty compressed chunk", start + compressed_chunk("") + plain_chunk("a"), "a"},
      {"repeated identifiers", start + start + plain_chunk("ab") + start + plain_chunk("c"), "abc"},
      {"padding", start + chunk(0xfe, "") + plain_chunk("a") + chunk(0xfe, std::string(300, '\0')),
       "a"},
      {"skippable chunks",
       start + chunk(0x80, "x") + plain_chunk("a") + chunk(0xfd, text) + plain_chunk("b"), "ab"},
      {"incomplete header", start + plain_chunk("abc") + std::string("\0\x05", 2), "abc"},
      {"incomplete chunk", start + plain_chunk("abc") + plain_chunk(text).substr(0, 100), "abc"},
  };
}

std::vector<Stream> bad_streams() {
  const std::string start = kIdentifier;
  const std::string checksum = little_endian(masked_checksum("abc"), 4);
  std::string block;
  snappy::Compress("abc", 3, &block);
  std::string wrong_plain = plain_chunk("abc");
  wrong_plain.back() = 'd';
  std::string wrong_checksum = compressed_chunk("abc");
  wrong_checksum[5] = static_cast<char>(wrong_checksum[5] ^ 1);
  // Length prefixes (varints) that do not tell what follows: 4 instead of 3, 2 instead of 3.
  const std::string says_four = "\x04" + block.substr(1);
  const std::string says_two = "\x02" + block.substr(1);
  const std::string says_65537 = std::string("\x81\x80\x04", 3) + block.substr(1);
  const size_t compressed_max = 4 + snappy::MaxCompressedLength(kPlainBytesMax);
  const auto header = [](uint8_t type, size_t bytes) {
    return static_cast<char>(type) + little_endian(bytes, 3);
  };
  return {
      {"no identifier, data", plain_chunk("abc"), "snappy: no stream identifier at the start"},
      {"no identifier, padding", chunk(0xfe, "") + start,
       "snappy: no stream identifier at the start"},
      {"identifier too short", chunk(0xff, "sNaPp"), "snappy: stream identifier of wrong length"},
      {"identifier too long", chunk(0xff, "sNaPpYs"), "snappy: stream identifier of wrong length"},
      {"identifier misspelt", chunk(0xff, "sNaPpy"), "snappy: wrong stream identifier"},
      {"repeated identifier misspelt", start + chunk(0xff, "SNaPpY"),
       "snappy: wrong stream identifier"},
      {"first reserved chunk", start + chunk(0x02, "a"),
       "snappy: reserved chunk that must be understood"},
      {"last reserved chunk", start + chunk(0x7f, ""),
       "snappy: reserved chunk that must be understood"},
      {"compressed chunk over the limit", start + header(0x00, compressed_max + 1),
       "snappy: chunk too large"},
      {"plain chunk over the limit", start + header(0x01, 4 + kPlainBytesMax + 1),
       "snappy: chunk too large"},
      {"compressed chunk without checksum", start + chunk(0x00, "abc"),
       "snappy: chunk too short for its checksum"},
      {"plain chunk without checksum", start + chunk(0x01, ""),
       "snappy: chunk too short for its checksum"},
      {"wrong byte in a plain chunk", start + wrong_plain, "snappy: wrong checksum"},
      {"wrong checksum of a compressed chunk", start + wrong_checksum, "snappy: wrong checksum"},
      {"checksum not masked", start + chunk(0x01, std::string(4, '\0')), "snappy: wrong checksum"},
      {"block without a length", start + chunk(0x00, checksum), "snappy: block without a length"},
      {"block shorter than its length", start + chunk(0x00, checksum + says_four),
       "snappy: corrupt block"},
      {"block longer than its length", start + chunk(0x00, checksum + says_two),
       "snappy: corrupt block"},
      {"block of 64 KiB and a byte", start + chunk(0x00, checksum + says_65537),
       "snappy: block decodes to more than 64 KiB"},
  };
}

TEST(SnappyDecoder, ReadsAllThatTheFormatAllows) {
  for (const Stream& stream : good_streams()) {
    SCOPED_TRACE(stream.name);
    const Outcome outcome = decode_every_way(Method::kSnappy, stream.wire);
    EXPECT_FALSE(outcome.failed) << outcome.detail;
    EXPECT_EQ(outcome.plain, stream.outcome);
  }
}

TEST(SnappyDecoder, RefusesAllThatTheFormatForbids) {
  for (const Stream& stream : bad_streams()) {
    SCOPED_TRACE(stream.name);
    const Outcome outcome = decode_every_way(Method::kSnappy, stream.wire);
    EXPECT_TRUE(outcome.failed);
    EXPECT_EQ(outcome.detail, stream.outcome);
  }
}

TEST(SnappyDecoder, RefusesFaultsAfterGoodChunks) {
  const std::string good = kIdentifier + plain_chunk("good") + compressed_chunk(text_of(100));
  for (const Stream& stream : bad_streams()) {
    if (stream.outcome == "snappy: no stream identifier at the start") continue;
    SCOPED_TRACE(stream.name);
    const Outcome outcome = decode_every_way(Method::kSnappy, good + stream.wire);
    EXPECT_TRUE(outcome.failed);
    EXPECT_EQ(outcome.detail, stream.outcome);
  }
}

TEST(SnappyDecoder, ReadsChunksOfTheLargestSize) {
  const std::string noise = noise_of(kPlainBytesMax);
  const std::string text = text_of(kPlainBytesMax);
  const std::string plain = std::string(noise).append(noise).append(text).append(text);
  const std::string wire = kIdentifier + plain_chunk(noise) + compressed_chunk(noise) +
                           compressed_chunk(text) + plain_chunk(text);
  for (const size_t piece_bytes : {size_t{1}, size_t{64}, size_t{5000}, wire.size()}) {
    for (const size_t span_bytes : {size_t{777}, kPlainBytesMax, 5 * kPlainBytesMax}) {
      const Outcome outcome = decode_in_pieces(Method::kSnappy, wire, piece_bytes, span_bytes);
      ASSERT_FALSE(outcome.failed) << outcome.detail;
      EXPECT_TRUE(outcome.plain == plain) << piece_bytes << ' ' << span_bytes;
    }
  }
}

TEST(SnappyDecoder, GivesNothingOutBeforeTheChecksumIsSeenRight) {
  const std::string plain = text_of(1000);
  const std::string wire = kIdentifier + plain_chunk(plain);
  Feeder feeder(Method::kSnappy);
  feeder.feed(std::string_view(wire).substr(0, wire.size() - 1));
  EXPECT_EQ(feeder.outcome.plain, "");
  feeder.feed(std::string_view(wire).substr(wire.size() - 1));
  EXPECT_EQ(feeder.outcome.plain, plain);
}

TEST(SnappyDecoder, SkipsTheLargestChunkWithoutKeepingIt) {
  const std::string wire = kIdentifier + chunk(0x99, std::string((1 << 24) - 1, 'x'));
  const Outcome outcome = decode_in_pieces(Method::kSnappy, wire + plain_chunk("abc"), 100'000);
  EXPECT_FALSE(outcome.failed);
  EXPECT_EQ(outcome.plain, "abc");
}

}  // namespace
}  // namespace httpteleport::compress
