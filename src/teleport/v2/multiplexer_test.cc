#include "teleport/v2/multiplexer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <list>
#include <string>
#include <vector>

#include "teleport/v2/coding.h"

namespace httpteleport::teleport::v2 {
namespace {

using testing::ElementsAre;

// Writes down what happens to a stream.
struct Owner final : StreamOwner {
  std::vector<std::string> heads;
  std::string body;
  std::string trailers;
  std::vector<std::string> datagrams;
  bool ended = false;
  int rooms = 0;
  std::optional<EndCode> reset;
  Stream* stream = nullptr;
  std::function<void(size_t)> at_body;

  void on_stream_head(std::string_view head, bool end) override {
    heads.emplace_back(head);
    ended |= end;
  }
  void on_stream_body(std::string_view bytes, bool end) override {
    body += bytes;
    ended |= end;
    if (at_body) at_body(bytes.size());
  }
  void on_stream_trailers(std::string_view text) override {
    trailers = text;
    ended = true;
  }
  void on_stream_reset(EndCode code) override {
    reset = code;
    stream = nullptr;
  }
  void on_stream_room() override { ++rooms; }
  void on_stream_datagram(std::string_view bytes) override { datagrams.emplace_back(bytes); }
};

// One end, and what it has told.
class TestEnd final : public MultiplexerEvents {
 public:
  TestEnd(Multiplexer::End end, const Hello& own, const Hello& peer)
      : multiplexer({.end = end, .own = own}, peer, static_cast<MultiplexerEvents&>(*this), pool) {}

  BlockPool pool;
  Multiplexer multiplexer;
  std::list<Owner> requests;
  bool accepts = true;
  bool consumes = true;
  std::optional<EndCode> goaway;
  std::vector<Terms> terms;  // of the requests

  void on_request(std::string_view head, bool end) override {
    terms.push_back(multiplexer.terms());
    if (!accepts) return;
    Owner& owner = requests.emplace_back();
    owner.on_stream_head(head, end);
    owner.stream = &multiplexer.accept(owner);
    if (consumes) consume_at_once(owner);
  }
  void on_goaway(EndCode code) override { goaway = code; }

  void consume_at_once(Owner& owner) {
    owner.at_body = [this, &owner](size_t bytes) { multiplexer.consumed(*owner.stream, bytes); };
  }
  Owner& open(std::list<Owner>& owners) {
    Owner& owner = owners.emplace_back();
    owner.stream = &multiplexer.open(owner);
    return owner;
  }
  void head(Owner& owner, std::string_view text) {
    BufferChain chain(pool);
    chain.append(text);
    multiplexer.send_head(*owner.stream, std::move(chain));
  }
  void body(Owner& owner, std::string_view bytes) { multiplexer.send_body(*owner.stream, bytes); }
  void end(Owner& owner, std::string_view trailers = {}) {
    multiplexer.send_end(*owner.stream, trailers);
  }
  std::string batch() {
    BufferChain wire(pool);
    multiplexer.make_batch(wire);
    return wire.to_string();
  }
};

class MultiplexerTest : public testing::Test {
 protected:
  void make() {
    near_.emplace(Multiplexer::End::kNear, near_hello_, far_hello_);
    far_.emplace(Multiplexer::End::kFar, far_hello_, near_hello_);
  }
  void SetUp() override { make(); }

  // One batch of `from`, which `to` reads. The error, if there is one.
  static std::optional<Error> pass(TestEnd& from, TestEnd& to) { return read(to, from.batch()); }
  static std::optional<Error> read(TestEnd& to, std::string wire) {
    while (!wire.empty()) {
      const auto step = to.multiplexer.receive(wire);
      if (!step) return step.error();
      EXPECT_GT(step->consumed, 0u) << "batches are whole here";
      if (step->consumed == 0) return {};
      wire.erase(0, step->consumed);
    }
    return {};
  }
  // Until nobody has anything to send.
  void pass_all() {
    while (near_->multiplexer.has_work() || far_->multiplexer.has_work()) {
      ASSERT_EQ(pass(*near_, *far_), std::nullopt);
      ASSERT_EQ(pass(*far_, *near_), std::nullopt);
    }
  }
  // Frames that a peer makes up.
  std::optional<Error> forge(TestEnd& to, std::string_view frames) {
    EncoderOptions options;
    options.method = EncoderOptions::Method::kNone;
    BatchEncoder encoder(options);
    BlockPool pool;
    BufferChain wire(pool);
    encoder.encode(frames, wire);
    return read(to, wire.to_string());
  }

