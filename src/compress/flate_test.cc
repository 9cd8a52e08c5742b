#include "compress/flate.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>
#include <initializer_list>

#include "compress/test_streams.h"

namespace httpteleport::compress {
namespace {

constexpr std::string_view kSyncMarker{"\x00\x00\xff\xff", 4};

// An independent reader: zlib's inflate over one raw stream that arrives in batches.
class ZlibReader {
 public:
  ZlibReader() { EXPECT_EQ(inflateInit2(&stream_, -15), Z_OK); }
  ~ZlibReader() { inflateEnd(&stream_); }
  ZlibReader(const ZlibReader&) = delete;
  ZlibReader& operator=(const ZlibReader&) = delete;

  // The plain bytes of `wire`. A final block would show as Z_STREAM_END.
  std::string read(std::string wire) {
    std::string plain;
    stream_.next_in = reinterpret_cast<Bytef*>(wire.data());
    stream_.avail_in = static_cast<uInt>(wire.size());
    char room[8192];
    do {
      stream_.next_out = reinterpret_cast<Bytef*>(room);
      stream_.avail_out = sizeof(room);
      const int status = inflate(&stream_, Z_SYNC_FLUSH);
      EXPECT_TRUE(status == Z_OK || status == Z_BUF_ERROR) << status;
      if (status != Z_OK) break;
      plain.append(room, sizeof(room) - stream_.avail_out);
    } while (stream_.avail_out == 0 || stream_.avail_in > 0);
    EXPECT_EQ(stream_.avail_in, 0U);
    return plain;
  }

 private:
  z_stream stream_{};
};

// A stream made by zlib; `flush` is used after each `batch_bytes`, Z_FINISH ends it.
std::string deflated(std::string plain, int level, size_t batch_bytes, bool finish = false) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, level, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string wire(plain.size() * 2 + 100'000, '\0');
  stream.next_out = reinterpret_cast<Bytef*>(wire.data());
  stream.avail_out = static_cast<uInt>(wire.size());
  for (size_t done = 0; done < plain.size(); done += batch_bytes) {
    stream.next_in = reinterpret_cast<Bytef*>(plain.data() + done);
    stream.avail_in = static_cast<uInt>(std::min(batch_bytes, plain.size() - done));
    EXPECT_EQ(deflate(&stream, Z_SYNC_FLUSH), Z_OK);
  }
  if (finish) {
    EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  }
  wire.resize(wire.size() - stream.avail_out);
  deflateEnd(&stream);
  return wire;
}

// Writes a stream bit by bit, as RFC 1951 section 3.1.1 packs them.
class BitWriter {
 public:
  // The low `count` bits of `value`, least significant first: everything but Huffman codes.
  BitWriter& bits(uint32_t value, int count) {
    for (int i = 0; i < count; ++i)
      put((value >> i) & 1);
    return *this;
  }
  // A Huffman code, most significant bit first.
  BitWriter& code(uint32_t value, int count) {
    for (int i = count - 1; i >= 0; --i)
      put((value >> i) & 1);
    return *this;
  }
  // Some more bytes, so that a decoder has enough to see the fault.
  std::string finish() { return bytes_ + std::string(16, '\0'); }

 private:
  void put(uint32_t bit) {
    if (used_ == 0) bytes_.push_back('\0');
    const uint32_t last = static_cast<unsigned char>(bytes_.back());
    bytes_.back() = static_cast<char>(last | (bit << used_));
    used_ = (used_ + 1) % 8;
  }

