#include "teleport/v2/batch_decoder.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "compress/crc32c.h"
#include "teleport/v2/coding.h"
#include "teleport/v2/test_frames.h"

namespace httpteleport::teleport::v2 {
namespace {

using namespace std::string_literals;

// A sender that writes what it is told, with checksums that are right.
class Forger {
 public:
  // What becomes of a batch: its frames, "wait", or the error's detail.
  std::string send(std::string_view main, std::string_view beside = "",
                   std::string_view frames = "") {
    std::string piece;
    const bool began = zstd_.encode(main, piece);
    return receive(put_together({.flags = static_cast<uint8_t>(began ? 3 : 1),
                                 .main = piece,
                                 .beside = beside,
                                 .checksum = compress::crc32c(frames)}));
  }
  std::string receive(std::string_view wire) {
    const auto step = decoder_.decode(wire);
    if (!step) return step.error().detail;
    return step->consumed == 0 ? "wait" : std::string(step->frames);
  }

 private:
  ZstdEncoder zstd_{1, kTinyTables};
  BatchDecoder decoder_{kTinyTables, Source::kUpstream};
};

const std::string kBadFrame = "a frame of the link cannot be decoded";
const std::string kLeftOver = "a batch of the link has parts that nothing refers to";
const std::string kBadSum = "the checksum of a batch of the link is wrong";

std::string received(std::string_view wire) {
  return Forger().receive(wire);
}
std::string sent(std::string_view main, std::string_view beside = "",
                 std::string_view frames = "") {
  return Forger().send(main, beside, frames);
}

// Batches that use every coding.
std::vector<std::string> recorded_batches(uint32_t seed) {
  RandomTraffic traffic(seed);
  std::vector<std::string> batches;
  for (int i = 0; i < 5; ++i)
    batches.push_back(traffic.batch());
  return batches;
}

TEST(BatchDecoder, ReadsBatchesOneByOne) {
  Direction direction;
  const std::string first = frame_of(FrameType::kPing, 0, "12345678");
  const std::string second = frame_of(FrameType::kPong, 0, "12345678");
  std::string wire = direction.encode(first);
  wire += direction.encode(second) + "\x01";
  auto step = direction.decoder.decode(wire);
  ASSERT_TRUE(step);
  EXPECT_EQ(step->frames, first);
  const std::string_view rest = std::string_view(wire).substr(step->consumed);
  step = direction.decoder.decode(rest);
  ASSERT_TRUE(step);
  EXPECT_EQ(step->frames, second);
  step = direction.decoder.decode(rest.substr(step->consumed));
  ASSERT_TRUE(step);
  EXPECT_EQ(step->consumed, 0u);
}

TEST(BatchDecoder, MixesBatchesWithAndWithoutCompression) {
  Direction packed;
  Direction plain({.method = EncoderOptions::Method::kNone});
  for (uint32_t i = 0; i < 4; ++i) {
    for (Direction* direction : {&packed, &plain}) {
      const std::string frames = frame_of(FrameType::kHeadEnd, 1 + i, head_of({"a: b"}));
      const std::string wire = direction->encode(frames);
      const auto step = packed.decoder.decode(wire);
      ASSERT_TRUE(step);
      EXPECT_EQ(step->frames, frames);
    }
  }
}

TEST(BatchDecoder, RefusesUnknownFlagsAtOnce) {
  for (int flags = 0; flags < 256; ++flags) {
    const bool known = flags == 0 || flags == 1 || flags == 3;
    EXPECT_EQ(received(std::string(1, static_cast<char>(flags))) == "wait", known) << flags;
  }
}

TEST(BatchDecoder, RefusesLengthsThatAreTooLargeAtOnce) {
  const std::string sum(4, '\0');
  EXPECT_EQ(received("\x01\x80\x80\x40\x00"s + sum), "wait");  // exactly 1 MiB
  EXPECT_EQ(received("\x01\x00\x80\x80\x40"s + sum), "wait");
  EXPECT_EQ(received("\x01\x81\x80\x40\x00"s + sum), "a batch of the link is too large");
  EXPECT_EQ(received("\x01\x00\x81\x80\x40"s + sum), "a batch of the link is too large");
  EXPECT_EQ(received("\x01\xff\xff\xff"s), "a batch of the link has no length");
  EXPECT_EQ(received("\x01\x80\x00\x00"s + sum + "123"), "a batch of the link has no length");
}

TEST(BatchDecoder, TakesAnUncompressedBatchOfAMebibyte) {
  std::string frames = frame_of(FrameType::kData, 1, std::string(kBatchBytesMax - 5, 'a'));
  ASSERT_EQ(frames.size(), kBatchBytesMax);
  EXPECT_EQ(received(put_together({.main = frames, .checksum = compress::crc32c(frames)})), frames);
}

TEST(BatchDecoder, TakesACompressedBatchOfAMebibyte) {
  const std::string data = frame_of(FrameType::kData, 1, std::string(kBatchBytesMax - 5, 'a'));
  EXPECT_EQ(sent("\x03\x02\xfb\xff\x3f"s + std::string(kBatchBytesMax - 5, 'a'), "", data), data);

  EXPECT_EQ(sent("\x03\x02\xfc\xff\x3f"s + std::string(kBatchBytesMax - 5, 'a')), kBadFrame);
}

TEST(BatchDecoder, RefusesWhatNothingRefersTo) {
  EXPECT_EQ(received(put_together({.beside = "a"})), kLeftOver);
  EXPECT_EQ(sent("", "a"), kLeftOver);
  EXPECT_EQ(sent("\x41\x02\x80\x00", ""), kBadFrame);
  EXPECT_EQ(sent("\xc1\x00\x05"s + "abcd\n\0"s),
            kLeftOver);  // a head without the body it announces
}

TEST(BatchDecoder, RefusesAWrongChecksum) {
  const std::string frames = frame_of(FrameType::kPing, 0, "");
  EXPECT_EQ(sent("\x08\0\0"s, "", frames), frames);
  EXPECT_EQ(sent("\x08\0\0"s, "", "x"), kBadSum);
  EXPECT_EQ(received(put_together({.main = frames, .checksum = 1})), kBadSum);
}

TEST(BatchDecoder, RefusesFramesThatNoSenderWrites) {
  const std::vector<std::string> mains = {
      "\0\0\0"s,                      // no type
      "\x0d\0\0"s,                    // an unknown one
      "\x1f\0\0"s,                    //
      "\x08"s,                        // cut off
      "\x08\0"s,                      //
      "\x08\0\x01"s,                  //
      "\x28\0\0"s,                    // a ping has no codings
      "\x88\0\0"s,                    //
      "\x08\x01\0"s,                  // stream -1
      "\x08\x80\x80\x80\x80\x10\0"s,  // stream 2^31
      "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\0"s,
      "\x62\0\0"s,                             // a head of an unknown coding
      "\x82\0\0"s,                             // an odd head with a body
      "\x42\0"s,                               // a head without an end
      "\x42\0abc"s,                            //
      "\x42\0\x80"s,                           // half a number
      "\x42\0\x80\0\0"s,                       // a line that has not been
      "\x42\0\xff\xff\0"s,                     //
      "\x42\0\x0e"s + "cookie: \n\0"s,         // a secret without a value
      "\x42\0\x07"s + "\x80\0"s,               //
      "\xc5\0\x01"s + "abcd\n\0\x24\0\x01z"s,  // trailers with a body
      "\xc1\0\x01"s + "abcd\n\0\x08\0\0"s,     // another frame than the body
      "\xc1\0\x01"s + "abcd\n\0\x24\0\x01z"s,  // data with a length of its own
      "\xc1\0\x01"s + "abcd\n\0\xa4\x02z"s,    // data of another stream
      "\xa4\0z"s,                              // data whose length is not known
      "\x24\0\x02z"s,                          // cut off
      "\x04\0\x02z"s,                          //
      "\x44\0\x02"s,                           // not beside
      "\x64\0\x40\x01"s,                       // a body that has not been
      "\x64\0\x40\0"s,                         //
      "\x24\0\x01\x01"s,                       // a hole that becomes too much
      "\x04\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"s,
  };
  for (size_t i = 0; i < mains.size(); ++i)
    EXPECT_EQ(sent(mains[i]), kBadFrame) << "main part " << i;
}

TEST(BatchDecoder, RefusesAKnownBodyOfAnotherLength) {
  const std::string body(64, 'a');
  const std::string data = frame_of(FrameType::kData, 0, body);
  for (const char length : {'\x40', '\x3f', '\x41'}) {
    Forger forger;
    EXPECT_EQ(forger.send("\x03\0\x40"s + body, "", data), data);
    EXPECT_EQ(forger.send("\x63\0"s + length + "\x01", "", data),
              length == '\x40' ? data : kBadFrame);
  }
}

// --- limits --------------------------------------------------------------------------------------

TEST(BatchDecoder, RefusesAPieceThatBecomesTooMuch) {
  EXPECT_EQ(sent(std::string(2 * kBatchBytesMax, 'a')),
            "a batch of the link cannot be decompressed");
}

TEST(BatchDecoder, RefusesKnownLinesThatBecomeTooMuch) {
  Forger forger;
  const std::string line(1000, 'a');
  const std::string head = frame_of(FrameType::kHeadEnd, 1, head_of({line}));
  ASSERT_EQ(forger.send("\x42\0"s + line + "\n\0"s, "", head), head);
  std::string main = "\x42\0"s;
  for (int i = 0; i < 100'000; ++i)
    main += "\x80\0"s;
  EXPECT_EQ(forger.send(main + "\0"s), kBadFrame);
}

TEST(BatchDecoder, RefusesKnownLinesOfManyHeadsThatBecomeTooMuch) {
  Forger forger;
  const std::string line(1000, 'a');
  const std::string head = frame_of(FrameType::kHeadEnd, 1, head_of({line}));
  ASSERT_EQ(forger.send("\x42\0"s + line + "\n\0"s, "", head), head);
  std::string main;
  for (int i = 0; i < 10'000; ++i)
    main += "\x42\0\x80\0\0"s;
  EXPECT_EQ(forger.send(main), kBadFrame);
}

TEST(BatchDecoder, RefusesKnownBodiesThatBecomeTooMuch) {
  Forger forger;
  const std::string body(1000, 'a');
  const std::string data = frame_of(FrameType::kData, 0, body);
  ASSERT_EQ(forger.send("\x03\0\xe8\x07"s + body, "", data), data);
  std::string main;
  for (int i = 0; i < 10'000; ++i)
    main += "\x63\0\xe8\x07\x01"s;
  EXPECT_EQ(forger.send(main), kBadFrame);
}

TEST(BatchDecoder, RefusesKnownIdsThatBecomeTooMuch) {
  Forger forger;
  const std::string id(32, 'a');
  std::string line = "\x02\x60";
  std::string text;
  for (int i = 0; i < 32; ++i)
    text += "61";
  const std::string head = frame_of(FrameType::kHeadEnd, 1, head_of({text}));
  ASSERT_EQ(forger.send("\x42\0"s + line + "\n\0"s, id, head), head);
  std::string main = "\x42\0"s;
  for (int i = 0; i < 300'000; ++i)
    main += "\x04\x41";
  EXPECT_EQ(forger.send(main + "\n\0"s), kBadFrame);
}

TEST(BatchDecoder, RefusesKnownSecretsThatBecomeTooMuch) {
  Forger forger;
  std::string beside = "\x81" + std::string(12, '\0');
  for (int i = 0; i < 200'000; ++i)
    beside += i == 0 ? "\xc1\0"s : "\xc1\x01"s;
  EXPECT_EQ(forger.send("\x42\0\x0e"s + "cookie: \n\0"s, beside + "\0"s), kBadFrame);
}

// --- damage --------------------------------------------------------------------------------------

// Feeds `wire` and then more until there is an error or nothing comes; false if frames were given
// out that are not the next of `batches`.
bool gives_only(BatchDecoder& decoder, std::string wire, const std::vector<std::string>& batches,
                size_t next) {
  std::string_view rest = wire;
  while (!rest.empty()) {
    const auto step = decoder.decode(rest);
    if (!step || step->consumed == 0) return true;
    if (next == batches.size() || step->frames != batches[next]) return false;
    ++next;
    rest.remove_prefix(step->consumed);
  }
  return true;
}

TEST(BatchDecoder, GivesOutNothingElseWhenAByteIsWrong) {
  for (const uint32_t seed : {1u, 2u, 3u}) {
    for (const bool compressed : {true, false}) {
      SCOPED_TRACE("seed " + std::to_string(seed));
      const EncoderOptions options{
          .method = compressed ? EncoderOptions::Method::kZstd : EncoderOptions::Method::kNone,
          .sizes = kTinyTables};
      const std::vector<std::string> batches = recorded_batches(seed);
      Direction sender(options);
      std::vector<std::string> wires;
      for (const std::string& batch : batches)
        wires.push_back(sender.encode(batch));
      for (size_t broken = 0; broken < wires.size(); ++broken) {
        std::string later;
        for (size_t i = broken + 1; i < wires.size(); ++i)
          later += wires[i];
        for (size_t at = 0; at < wires[broken].size(); ++at) {
          BatchDecoder decoder(options.sizes, Source::kUpstream);
          for (size_t i = 0; i < broken; ++i)
            ASSERT_TRUE(decoder.decode(wires[i]));
          std::string wire = wires[broken];
          wire[at] = static_cast<char>(wire[at] ^ (1 << (at % 8)));
          ASSERT_TRUE(gives_only(decoder, wire + later, batches, broken))
              << "byte " << at << " of batch " << broken;
        }
      }
    }
  }
}

TEST(BatchDecoder, GivesOutNothingElseWhenAByteIsWrongWhereTheLevelChanges) {
  const std::vector<std::string> batches = {
      frame_of(FrameType::kData, 1, std::string(kFrameBytesMin, 'z')),
      frame_of(FrameType::kHeadEnd, 1, head_of({"GET / HTTP/1.1", "cookie: abc"})),
      frame_of(FrameType::kHeadEnd, 2, head_of({"GET / HTTP/1.1", "cookie: abc"}))};
  Direction sender({.sizes = kTinyTables});
  const std::string before = sender.encode(batches[0]);
  sender.encoder.set_level(3);
  const std::string change = sender.encode(batches[1]);
  ASSERT_EQ(take_apart(change).flags, kCompressed | kNewFrame);
  const std::string later = sender.encode(batches[2]);
  for (size_t at = 0; at < change.size() * 8; ++at) {
    BatchDecoder decoder(kTinyTables, Source::kUpstream);
    ASSERT_TRUE(decoder.decode(before));
    std::string wire = change;
    wire[at / 8] = static_cast<char>(wire[at / 8] ^ (1 << (at % 8)));
    ASSERT_TRUE(gives_only(decoder, wire + later, batches, 1)) << "bit " << at;
  }
}

TEST(BatchDecoder, WaitsForTheRestOfABatchWhereverItIsCut) {
  const std::vector<std::string> batches = recorded_batches(4);
  Direction direction({.sizes = kTinyTables});
  for (const std::string& batch : batches) {
    const std::string wire = direction.encode(batch);
    for (size_t size = 0; size < wire.size(); ++size) {
      const auto step = direction.decoder.decode(std::string_view(wire).substr(0, size));
      ASSERT_TRUE(step);
      ASSERT_EQ(step->consumed, 0u);
      ASSERT_EQ(step->frames, "");
    }
    const auto step = direction.decoder.decode(wire);
    ASSERT_TRUE(step);
    ASSERT_EQ(step->frames, batch);
  }
}

}  // namespace
}  // namespace httpteleport::teleport::v2
