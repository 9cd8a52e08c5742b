#include "support/http_message.h"

#include <algorithm>
#include <charconv>
#include <ostream>

namespace httpteleport::test {
namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

bool equal_fold(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
    text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t'))
    text.remove_suffix(1);
  return text;
}

bool is_token(std::string_view text) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z') ||
           kMarks.find(c) != std::string_view::npos;
  });
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
  });
}

std::optional<uint64_t> parse_number(std::string_view text, int base) {
  uint64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, value, base);
  if (text.empty() || error != std::errc{} || at != end) return {};
  return value;
}

}  // namespace

std::optional<std::string> MessageHead::find(std::string_view name) const {
  for (const auto& [field, value] : fields) {
    if (equal_fold(field, name)) return value;
  }
  return {};
}

size_t MessageHead::count(std::string_view name) const {
  return static_cast<size_t>(std::count_if(fields.begin(), fields.end(), [&](const auto& field) {
    return equal_fold(field.first, name);
  }));
}

bool MessageHead::has_token(std::string_view name, std::string_view token) const {
  for (const auto& [field, value] : fields) {
    if (!equal_fold(field, name)) continue;
    std::string_view rest = value;
    for (;;) {
      const size_t comma = rest.find(',');
      if (equal_fold(trim(rest.substr(0, comma)), token)) return true;
      if (comma == std::string_view::npos) break;
      rest.remove_prefix(comma + 1);
    }
  }
  return false;
}

bool MessageHead::keep_alive() const {
  if (has_token("connection", "close")) return false;
  return minor_version >= 1 || has_token("connection", "keep-alive");
}

void MessageParser::restart() {
  state_ = State::kHead;
  framing_ = Framing::kLength;
  chunk_state_ = ChunkState::kSize;
  left_ = 0;
  body_bytes_ = 0;
  head_text_.clear();
  line_.clear();
  head_ = {};
  error_.clear();
}

void MessageParser::expect_request() {
  restart();
  is_request_ = true;
  to_head_ = false;
}

void MessageParser::expect_response(bool to_head) {
  restart();
  is_request_ = false;
  to_head_ = to_head;
}

MessageParser::Step MessageParser::fail(std::string why) {
  state_ = State::kFailed;
  error_ = std::move(why);
  return {};
}

MessageParser::Step MessageParser::step(std::string_view input) {
  switch (state_) {
    case State::kHead:
      return step_head(input);
    case State::kBody:
      return step_body(input);
    case State::kDone:
    case State::kFailed:
      break;
  }
  return {};
}

bool MessageParser::finish() {
  if (state_ == State::kBody && framing_ == Framing::kUntilClose) state_ = State::kDone;
  return done();
}

MessageParser::Step MessageParser::step_head(std::string_view input) {
  const size_t before = head_text_.size();
  head_text_.append(input.substr(0, kHeadBytesMax + 4 - std::min(before, kHeadBytesMax)));
  const size_t end = head_text_.find("\r\n\r\n", before < 3 ? 0 : before - 3);
  if (end == std::string::npos) {
    if (head_text_.size() > kHeadBytesMax) return fail("head too large");
    return {.consumed = input.size(), .body = {}};
  }
  head_text_.resize(end + 4);
  const size_t consumed = head_text_.size() - before;
  if (!parse_head() || !choose_framing()) {
    return fail(error_.empty() ? "bad head: " + head_text_ : error_);
  }
  return {.consumed = consumed, .body = {}};
}

bool MessageParser::parse_head() {
  head_.raw = head_text_;
  std::string_view rest = head_text_;
  for (bool first = true;; first = false) {
    const size_t end = rest.find("\r\n");
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end + 2);
    if (first) {
      if (!parse_first_line(line)) return false;
    } else if (line.empty()) {
      return rest.empty();
    } else if (!parse_field(line, head_.fields)) {
      return false;
    }
  }
}

