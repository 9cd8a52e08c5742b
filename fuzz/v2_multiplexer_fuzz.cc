// Both ends of a v2 link, driven by the input: requests, responses, resets and windows in any
// order, batches passed when the input says so, and frames that a broken peer makes up.
//
// No crash, ever. While nothing is made up: no end finds a fault with the other, bytes of a stream
// arrive in order and on that stream, as do datagrams, no end holds more than its windows, and when
// both do what they should, every stream is over on both sides.
#include <algorithm>
#include <list>
#include <string>
#include <string_view>
#include <vector>

#include "base/assert.h"
#include "fuzz_input.h"
#include "teleport/v2/batch_encoder.h"
#include "teleport/v2/multiplexer.h"
#include "teleport/v2/test_frames.h"

namespace httpteleport::fuzz {
namespace {

using namespace teleport::v2;

constexpr size_t kStreamsMax = 40;
constexpr Terms kTerms[] = {{},
                            {.answer_ms = 3072},
                            {.answer_ms = 1, .total_ms = Terms::kLimitMax},
                            {.plain_bodies = true}};
constexpr std::string_view kHead = "GET / HTTP/1.1\r\n\r\n";

// What is sent at a place of a body.
char byte_at(size_t place) {
  return static_cast<char>('a' + place % 23);
}

struct Side;

struct Lane final : StreamOwner {
  explicit Lane(Side& owner) : side(owner) {}

  Side& side;
  Stream* stream = nullptr;
  size_t sent = 0;
  size_t received = 0;
  size_t unconsumed = 0;
  size_t datagrams_sent = 0;
  size_t datagrams_received = 0;
  bool sent_head = false;
  bool sent_end = false;
  bool received_end = false;

  void on_stream_head(std::string_view, bool end) override { received_end |= end; }
  void on_stream_body(std::string_view bytes, bool end) override;
  void on_stream_trailers(std::string_view) override { received_end = true; }
  void on_stream_reset(EndCode) override { stream = nullptr; }
  void on_stream_datagram(std::string_view bytes) override;
  void on_stream_room() override { HT_ASSERT(stream != nullptr && !stream->is_full()); }
};

struct Side final : MultiplexerEvents {
  Side(Multiplexer::End end, const Hello& own, const Hello& peer)
      : hello(own),
        is_far(end == Multiplexer::End::kFar),
        multiplexer({.end = end, .own = own}, peer, static_cast<MultiplexerEvents&>(*this), pool) {}

  BlockPool pool;
  Hello hello;
  const bool is_far;
  Multiplexer multiplexer;
  std::list<Lane> lanes;
  bool accepts = true;
  bool forged = false;  // something that was sent was made up
  bool broken = false;

  void on_request(std::string_view, bool end) override {
    HT_ASSERT(forged || std::ranges::find(kTerms, multiplexer.terms()) != std::end(kTerms));
    if (!accepts || lanes.size() >= kStreamsMax) return;
    Lane& lane = lanes.emplace_back(*this);
    lane.received_end = end;
    lane.stream = &multiplexer.accept(lane);
  }
  void on_goaway(EndCode) override {}

  // A lane that still has a stream, chosen by the input.
  Lane* pick(Input& input) {
    std::vector<Lane*> open;
    for (Lane& lane : lanes) {
      if (lane.stream != nullptr) open.push_back(&lane);
    }
    return open.empty() ? nullptr : open[input.choice() % open.size()];
  }
  void head(Lane& lane) {
    const bool may_repeat = is_far && lane.sent == 0 && !lane.sent_end;
    if (lane.sent_head && !may_repeat) return;
    BufferChain head(pool);
    head.append(kHead);
    multiplexer.send_head(*lane.stream, std::move(head));
    lane.sent_head = true;
  }
  void body(Lane& lane, size_t bytes) {
    if (!lane.sent_head || lane.sent_end || lane.stream->is_full()) return;
    if (lane.datagrams_sent > 0) return;
    std::string text;
    for (size_t i = 0; i < bytes; ++i)
      text.push_back(byte_at(lane.sent++));
    multiplexer.send_body(*lane.stream, text);
  }
  void datagram(Lane& lane, size_t bytes) {
    if (!lane.sent_head || lane.sent_end || lane.sent > 0) return;
    const size_t queued = multiplexer.queued_bytes();
    const bool taken =
        multiplexer.send_datagram(*lane.stream, std::string(bytes, byte_at(lane.datagrams_sent)));
    HT_ASSERT(taken || queued > 0 || bytes > Multiplexer::kDatagramBytesMax);
    HT_ASSERT((multiplexer.queued_bytes() == queued) == !taken);
    lane.datagrams_sent += taken ? 1 : 0;
  }
  void end(Lane& lane, bool trailers) {
    if (!lane.sent_head || lane.sent_end) return;
    lane.sent_end = true;
    multiplexer.send_end(*lane.stream, trailers ? "A: b\r\n\r\n" : "");
  }
  void consume(Lane& lane) {
    if (lane.unconsumed > 0) multiplexer.consumed(*lane.stream, std::exchange(lane.unconsumed, 0));
  }
  void release(Lane& lane) {
    if (!lane.sent_end && !lane.received_end) return;
    multiplexer.release(*std::exchange(lane.stream, nullptr));
  }
  void reset(Lane& lane) {
    multiplexer.reset(*std::exchange(lane.stream, nullptr), EndCode::kCancelled);
  }
  void read(std::string_view wire) {
    while (!broken && !wire.empty()) {
      const auto step = multiplexer.receive(wire);
      if (!step) {
        HT_ASSERT(forged);
        broken = true;
      } else {
        HT_ASSERT(step->consumed > 0);
        wire.remove_prefix(step->consumed);
      }
    }
  }
};

// None is lost or comes twice once it was taken.
void Lane::on_stream_datagram(std::string_view bytes) {
  HT_ASSERT(bytes.size() <= Multiplexer::kDatagramBytesMax);
  const char expected = byte_at(datagrams_received++);
  HT_ASSERT(side.forged || bytes.find_first_not_of(expected) == std::string_view::npos);
}

void Lane::on_stream_body(std::string_view bytes, bool end) {
  HT_ASSERT(stream != nullptr);
  for (const char byte : bytes)
    HT_ASSERT(side.forged || byte == byte_at(received++));
  unconsumed += bytes.size();
  HT_ASSERT(unconsumed <= side.hello.stream_window);
  received_end |= end;
}

class Link {
 public:
  Link()
      : near_(Multiplexer::End::kNear, kHello, kHello),
        far_(Multiplexer::End::kFar, kHello, kHello) {}

