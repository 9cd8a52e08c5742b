// What a peer of v2 may send that says more than it is: bytes that unpack to very many, lengths
// that nothing follows, flows beyond every window. The link ends, memory stays small, nobody
// notices.
#include <gtest/gtest.h>
#include <zstd.h>

#include <memory>
#include <string>
#include <vector>

#include "conformance/replay.h"
#include "integration/topology.h"
#include "support/independent_codecs.h"
#include "teleport/v2/coding.h"

namespace httpteleport::test {
namespace {

namespace v2 = teleport::v2;
using v2::FrameType;

// What a process may take beside what it has when only the neighbour asks: tables of the links that
// are open at the same time, and what of a batch is unpacked.
constexpr uint64_t kGrowthMax = uint64_t{kSanitized ? 512 : 64} << 20;
constexpr size_t kTogether = 8;  // links that do the same
const Flags kSmallV2 = {"-workers=1", "-linkMemory=small"};

std::string batch(uint8_t flags, std::string_view main, std::string_view beside,
                  uint32_t checksum) {
  std::string wire(1, static_cast<char>(flags));
  v2::append_varint(wire, main.size());
  v2::append_varint(wire, beside.size());
  for (int i = 0; i < 4; ++i)
    wire.push_back(static_cast<char>(checksum >> (8 * i)));
  return wire.append(main).append(beside);
}
std::string plain_batch(std::string_view frames) {
  return batch(0, frames, "", crc32c_by_bits(frames));
}
std::string frame(FrameType type, uint32_t stream, std::string_view payload) {
  std::string text;
  v2::append_frame(text, type, stream, payload);
  return text;
}

// One piece of a zstd frame: `head`, and `piece` so many times.
std::string compressed(std::string_view head, std::string_view piece, uint64_t times) {
  const std::unique_ptr<ZSTD_CCtx, size_t (*)(ZSTD_CCtx*)> context(ZSTD_createCCtx(),
                                                                   ZSTD_freeCCtx);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, 1);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_windowLog, 19);
  std::string out;
  std::string room(ZSTD_CStreamOutSize(), '\0');
  const auto put = [&](std::string_view bytes, ZSTD_EndDirective mode) {
    ZSTD_inBuffer input{bytes.data(), bytes.size(), 0};
    for (size_t left = 1; left != 0 || input.pos < input.size;) {
      ZSTD_outBuffer output{room.data(), room.size(), 0};
      left = ZSTD_compressStream2(context.get(), &output, &input, mode);
      if (ZSTD_isError(left)) return;
      out.append(room, 0, output.pos);
      if (mode == ZSTD_e_continue && input.pos == input.size) return;
    }
  };
  put(head, ZSTD_e_continue);
  for (uint64_t i = 0; i < times; ++i)
    put(piece, ZSTD_e_continue);
  put("", ZSTD_e_flush);
  return out;
}

std::string unpacked_size_bomb() {
  return batch(v2::kCompressed | v2::kNewFrame,
               compressed("", std::string(size_t{1} << 20, '\0'), 1024), "", 0);
}

// A head whose lines are all the same long one, which is told once.
std::string lines_bomb(size_t lines) {
  std::string head(1, '\x41');  // coded as lines, type 1
  head += '\0';                 // the stream that is expected
  head += std::string(4000, 'x') + "\n";
  return batch(v2::kCompressed | v2::kNewFrame, compressed(head, std::string("\x80\0", 2), lines),
               "", 0);
}