bool MessageParser::parse_first_line(std::string_view line) {
  if (has_control(line)) return false;
  const size_t first = line.find(' ');
  if (first == std::string_view::npos) return false;
  const size_t second = line.find(' ', first + 1);
  std::string_view version = line.substr(0, first);
  if (is_request_) {
    if (second == std::string_view::npos) return false;
    head_.method = line.substr(0, first);
    head_.target = line.substr(first + 1, second - first - 1);
    version = line.substr(second + 1);
    if (!is_token(head_.method) || head_.target.empty()) return false;
  } else {
    if (second == std::string_view::npos || second - first != 4) return false;
    const auto status = parse_number(line.substr(first + 1, 3), 10);
    if (!status || *status < 100) return false;
    head_.status = static_cast<int>(*status);
    head_.reason = line.substr(second + 1);
  }
  if (version != "HTTP/1.1" && version != "HTTP/1.0") return false;
  head_.minor_version = version.back() - '0';
  return true;
}

bool MessageParser::parse_field(std::string_view line, MessageHead::Fields& fields) {
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) return false;
  const std::string_view value = trim(line.substr(colon + 1));
  if (has_control(value)) return false;
  fields.emplace_back(line.substr(0, colon), value);
  return true;
}

bool MessageParser::choose_framing() {
  state_ = State::kBody;
  const bool chunked = head_.count("transfer-encoding") > 0;
  const size_t lengths = head_.count("content-length");
  const int status = head_.status;
  const bool bodiless =
      !is_request_ && (to_head_ || status < 200 || status == 204 || status == 304);
  if (chunked && lengths > 0) error_ = "both Transfer-Encoding and Content-Length: " + head_text_;
  if (chunked && head_.find("transfer-encoding") != "chunked") error_ = "unknown coding";
  if (lengths > 1) error_ = "more than one Content-Length: " + head_text_;
  if (chunked && head_.minor_version == 0) error_ = "chunked in HTTP/1.0";
  if (!error_.empty()) return false;
  if (lengths == 1) {
    const auto length = parse_number(*head_.find("content-length"), 10);
    if (!length) return false;
    left_ = *length;
  }
  if (bodiless || (is_request_ && !chunked && lengths == 0)) left_ = 0;
  if (bodiless || (!chunked && (is_request_ || lengths == 1))) {
    framing_ = Framing::kLength;
    if (left_ == 0) state_ = State::kDone;
    return true;
  }
  framing_ = chunked ? Framing::kChunked : Framing::kUntilClose;
  return true;
}

MessageParser::Step MessageParser::step_body(std::string_view input) {
  if (framing_ == Framing::kChunked) return step_chunked(input);
  Step step;
  step.body = framing_ == Framing::kLength ? input.substr(0, left_) : input;
  step.consumed = step.body.size();
  body_bytes_ += step.consumed;
  if (framing_ == Framing::kLength) {
    left_ -= step.consumed;
    if (left_ == 0) state_ = State::kDone;
  }
  return step;
}

bool MessageParser::take_line(std::string_view input, size_t* consumed) {
  const size_t newline = input.find('\n');
  const std::string_view part = input.substr(0, newline);
  *consumed = part.size();
  line_.append(part);
  if (line_.size() > kHeadBytesMax) fail("line too long");
  if (newline == std::string_view::npos || failed()) return false;
  ++*consumed;
  if (line_.empty() || line_.back() != '\r') {
    fail("line without CRLF");
    return false;
  }
  line_.pop_back();
  return true;
}