  void run(Input input) {
    while (!input.rest().empty() && !near_.broken && !far_.broken)
      step(input);
    if (!near_.forged && !far_.forged) finish();
  }

 private:
  static Hello make_hello() {
    Hello hello;
    hello.tables = kTinyTables;
    hello.stream_window = 16384;
    hello.link_window = 65536;
    hello.streams = 8;
    return hello;
  }
  static inline const Hello kHello = make_hello();

  void pass(Side& from, Side& to) {
    BufferChain wire(from.pool);
    from.multiplexer.make_batch(wire);
    to.read(wire.to_string());
  }

  void forge(Side& to, Input& input) {
    near_.forged = far_.forged = true;  // what one is told confuses the other
    std::string frames;
    append_frame(frames, static_cast<FrameType>(1 + input.choice() % kFrameTypeMax),
                 input.choice() % 16, input.take(input.choice()));
    EncoderOptions options;
    options.method = EncoderOptions::Method::kNone;
    BatchEncoder encoder(options);
    BlockPool pool;
    BufferChain wire(pool);
    encoder.encode(frames, wire);
    to.read(wire.to_string());
  }

  void step(Input& input) {
    const uint8_t what = input.choice();
    Side& side = (what & 0x80) != 0 ? far_ : near_;
    Side& other = &side == &near_ ? far_ : near_;
    const auto with_lane = [&](auto&& act) {
      if (Lane* lane = side.pick(input)) act(*lane);
    };
    switch (what & 0x0f) {
      case 0:
      case 1:
        if (&side == &near_ && side.lanes.size() < kStreamsMax) {
          Lane& lane = side.lanes.emplace_back(side);
          lane.stream = &side.multiplexer.open(lane);
          side.multiplexer.set_terms(*lane.stream, kTerms[(what >> 4) % std::size(kTerms)]);
          side.head(lane);
        }
        break;
      case 2:
        with_lane([&](Lane& lane) { side.head(lane); });
        break;
      case 3:
      case 4:
        with_lane([&](Lane& lane) { side.body(lane, size_t{input.choice()} * 97); });
        break;
      case 5:
        with_lane([&](Lane& lane) { side.end(lane, (what & 0x40) != 0); });
        break;
      case 6:
        with_lane([&](Lane& lane) { side.consume(lane); });
        break;
      case 7:
        with_lane([&](Lane& lane) { side.release(lane); });
        break;
      case 8:
        with_lane([&](Lane& lane) { side.reset(lane); });
        break;
      case 9:
        side.multiplexer.ping();
        break;
      case 10:
        side.accepts = (what & 0x40) != 0;
        break;
      case 13:
        with_lane([&](Lane& lane) { side.datagram(lane, size_t{input.choice()} * 283); });
        break;
      case 11:
        if (&side == &far_) side.multiplexer.go_away(EndCode::kNone);
        break;
      case 12:
        if ((what & 0x70) == 0x70) forge(side, input);
        break;
      default:
        pass(side, other);
    }
  }

  // Both ends do what is left to do.
  void finish() {
    for (int round = 0; round < 2000; ++round) {
      for (Side* side : {&near_, &far_}) {
        for (Lane& lane : side->lanes) {
          if (lane.stream == nullptr) continue;
          side->consume(lane);
          if (!lane.sent_head && side == &far_) side->head(lane);
          side->end(lane, false);
          if (lane.sent_end && lane.received_end) side->release(lane);
        }
      }
      pass(near_, far_);
      pass(far_, near_);
    }
    for (Side* side : {&near_, &far_}) {
      HT_ASSERT(side->multiplexer.open_streams() == 0);
      HT_ASSERT(side->multiplexer.queued_bytes() == 0);
      HT_ASSERT(!side->multiplexer.has_work());
    }
  }

  Side near_;
  Side far_;
};

}  // namespace
}  // namespace httpteleport::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  httpteleport::fuzz::Link().run({data, size});
  return 0;
}
