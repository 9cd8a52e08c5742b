// Recorded v0 link traffic of two Go programs (tests/data/wire-v0), played to both of our ends, and
// what our ends write themselves, read back by independent code.
//
// In each recording: seven requests with the ids 1 to 7, and their answers in the order 1, 3, 2, 4,
// 5, 6, 7.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <fstream>
#include <iterator>
#include <map>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "integration/topology.h"
#include "support/http_message.h"
#include "support/independent_codecs.h"
#include "support/paths.h"
#include "support/socket.h"
#include "teleport/handshake.h"
#include "teleport/v0/test_frames.h"

namespace httpteleport::test {
namespace {

namespace v0 = teleport::v0;
using testing::ElementsAre;

constexpr uint32_t kRequests = 7;

// The bytes of one direction of one recording, handshake included.
std::string recording(LinkCoding coding, std::string_view direction) {
  const std::string path = source_dir() + "/tests/data/wire-v0/v0-" + link_coding_name(coding) +
                           ".1." + std::string(direction);
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.is_open()) << path;
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// The uncompressed frames of one direction; checked to be all there.
LinkFrames frames_of(LinkCoding coding, std::string_view direction) {
  const Unpacked unpacked =
      unpack(coding, recording(coding, direction).substr(kLinkHandshakeBytes));
  EXPECT_EQ(unpacked.error, "");
  LinkFrames frames =
      direction == "c2s" ? split_requests(unpacked.plain) : split_responses(unpacked.plain);
  EXPECT_EQ(frames.error + frames.rest, "");
  EXPECT_EQ(frames.frames.size(), kRequests);
  return frames;
}

std::vector<uint32_t> ids_of(const LinkFrames& frames) {
  std::vector<uint32_t> ids;
  for (const LinkFrame& frame : frames.frames)
    ids.push_back(frame.id);
  return ids;
}

// How our encoder writes a message that says `head` and `body`: the fields as they came, and the
// framing behind them.
std::string rewritten(const MessageHead& head, std::string_view body,
                      std::string_view field_to_leave_out = "Content-Length") {
  const size_t line_end = head.raw.find("\r\n");
  std::string text = head.raw.substr(0, line_end + 2);
  for (const auto& [name, value] : head.fields) {
    if (name != "Content-Length" && name != field_to_leave_out)
      text.append(name).append(": ").append(value).append("\r\n");
  }
  if (!body.empty()) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  return text.append("\r\n").append(body);
}

// Every position; under ThreadSanitizer, which is thirty times slower and has nothing to find in a
// single thread, every eleventh.
#ifdef __SANITIZE_THREAD__
constexpr size_t kCutStep = 11;
#else
constexpr size_t kCutStep = 1;
#endif

// ---- The readers by themselves: no socket decides where the bytes are cut.

// What a v0::Journal says about frames that were read by independent code.
std::string journal_of(const LinkFrames& frames) {
  std::string text;
  for (const LinkFrame& frame : frames.frames) {
    const MessageHead& head = frame.head;
    text += "[" + std::to_string(frame.id) + " ";
    text += head.status != 0
                ? std::to_string(head.status)
                : head.method + " " + head.target + " of " + head.find("host").value_or("");
    text += " " + head.raw + "]" + frame.body + "[end]\n";
  }
  return text;
}

class RecordedLink : public testing::TestWithParam<LinkCoding> {
 protected:
  // Reads `pieces` and compares with what must come out.
  template <class Reader>
  void expect_read(const std::vector<std::string_view>& pieces, const std::string& expected) {
    v0::Journal journal;
    journal.text.reserve(expected.size());
    Reader reader(v0::method_of(GetParam()), {}, journal);
    for (const std::string_view piece : pieces) {
      const Result<void> fed = reader.feed(piece);
      ASSERT_TRUE(fed) << fed.error().detail;
    }
    ASSERT_TRUE(reader.is_between_frames());
    ASSERT_TRUE(journal.text == expected);
  }

