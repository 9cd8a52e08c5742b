#include "teleport/v2/batch_encoder.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/content.h"
#include "teleport/v2/coding.h"
#include "teleport/v2/test_frames.h"

namespace httpteleport::teleport::v2 {
namespace {

using namespace std::string_literals;

constexpr std::string_view kUuid = "0123abcd-4567-89ab-cdef-0123456789ab";
const std::string kUuidBytes = "\x01\x23\xab\xcd\x45\x67\x89\xab\xcd\xef\x01\x23\x45\x67\x89\xab";

// A direction whose batches are looked into.
struct Link {
  // What of `frames` is in the main part and beside it; "lost" if they do not come through.
  std::pair<std::string, std::string> parts(std::string_view frames) {
    if (direction.pass(frames) != frames) return {"lost", "lost"};
    return {main_reader.read(direction.wire).value_or("lost"),
            std::string(take_apart(direction.wire).beside)};
  }
  std::string main(std::string_view frames) { return parts(frames).first; }

  Direction direction;
  MainReader main_reader;
};

using Parts = std::pair<std::string, std::string>;

TEST(BatchEncoder, WritesFramesAsTheyAreWithoutCompression) {
  Direction direction({.method = EncoderOptions::Method::kNone});
  const std::string frames = frame_of(FrameType::kPing, 0, "12345678") +
                             frame_of(FrameType::kDataEnd, 7, std::string(200, 'a'));
  EXPECT_EQ(direction.pass(frames), frames);
  const Batch batch = take_apart(direction.wire);
  EXPECT_EQ(batch.flags, 0);
  EXPECT_EQ(batch.main, frames);
  EXPECT_EQ(batch.beside, "");
  EXPECT_EQ(direction.wire.size(), 1u + 2 + 1 + 4 + frames.size());
}

TEST(BatchEncoder, SaysWhereAZstdFrameBegins) {
  Direction direction;
  EXPECT_EQ(direction.pass(frame_of(FrameType::kPing, 0, "1")), frame_of(FrameType::kPing, 0, "1"));
  EXPECT_EQ(take_apart(direction.wire).flags, kCompressed | kNewFrame);
  EXPECT_EQ(direction.pass(""), "");
  EXPECT_EQ(take_apart(direction.wire).flags, kCompressed);
}

TEST(BatchEncoder, NamesStreamsByTheirDistance) {
  Link link;
  EXPECT_EQ(
      link.main(frame_of(FrameType::kWindow, 1, "\x05") + frame_of(FrameType::kWindow, 1, "\x06") +
                frame_of(FrameType::kWindow, 0, "\x07") +
                frame_of(FrameType::kPing, kStreamMax, "")),
      "\x07\x02\x01\x05"
      "\x07\0\x01\x06"
      "\x07\x01\x01\x07"
      "\x08\xfe\xff\xff\xff\x0f\0"s);
  // A head: from the one behind the last head.
  EXPECT_EQ(link.main(frame_of(FrameType::kHeadEnd, 1, "") + frame_of(FrameType::kHeadEnd, 2, "") +
                      frame_of(FrameType::kDataEnd, 2, "")),
            "\x02\0\0\x02\0\0\x24\0\0"s);
}

TEST(BatchEncoder, TakesStreamsInAnyOrder) {
  Direction direction;
  for (const uint32_t first : {0u, 1u, 5u, kStreamMax}) {
    for (const uint32_t second : {0u, 1u, 4u, kStreamMax - 1, kStreamMax}) {
      for (uint8_t type = 1; type <= kFrameTypeMax; ++type) {
        const std::string frames = frame_of(static_cast<FrameType>(type), first, "x: y\r\n\r\n") +
                                   frame_of(static_cast<FrameType>(type), second, "z") +
                                   frame_of(FrameType::kDataEnd, second, "z");
        ASSERT_EQ(direction.pass(frames), frames)
            << "type " << int{type} << " on " << first << " and " << second;
      }
    }
  }
}

TEST(BatchEncoder, CutsARequestIntoLines) {
  Link link;
  const std::string head = head_of({"GET / HTTP/1.1", "Host: a", "x:y"});
  EXPECT_EQ(link.main(frame_of(FrameType::kHeadEnd, 1, head)),
            "\x22\0"s + "GET /\nHost: a\nx:y\n\0"s);
  EXPECT_EQ(link.main(frame_of(FrameType::kHeadEnd, 2, head)), "\x22\0\x80\0\x80\x01x:y\n\0"s);
  EXPECT_EQ(link.direction.encoder.counts().lines, 6u);
  EXPECT_EQ(link.direction.encoder.counts().known_lines, 2u);
}

TEST(BatchEncoder, CutsAResponseIntoLines) {
  Link link;
  EXPECT_EQ(link.main(frame_of(FrameType::kHeadEnd, 1, head_of({"HTTP/1.1 200 OK", "a: b"}))),
            "\x42\0"s + "HTTP/1.1 200 OK\na: b\n\0"s);
  EXPECT_EQ(link.main(frame_of(FrameType::kTrailers, 1, head_of({"a: b"}))), "\x45\0\x80\x01\0"s);
}

TEST(BatchEncoder, PutsTheLengthOfABodyInFrontOfTheLines) {
  Link link;
  EXPECT_EQ(
      link.main(frame_of(FrameType::kHead, 1, head_of({"GET / HTTP/1.1", "Content-Length: 3"})) +
                frame_of(FrameType::kDataEnd, 1, "abc")),
      "\xa1\0\x03GET /\nContent-Length: \x07\n\0\xa4\0"s + "abc");
  // The same line for another length, and one with a length that is not that of the body.
  EXPECT_EQ(
      link.main(frame_of(FrameType::kHead, 2, head_of({"GET / HTTP/1.1", "Content-Length: 0"})) +
                frame_of(FrameType::kData, 2, "")),
      "\xa1\0\0\x80\0\x80\x01\0\xa3\0"s);
  EXPECT_EQ(
      link.main(frame_of(FrameType::kHead, 3, head_of({"GET / HTTP/1.1", "Content-Length: 03"})) +
                frame_of(FrameType::kDataEnd, 3, "abc")),
      "\xa1\0\x03\x80\0Content-Length: 03\n\0\xa4\0"s + "abc");
}

TEST(BatchEncoder, DoesNotJoinAHeadWithTheDataOfAnother) {
  Link link;
  EXPECT_EQ(link.main(frame_of(FrameType::kHead, 1, head_of({"a: b"})) +
                      frame_of(FrameType::kDataEnd, 2, "abc")),
            "\x41\0"s + "a: b\n\0\x24\x02\x03"s + "abc");
  EXPECT_EQ(link.main(frame_of(FrameType::kTrailers, 2, head_of({"a: b"})) +
                      frame_of(FrameType::kDataEnd, 2, "abc")),
            "\x45\0\x80\0\0\x24\0\x03"s + "abc");
}

TEST(BatchEncoder, MarksLinesThatBeginLikeSomethingElse) {
  Link link;
  EXPECT_EQ(link.main(frame_of(FrameType::kHeadEnd, 1,
                               head_of({"\x0e", "\x0f", "\x80", "\xff", "\x10", "\x08"}))),
            "\x42\0\x0f\x0e\n\x0f\x0f\n\x0f\x80\n\x0f\xff\n\x10\n\x08\n\0"s);
}

TEST(BatchEncoder, PutsOddHeadsBesideAsTheyAre) {
  for (const std::string& head :
       {""s, "\r\n"s, "a"s, "a\r\n"s, "a\n\n"s, "a\r\nb\n\r\n"s, "a\r\n\r\nb"s, "a\r\n\r\n\r\n"s,
        "\r\n\r\n"s, "\n\r\n"s, "a: \x01\r\n\r\n"s, "a: \0\r\n\r\n"s, "\x07\r\n\r\n"s}) {
    Link link;
    EXPECT_EQ(link.parts(frame_of(FrameType::kHeadEnd, 1, head)),
              Parts("\x02\0"s + static_cast<char>(head.size()), head));
  }
}

TEST(BatchEncoder, KeepsWhatIsOddInALine) {
  Link link;
  for (const std::string& head :
       {head_of({"a\rb: \r", "\r", "x\r"}), head_of({" HTTP/1.1"}),
        head_of({"a HTTP/1.1 HTTP/1.1"}), head_of({"cookie: a HTTP/1.1"}),
        head_of({std::string(100'000, 'a')}), head_of({"cookie:"}),
        head_of({"Cookie: \x80\xff" + std::string(5000, 'a')}), head_of({"authorization: "}),
        head_of({"authorization:  "}), head_of({": a", ":", "cookie", "x: \t"})}) {
    for (int i = 0; i < 3; ++i) {
      for (const FrameType type : {FrameType::kHead, FrameType::kTrailers}) {
        const std::string frames = frame_of(type, 1, head);
        ASSERT_EQ(link.direction.pass(frames), frames);
      }
    }
  }
}

TEST(BatchEncoder, PacksIdsInLines) {
  Link link;
  const std::string line = "x-id: " + std::string(kUuid);
  EXPECT_EQ(link.parts(frame_of(FrameType::kTrailers, 1, head_of({line}))),
            Parts("\x45\x02x-id: \x01\n\0"s, kUuidBytes));
  EXPECT_EQ(link.parts(frame_of(FrameType::kTrailers, 1, head_of({line}))),
            Parts("\x45\0x-id: \x03\x41\n\0"s, ""));
  EXPECT_EQ(link.parts(frame_of(FrameType::kTrailers, 1, head_of({line}))),
            Parts("\x45\0\x80\x01\0"s, ""));
  EXPECT_EQ(link.parts(frame_of(FrameType::kTrailers, 1, head_of({"x-id: fedcba9876543210"}))),
            Parts("\x45\0x-id: \x02\x48\n\0"s, "\xfe\xdc\xba\x98\x76\x54\x32\x10"));
}

TEST(BatchEncoder, CodesDataByWhatItIs) {
  Link link;
  const std::string noise = test::Content::bytes(300, 1).to_string();
  EXPECT_EQ(link.main(frame_of(FrameType::kData, 1, "abc")), "\x23\x02\x03"s + "abc");
  EXPECT_EQ(link.main(frame_of(FrameType::kData, 1, "")), "\x23\0\0"s);
  EXPECT_EQ(link.parts(frame_of(FrameType::kData, 1, kUuid)), Parts("\x23\0\x24\x01"s, kUuidBytes));
  EXPECT_EQ(link.main(frame_of(FrameType::kData, 1, "a\x01")), "\x03\0\x02"s + "a\x01");
  EXPECT_EQ(link.parts(frame_of(FrameType::kData, 1, noise)), Parts("\x43\0\xac\x02"s, noise));
  EXPECT_EQ(link.parts(frame_of(FrameType::kDataEnd, 1, noise)), Parts("\x64\0\xac\x02\x01"s, ""));
  const std::string text(64, 'z');
  EXPECT_EQ(link.main(frame_of(FrameType::kData, 1, text)), "\x23\0\x40"s + text);
  EXPECT_EQ(link.main(frame_of(FrameType::kData, 1, noise)), "\x63\0\xac\x02\x02"s);
  EXPECT_EQ(link.direction.encoder.counts().bodies, 4u);
  EXPECT_EQ(link.direction.encoder.counts().known_bodies, 2u);
}

TEST(BatchEncoder, TakesTheLargestBatchOfEveryKind) {
  for (const auto method : {EncoderOptions::Method::kNone, EncoderOptions::Method::kZstd}) {
    const size_t room = kBatchFramesMax - 16;
    const std::string noise = test::Content::bytes(room, 1).to_string();
    std::string pings;
    while (pings.size() < room)
      append_frame(pings, FrameType::kPong, pings.size() % 2 == 0 ? 1 : kStreamMax, "");
    std::string heads;
    while (heads.size() < room - 100)
      append_frame(heads, FrameType::kHeadEnd, 1, head_of({"\x80", "\x80", "cookie:", "a"}));
    for (const std::string& frames :
         {frame_of(FrameType::kDataEnd, 1, noise), frame_of(FrameType::kHead, 1, noise),
          frame_of(FrameType::kDataEnd, 1, std::string(1, '\x01') + noise.substr(1)),
          frame_of(FrameType::kReset, 1, noise),
          frame_of(FrameType::kData, 1, std::string(room, 'a')),
          frame_of(FrameType::kHead, 1,
                   head_of({"cookie: " + noise.substr(0, 0) + std::string(room - 40, ';')})),
          pings, heads}) {
      Direction direction({.method = method, .sizes = kTinyTables});
      ASSERT_EQ(direction.pass(frames), frames) << frames.substr(0, 20);
      ASSERT_EQ(direction.pass(frames), frames) << frames.substr(0, 20);
    }
  }
}

// --- secrets -------------------------------------------------------------------------------------

constexpr std::string_view kSecret = "V1StGXR8_Z5jdHi6B-myT-9fAQ3kPz7wLmN0cYbU";

bool meets_compressor(std::string_view frames,
                      const EncoderOptions& options = {.sizes = kSmallTables}) {
  Direction direction(options);
  MainReader main_reader;
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(direction.pass(frames), frames);
    const std::string main = main_reader.read(direction.wire).value();
    // No part of it does.
    for (size_t at = 0; at + 4 <= kSecret.size(); ++at) {
      if (main.find(kSecret.substr(at, 4)) != std::string::npos) return true;
    }
  }
  return false;
}

TEST(Secrets, NeverMeetTheCompressor) {
  const std::string secret(kSecret);
  for (const std::string& line :
       {"Cookie: " + secret, "cookie:" + secret, "COOKIE: a=b; id=" + secret + "; c",
        "Set-Cookie: " + secret + "; Path=/", "Authorization: Bearer " + secret,
        "authorization: " + secret, "Proxy-Authorization: Basic " + secret, "X-Api-Key: " + secret,
        "Cookie: " + std::string(5000, 'a') + secret}) {
    EXPECT_FALSE(
        meets_compressor(frame_of(FrameType::kHeadEnd, 1, head_of({"GET / HTTP/1.1", line}))));
    EXPECT_FALSE(meets_compressor(frame_of(FrameType::kHeadEnd, 1, head_of({line, "a: b"}))));
    EXPECT_FALSE(meets_compressor(frame_of(FrameType::kTrailers, 1, head_of({line}))));
    // Nor do they in a head that is no lines, or has bytes that cannot be in lines.
    EXPECT_FALSE(meets_compressor(frame_of(FrameType::kHeadEnd, 1, "GET /\n" + line + "\n\n")));
    EXPECT_FALSE(meets_compressor(frame_of(FrameType::kHeadEnd, 1, head_of({line, "a: \x01"}))));
  }
}

TEST(Secrets, AreTheFieldsThatTheOptionsName) {
  const std::string frames =
      frame_of(FrameType::kHeadEnd, 1, head_of({"X-Token: " + std::string(kSecret)}));
  EXPECT_TRUE(meets_compressor(frames));
  EXPECT_FALSE(meets_compressor(frames, {.sizes = kSmallTables, .secret_fields = {"x-token"}}));
  EXPECT_TRUE(meets_compressor(
      frame_of(FrameType::kHeadEnd, 1, head_of({"Cookie: " + std::string(kSecret)})),
      {.sizes = kSmallTables, .secret_fields = {}}));
}

TEST(Secrets, HaveTheirSchemeInTheirName) {
  Link link;
  EXPECT_EQ(link.main(frame_of(FrameType::kHeadEnd, 1, head_of({"Authorization: Bearer abc"}))),
            "\x42\0\x0e"s + "Authorization: Bearer \n\0"s);
  EXPECT_EQ(link.main(frame_of(FrameType::kHeadEnd, 1, head_of({"Cookie: Bearer abc"}))),
            "\x42\x01\x0e"s + "Cookie: \n\0"s);
}

// Bytes of the batch with somebody's guess, behind one with the secret of somebody else.
size_t bytes_of_guess(std::string_view name, std::string_view secret, std::string_view guess) {
  Direction direction;
  const auto request = [&](uint32_t stream, std::string_view value) {
    return frame_of(FrameType::kHeadEnd, stream,
                    head_of({"GET / HTTP/1.1", "Host: a", std::string(name) + std::string(value)}));
  };
  EXPECT_TRUE(direction.pass(request(1, secret)));
  EXPECT_TRUE(direction.pass(request(2, "other")));
  EXPECT_EQ(direction.pass(request(3, guess)), request(3, guess));
  return direction.wire.size();
}

TEST(Secrets, OfOthersDoNotShortenAGuessThatIsRightInPart) {
  const std::string secret(kSecret.substr(0, 16));
  const std::string wrong = "abcdefghijklmnop";
  for (const std::string& name :
       {"Cookie: "s, "Cookie: id="s, "Authorization: Bearer "s, "x-api-key: "s}) {
    for (const std::string& tail : {""s, "; a=b"s}) {
      const size_t bytes = bytes_of_guess(name, secret + tail, wrong + tail);
      for (size_t right = 0; right < 16; ++right) {
        const std::string guess = secret.substr(0, right) + wrong.substr(right);
        EXPECT_EQ(bytes_of_guess(name, secret + tail, guess + tail), bytes)
            << right << " characters are right of " << name;
      }
      EXPECT_LT(bytes_of_guess(name, secret + tail, secret + tail), bytes);
    }
  }
}

}  // namespace
}  // namespace httpteleport::teleport::v2
