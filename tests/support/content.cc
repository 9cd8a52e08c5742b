#include "support/content.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdio>
#include <cstring>

namespace httpteleport::test {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr size_t kRecordBytes = 128;
constexpr std::string_view kTemplates[] = {
    R"({"id":"00000000-0000-4000-8000-000000000000","user":"......","city":"......","amount":......,"active":....,"by":"............"},)",
    R"({"event":"......","trace":"0000000000000000","path":"/api/v2/....../......","status":...,"took":......,"ok":....,"by":"......"},)",
};
static_assert(kTemplates[0].size() == kRecordBytes);
static_assert(kTemplates[1].size() == kRecordBytes);

constexpr std::array<std::string_view, 32> kWords = {
    "amber!", "anchor", "autumn", "basket", "bridge", "canvas", "carbon", "castle",
    "copper", "desert", "dragon", "engine", "forest", "garden", "harbor", "island",
    "jacket", "ladder", "marble", "meadow", "mirror", "museum", "orange", "palace",
    "pencil", "planet", "pocket", "rocket", "silver", "summer", "velvet", "window"};
constexpr size_t kWordBytes = 6;

constexpr uint64_t word_at(uint64_t seed, uint64_t index) {
  return mix64(seed * 0xd6e8feb86659fd93 + index);
}

// Writes the pseudo-random parts of one record: hex digits over zeros, words, numbers and booleans
// over runs of dots, by the length of the run.
class RecordWriter {
 public:
  RecordWriter(uint64_t seed, uint64_t index) : state_(word_at(~seed, index)) {}

  std::array<char, kRecordBytes> write() {
    const std::string_view form = kTemplates[next(2)];
    std::copy(form.begin(), form.end(), record_.begin());
    for (size_t at = 0; at < kRecordBytes;) {
      if (record_[at] == '0') {
        record_[at++] = "0123456789abcdef"[next(16)];
      } else if (record_[at] == '.') {
        at = fill_run(at);
      } else {
        ++at;
      }
    }
    return record_;
  }

 private:
  uint64_t next(uint64_t bound) {
    state_ = state_ * 6364136223846793005 + 1442695040888963407;
    return (state_ >> 33) % bound;
  }

  size_t fill_run(size_t begin) {
    size_t end = begin;
    while (record_[end] == '.')
      ++end;
    const bool quoted = record_[begin - 1] == '"' || record_[begin - 1] == '/';
    if (end - begin == 4) {
      std::memcpy(&record_[begin], next(3) == 0 ? "null" : "true", 4);
    } else if (quoted) {
      for (size_t at = begin; at < end; at += kWordBytes) {
        std::memcpy(&record_[at], kWords[next(kWords.size())].data(), kWordBytes);
      }
    } else {
      record_[begin] = static_cast<char>('1' + next(9));  // a JSON number has no leading zero
      for (size_t at = begin + 1; at < end; ++at)
        record_[at] = static_cast<char>('0' + next(10));
    }
    return end;
  }

  uint64_t state_;
  std::array<char, kRecordBytes> record_{};
};

// The string that fills a document up to its size: quote, words and spaces, quote.
char filler_char(uint64_t seed, uint64_t at, uint64_t size) {
  if (at == 0 || at + 1 == size) return '"';
  const uint64_t in_word = (at - 1) % (kWordBytes + 1);
  if (in_word == kWordBytes) return ' ';
  return kWords[word_at(seed, (at - 1) / (kWordBytes + 1)) % kWords.size()][in_word];
}

}  // namespace

void Content::read(uint64_t offset, std::span<char> out) const {
  switch (kind_) {
    case Kind::kBytes:
      return read_bytes(offset, out);
    case Kind::kJson:
      return read_json(offset, out);
    case Kind::kMixed:
      return read_mixed(offset, out);
  }
}

void Content::read_mixed(uint64_t offset, std::span<char> out) const {
  while (!out.empty()) {
    const uint64_t run = offset / kMixedRunBytes;
    const uint64_t at = offset % kMixedRunBytes;
    const uint64_t seed = mix64(seed_ ^ mix64(run));
    const size_t count = std::min<uint64_t>(out.size(), kMixedRunBytes - at);
    const Content part = run % 2 == 0 ? json(kMixedRunBytes, seed) : bytes(kMixedRunBytes, seed);
    part.read(at, out.first(count));
    out = out.subspan(count);
    offset += count;
  }
}

