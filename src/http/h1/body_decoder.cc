#include "http/h1/body_decoder.h"

#include <algorithm>

namespace httpteleport::http::h1 {

namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  if (lower >= 'a' && lower <= 'f') return lower - 'a' + 10;
  return -1;
}

}  // namespace

void BodyDecoder::start(BodyFraming framing, uint64_t length) {
  left_ = framing == BodyFraming::kLength ? length : 0;
  extension_bytes_ = size_digits_ = 0;
  trailers_.clear();
  trailer_scanner_.reset();
  switch (framing) {
    case BodyFraming::kNone:
      state_ = State::kDone;
      break;
    case BodyFraming::kLength:
      state_ = length == 0 ? State::kDone : State::kLength;
      break;
    case BodyFraming::kChunked:
      state_ = State::kSize;
      break;
    case BodyFraming::kUntilClose:
      state_ = State::kUntilClose;
      break;
  }
}

Result<BodyDecoder::Step> BodyDecoder::decode(std::string_view input) {
  switch (state_) {
    case State::kDone:
      return Step{.consumed = 0, .body = {}, .done = true};
    case State::kUntilClose:
      return Step{.consumed = input.size(), .body = input, .done = false};
    case State::kLength: {
      const auto take = static_cast<size_t>(std::min<uint64_t>(input.size(), left_));
      left_ -= take;
      if (left_ == 0) state_ = State::kDone;
      return Step{.consumed = take, .body = input.substr(0, take), .done = state_ == State::kDone};
    }
    default:
      return decode_chunked(input);
  }
}

Result<BodyDecoder::Step> BodyDecoder::decode_chunked(std::string_view input) {
  size_t used = 0;
  while (used < input.size() && state_ != State::kData && state_ != State::kTrailers) {
    if (state_ == State::kExtension && ++extension_bytes_ > limits_.extension_bytes_max) {
      return Error{Code::kHeadTooLarge, peer_, 0, "the chunk extensions are longer than the limit"};
    }
    if (const char* detail = on_framing_byte(input[used])) {
      return Error{Code::kMalformed, peer_, 0, detail};
    }
    if (state_ != State::kSize && left_ > limits_.chunk_bytes_max) {
      return Error{Code::kBodyTooLarge, peer_, 0, "a chunk is larger than the limit"};
    }
    ++used;
  }
  if (state_ == State::kTrailers) return decode_trailers(input, used);
  return take_data(input, used);
}

BodyDecoder::Step BodyDecoder::take_data(std::string_view input, size_t used) {
  if (state_ != State::kData) return {.consumed = used, .body = {}, .done = false};
  const auto take = static_cast<size_t>(std::min<uint64_t>(input.size() - used, left_));
  left_ -= take;
  if (left_ == 0) state_ = State::kDataCr;
  return {.consumed = used + take, .body = input.substr(used, take), .done = false};
}

// The trailer section is parsed as a whole, so it stays in the caller's buffer until it is
// complete.
Result<BodyDecoder::Step> BodyDecoder::decode_trailers(std::string_view input, size_t used) {
  const std::string_view rest = input.substr(used);
  if (rest.empty() || !trailer_scanner_.worth_parsing(rest, limits_.trailers))
    return Step{.consumed = used, .body = {}, .done = false};
  const Result<size_t> size = parse_trailers(rest, limits_.trailers, peer_, trailers_);
  if (!size) return size.error();
  if (*size == 0) return Step{.consumed = used, .body = {}, .done = false};
  state_ = State::kDone;
  return Step{.consumed = used + *size, .body = {}, .done = true};
}

// One transition of the framing machine. Returns the static text of an error, or nullptr. All
// framing state changes are here; the others only move data.
const char* BodyDecoder::on_framing_byte(char c) {
  switch (state_) {
    case State::kSize:
      if (const int digit = hex_value(c); digit >= 0) {
        if (++size_digits_ > 16) return "a chunk size has more than 16 digits";
        left_ = left_ << 4 | static_cast<uint64_t>(digit);
        return nullptr;
      }
      if (size_digits_ == 0) return "a chunk size has no digits";
      if (c != ';' && c != '\r') return "a chunk size has a byte that is no digit";
      state_ = c == ';' ? State::kExtension : State::kSizeLf;
      return nullptr;
    case State::kExtension:
      if (c == '\r') state_ = State::kSizeLf;
      if ((static_cast<unsigned char>(c) < 0x20 && c != '\t' && c != '\r') || c == 0x7f) {
        return "a chunk extension has a control character";
      }
      return nullptr;
    case State::kSizeLf:
      if (c != '\n') return "a CR without LF after a chunk size";
      state_ = left_ == 0 ? State::kTrailers : State::kData;
      size_digits_ = 0;
      return nullptr;
    case State::kDataCr:
      if (c != '\r') return "no CRLF after the data of a chunk";
      state_ = State::kDataLf;
      return nullptr;
    case State::kDataLf:
      if (c != '\n') return "no CRLF after the data of a chunk";
      state_ = State::kSize;
      return nullptr;
    default:
      break;
  }
  HT_ASSERT(false && "not a framing state");
  return nullptr;
}

}  // namespace httpteleport::http::h1
