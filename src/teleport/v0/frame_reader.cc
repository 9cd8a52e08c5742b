#include "teleport/v0/frame_reader.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace httpteleport::teleport::v0 {

using http::h1::BodyFraming;

namespace {

constexpr size_t kScratchBytes = 64 * 1024;
constexpr size_t kIdBytes = 4;

uint32_t read_le32(const char* bytes) {
  static_assert(std::endian::native == std::endian::little);
  uint32_t value = 0;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

}  // namespace

FrameReader::FrameReader(compress::Method method, Source peer, const ReaderLimits& limits)
    : limits_(limits),
      decoder_(method == compress::Method::kNone ? nullptr : compress::make_decoder(method, peer)),
      scratch_(decoder_ ? std::make_unique_for_overwrite<char[]>(kScratchBytes) : nullptr),
      body_(peer, {.trailers = {limits.head_bytes_max, limits.fields_max}}) {}

Result<FrameReader::Step> FrameReader::step(std::string_view wire) {
  if (!decoder_) return step_plain(wire);
  const size_t wire_bytes = wire.size();
  const uint64_t plain_bytes_max = plain_bytes_ + kPlainBytesPerStep;
  while (plain_bytes_ < plain_bytes_max) {
    const Result<compress::Decoder::Step> decoded =
        decoder_->decode(wire, {scratch_.get(), kScratchBytes});
    if (!decoded) return decoded.error();
    wire.remove_prefix(decoded->consumed);
    plain_bytes_ += decoded->produced;
    if (const Result<void> fed = feed_plain({scratch_.get(), decoded->produced}); !fed)
      return fed.error();
    if (decoded->consumed == 0 && decoded->produced == 0)
      return Step{.consumed = wire_bytes - wire.size()};
  }
  return Step{.consumed = wire_bytes - wire.size(), .cut_short = true};
}

Result<FrameReader::Step> FrameReader::step_plain(std::string_view wire) {
  const std::string_view plain = wire.substr(0, kPlainBytesPerStep);
  plain_bytes_ += plain.size();
  if (const Result<void> fed = feed_plain(plain); !fed) return fed.error();
  return Step{.consumed = plain.size(), .cut_short = plain.size() < wire.size()};
}

Result<void> FrameReader::feed(std::string_view wire) {
  while (true) {
    const Result<Step> done = step(wire);
    if (!done) return done.error();
    if (!done->cut_short) return {};
    wire.remove_prefix(done->consumed);
  }
}

// Whole heads and bodies are used straight from `plain`; only what is cut off waits in pending_.
Result<void> FrameReader::feed_plain(std::string_view plain) {
  if (plain.empty()) return {};
  const bool joined = !pending_.empty();
  if (joined) pending_.append(plain);
  const std::string_view bytes = joined ? std::string_view(pending_) : plain;
  size_t used = 0;
  while (used < bytes.size()) {
    const Result<size_t> step = advance(bytes.substr(used));
    if (!step) return step.error();
    if (*step == 0) break;
    used += *step;
  }
  if (joined) {
    pending_.erase(0, used);
  } else {
    pending_.assign(bytes.substr(used));
  }
  return {};
}

Result<size_t> FrameReader::advance(std::string_view bytes) {
  switch (state_) {
    case State::kId:
      if (bytes.size() < kIdBytes) return size_t{0};
      begin_frame(bytes);
      return kIdBytes;
    case State::kHead:
      return advance_head(bytes);
    case State::kBody:
      return advance_body(bytes);
    case State::kUncertainBody:
      return advance_uncertain_body(bytes);
    case State::kSkippedBody:
      return skip_body(bytes);
  }
  return size_t{0};
}

void FrameReader::begin_frame(std::string_view bytes) {
  id_ = read_le32(bytes.data());
  state_ = State::kHead;
  scanner_.reset();
}

Result<size_t> FrameReader::advance_head(std::string_view bytes) {
  if (!scanner_.worth_parsing(bytes, head_limits())) return size_t{0};
  const Result<HeadStep> step = read_head(id_, bytes);
  if (!step) return step.error();
  if (step->size == 0) return size_t{0};
  if (step->body_is_uncertain) {
    state_ = State::kUncertainBody;
    uncertain_bytes_ = step->length;
    on_end({});
  } else if (step->framing == BodyFraming::kNone ||
             (step->framing == BodyFraming::kLength && step->length == 0)) {
    state_ = State::kId;
    on_end({});
  } else {
    state_ = State::kBody;
    body_.start(step->framing, step->length);
  }
  return step->size;
}

// A legacy far end answers HEAD with the head alone when the answer is its endpoint's, and with a
// body when it is an error text of its own, which begins with "http proxying error" or the like.
// So: if a frame can begin here, one does.
size_t FrameReader::advance_uncertain_body(std::string_view bytes) {
  static constexpr std::string_view kFrameMark = "HTTP/1.";  // behind an id
  if (bytes.size() < kIdBytes + kFrameMark.size()) return 0;
  if (bytes.substr(kIdBytes, kFrameMark.size()) == kFrameMark) {
    begin_frame(bytes);
    return kIdBytes;
  }
  state_ = State::kSkippedBody;
  return skip_body(bytes);
}

size_t FrameReader::skip_body(std::string_view bytes) {
  const auto skipped = static_cast<size_t>(std::min<uint64_t>(bytes.size(), uncertain_bytes_));
  uncertain_bytes_ -= skipped;
  if (uncertain_bytes_ == 0) state_ = State::kId;
  return skipped;
}

Result<size_t> FrameReader::advance_body(std::string_view bytes) {
  const auto step = body_.decode(bytes);
  if (!step) return step.error();
  if (!step->body.empty()) on_body(step->body);
  if (step->done) {
    state_ = State::kId;
    on_end(body_.trailers());
  }
  return step->consumed;
}

RequestReader::RequestReader(compress::Method method, const ReaderLimits& limits,
                             RequestEvents& events)
    : FrameReader(method, Source::kDownstream, limits), events_(events) {}

Result<FrameReader::HeadStep> RequestReader::read_head(uint32_t id, std::string_view bytes) {
  const Result<size_t> size = http::h1::parse_request_head(bytes, head_limits(), head_);
  if (!size) return size.error();
  if (*size == 0) return HeadStep{};
  HeadStep step{.size = *size};
  if (head_.body.kind == http::BodyLength::Kind::kUnknown) {
    step.framing = BodyFraming::kChunked;
  } else if (!head_.body.is_none()) {
    step.framing = BodyFraming::kLength;
    step.length = head_.body.bytes;
  }
  events_.on_request_frame(id, head_, bytes.substr(0, *size));
  return step;
}

ResponseReader::ResponseReader(compress::Method method, const ReaderLimits& limits,
                               ResponseEvents& events)
    : FrameReader(method, Source::kUpstream, limits), events_(events) {}

Result<FrameReader::HeadStep> ResponseReader::read_head(uint32_t id, std::string_view bytes) {
  const http::Method method = events_.method_of_request(id);
  const Result<size_t> size = http::h1::parse_response_head(bytes, head_limits(), method, head_);
  if (!size) return size.error();
  if (*size == 0) return HeadStep{};
  // A legacy far end passes on whatever its endpoint says first. The message is its answer all the
  // same, and the only one to come.
  if (head_.is_informational() && !head_.refusal) {
    head_.refusal =
        Error{Code::kMalformed, Source::kUpstream, 0, "an informational response on the link"};
  }
  HeadStep step{.size = *size};
  if (method == http::Method::kHead && !http::status_has_no_body(head_.status) &&
      head_.declared_length.value_or(0) > 0) {
    step.body_is_uncertain = true;
    step.length = *head_.declared_length;
  }
  if (head_.body.kind == http::BodyLength::Kind::kUnknown) {
    if (!head_.body_is_chunked) {
      return Error{Code::kMalformed, Source::kUpstream, 0,
                   "a response without a length on the link"};
    }
    step.framing = BodyFraming::kChunked;
  } else if (!head_.body.is_none()) {
    step.framing = BodyFraming::kLength;
    step.length = head_.body.bytes;
  }
  events_.on_response_frame(id, head_, bytes.substr(0, *size));
  return step;
}

}  // namespace httpteleport::teleport::v0