MessageParser::Step MessageParser::step_chunked(std::string_view input) {
  Step step;
  if (chunk_state_ == ChunkState::kData) {
    step.body = input.substr(0, left_);
    step.consumed = step.body.size();
    left_ -= step.consumed;
    body_bytes_ += step.consumed;
    if (left_ == 0) chunk_state_ = ChunkState::kDataEnd;
    return step;
  }
  if (!take_line(input, &step.consumed)) return failed() ? Step{} : step;
  const std::string line = std::exchange(line_, {});
  switch (chunk_state_) {
    case ChunkState::kSize: {
      const auto size = parse_number(line.substr(0, line.find(';')), 16);
      if (!size) return fail("bad chunk size: " + line);
      left_ = *size;
      chunk_state_ = left_ == 0 ? ChunkState::kTrailers : ChunkState::kData;
      break;
    }
    case ChunkState::kDataEnd:
      if (!line.empty()) return fail("bytes after a chunk: " + line);
      chunk_state_ = ChunkState::kSize;
      break;
    case ChunkState::kTrailers:
      if (line.empty()) {
        state_ = State::kDone;
      } else if (!parse_field(line, head_.trailers)) {
        return fail("bad trailer: " + line);
      }
      break;
    case ChunkState::kData:
      break;
  }
  return step;
}

const char* outcome_name(Outcome outcome) {
  switch (outcome) {
    case Outcome::kComplete:
      return "complete";
    case Outcome::kTruncated:
      return "truncated";
    case Outcome::kMalformed:
      return "malformed";
    case Outcome::kTimeout:
      return "timeout";
    case Outcome::kNothing:
      return "nothing";
  }
  return "?";
}

std::ostream& operator<<(std::ostream& stream, Outcome outcome) {
  return stream << outcome_name(outcome);
}

Message HttpConnection::read(MessageParser& parser, Deadline deadline) {
  Message message;
  for (;;) {
    while (!rest_.empty() && !parser.done() && !parser.failed()) {
      const auto step = parser.step(rest_);
      message.body.append(step.body);
      rest_.erase(0, step.consumed);
      if (step.consumed == 0) break;
    }
    if (parser.done() || parser.failed()) break;
    if (!socket_.is_open()) break;
    Received received = socket_.recv_some(64 * 1024, deadline);
    rest_ += received.bytes;
    if (received.status == IoStatus::kOk) continue;
    message.error = io_status_name(received.status);
    if (received.status == IoStatus::kTimeout) {
      message.outcome = Outcome::kTimeout;
    } else if (received.status == IoStatus::kClosed && parser.finish()) {
      break;
    } else {
      message.outcome = parser.started() ? Outcome::kTruncated : Outcome::kNothing;
    }
    message.head = parser.head();
    return message;
  }
  if (parser.done()) message.outcome = Outcome::kComplete;
  if (parser.failed()) {
    message.outcome = Outcome::kMalformed;
    message.error = parser.error();
  }
  message.head = parser.head();
  message.chunked = parser.is_chunked();
  return message;
}

Message HttpConnection::read_response(bool to_head, Deadline deadline) {
  MessageParser parser;
  parser.expect_response(to_head);
  return read(parser, deadline);
}

Message HttpConnection::read_final_response(bool to_head, Deadline deadline) {
  for (;;) {
    Message message = read_response(to_head, deadline);
    if (message.outcome != Outcome::kComplete || message.head.status >= 200) return message;
  }
}

Message HttpConnection::read_request(Deadline deadline) {
  MessageParser parser;
  parser.expect_request();
  return read(parser, deadline);
}

bool HttpConnection::wait_closed(Deadline deadline) {
  if (!rest_.empty() || !socket_.is_open()) return rest_.empty();
  const Received received = socket_.recv_some(1, deadline);
  return received.status == IoStatus::kClosed || received.status == IoStatus::kReset;
}

Message exchange(const Address& address, std::string_view request, Deadline deadline) {
  HttpConnection connection(address);
  if (!connection.socket().is_open()) return {.error = "not connected"};
  // A server that refuses a request may close before all of it is sent; its answer counts.
  connection.socket().send_all(request, deadline);
  return connection.read_final_response(request.starts_with("HEAD "), deadline);
}

Message get(const Address& address, std::string_view target, Deadline deadline) {
  std::string request = "GET ";
  request.append(target).append(" HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
  return exchange(address, request, deadline);
}

}  // namespace httpteleport::test