void Content::read_bytes(uint64_t offset, std::span<char> out) const {
  size_t done = 0;
  while (done < out.size()) {
    const uint64_t word = word_at(seed_, offset / 8);
    if (offset % 8 == 0 && out.size() - done >= 8) {  // the common case, kept cheap
      std::memcpy(out.data() + done, &word, 8);
      done += 8;
      offset += 8;
      continue;
    }
    const size_t skip = offset % 8;
    const size_t count = std::min<size_t>(8 - skip, out.size() - done);
    const uint64_t shifted = word >> (8 * skip);
    std::memcpy(out.data() + done, &shifted, count);
    done += count;
    offset += count;
  }
}

// '[', whole records, a string that takes up the rest, ']'.
void Content::read_json(uint64_t offset, std::span<char> out) const {
  if (size_ < 4) {
    constexpr std::string_view kTiny[] = {"", "0", "[]", "[0]"};
    kTiny[size_].copy(out.data(), out.size(), offset);
    return;
  }
  const uint64_t records_end = 1 + (size_ - 4) / kRecordBytes * kRecordBytes;
  const uint64_t filler_size = size_ - 1 - records_end;
  size_t done = 0;
  while (done < out.size()) {
    if (offset == 0 || offset + 1 == size_) {
      out[done++] = offset == 0 ? '[' : ']';
      ++offset;
    } else if (offset < records_end) {
      const auto record = RecordWriter(seed_, (offset - 1) / kRecordBytes).write();
      const size_t skip = (offset - 1) % kRecordBytes;
      const size_t count = std::min(kRecordBytes - skip, out.size() - done);
      std::memcpy(out.data() + done, record.data() + skip, count);
      done += count;
      offset += count;
    } else {
      out[done++] = filler_char(seed_, offset - records_end, filler_size);
      ++offset;
    }
  }
}

bool Content::matches(uint64_t offset, std::string_view got) const {
  if (offset > size_ || got.size() > size_ - offset) return false;
  std::array<char, 4096> expected;
  while (!got.empty()) {
    const size_t count = std::min(got.size(), expected.size());
    read(offset, {expected.data(), count});
    if (std::memcmp(expected.data(), got.data(), count) != 0) return false;
    got.remove_prefix(count);
    offset += count;
  }
  return true;
}

std::string Content::to_string() const {
  std::string text(size_, '\0');
  read(0, text);
  return text;
}

namespace {

constexpr uint64_t absorb(uint64_t state, uint64_t word) {
  state = (state ^ word) * 0x9e3779b97f4a7c15;
  return state ^ (state >> 32);
}

}  // namespace

void Hash64::update(std::string_view bytes) {
  const char* at = bytes.data();
  const char* const end = at + bytes.size();
  uint64_t filled = length_ % 8;
  length_ += bytes.size();
  while (at != end) {
    if (filled == 0 && end - at >= 8) {  // the common case, kept cheap
      uint64_t word = 0;
      std::memcpy(&word, at, 8);
      state_ = absorb(state_, word);
      at += 8;
      continue;
    }
    const uint64_t count = std::min<uint64_t>(8 - filled, static_cast<uint64_t>(end - at));
    uint64_t word = 0;
    std::memcpy(&word, at, count);
    at += count;
    tail_ |= word << (8 * filled);
    filled += count;
    if (filled < 8) return;
    state_ = absorb(state_, tail_);
    tail_ = 0;
    filled = 0;
  }
}

uint64_t Hash64::value() const {
  return mix64(absorb(absorb(state_, tail_), length_));
}

std::string Hash64::line() const {
  char text[48];
  const int size =
      std::snprintf(text, sizeof text, "%016llx %llu\n", static_cast<unsigned long long>(value()),
                    static_cast<unsigned long long>(length_));
  return {text, static_cast<size_t>(size)};
}

}  // namespace httpteleport::test