  std::string bytes_;
  int used_ = 0;  // bits of the last byte
};

class FlateEncoder : public testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Levels, FlateEncoder, testing::Range(1, 10));

TEST_P(FlateEncoder, IsReadByZlibUpToTheMarkerOfEachFlush) {
  for (const size_t batch_bytes : {1U, 3U, 100U, 5000U, 65'535U, 65'536U, 65'537U, 300'000U}) {
    for (const bool compressible : {true, false}) {
      const std::string plain =
          (compressible ? text_of(batch_bytes * 2) : noise_of(batch_bytes * 2)) + "end";
      const auto encoder = make_flate_encoder(GetParam());
      ZlibReader reader;
      for (size_t done = 0; done < plain.size(); done += batch_bytes) {
        const std::string batch = plain.substr(done, batch_bytes);
        const std::string wire = encoded(*encoder, batch);
        ASSERT_TRUE(std::string_view(wire).ends_with(kSyncMarker)) << batch_bytes;
        ASSERT_TRUE(reader.read(wire) == batch) << batch_bytes << ' ' << done;
      }
    }
  }
}

TEST_P(FlateEncoder, HistoryOutlivesAFlush) {
  const auto encoder = make_flate_encoder(GetParam());
  const std::string batch = noise_of(2000);
  EXPECT_GT(encoded(*encoder, batch).size(), 2000U);
  EXPECT_LT(encoded(*encoder, batch).size(), 200U);
}

TEST_P(FlateEncoder, IncompressibleInputGrowsLittle) {
  const auto encoder = make_flate_encoder(GetParam());
  const std::string plain = noise_of(1 << 20);
  EXPECT_LT(encoded(*encoder, plain).size(), plain.size() + plain.size() / 500);
}

TEST(FlateDecoder, ReadsStreamsOfZlib) {
  for (const int level : {0, 1, 5, 9}) {
    for (const size_t batch_bytes : {50U, 4000U, 100'000U, 400'000U}) {
      const std::string plain = text_of(200'000) + noise_of(100'000) + text_of(100'000);
      const std::string part = plain.substr(0, std::min<size_t>(plain.size(), batch_bytes * 500));
      const std::string wire = deflated(part, level, batch_bytes);
      for (const size_t piece_bytes : {size_t{11}, size_t{5000}, wire.size()}) {
        const Outcome outcome = decode_in_pieces(Method::kFlate, wire, piece_bytes);
        ASSERT_FALSE(outcome.failed) << outcome.detail;
        ASSERT_TRUE(outcome.plain == part) << level << ' ' << batch_bytes << ' ' << piece_bytes;
      }
    }
  }
}

TEST(FlateDecoder, ReadsTheStreamsOfZlibAlikeHoweverTheyAreCut) {
  const std::string plain = text_of(1500) + noise_of(300) + text_of(1500);
  for (const int level : {0, 1, 9}) {
    const Outcome outcome = decode_every_way(Method::kFlate, deflated(plain, level, 1100));
    EXPECT_TRUE(outcome.plain == plain) << level;
  }
}

TEST(FlateDecoder, AStreamThatEndsIsMalformed) {
  const std::string plain = text_of(500);
  for (const size_t batch_bytes : {100U, 500U}) {
    const Outcome outcome =
        decode_every_way(Method::kFlate, deflated(plain, 6, batch_bytes, /*finish=*/true));
    EXPECT_TRUE(outcome.failed);
    EXPECT_EQ(outcome.detail, "deflate: final block in a stream that does not end");
  }
}

TEST(FlateDecoder, AStreamThatStopsIsNoError) {
  const std::string plain = text_of(2000);
  const std::string wire = deflated(plain, 6, plain.size());
  for (size_t bytes = 0; bytes < wire.size(); ++bytes) {
    const Outcome outcome =
        decode_in_pieces(Method::kFlate, std::string_view(wire).substr(0, bytes), 100);
    ASSERT_FALSE(outcome.failed) << outcome.detail;
    ASSERT_EQ(outcome.plain, plain.substr(0, outcome.plain.size()));
  }
}

struct BadStream {
  const char* name;
  std::string wire;
};

std::vector<BadStream> bad_streams() {
  // A dynamic block's header: 257 literal, 1 distance, 19 code length codes, all of one bit.
  BitWriter oversubscribed;
  oversubscribed.bits(0, 1).bits(2, 2).bits(0, 5).bits(0, 5).bits(15, 4);
  for (int i = 0; i < 19; ++i)
    oversubscribed.bits(1, 3);
  // The same with codes 0 and 16 only; the first is 16, "repeat the previous length".
  BitWriter repeat_of_nothing;
  repeat_of_nothing.bits(0, 1).bits(2, 2).bits(0, 5).bits(0, 5).bits(0, 4);
  repeat_of_nothing.bits(1, 3).bits(0, 3).bits(0, 3).bits(1, 3).code(1, 1);
  return {
      {"reserved block type", BitWriter().bits(0, 1).bits(3, 2).finish()},
      {"stored length and its complement differ",
       BitWriter().bits(0, 1).bits(0, 2).bits(0, 5).bits(5, 16).bits(5, 16).finish()},
      {"distance 1 at the very start",
       BitWriter().bits(0, 1).bits(1, 2).code(1, 7).code(0, 5).finish()},
      {"distance 5 after four literals", BitWriter()
                                             .bits(0, 1)
                                             .bits(1, 2)
                                             .code(0x30 + 'a', 8)
                                             .code(0x30 + 'b', 8)
                                             .code(0x30 + 'c', 8)
                                             .code(0x30 + 'd', 8)
                                             .code(1, 7)
                                             .code(4, 5)
                                             .bits(0, 1)
                                             .finish()},
      {"reserved literal code 286", BitWriter().bits(0, 1).bits(1, 2).code(0xc6, 8).finish()},
      {"reserved distance code 30",
       BitWriter().bits(0, 1).bits(1, 2).code(0x91, 8).code(1, 7).code(30, 5).finish()},
      {"code length code oversubscribed", oversubscribed.finish()},
      {"repeat of no length", repeat_of_nothing.finish()},
      {"final stored block",
       BitWriter().bits(1, 1).bits(0, 2).bits(0, 5).bits(0, 16).bits(0xffff, 16).finish()},
      {"final fixed block", BitWriter().bits(1, 1).bits(1, 2).code(0, 7).finish()},
      {"final dynamic block", BitWriter().bits(1, 1).bits(2, 2).finish()},
  };
}

TEST(FlateDecoder, RefusesMalformedStreams) {
  for (const BadStream& bad : bad_streams()) {
    SCOPED_TRACE(bad.name);
    const Outcome outcome = decode_every_way(Method::kFlate, bad.wire);
    EXPECT_TRUE(outcome.failed);
    EXPECT_FALSE(outcome.detail.empty());
  }
}

TEST(FlateDecoder, RefusesStreamsThatBecomeMalformed) {
  const std::string good = deflated(text_of(300), 6, 100);
  for (const BadStream& bad : bad_streams()) {
    // There is a history then.
    if (std::string_view(bad.name).starts_with("distance")) continue;
    SCOPED_TRACE(bad.name);
    EXPECT_TRUE(decode_every_way(Method::kFlate, good + bad.wire).failed);
  }
}

TEST(FlateDecoder, DistancesReachBackThirtyTwoKibibytes) {
  // Noise repeated at exactly the window's size: zlib finds it only up to 32,506 bytes back, so the
  // stream is written by hand as stored blocks and one match of three bytes.
  const std::string noise = noise_of(32'768);
  BitWriter writer;
  writer.bits(0, 1).bits(0, 2).bits(0, 5).bits(32'768, 16).bits(0xffffU ^ 32'768U, 16);
  for (const char byte : noise)
    writer.bits(static_cast<unsigned char>(byte), 8);
  writer.bits(0, 1).bits(1, 2).code(1, 7).code(29, 5).bits(8191, 13).code(0, 7);
  writer.bits(0, 1).bits(0, 2).bits(0, 2);
  std::string wire = writer.finish();
  wire.resize(wire.size() - 16);
  wire += kSyncMarker;
  const Outcome outcome = decode_in_pieces(Method::kFlate, wire, 1000);
  ASSERT_FALSE(outcome.failed) << outcome.detail;
  EXPECT_TRUE(outcome.plain == noise + noise.substr(0, 3));
}

}  // namespace
}  // namespace httpteleport::compress