  Hello near_hello_;
  Hello far_hello_;
  std::optional<TestEnd> near_;
  std::optional<TestEnd> far_;
  std::list<Owner> owners_;
};

std::optional<Code> code_of(const std::optional<Error>& error) {
  if (!error) return {};
  return error->code;
}

std::string frame(FrameType type, uint32_t stream, std::string_view payload = {}) {
  std::string frames;
  append_frame(frames, type, stream, payload);
  return frames;
}

std::string number(uint64_t value) {
  std::string bytes;
  append_varint(bytes, value);
  return bytes;
}

constexpr std::string_view kRequest = "GET / HTTP/1.1\r\n\r\n";

TEST_F(MultiplexerTest, CarriesAMessageEachWayAndForgetsTheStream) {
  Owner& asked = near_->open(owners_);
  near_->head(asked, "POST / HTTP/1.1\r\n\r\n");
  near_->body(asked, "question");
  near_->end(asked);
  pass_all();
  ASSERT_EQ(far_->requests.size(), 1u);
  Owner& served = far_->requests.front();
  EXPECT_THAT(served.heads, ElementsAre("POST / HTTP/1.1\r\n\r\n"));
  EXPECT_EQ(served.body, "question");
  EXPECT_TRUE(served.ended);
  far_->head(served, "HTTP/1.1 100 Continue\r\n\r\n");
  far_->head(served, "HTTP/1.1 200 OK\r\n\r\n");
  far_->body(served, "answer");
  far_->end(served, "A: b\r\n\r\n");
  far_->multiplexer.release(*served.stream);
  pass_all();
  EXPECT_THAT(asked.heads, ElementsAre("HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n"));
  EXPECT_EQ(asked.body, "answer");
  EXPECT_EQ(asked.trailers, "A: b\r\n\r\n");
  near_->multiplexer.release(*asked.stream);
  EXPECT_EQ(near_->multiplexer.open_streams(), 0u);
  EXPECT_EQ(far_->multiplexer.open_streams(), 0u);
  EXPECT_FALSE(near_->multiplexer.has_work() || far_->multiplexer.has_work());
}

TEST_F(MultiplexerTest, GivesIdsInTheOrderOfHeads) {
  Owner& first = near_->open(owners_);
  Owner& second = near_->open(owners_);
  near_->head(second, "GET /2 HTTP/1.1\r\n\r\n");
  near_->end(second);
  near_->head(first, "GET /1 HTTP/1.1\r\n\r\n");
  near_->end(first);
  pass_all();
  EXPECT_EQ(second.stream->id(), 1u);
  EXPECT_EQ(first.stream->id(), 2u);
  EXPECT_EQ(far_->requests.size(), 2u);
}

TEST_F(MultiplexerTest, ASmallMessagePassesLargeOnesAndNoneOfTheseStands) {
  far_hello_.stream_window = near_hello_.stream_window = 64 * 1024 * 1024;
  far_hello_.link_window = 256 * 1024 * 1024;
  make();
  for (int i = 0; i < 3; ++i) {
    Owner& large = near_->open(owners_);
    near_->head(large, "POST /large HTTP/1.1\r\n\r\n");
    near_->body(large, std::string(8 * 1024 * 1024, static_cast<char>('a' + i)));
  }
  // Behind what counts as small of each, they take turns.
  for (int i = 0; i < 3; ++i)
    ASSERT_EQ(pass(*near_, *far_), std::nullopt);
  std::vector<size_t> before;
  for (const Owner& large : far_->requests)
    before.push_back(large.body.size());
  Owner& small = near_->open(owners_);
  near_->head(small, kRequest);
  near_->body(small, "small");
  near_->end(small);
  ASSERT_EQ(pass(*near_, *far_), std::nullopt);
  ASSERT_EQ(far_->requests.size(), 4u);
  EXPECT_EQ(far_->requests.back().body, "small") << "the first batch from then on has it";
  size_t at = 0;
  for (const Owner& large : far_->requests) {
    if (&large == &far_->requests.back()) break;
    EXPECT_GT(large.body.size(), before[at++]);
  }
}

TEST_F(MultiplexerTest, SmallMessagesDoNotStopALargeOne) {
  Owner& large = near_->open(owners_);
  near_->head(large, "POST /large HTTP/1.1\r\n\r\n");
  near_->body(large, std::string(200'000, 'x'));
  ASSERT_EQ(pass(*near_, *far_), std::nullopt);
  const size_t before = far_->requests.front().body.size();
  for (int i = 0; i < 100; ++i) {
    Owner& small = near_->open(owners_);
    near_->head(small, kRequest);
    near_->body(small, std::string(5000, 's'));
    near_->end(small);
  }
  ASSERT_EQ(pass(*near_, *far_), std::nullopt);
  EXPECT_GE(far_->requests.front().body.size(), before + Multiplexer::kQuantum);
  EXPECT_LT(far_->requests.size(), 101u);
}

TEST_F(MultiplexerTest, SendsNoMoreThanTheStreamsWindow) {
  Owner& asked = near_->open(owners_);
  far_->consumes = false;
  near_->head(asked, kRequest);
  near_->body(asked, std::string(1'000'000, 'x'));
  EXPECT_TRUE(asked.stream->is_full());
  pass_all();
  Owner& served = far_->requests.front();
  EXPECT_EQ(served.body.size(), far_hello_.stream_window);
  EXPECT_EQ(asked.rooms, 0);
  while (served.body.size() < 1'000'000) {
    far_->multiplexer.consumed(*served.stream, far_hello_.stream_window / 2);
    pass_all();
  }
  EXPECT_EQ(asked.rooms, 1);
  EXPECT_FALSE(asked.stream->is_full());
}

TEST_F(MultiplexerTest, SendsNoMoreThanTheLinksWindow) {
  far_hello_.link_window = 100'000;
  make();
  far_->consumes = false;
  for (int i = 0; i < 4; ++i) {
    Owner& asked = near_->open(owners_);
    near_->head(asked, kRequest);
    near_->body(asked, std::string(60'000, 'x'));
    near_->end(asked);
  }
  pass_all();
  const auto received = [&] {
    size_t bytes = 0;
    for (const Owner& served : far_->requests)
      bytes += served.body.size();
    return bytes;
  };
  EXPECT_EQ(received(), far_hello_.link_window);
  // A stream that is reset frees what it has not consumed.
  near_->multiplexer.reset(*owners_.front().stream, EndCode::kCancelled);
  pass_all();
  EXPECT_EQ(received(), far_hello_.link_window + 60'000);
  EXPECT_EQ(far_->requests.front().reset, EndCode::kCancelled);
  size_t consumed = 0;
  for (Owner& served : far_->requests) {
    if (served.stream == nullptr) continue;
    far_->multiplexer.consumed(*served.stream, served.body.size());
    consumed += served.body.size();
    pass_all();
  }
  EXPECT_GT(consumed, 0u);
  EXPECT_EQ(received(), 240'000u);
}

TEST_F(MultiplexerTest, SmallMessagesPassWhileReadersOfLargeOnesHaveStalled) {
  far_hello_.link_window = 400'000;
  make();
  far_->consumes = false;
  const auto post = [&](size_t bytes) {
    Owner& asked = near_->open(owners_);
    near_->head(asked, kRequest);
    near_->body(asked, std::string(bytes, 'x'));
    near_->end(asked);
    pass_all();
  };
  for (int i = 0; i < 4; ++i)
    post(200'000);
  size_t stalled = 0;
  for (const Owner& served : far_->requests)
    stalled += served.body.size();
  EXPECT_EQ(stalled, 300'000u);
  post(50'000);
  EXPECT_TRUE(far_->requests.back().ended);
  // What the stalled ones wait for goes to them when it is there.
  for (Owner& served : far_->requests) {
    far_->consume_at_once(served);
    far_->multiplexer.consumed(*served.stream, served.body.size());
  }
  pass_all();
  for (const Owner& served : far_->requests)
    EXPECT_TRUE(served.ended);
}

TEST_F(MultiplexerTest, AStreamThatIsNotTakenIsRefusedAndItsBodyDropped) {
  far_->accepts = false;
  Owner& asked = near_->open(owners_);
  near_->head(asked, kRequest);
  near_->body(asked, std::string(200'000, 'x'));
  pass_all();
  EXPECT_EQ(asked.reset, EndCode::kRefused);
  EXPECT_EQ(near_->multiplexer.open_streams(), 0u);
  EXPECT_EQ(near_->multiplexer.queued_bytes(), 0u);
  far_->accepts = true;
  Owner& next = near_->open(owners_);
  near_->head(next, kRequest);
  near_->end(next);
  pass_all();
  EXPECT_EQ(far_->requests.size(), 1u);
}

TEST_F(MultiplexerTest, AStreamThatHasNotBegunIsTakenBackUnseen) {
  Owner& asked = near_->open(owners_);
  near_->head(asked, kRequest);
  near_->body(asked, "x");
  near_->multiplexer.reset(*asked.stream, EndCode::kCancelled);
  EXPECT_FALSE(near_->multiplexer.has_work());
  EXPECT_EQ(near_->multiplexer.queued_bytes(), 0u);
}

TEST_F(MultiplexerTest, AReleasedStreamSendsWhatWaitsAndThenSaysThatItIsOver) {
  near_hello_.stream_window = 65536;
  make();
  Owner& asked = near_->open(owners_);
  near_->head(asked, "POST / HTTP/1.1\r\n\r\n");
  near_->body(asked, "never ends");
  pass_all();
  Owner& served = far_->requests.front();
  far_->head(served, "HTTP/1.1 200 OK\r\n\r\n");
  far_->body(served, std::string(150'000, 'r'));
  far_->end(served);
  far_->multiplexer.release(*served.stream);
  pass_all();
  EXPECT_EQ(asked.body.size(), 65536u);
  EXPECT_EQ(far_->multiplexer.open_streams(), 1u);
  near_->consume_at_once(asked);
  near_->multiplexer.consumed(*asked.stream, asked.body.size());
  pass_all();
  EXPECT_EQ(asked.body.size(), 150'000u);
  EXPECT_TRUE(asked.ended);
  EXPECT_EQ(asked.reset, EndCode::kNone) << "the rest of the request is not wanted";
  EXPECT_EQ(far_->multiplexer.open_streams(), 0u);
  EXPECT_EQ(near_->multiplexer.open_streams(), 0u);
}

TEST_F(MultiplexerTest, WaitsWhileThePeerServesAsManyAsItWill) {
  far_hello_.streams = 2;
  make();
  for (int i = 0; i < 4; ++i) {
    Owner& asked = near_->open(owners_);
    near_->head(asked, kRequest);
    near_->end(asked);
  }
  pass_all();
  EXPECT_EQ(far_->requests.size(), 2u);
  for (int i = 0; i < 4; ++i) {
    Owner& served = *std::next(far_->requests.begin(), i);
    far_->head(served, "HTTP/1.1 200 OK\r\n\r\n");
    far_->end(served);
    far_->multiplexer.release(*served.stream);
    pass_all();
    Owner& asked = *std::next(owners_.begin(), i);
    EXPECT_TRUE(asked.ended);
    near_->multiplexer.release(*asked.stream);
    pass_all();
  }
  EXPECT_EQ(far_->requests.size(), 4u);
}

TEST_F(MultiplexerTest, GoawayRefusesWhatComesLater) {
  Owner& served = near_->open(owners_);
  near_->head(served, kRequest);
  near_->end(served);
  pass_all();
  far_->multiplexer.go_away(EndCode::kNone);
  Owner& crossing = near_->open(owners_);
  near_->head(crossing, kRequest);
  near_->end(crossing);
  ASSERT_EQ(pass(*near_, *far_), std::nullopt);
  Owner& waiting = near_->open(owners_);
  pass_all();
  EXPECT_EQ(far_->requests.size(), 1u);
  EXPECT_EQ(near_->goaway, EndCode::kNone);
  EXPECT_TRUE(near_->multiplexer.peer_goes_away());
  EXPECT_EQ(crossing.reset, EndCode::kRefused);
  EXPECT_EQ(waiting.reset, EndCode::kRefused);
  EXPECT_EQ(served.reset, std::nullopt);
}

TEST_F(MultiplexerTest, AnswersPings) {
  near_->multiplexer.ping();
  pass_all();
  EXPECT_EQ(near_->multiplexer.received_pongs(), 1u);
}

TEST_F(MultiplexerTest, APeerThatAsksWithoutReadingIsRefused) {
  std::string pings;
  for (int i = 0; i < 10'000; ++i)
    append_frame(pings, FrameType::kPing, 0, "12345678");
  std::optional<Error> error;
  for (int i = 0; i < 50 && !error; ++i)
    error = forge(*far_, pings);
  EXPECT_EQ(code_of(error), Code::kOverloaded);
}

// Every batch must fit, however much there is to say.
TEST_F(MultiplexerTest, PutsNoMoreIntoABatchThanThePeerTakes) {
  far_hello_.stream_window = 64 * 1024 * 1024;
  make();
  const std::string lines(Multiplexer::kHeadBytesMax - 4, 'x');
  for (int i = 0; i < 6; ++i) {
    Owner& asked = near_->open(owners_);
    near_->head(asked, lines + "\r\n\r\n");
    near_->body(asked, std::string(100'000, 'b'));
    near_->end(asked, lines + "\r\n\r\n");
  }
  std::string pings;
  for (int i = 0; i < 10'000; ++i)
    append_frame(pings, FrameType::kPing, 0, "12345678");
  for (int i = 0; i < 8; ++i)
    ASSERT_EQ(forge(*near_, pings), std::nullopt);
  pass_all();
  EXPECT_EQ(far_->multiplexer.received_pongs(), 80'000u);
  ASSERT_EQ(far_->requests.size(), 6u);
  for (const Owner& served : far_->requests) {
    EXPECT_EQ(served.body.size(), 100'000u);
    EXPECT_EQ(served.trailers.size(), lines.size() + 4);
  }
}

struct Forged {
  const char* name;
  std::string frames;
};

// To a near end whose stream 1 has sent its request, and, where the name says so, has its response.
class MultiplexerForgedToNear : public MultiplexerTest,
                                public testing::WithParamInterface<Forged> {};
TEST_P(MultiplexerForgedToNear, EndsTheLink) {
  Owner& asked = near_->open(owners_);
  near_->head(asked, kRequest);
  near_->end(asked);
  pass_all();
  EXPECT_EQ(code_of(forge(*near_, GetParam().frames)), Code::kMalformed);
}
const std::string kWhole = frame(FrameType::kHeadEnd, 1, "HTTP/1.1 204 No\r\n\r\n");
INSTANTIATE_TEST_SUITE_P(
    All, MultiplexerForgedToNear,
    testing::Values(
        Forged{"HeadOfAStreamThatNeverWas", frame(FrameType::kHead, 2, "x")},
        Forged{"BodyOfAStreamThatNeverWas", frame(FrameType::kData, 2, "x")},
        Forged{"TrailersOfAStreamThatNeverWas", frame(FrameType::kTrailers, 2, "x")},
        Forged{"ResetOfAStreamThatNeverWas", frame(FrameType::kReset, 2, number(1))},
        Forged{"WindowOfAStreamThatNeverWas", frame(FrameType::kWindow, 2, number(1))},
        Forged{"HeadOfTheConnection", frame(FrameType::kHead, 0, "x")},
        Forged{"HeadBehindTheEnd", kWhole + frame(FrameType::kHead, 1, "x")},
        Forged{"BodyBehindTheEnd", kWhole + frame(FrameType::kData, 1, "x")},
        Forged{"TrailersBehindTheEnd", kWhole + frame(FrameType::kTrailers, 1, "x")},
        Forged{"MoreThanTheStreamsWindow",
               frame(FrameType::kHead, 1, "h") +
                   frame(FrameType::kData, 1, std::string(Hello{}.stream_window + 1, 'x'))},
        Forged{"EmptyReset", frame(FrameType::kReset, 1)},
        Forged{"EmptyWindow", frame(FrameType::kWindow, 1, number(0))},
        Forged{"HugeWindow", frame(FrameType::kWindow, 1, number(uint64_t{1} << 40))},
        Forged{"WindowsOverTheMost", frame(FrameType::kWindow, 0, number(0x7fffffff)) +
                                         frame(FrameType::kWindow, 0, number(0x7fffffff))},
        Forged{"ShortPing", frame(FrameType::kPing, 0, "1234567")},
        Forged{"PingOfAStream", frame(FrameType::kPing, 1, "12345678")},
        Forged{"GoawayOfAStream", frame(FrameType::kGoaway, 1, number(1) + number(0))},
        Forged{"EmptyGoaway", frame(FrameType::kGoaway, 0)},
        Forged{"DatagramBehindTheEnd",
               frame(FrameType::kHeadEnd, 1, "h") + frame(FrameType::kDatagram, 1, "x")},
        Forged{"DatagramOfNoStream", frame(FrameType::kDatagram, 0, "x")},
        Forged{"HugeDatagram", frame(FrameType::kDatagram, 1, std::string(65536, 'x'))},
        Forged{"TermsOfTheFarEnd", frame(FrameType::kTerms, 0, number(1) + number(1))}),
    [](const auto& about) { return about.param.name; });

// ---- Datagrams.

TEST_F(MultiplexerTest, CarriesDatagramsAsTheyAreBothWays) {
  Owner& owner = near_->open(owners_);
  near_->head(owner, kRequest);
  std::vector<std::string> sent = {"", "a", std::string(1000, 'b'),
                                   std::string(Multiplexer::kDatagramBytesMax, 'c'), "d"};
  for (const std::string& bytes : sent)
    EXPECT_TRUE(near_->multiplexer.send_datagram(*owner.stream, bytes));
  near_->end(owner);
  pass_all();
  ASSERT_EQ(far_->requests.size(), 1u);
  Owner& request = far_->requests.front();
  EXPECT_EQ(request.datagrams, sent);
  EXPECT_TRUE(request.ended);
  EXPECT_EQ(request.body, "");
  far_->head(request, "HTTP/1.1 200 OK\r\n\r\n");
  EXPECT_TRUE(far_->multiplexer.send_datagram(*request.stream, "back"));
  pass_all();
  EXPECT_THAT(owner.datagrams, ElementsAre("back"));
  EXPECT_EQ(near_->multiplexer.queued_bytes(), 0u);
}

TEST_F(MultiplexerTest, DropsDatagramsThatAreTooManyOrTooLarge) {
  Owner& owner = near_->open(owners_);
  near_->head(owner, kRequest);
  EXPECT_FALSE(near_->multiplexer.send_datagram(
      *owner.stream, std::string(Multiplexer::kDatagramBytesMax + 1, 'x')));
  size_t taken = 0;
  while (near_->multiplexer.send_datagram(*owner.stream, std::string(998, 'x')))
    ++taken;
  EXPECT_EQ(taken, Multiplexer::kDatagramsQueuedMax / 1000);
  EXPECT_LE(near_->multiplexer.queued_bytes(), Multiplexer::kDatagramsQueuedMax + 1000);
  // Another stream has room of its own, and this one has it again when they are sent.
  Owner& other = near_->open(owners_);
  near_->head(other, kRequest);
  EXPECT_TRUE(near_->multiplexer.send_datagram(*other.stream, "x"));
  pass_all();
  EXPECT_EQ(far_->requests.front().datagrams.size(), taken);
  EXPECT_TRUE(near_->multiplexer.send_datagram(*owner.stream, std::string(998, 'x')));
}

TEST_F(MultiplexerTest, TakesNoDatagramsWhileTheLinkIsFull) {
  near_hello_.streams = far_hello_.streams = 1000;
  make();
  while (near_->multiplexer.queued_bytes() <= Multiplexer::kDatagramsLinkMax) {
    Owner& owner = near_->open(owners_);
    near_->head(owner, kRequest);
    ASSERT_TRUE(near_->multiplexer.send_datagram(*owner.stream, std::string(60'000, 'x')));
  }
  EXPECT_FALSE(near_->multiplexer.send_datagram(*owners_.front().stream, "x"));
}

TEST_F(MultiplexerTest, DatagramsNeedNoWindow) {
  far_hello_.stream_window = 16384;
  far_hello_.link_window = 65536;
  make();
  Owner& owner = near_->open(owners_);
  near_->head(owner, kRequest);
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(near_->multiplexer.send_datagram(*owner.stream, std::string(50'000, 'x')));
    pass_all();
  }
  EXPECT_EQ(far_->requests.front().datagrams.size(), 10u);
}

TEST_F(MultiplexerTest, DropsDatagramsOfStreamsThatAreForgotten) {
  Owner& owner = near_->open(owners_);
  near_->head(owner, kRequest);
  pass_all();
  Owner& request = far_->requests.front();
  far_->multiplexer.reset(*request.stream, EndCode::kBroken);
  ASSERT_TRUE(near_->multiplexer.send_datagram(*owner.stream, "late"));
  EXPECT_EQ(pass(*near_, *far_), std::nullopt);
  EXPECT_TRUE(request.datagrams.empty());
}

// ---- What makes no sense.

TEST_F(MultiplexerTest, ForgedRequestsEndTheLinkOfAFarEnd) {
  EXPECT_EQ(forge(*far_, frame(FrameType::kHeadEnd, 7, kRequest)), std::nullopt);
  for (const uint32_t id : {7u, 3u}) {
    EXPECT_EQ(code_of(forge(*far_, frame(FrameType::kHeadEnd, id, kRequest))), Code::kMalformed);
  }
  make();
  EXPECT_EQ(code_of(forge(*far_, frame(FrameType::kData, 1, "x"))), Code::kMalformed);
}

TEST_F(MultiplexerTest, MalformedTermsEndTheLinkOfAFarEnd) {
  for (const std::string& wrong :
       {frame(FrameType::kTerms, 0), frame(FrameType::kTerms, 0, number(1)),
        frame(FrameType::kTerms, 0, number(1) + number(0x80000000)),
        frame(FrameType::kTerms, 1, number(1) + number(1))}) {
    EXPECT_EQ(code_of(forge(*far_, wrong)), Code::kMalformed);
    make();
  }
  const std::string more = number(0x7fffffff) + number(2) + "what comes later";
  EXPECT_EQ(forge(*far_, frame(FrameType::kTerms, 0, more)), std::nullopt);
}

TEST_F(MultiplexerTest, TermsAreSentWhenTheyAreOthersThanBefore) {
  constexpr Terms kSome{.answer_ms = 3072, .total_ms = 10240};
  const std::vector<Terms> wanted = {{}, kSome, kSome, {.answer_ms = 3072}, {}, {}};
  size_t bytes = 0;
  std::vector<size_t> costs;
  for (const Terms& terms : wanted) {
    Owner& asked = near_->open(owners_);
    near_->multiplexer.set_terms(*asked.stream, terms);
    near_->head(asked, kRequest);
    near_->end(asked);
    BufferChain wire(near_->pool);
    bytes = near_->multiplexer.make_batch(wire);
    costs.push_back(bytes - frame(FrameType::kHeadEnd, 1, kRequest).size());
    ASSERT_EQ(read(*far_, wire.to_string()), std::nullopt);
  }
  EXPECT_EQ(far_->terms, wanted);
  EXPECT_THAT(costs, ElementsAre(0, 7, 0, 6, 5, 0));
}

// The bytes of both bodies stand in the wire as they are, each time, and no table has them.
TEST_F(MultiplexerTest, PlainBodiesAreNeitherCompressedNorRemembered) {
  const std::string question = "A question of many letters, " + std::string(200, 'q');
  const std::string answer = "An answer of many letters, " + std::string(200, 'a');
  for (int i = 0; i < 3; ++i) {
    Owner& asked = near_->open(owners_);
    near_->multiplexer.set_terms(*asked.stream, {.plain_bodies = true});
    near_->head(asked, "POST / HTTP/1.1\r\n\r\n");
    near_->body(asked, question);
    near_->end(asked, "A: b\r\n\r\n");
    const std::string to_far = near_->batch();
    EXPECT_THAT(to_far, testing::HasSubstr(question));
    ASSERT_EQ(read(*far_, to_far), std::nullopt);
    Owner& served = far_->requests.back();
    EXPECT_EQ(served.body, question);
    EXPECT_EQ(served.trailers, "A: b\r\n\r\n");
    far_->head(served, "HTTP/1.1 200 OK\r\n\r\n");
    far_->body(served, answer);
    far_->end(served);
    const std::string to_near = far_->batch();
    EXPECT_THAT(to_near, testing::HasSubstr(answer));
    ASSERT_EQ(read(*near_, to_near), std::nullopt);
    EXPECT_EQ(asked.body, answer);
    EXPECT_TRUE(asked.ended);
  }
  EXPECT_EQ(near_->multiplexer.counts().encoder.bodies, 0u);
  EXPECT_EQ(far_->multiplexer.counts().encoder.bodies, 0u);
}

// Of one batch too, where the others' bodies are compressed.
TEST_F(MultiplexerTest, PlainBodiesGoBesideOthers) {
  std::string bodies[4];
  for (size_t i = 0; i < std::size(bodies); ++i) {
    bodies[i] = "Many letters " + std::string(300, static_cast<char>('a' + i / 2));
    Owner& asked = near_->open(owners_);
    near_->multiplexer.set_terms(*asked.stream, {.plain_bodies = i % 2 == 0});
    near_->head(asked, "POST / HTTP/1.1\r\n\r\n");
    near_->body(asked, bodies[i]);
    near_->end(asked);
  }
  const std::string wire = near_->batch();
  EXPECT_LT(wire.size(), 2 * bodies[0].size() + 300);
  ASSERT_EQ(read(*far_, wire), std::nullopt);
  ASSERT_EQ(far_->requests.size(), std::size(bodies));
  const std::string* body = bodies;
  for (const Owner& served : far_->requests) {
    EXPECT_EQ(served.body, *body++);
    EXPECT_TRUE(served.ended);
  }
}

TEST(Terms, TellALittleMoreThanIsLeft) {
  using std::chrono::milliseconds;
  EXPECT_EQ(told_limit(milliseconds(-5)), 1u);
  EXPECT_EQ(told_limit(std::chrono::microseconds(1)), 1u);
  EXPECT_EQ(told_limit(milliseconds(31)), 31u);
  EXPECT_EQ(told_limit(milliseconds(33)), 34u);
  EXPECT_EQ(told_limit(milliseconds(3000)), 3072u);
  EXPECT_EQ(told_limit(milliseconds(2945)), 3072u) << "as one that has not waited";
  EXPECT_EQ(told_limit(std::chrono::hours(24 * 365)), 0u) << "as good as none";
  for (int64_t ms = 1; ms < 1'000'000'000; ms += ms / 7 + 1) {
    const uint32_t told = told_limit(milliseconds(ms));
    EXPECT_GE(told, ms);
    EXPECT_LE(told, ms + ms / 16 + 1);
    EXPECT_EQ(told_limit(milliseconds(told)), told);
  }
}

// Frames for a stream that is over cross with its end, and are nobody's.
TEST_F(MultiplexerTest, FramesOfStreamsThatAreOverAreDropped) {
  Owner& asked = near_->open(owners_);
  near_->head(asked, kRequest);
  near_->end(asked);
  pass_all();
  near_->multiplexer.reset(*asked.stream, EndCode::kCancelled);
  EXPECT_EQ(forge(*near_, frame(FrameType::kHead, 1, "h") + frame(FrameType::kData, 1, "x") +
                              frame(FrameType::kWindow, 1, number(5)) +
                              frame(FrameType::kTrailers, 1, "t") +
                              frame(FrameType::kReset, 1, number(3))),
            std::nullopt);
}

TEST(Hello, IsReadAsItWasWritten) {
  const Hello hello{
      .tables = kLargeTables, .stream_window = 123456, .link_window = 7654321, .streams = 17};
  const std::string bytes = encode_hello(hello);
  size_t used = 0;
  for (size_t cut = 0; cut < bytes.size(); ++cut) {
    ASSERT_TRUE(parse_hello(bytes.substr(0, cut), Source::kUpstream, used));
    EXPECT_EQ(used, 0u);
  }
  const auto read = parse_hello(bytes + "more", Source::kUpstream, used);
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, hello);
  EXPECT_EQ(used, bytes.size());
}

TEST(Hello, SkipsWhatIsNotKnownAndHasDefaults) {
  size_t used = 0;
  const std::string settings = number(99) + number(5) + number(9) + number(3);
  const auto read = parse_hello(number(settings.size()) + settings, Source::kUpstream, used);
  ASSERT_TRUE(read);
  Hello expected;
  expected.streams = 3;
  EXPECT_EQ(*read, expected);
}

TEST(Hello, RefusesWhatCannotBe) {
  size_t used = 0;
  const std::string too_long = number(kHelloBytesMax + 1);
  const std::string half = number(1) + number(9);
  const std::string window = number(1) + number(25);
  for (const std::string& bytes :
       {too_long, half, number(window.size()) + window, std::string("\xff\xff\xff")}) {
    EXPECT_EQ(code_of(parse_hello(bytes, Source::kUpstream, used)
                          ? std::nullopt
                          : std::optional(parse_hello(bytes, Source::kUpstream, used).error())),
              Code::kMalformed);
  }
}

}  // namespace
}  // namespace httpteleport::teleport::v2