// More of a body at once than a stream's window, behind a head of either end.
std::string window_bomb(const std::string& start_line) {
  return plain_batch(frame(FrameType::kHead, 1, start_line + "Content-Length: 4000000000\r\n\r\n") +
                     frame(FrameType::kData, 1, std::string(400'000, '\0')));
}

std::string long_length(uint64_t main, uint64_t beside) {
  std::string wire(1, '\0');
  v2::append_varint(wire, main);
  v2::append_varint(wire, beside);
  return wire + "four" + std::string(100, 'x');
}

std::string claiming_frame(FrameType type) {
  std::string text(1, static_cast<char>(type));
  v2::append_varint(text, 1);
  v2::append_varint(text, uint64_t{1} << 62);
  return plain_batch(text + "x");
}

struct Bomb {
  const char* what;
  std::string wire;
  bool waits = false;  // it may be right so far: only the end of the connection ends it
};

std::vector<Bomb> bombs(const std::string& start_line) {
  return {
      {"a batch that unpacks to 1 GiB", unpacked_size_bomb()},
      {"a head that unpacks to 1 GiB", lines_bomb(260'000)},
      {"a head that unpacks to a little too much", lines_bomb(300)},
      {"a body beyond its window", window_bomb(start_line)},
      {"a main part of 2^62 bytes", long_length(uint64_t{1} << 62, 0)},
      {"2^62 bytes beside", long_length(0, uint64_t{1} << 62)},
      {"a main part of a byte too many", long_length(v2::kBatchBytesMax + 1, 0)},
      {"the longest batch, whose bytes do not come",
       long_length(v2::kBatchBytesMax, v2::kBatchBytesMax), true},
      {"a head frame of 2^62 bytes", claiming_frame(FrameType::kHead)},
      {"a data frame of 2^62 bytes", claiming_frame(FrameType::kData)},
      {"a window of 2^62 bytes", claiming_frame(FrameType::kWindow)},
  };
}

// What the process has taken more at its highest since `before`.
uint64_t growth(HttptpProcess& process, uint64_t before) {
  const uint64_t highest = process.process().rss_max_bytes();
  return highest - std::min(highest, before);
}

TEST(Bombs, AgainstAFarEndEndTheLink) {
  RecordingOrigin origin;
  const Recording recording = record_link(origin);
  const std::string greeting = recording.near.substr(0, read_greeting(recording.near).bytes);
  RunningHttptp far(far_flags(origin.address().text()) + kSmallV2 + Flags{"-inCompress=zstd"});
  RunningHttptp near(near_flags(far.address().text()) + kSmallV2 + Flags{"-outCompress=zstd"});
  ASSERT_TRUE(far.started() && near.started());
  Neighbour neighbour(near.address());
  const uint64_t before = far->process().rss_bytes();
  for (const Bomb& bomb : bombs("POST /x HTTP/1.1\r\nHost: a\r\n")) {
    SCOPED_TRACE(bomb.what);
    const int64_t told = far->expvar("failures.malformed").value_or(0);
    std::vector<Socket> links;
    for (size_t i = 0; i < kTogether; ++i) {
      auto link = Socket::connect(far.address());
      ASSERT_TRUE(link);
      link->send_all(greeting);
      link->send_all(bomb.wire);
      links.push_back(std::move(*link));
    }
    for (Socket& link : links) {
      if (bomb.waits) link.shutdown_write();
      EXPECT_NE(link.recv_to_end().status, IoStatus::kTimeout);
    }
    const auto failures = static_cast<int64_t>(bomb.waits ? 0 : kTogether);
    EXPECT_EQ(far->expvar("failures.malformed"), told + failures);
    EXPECT_LT(growth(*far, before), kGrowthMax);
  }
  neighbour.stop();
  expect_only_asked(origin);
  std::printf("%zu KiB more at most\n", static_cast<size_t>(growth(*far, before) / 1024));
}

TEST(Bombs, AgainstANearEndEndTheLink) {
  RecordingOrigin origin;
  const Recording recording = record_link(origin);
  const std::string greeting = recording.far.substr(0, read_greeting(recording.far).bytes);
  for (const Bomb& bomb : bombs("HTTP/1.1 200 OK\r\n")) {
    SCOPED_TRACE(bomb.what);
    Listener peer;
    RunningHttptp near(
        near_flags(peer.address().text()) + kSmallV2 +
        Flags{"-outCompress=zstd", "-outProtocol=v2", "-outConnsPerAddr=1", "-outRetries=0"});
    ASSERT_TRUE(near.started());
    const uint64_t before = near->process().rss_bytes();
    std::vector<HttpConnection> clients;
    for (int i = 0; i < 3; ++i)
      clients.emplace_back(near.address()).send(asked_requests()[0].text());
    auto link = peer.accept();
    ASSERT_TRUE(link);
    link->send_all(greeting);
    // All three are asked before anything is wrong.
    std::string came = link->recv_exactly(greeting.size()).bytes;
    Greeting said;
    while ((said = read_greeting(came)).bytes == 0)
      came += link->recv_some().bytes;
    LinkReader reader(read_greeting(greeting).hello);
    ASSERT_TRUE(reader.read(std::string_view(came).substr(said.bytes)));
    while (reader.messages().size() < clients.size())
      ASSERT_TRUE(reader.read(link->recv_some().bytes));
    link->send_all(bomb.wire);
    if (bomb.waits) link->shutdown_write();
    for (HttpConnection& client : clients) {
      const Message answer = client.read_response();
      EXPECT_TRUE(answer.head.status == 502 || answer.outcome == Outcome::kTruncated)
          << answer.outcome << answer.error << answer.head.status;
    }
    EXPECT_NE(link->recv_to_end().status, IoStatus::kTimeout);
    EXPECT_LT(growth(*near, before), kGrowthMax);
  }
}

}  // namespace
}  // namespace httpteleport::test