  template <class Reader>
  void read_cut_everywhere(std::string_view direction) {
    const std::string bytes = recording(GetParam(), direction);
    const auto handshake =
        teleport::parse_handshake(std::string_view(bytes).substr(0, teleport::kHandshakeBytes),
                                  {.v0 = true}, Source::kUpstream);
    ASSERT_TRUE(handshake);
    EXPECT_EQ(teleport::method_of(handshake->coding), v0::method_of(GetParam()));
    EXPECT_FALSE(handshake->tls);
    const std::string expected = journal_of(frames_of(GetParam(), direction));
    const std::string_view wire = std::string_view(bytes).substr(teleport::kHandshakeBytes);
    for (size_t cut = 0; cut <= wire.size(); cut += kCutStep) {
      SCOPED_TRACE("cut at " + std::to_string(cut));
      expect_read<Reader>({wire.substr(0, cut), wire.substr(cut)}, expected);
      if (HasFatalFailure()) return;
    }
    for (const size_t size : {1, 2, 3, 7, 1000, 4096}) {
      SCOPED_TRACE("pieces of " + std::to_string(size));
      std::vector<std::string_view> pieces;
      for (size_t begin = 0; begin < wire.size(); begin += size)
        pieces.push_back(wire.substr(begin, size));
      expect_read<Reader>(pieces, expected);
    }
  }
};

std::string coding_name(const testing::TestParamInfo<LinkCoding>& info) {
  return link_coding_name(info.param);
}
INSTANTIATE_TEST_SUITE_P(Codings, RecordedLink, testing::ValuesIn(kLinkCodings), coding_name);

TEST_P(RecordedLink, HoldsTheSevenRequestsAndTheirAnswers) {
  const LinkFrames requests = frames_of(GetParam(), "c2s");
  EXPECT_THAT(ids_of(requests), ElementsAre(1, 2, 3, 4, 5, 6, 7));
  std::vector<std::string> lines;
  for (const LinkFrame& frame : requests.frames)
    lines.push_back(frame.head.method + " " + frame.head.target);
  EXPECT_THAT(lines, ElementsAre("GET /hello?x=1", "GET /slow", "GET /fast", "POST /echo",
                                 "DELETE /item/7", "GET /missing", "PUT /big"));
  EXPECT_EQ(requests.find(4)->body.size(), 17u);
  EXPECT_EQ(requests.find(7)->body.size(), 72'000u);
  const LinkFrames answers = frames_of(GetParam(), "s2c");
  EXPECT_THAT(ids_of(answers), ElementsAre(1, 3, 2, 4, 5, 6, 7));
  EXPECT_EQ(answers.find(5)->head.status, 204);
  EXPECT_EQ(answers.find(6)->head.status, 404);
  EXPECT_EQ(answers.find(6)->body.size(), 220u);
  EXPECT_TRUE(answers.find(7)->body == requests.find(7)->body);
}

TEST_P(RecordedLink, RequestsAreReadAlikeCutAtEveryPosition) {
  read_cut_everywhere<v0::RequestReader>("c2s");
}

TEST_P(RecordedLink, ResponsesAreReadAlikeCutAtEveryPosition) {
  read_cut_everywhere<v0::ResponseReader>("s2c");
}

// ---- Our server end: the program, with an origin that answers what the recorded one answered.

// Answers each recorded request with the recorded answer; keeps count of what was not as recorded.
// /slow waits for a permit.
class RecordedOrigin {
 public:
  // The recordings differ in ports and dates.
  explicit RecordedOrigin(LinkCoding coding)
      : requests_(frames_of(coding, "c2s")), answers_(frames_of(coding, "s2c")) {
    acceptor_ = std::thread([this] { accept_all(); });
  }
  ~RecordedOrigin() {
    listener_.shut_down();
    acceptor_.join();
    {
      const std::lock_guard lock(mutex_);
      ended_ = true;
      for (auto& connection : connections_)
        connection->socket().shut_down();
    }
    changed_.notify_all();
    for (std::thread& thread : threads_)
      thread.join();
  }

  Address address() const { return listener_.address(); }
  void permit_slow() {
    {
      const std::lock_guard lock(mutex_);
      ++permits_;
    }
    changed_.notify_all();
  }
  // What was wrong with the requests since the last call.
  std::vector<std::string> take_faults() {
    const std::lock_guard lock(mutex_);
    return std::exchange(faults_, {});
  }

 private:
  void accept_all() {
    while (auto socket = listener_.accept(after(std::chrono::hours(1)))) {
      const std::lock_guard lock(mutex_);
      connections_.push_back(std::make_unique<HttpConnection>(std::move(*socket)));
      threads_.emplace_back([this, &connection = *connections_.back()] { serve(connection); });
    }
  }

  void serve(HttpConnection& connection) {
    const Deadline deadline = after(std::chrono::hours(1));
    for (;;) {
      const Message request = connection.read_request(deadline);
      if (request.outcome == Outcome::kNothing) return;
      const LinkFrame* recorded = find(request);
      if (recorded == nullptr) return;
      if (request.head.target == "/slow" && !wait_for_permit()) return;
      if (!connection.send(answers_.find(recorded->id)->raw.substr(4))) return;
    }
  }

  const LinkFrame* find(const Message& request) {
    for (const LinkFrame& frame : requests_.frames) {
      if (frame.head.target != request.head.target) continue;
      if (request.outcome == Outcome::kComplete &&
          request.head.raw + request.body == rewritten(frame.head, frame.body))
        return &frame;
      break;
    }
    const std::lock_guard lock(mutex_);
    faults_.push_back(std::string(outcome_name(request.outcome)) + ": " + request.head.raw);
    return nullptr;
  }

  bool wait_for_permit() {
    std::unique_lock lock(mutex_);
    const size_t turn = ++slow_requests_;
    return changed_.wait_until(lock, after(), [&] { return permits_ >= turn || ended_; }) &&
           !ended_;
  }

  const LinkFrames requests_;
  const LinkFrames answers_;
  Listener listener_;
  std::mutex mutex_;  // guards what follows, but for acceptor_
  std::condition_variable changed_;
  size_t permits_ = 0;
  size_t slow_requests_ = 0;
  bool ended_ = false;
  std::vector<std::string> faults_;
  std::vector<std::unique_ptr<HttpConnection>> connections_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

// The peer's side of a link, read by independent code.
class LinkPeer {
 public:
  explicit LinkPeer(Socket socket) : socket_(std::move(socket)) {}

  Socket& socket() { return socket_; }
  // Reads the other end's handshake, which must name `coding`.
  void expect_handshake(LinkCoding coding) {
    coding_ = coding;
    const Received received = socket_.recv_exactly(kLinkHandshakeBytes);
    EXPECT_EQ(received.status, IoStatus::kOk);
    EXPECT_EQ(received.bytes, link_handshake(coding));
  }
  // Reads until the frame with that id is complete.
  template <class Split>
  void read_through(uint32_t id, Split&& split) {
    while (frames_.find(id) == nullptr) {
      const Received received = socket_.recv_some();
      wire_ += received.bytes;
      ASSERT_EQ(received.status, IoStatus::kOk) << "waiting for id " << id;
      take(split);
      ASSERT_EQ(unpacked_.error + frames_.error, "");
    }
  }
  // Reads until the other end has closed, after which nothing may be incomplete.
  template <class Split>
  void read_to_end(Split&& split) {
    const Received received = socket_.recv_to_end();
    EXPECT_EQ(received.status, IoStatus::kClosed);
    wire_ += received.bytes;
    take(split);
    EXPECT_EQ(unpacked_.error + frames_.error + frames_.rest, "");
    EXPECT_TRUE(unpacked_.at_flush);
  }
  const LinkFrames& frames() const { return frames_; }
  const std::string& plain() const { return unpacked_.plain; }

 private:
  template <class Split>
  void take(Split& split) {
    unpacked_ = unpack(coding_, wire_);
    frames_ = split(unpacked_.plain);
  }

  Socket socket_;
  LinkCoding coding_ = LinkCoding::kNone;
  std::string wire_;
  Unpacked unpacked_;
  LinkFrames frames_;
};

LinkFrames split_answers(std::string_view plain) {
  return split_responses(plain);
}

// Sends each piece by a call of its own, without waiting to fill a segment. Whether the receiver
// reads in between is up to it: the tests above are the ones that cut for certain.
void send_pieces(Socket& socket, const std::vector<std::string_view>& pieces) {
  for (const std::string_view piece : pieces)
    ASSERT_EQ(socket.send_all(piece), IoStatus::kOk);
}

std::vector<std::string_view> cut(std::string_view bytes, size_t at) {
  return {bytes.substr(0, at), bytes.substr(at)};
}

// The first bytes one by one, then the rest.
std::vector<std::string_view> dribble(std::string_view bytes, size_t count) {
  std::vector<std::string_view> pieces;
  for (size_t i = 0; i < count; ++i)
    pieces.push_back(bytes.substr(i, 1));
  pieces.push_back(bytes.substr(count));
  return pieces;
}

uint32_t printed_seed() {
  const uint32_t seed = std::random_device{}();
  std::printf("seed %u\n", seed);
  return seed;
}

struct Codings {
  LinkCoding requests;
  LinkCoding answers;
};

std::vector<Codings> all_codings() {
  std::vector<Codings> all;
  for (const LinkCoding requests : kLinkCodings) {
    for (const LinkCoding answers : kLinkCodings)
      all.push_back({requests, answers});
  }
  return all;
}
std::string codings_name(const testing::TestParamInfo<Codings>& info) {
  return std::string(link_coding_name(info.param.requests)) + "_and_" +
         link_coding_name(info.param.answers);
}

class OurServerEnd : public testing::TestWithParam<Codings> {
 protected:
  void SetUp() override { ASSERT_TRUE(process_.started()); }

  // Plays the recorded requests on a new link and checks every byte of the answers.
  void play(const std::vector<std::string_view>& pieces) {
    auto socket = Socket::connect(process_.address());
    ASSERT_TRUE(socket);
    LinkPeer peer(std::move(*socket));
    send_pieces(peer.socket(), pieces);
    peer.expect_handshake(GetParam().answers);
    // The answer to /fast must not wait for the one to /slow, which was asked for earlier.
    peer.read_through(3, split_answers);
    EXPECT_EQ(peer.frames().find(2), nullptr);
    origin_.permit_slow();
    for (uint32_t id = 1; id <= kRequests && !HasFatalFailure(); ++id)
      peer.read_through(id, split_answers);
    peer.socket().shutdown_write();
    peer.read_to_end(split_answers);
    EXPECT_EQ(peer.frames().frames.size(), kRequests);
    for (uint32_t id = 1; id <= kRequests && !HasFailure(); ++id) {
      const LinkFrame& recorded = *answers_.find(id);
      EXPECT_TRUE(peer.frames().find(id)->raw ==
                  link_frame(id, rewritten(recorded.head, recorded.body)))
          << id << " " << peer.frames().find(id)->head.raw;
    }
    EXPECT_THAT(origin_.take_faults(), ElementsAre());
  }

  const std::string bytes_ = recording(GetParam().requests, "c2s");
  const LinkFrames answers_ = frames_of(GetParam().requests, "s2c");
  RecordedOrigin origin_{GetParam().requests};
  RunningHttptp process_{{"-in=127.0.0.1:0", "-inType=teleport",
                          std::string("-inCompress=") + link_coding_name(GetParam().answers),
                          "-outType=http", "-out=" + origin_.address().text(), "-outTimeout=20s"}};
};

INSTANTIATE_TEST_SUITE_P(Codings, OurServerEnd, testing::ValuesIn(all_codings()), codings_name);

TEST_P(OurServerEnd, AnswersTheRecordedRequestsHoweverTheyAreCut) {
  play({bytes_});
  play(dribble(bytes_, 1000));
  std::mt19937 random(printed_seed());
  const int rounds = GetParam().requests == GetParam().answers ? 334 : 4;
  for (int i = 0; i < rounds && !HasFailure(); ++i) {
    const size_t at = random() % bytes_.size();
    SCOPED_TRACE("cut at " + std::to_string(at));
    play(cut(bytes_, at));
  }
}

TEST_P(OurServerEnd, AnswersWhatItWasAskedBeforeThePeerEndedItsSide) {
  auto socket = Socket::connect(process_.address());
  ASSERT_TRUE(socket);
  LinkPeer peer(std::move(*socket));
  ASSERT_EQ(peer.socket().send_all(bytes_), IoStatus::kOk);
  peer.socket().shutdown_write();
  origin_.permit_slow();
  peer.expect_handshake(GetParam().answers);
  peer.read_to_end(split_answers);
  EXPECT_EQ(peer.frames().frames.size(), kRequests);
  EXPECT_THAT(origin_.take_faults(), ElementsAre());
}

// ---- Our client end: the program, with a far end that plays the recorded answers.

class OurClientEnd : public testing::TestWithParam<Codings> {
 protected:
  // A program of its own for each, since the ids must begin at 1. Asks for everything recorded,
  // compares what goes over the link, plays `pieces` as the far end and compares the answers.
  void play(const std::vector<std::string_view>& pieces) {
    Listener far_end;
    RunningHttptp process({"-in=127.0.0.1:0", "-inType=http", "-outType=teleport", "-workers=1",
                           "-clientIPHeader=X-Forwarded-For", "-outTimeout=20s",
                           "-out=" + far_end.address().text(), "-outProtocol=v0",
                           std::string("-outCompress=") + link_coding_name(GetParam().requests)});
    ASSERT_TRUE(process.started());
    std::vector<HttpConnection> clients;
    std::optional<LinkPeer> link;
    for (const LinkFrame& request : requests_.frames) {
      clients.emplace_back(process.address());
      ASSERT_TRUE(clients.back().send(rewritten(request.head, request.body, "X-Forwarded-For")));
      if (!link) {
        auto accepted = far_end.accept();
        ASSERT_TRUE(accepted);
        link.emplace(std::move(*accepted));
        link->expect_handshake(GetParam().requests);
        ASSERT_EQ(link->socket().send_all(link_handshake(GetParam().answers)), IoStatus::kOk);
      }
      link->read_through(request.id, split_requests);
      if (HasFatalFailure()) return;
    }
    expect_requests_on_the_wire(*link);
    send_pieces(link->socket(), pieces);
    for (uint32_t id = 1; id <= kRequests && !HasFailure(); ++id)
      expect_answer(clients[id - 1], id);
    clients.clear();
    process.stop();
    link->read_to_end(split_requests);
    EXPECT_EQ(link->frames().frames.size(), kRequests);
  }

  void expect_requests_on_the_wire(const LinkPeer& link) {
    std::string expected;
    for (const LinkFrame& request : requests_.frames)
      expected += link_frame(request.id, rewritten(request.head, request.body));
    EXPECT_TRUE(link.plain() == expected) << link.plain().substr(0, 300) << "\nfor\n"
                                          << expected.substr(0, 300);
  }

  void expect_answer(HttpConnection& client, uint32_t id) {
    const LinkFrame& recorded = *answers_.find(id);
    const Message answer = client.read_final_response();
    ASSERT_EQ(answer.outcome, Outcome::kComplete) << id << " " << answer.error;
    EXPECT_TRUE(answer.head.raw + answer.body == rewritten(recorded.head, recorded.body))
        << id << " " << answer.head.raw;
  }

  const std::string bytes_ = recording(GetParam().answers, "s2c").substr(kLinkHandshakeBytes);
  const LinkFrames requests_ = frames_of(LinkCoding::kNone, "c2s");
  const LinkFrames answers_ = frames_of(GetParam().answers, "s2c");
};

INSTANTIATE_TEST_SUITE_P(Codings, OurClientEnd, testing::ValuesIn(all_codings()), codings_name);

TEST_P(OurClientEnd, ReadsTheRecordedAnswersHoweverTheyAreCut) {
  play({bytes_});
  play(dribble(bytes_, 1000));
  std::mt19937 random(printed_seed());
  const int rounds = GetParam().requests == GetParam().answers ? 12 : 2;
  for (int i = 0; i < rounds && !HasFailure(); ++i) {
    const size_t at = random() % bytes_.size();
    SCOPED_TRACE("cut at " + std::to_string(at));
    play(cut(bytes_, at));
  }
}

}  // namespace
}  // namespace httpteleport::test
