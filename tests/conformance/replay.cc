#include "conformance/replay.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <tuple>

#include "integration/topology.h"
#include "support/content.h"
#include "support/relay.h"
#include "teleport/handshake.h"

namespace httpteleport::test {

namespace {

namespace v2 = teleport::v2;

constexpr std::string_view kNeighbour = "/neighbour/";

Asked neighbours_request(uint64_t number, std::string fields) {
  return {.method = number % 3 == 0 ? "GET" : "POST",
          .target = std::string(kNeighbour) + std::to_string(number),
          .fields = std::move(fields),
          .body = number % 3 == 0 ? "" : Content::json(500 + number % 3000, number).to_string(),
          .chunked = number % 3 == 1};
}

std::string chunk(std::string_view bytes) {
  char size[24];
  std::snprintf(size, sizeof size, "%zx\r\n", bytes.size());
  return size + std::string(bytes) + "\r\n";
}

}  // namespace

std::string Asked::text() const {
  std::string text = method + " " + target + " HTTP/1.1\r\nHost: recorded.example\r\n" + fields;
  if (chunked) {
    const size_t half = body.size() / 2;
    return text + "Transfer-Encoding: chunked\r\n\r\n" + chunk(body.substr(0, half)) +
           chunk(body.substr(half)) + "0\r\nX-Trailer: here\r\n\r\n";
  }
  if (method != "GET") text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  return text + "\r\n" + body;
}

bool Asked::is_answered_by(std::string_view answer) const {
  const size_t number = answer.find(' ');
  return number != std::string_view::npos &&
         answer.substr(number + 1) == method + " " + target + "\n" + body;
}

bool Asked::operator<(const Asked& other) const {
  return std::tie(method, target, body) < std::tie(other.method, other.target, other.body);
}

const std::vector<Asked>& asked_requests() {
  static const std::vector<Asked> all = [] {
    const std::string fields =
        "User-Agent: recorder/1.0 (a line that comes again)\r\n"
        "Cookie: session=QmFzZTY0IGlzIHdoYXQgaXQgbG9va3MgbGlrZQ; theme=dark\r\n"
        "X-Request-Id: 6f1de0a3-9a51-4c0e-8f4e-2b7a63c1d905\r\n";
    const std::string document = Content::json(300, 7).to_string();
    const std::string noise = Content::bytes(150, 8).to_string();
    return std::vector<Asked>{
        {.target = "/first?id=6f1de0a39a514c0e8f4e2b7a63c1d905", .fields = fields},
        {.method = "POST", .target = "/document", .fields = fields, .body = document},
        {.target = "/second", .fields = fields + "Authorization: Bearer abcdefghijklmnop\r\n"},
        {.method = "POST", .target = "/again", .fields = fields, .body = document},
        {.method = "PUT", .target = "/chunks", .fields = fields, .body = document, .chunked = true},
        {.method = "POST", .target = "/noise", .fields = fields, .body = noise},
    };
  }();
  return all;
}

Recording record_link(const RecordingOrigin& origin) {
  const Flags flags = {"-workers=1", "-linkMemory=small"};
  RunningHttptp far(far_flags(origin.address().text()) + flags + Flags{"-inCompress=zstd"});
  Relay relay(far.address(), true);
  RunningHttptp near(near_flags(relay.address().text()) + flags +
                     Flags{"-outCompress=zstd", "-outProtocol=v2", "-outConnsPerAddr=1"});
  HttpConnection client(near.address());
  for (const Asked& asked : asked_requests()) {
    client.send(asked.text());
    const Message answer = client.read_response();
    EXPECT_TRUE(asked.is_answered_by(answer.body)) << answer.error << answer.head.status;
  }
  return {relay.recorded(Relay::Way::kForth), relay.recorded(Relay::Way::kBack)};
}

std::string Damage::apply(std::string wire) const {
  if (kind == Kind::kFlip) wire[at] = static_cast<char>(wire[at] ^ (1 << (mix64(at) % 8)));
  if (kind == Kind::kCut) wire.resize(at);
  return wire;
}

std::string Damage::text() const {
  const char* const what[] = {"nothing is done to it", "a bit is changed in byte ",
                              "it is cut before byte "};
  return what[static_cast<size_t>(kind)] + (kind == Kind::kNone ? "" : std::to_string(at));
}

std::vector<Damage> damages(std::string_view wire, size_t step) {
  std::vector<Damage> all = {{}};
  for (size_t at = 0; at < wire.size(); at += step) {
    all.push_back({Damage::Kind::kFlip, at});
    all.push_back({Damage::Kind::kCut, at});
  }
  return all;
}

Greeting read_greeting(std::string_view wire) {
  const size_t begin = teleport::kHandshakeBytes;
  if (wire.size() < begin ||
      !teleport::parse_handshake(wire.substr(0, begin), {.v2 = true}, Source::kUpstream))
    return {};
  size_t used = 0;
  const auto hello = v2::parse_hello(wire.substr(begin), Source::kUpstream, used);
  if (!hello || used == 0) return {};
  return {begin + used, *hello};
}

bool LinkReader::read(std::string_view bytes) {
  rest_.append(bytes);
  for (;;) {
    const auto step = decoder_.decode(rest_);
    if (!step) return false;
    if (step->consumed == 0) return true;
    v2::ByteReader frames(step->frames);
    while (const auto frame = v2::read_frame(frames))
      take(*frame);
    if (frames.failed()) return false;
    rest_.erase(0, step->consumed);
  }
}

void LinkReader::take(const v2::Frame& frame) {
  if (frame.stream == 0 || frame.type == v2::FrameType::kWindow) return;
  Message& message = messages_[frame.stream];
  if (v2::is_head(frame.type)) message.head = frame.payload;
  if (v2::is_data(frame.type)) message.body += frame.payload;
  message.ended |= frame.type == v2::FrameType::kHeadEnd || frame.type == v2::FrameType::kDataEnd ||
                   frame.type == v2::FrameType::kTrailers;
  message.reset |= frame.type == v2::FrameType::kReset;
}

Neighbour::Neighbour(const Address& address, std::string fields)
    : thread_([this, address, fields = std::move(fields)] { run(address, fields); }) {}

Neighbour::~Neighbour() {
  stop();
}

void Neighbour::stop() {
  stopping_ = true;
  if (!thread_.joinable()) return;
  thread_.join();
  EXPECT_GT(answers_, 0u);
  for (const std::string& fault : faults_)
    ADD_FAILURE() << "a neighbour: " << fault;
}

void Neighbour::run(const Address& address, const std::string& fields) {
  HttpConnection client(address);
  for (uint64_t number = 0; !stopping_ || number < 3; ++number) {
    const Asked asked = neighbours_request(number, fields);
    client.send(asked.text());
    const Message answer = client.read_response();
    if (answer.outcome == Outcome::kComplete && asked.is_answered_by(answer.body)) {
      ++answers_;
      continue;
    }
    faults_.push_back(asked.target + ": " + outcome_name(answer.outcome) + " " + answer.error +
                      ", status " + std::to_string(answer.head.status) + ", " +
                      answer.body.substr(0, 200));
    if (faults_.size() >= 10) return;
    client = HttpConnection(address);
  }
}

void expect_only_asked(RecordingOrigin& origin) {
  const std::set<Asked> known(asked_requests().begin(), asked_requests().end());
  for (const RecordedRequest& request : origin.take_requests()) {
    const MessageHead& head = request.head;
    const Asked came{.method = head.method, .target = head.target, .body = request.body};
    uint64_t number = 0;
    if (std::string_view(head.target).starts_with(kNeighbour))
      number = std::stoull(head.target.substr(kNeighbour.size()));
    const bool right = head.target.starts_with(kNeighbour)
                           ? neighbours_request(number, {}).body == request.body
                           : known.contains(came);
    EXPECT_TRUE(right) << head.raw << request.body.substr(0, 400);
  }
  for (const std::string& fault : origin.take_faults())
    ADD_FAILURE() << fault;
}

}  // namespace httpteleport::test
