#include "teleport/v2/batch_encoder.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "compress/crc32c.h"
#include "teleport/v2/coding.h"
#include "teleport/v2/text_packer.h"

namespace httpteleport::teleport::v2 {

namespace {

constexpr std::string_view kVersion = " HTTP/1.1";
constexpr std::string_view kLengthName = "content-length";
constexpr size_t kSchemeBytesMax = 16;

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

bool is_name(std::string_view text, std::string_view lower_case) {
  return text.size() == lower_case.size() &&
         std::equal(text.begin(), text.end(), lower_case.begin(),
                    [](char a, char b) { return lower(a) == b; });
}

// Takes a head apart; false if it is not lines that end with CRLF, the last of them empty.
bool split_head(std::string_view head, std::vector<std::string_view>& lines) {
  lines.clear();
  while (!head.empty()) {
    const size_t newline = head.find('\n');
    if (newline == std::string_view::npos || newline == 0 || head[newline - 1] != '\r')
      return false;
    const std::string_view line = head.substr(0, newline - 1);
    head.remove_prefix(newline + 1);
    if (line.empty()) return head.empty() && !lines.empty();
    lines.push_back(line);
  }
  return false;
}

// How the bytes of a piece are spread, by a sample: random ones, which compressed or encrypted data
// looks like, are spread evenly.
bool looks_random(std::string_view bytes) {
  constexpr size_t kSampleBytes = 1024;
  constexpr size_t kSampleMin = 128;
  if (bytes.size() < kSampleMin) return false;
  const std::string_view sample =
      bytes.substr((bytes.size() - std::min(bytes.size(), kSampleBytes)) / 2, kSampleBytes);
  std::array<uint16_t, 256> counts{};
  for (const char c : sample)
    ++counts[static_cast<uint8_t>(c)];
  uint64_t squares = 0;
  for (const uint64_t count : counts)
    squares += count * count;
  const uint64_t size = sample.size();
  // Of evenly spread bytes this is size + size^2 / 256; text is ten times over it.
  return squares < size + size * size / 100;
}

// What an authorization begins with, which is no secret, is part of the name ("Bearer ").
size_t skip_scheme(std::string_view line, size_t at) {
  const size_t end = line.find(' ', at);
  if (end == std::string_view::npos || end - at > kSchemeBytesMax) return at;
  const auto is_letter = [](char c) { return lower(c) >= 'a' && lower(c) <= 'z'; };
  return std::all_of(&line[at], &line[end], is_letter) ? end + 1 : at;
}

void append_u32(std::string& out, uint32_t value) {
  for (int i = 0; i < 4; ++i, value >>= 8)
    out.push_back(static_cast<char>(value));
}

}  // namespace

BatchEncoder::BatchEncoder(const EncoderOptions& options) : options_(options) {
  if (options.method == EncoderOptions::Method::kNone) return;
  tables_ = std::make_unique<Tables>(options.sizes);
  zstd_ = std::make_unique<ZstdEncoder>(options.level, options.sizes);
}

void BatchEncoder::encode(std::string_view frames, BufferChain& wire) {
  if (!tables_) return store(frames, wire);
  HT_ASSERT(frames.size() <= kBatchFramesMax);
  main_.clear();
  beside_.clear();
  compressed_.clear();
  ByteReader reader(frames);
  std::optional<Frame> frame = read_frame(reader);
  while (frame) {
    const std::optional<Frame> next = read_frame(reader);
    put(*frame, next);
    frame = next;
  }
  HT_ASSERT(!reader.failed());
  uint8_t flags = kCompressed;
  if (zstd_->encode(main_, compressed_)) flags |= kNewFrame;
  put_batch(flags, compressed_, frames, wire);
}

void BatchEncoder::store(std::string_view frames, BufferChain& wire) {
  HT_ASSERT(frames.size() <= kBatchFramesMax);
  beside_.clear();
  put_batch(0, frames, frames, wire);
}

void BatchEncoder::put_batch(uint8_t flags, std::string_view main, std::string_view frames,
                             BufferChain& wire) {
  std::string head;
  head.push_back(static_cast<char>(flags));
  append_varint(head, main.size());
  append_varint(head, beside_.size());
  append_u32(head, compress::crc32c(frames));
  wire.append(head);
  wire.append(main);
  wire.append(beside_);
}

void BatchEncoder::put(const Frame& frame, const std::optional<Frame>& next) {
  if (is_head(frame.type) || frame.type == FrameType::kTrailers) return put_head(frame, next);
  if (is_data(frame.type)) return put_data(frame);
  put_start(frame, 0);
  append_varint(main_, frame.payload.size());
  main_.append(frame.payload);
}

void BatchEncoder::put_start(const Frame& frame, uint8_t coding) {
  main_.push_back(static_cast<char>(static_cast<uint8_t>(frame.type) | coding));
  const uint32_t expected = is_head(frame.type) ? last_head_ + 1 : last_stream_;
  append_varint(main_, zigzag(int64_t{frame.stream} - expected));
  last_stream_ = frame.stream;
  if (is_head(frame.type)) last_head_ = frame.stream;
}

void BatchEncoder::put_head(const Frame& frame, const std::optional<Frame>& next) {
  length_is_known_ = false;
  if (!split_head(frame.payload, lines_) || has_holes(frame.payload)) {
    put_start(frame, static_cast<uint8_t>(HeadCoding::kRaw));
    append_varint(main_, frame.payload.size());
    beside_.append(frame.payload);  // there may be secrets in it
    return;
  }
  std::optional<uint64_t> body_bytes;
  if (is_head(frame.type) && next && is_data(next->type) && next->stream == frame.stream)
    body_bytes = next->payload.size();
  const bool request =
      lines_.front().size() > kVersion.size() && lines_.front().ends_with(kVersion);
  if (request) lines_.front().remove_suffix(kVersion.size());
  const HeadCoding coding = request ? HeadCoding::kRequest : HeadCoding::kLines;
  put_start(frame,
            static_cast<uint8_t>(static_cast<uint8_t>(coding) | (body_bytes ? kBodyLength : 0)));
  if (body_bytes) append_varint(main_, *body_bytes);
  for (const std::string_view line : lines_)
    put_line(line, body_bytes);
  main_.push_back(static_cast<char>(LineStart::kEnd));
  length_is_known_ = body_bytes.has_value();
}

size_t BatchEncoder::secret_value_at(std::string_view line) const {
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return 0;
  const std::string_view name = line.substr(0, colon);
  for (const std::string& secret : options_.secret_fields) {
    if (!is_name(name, secret)) continue;
    const size_t value_at =
        colon + 1 < line.size() && line[colon + 1] == ' ' ? colon + 2 : colon + 1;
    return secret.ends_with("authorization") ? skip_scheme(line, value_at) : value_at;
  }
  return 0;
}

bool BatchEncoder::put_number_of(std::string_view line) {
  if (!LineTable::takes(line)) return false;
  if (const auto number = tables_->lines.find(line)) {
    tables_->lines.use(*number);
    main_.push_back(static_cast<char>(static_cast<uint32_t>(LineStart::kNumber) | *number >> 8));
    main_.push_back(static_cast<char>(*number));
    ++counts_.known_lines;
    return true;
  }
  tables_->lines.add(line);
  return false;
}

void BatchEncoder::put_line(std::string_view line, std::optional<uint64_t> body_bytes) {
  ++counts_.lines;
  if (const size_t value_at = secret_value_at(line); value_at > 0)
    return put_secret(line, value_at);
  packed_.clear();
  if (!pack_line(line, body_bytes)) pack_text(line, tables_->ids, packed_, beside_);
  if (put_number_of(packed_)) return;
  const auto first = static_cast<uint8_t>(packed_.front());
  const bool means_something = first == static_cast<uint8_t>(LineStart::kSecret) ||
                               first == static_cast<uint8_t>(LineStart::kText) ||
                               first >= static_cast<uint8_t>(LineStart::kNumber);
  if (means_something) main_.push_back(static_cast<char>(LineStart::kText));
  main_.append(packed_);
  main_.push_back('\n');
}

// The field that says how long the body is, which is known already.
bool BatchEncoder::pack_line(std::string_view line, std::optional<uint64_t> body_bytes) {
  constexpr size_t kValueAt = kLengthName.size() + 2;
  if (!body_bytes || line.size() <= kValueAt ||
      !is_name(line.substr(0, kLengthName.size()), kLengthName) ||
      line.substr(kLengthName.size(), 2) != ": ")
    return false;
  std::array<char, 20> digits;
  const char* end = std::to_chars(digits.begin(), digits.end(), *body_bytes).ptr;
  if (line.substr(kValueAt) != std::string_view(digits.data(), end)) return false;
  packed_.append(line.substr(0, kValueAt));
  packed_.push_back(static_cast<char>(Hole::kLength));
  return true;
}

void BatchEncoder::put_secret(std::string_view line, size_t value_at) {
  if (put_number_of(line)) return;
  main_.push_back(static_cast<char>(LineStart::kSecret));
  main_.append(line.substr(0, value_at));
  main_.push_back('\n');
  tables_->secrets.encode(line.substr(value_at), beside_);
}

void BatchEncoder::put_data(const Frame& frame) {
  const bool length_is_known = std::exchange(length_is_known_, false);
  const auto start = [&](DataCoding coding) {
    put_start(frame, static_cast<uint8_t>(static_cast<uint8_t>(coding) |
                                          (length_is_known ? kBodyLength : 0)));
    if (!length_is_known) append_varint(main_, frame.payload.size());
  };
  if (tables_->bodies.takes(frame.payload)) {
    ++counts_.bodies;
    if (const auto distance = tables_->bodies.find_or_add(frame.payload)) {
      ++counts_.known_bodies;
      start(DataCoding::kKnown);
      append_varint(main_, *distance);
      return;
    }
  }
  if (looks_random(frame.payload)) {
    start(DataCoding::kBeside);
    beside_.append(frame.payload);
  } else if (has_holes(frame.payload)) {
    start(DataCoding::kRaw);
    main_.append(frame.payload);
  } else {
    start(DataCoding::kPacked);
    pack_text(frame.payload, tables_->ids, main_, beside_);
  }
}

}  // namespace httpteleport::teleport::v2
