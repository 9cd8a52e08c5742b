#include "teleport/v2/secret_table.h"

#include <algorithm>
#include <cstring>

#include "teleport/v2/hash.h"

namespace httpteleport::teleport::v2 {

namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr uint8_t kNoDigit = 0xff;

consteval std::array<uint8_t, 256> make_digit_values() {
  std::array<uint8_t, 256> values{};
  values.fill(kNoDigit);
  for (uint8_t i = 0; i < 64; ++i)
    values[static_cast<uint8_t>(kAlphabet[i])] = i;
  return values;
}
constexpr std::array<uint8_t, 256> kDigitValues = make_digit_values();

uint8_t digit_value(char c) {
  return kDigitValues[static_cast<uint8_t>(c)];
}

// An operation is a byte: the high two bits say which, the others how many.
enum class Op : uint8_t {
  kEnd = 0x00,      // with the number 0
  kLiteral = 0x00,  // so many characters as they are
  kPacked = 0x40,   // so many characters, 6 bits each; 16 or more are a block, the last of its run
  kNew = 0x80,      // so many blocks of 16 characters, 6 bits each
  kKnown = 0xc0,    // so many blocks in neighbouring slots, the first one so far from the expected
};
constexpr size_t kCountMax = 63;

void put_op(Op op, size_t count, std::string& out) {
  out.push_back(static_cast<char>(static_cast<size_t>(op) | count));
}

size_t packed_bytes(size_t chars) {
  return (chars * 6 + 7) / 8;
}

void pack(std::string_view chars, std::string& out) {
  uint32_t bits = 0;
  unsigned count = 0;
  for (const char c : chars) {
    bits = bits << 6 | digit_value(c);
    count += 6;
    if (count >= 8) {
      count -= 8;
      out.push_back(static_cast<char>(bits >> count));
    }
  }
  if (count > 0) out.push_back(static_cast<char>(bits << (8 - count)));
}

void unpack(std::string_view bytes, size_t chars, std::string& out) {
  uint32_t bits = 0;
  unsigned count = 0;
  size_t at = 0;
  for (size_t i = 0; i < chars; ++i) {
    if (count < 6) {
      bits = bits << 8 | static_cast<uint8_t>(bytes[at++]);
      count += 8;
    }
    count -= 6;
    out.push_back(kAlphabet[bits >> count & 63]);
  }
}

// A shorter run goes as it is, together with what stands around it.
constexpr size_t kPackedMin = 6;

}  // namespace

uint32_t SecretBlocks::add(std::string_view block) {
  const uint32_t number = next_;
  slots_[number].size = static_cast<uint8_t>(block.size());
  std::memcpy(slots_[number].chars.data(), block.data(), block.size());
  next_ = next_of(number);
  count_ = std::max(count_, number + 1);
  return number;
}

std::optional<std::string_view> SecretBlocks::find(uint32_t number) const {
  if (number >= count_) return {};
  return std::string_view(slots_[number].chars.data(), slots_[number].size);
}

SentSecrets::SentSecrets(const TableSizes& sizes)
    : blocks_(sizes), index_(sizes.secret_blocks), seed_(random_seed()) {}

void SentSecrets::encode(std::string_view value, std::string& out) {
  size_t at = 0;
  while (at < value.size()) {
    size_t end = at;
    while (end < value.size() && digit_value(value[end]) != kNoDigit)
      ++end;
    encode_run(value.substr(at, end - at), out);
    if (end < value.size()) {
      end_row(out);
      literal_.push_back(value[end++]);
    }
    at = end;
  }
  end_row(out);
  end_literal(out);
  put_op(Op::kEnd, 0, out);
}

void SentSecrets::encode_run(std::string_view run, std::string& out) {
  while (run.size() >= kSecretBlockChars) {
    const size_t size = run.size() > kSecretBlockCharsMax ? kSecretBlockChars : run.size();
    encode_block(run.substr(0, size), out);
    run.remove_prefix(size);
  }
  if (run.empty()) return;
  end_row(out);
  if (run.size() < kPackedMin) {
    literal_.append(run);
  } else {
    put_packed(run, out);
  }
}

void SentSecrets::put_packed(std::string_view chars, std::string& out) {
  end_row(out);
  end_literal(out);
  put_op(Op::kPacked, chars.size(), out);
  pack(chars, out);
}

void SentSecrets::encode_block(std::string_view block, std::string& out) {
  const uint64_t hash = hash_of(block, seed_);
  const auto number = index_.find(
      hash, [&](uint32_t noted) { return blocks_.find(blocks_.slot_of(noted)) == block; });
  if (number) return add_to_row(blocks_.slot_of(*number), block, out);
  if (block.size() == kSecretBlockChars) {
    add_to_row({}, block, out);
  } else {
    put_packed(block, out);
  }
  blocks_.add(block);
  index_.add(hash, ++noted_);
}

void SentSecrets::add_to_row(std::optional<uint32_t> number, std::string_view block,
                             std::string& out) {
  const bool known = number.has_value();
  const bool goes_on = row_.count > 0 && row_.count < kCountMax && row_.known == known &&
                       (!known || row_.next == *number);
  if (!goes_on) {
    end_row(out);
    row_.known = known;
    row_.first = number.value_or(0);
  }
  ++row_.count;
  if (known) {
    row_.next = blocks_.next_of(*number);
  } else {
    pack(block, row_.packed);
  }
}

void SentSecrets::end_row(std::string& out) {
  if (row_.count == 0) return;
  end_literal(out);
  put_op(row_.known ? Op::kKnown : Op::kNew, row_.count, out);
  if (row_.known) {
    append_varint(out, zigzag(int64_t{row_.first} - expected_));
    expected_ = row_.next;
  } else {
    out.append(row_.packed);
  }
  row_.packed.clear();
  row_.count = 0;
}

void SentSecrets::end_literal(std::string& out) {
  for (std::string_view left = literal_; !left.empty();) {
    const size_t count = std::min(left.size(), kCountMax);
    put_op(Op::kLiteral, count, out);
    out.append(left.substr(0, count));
    left.remove_prefix(count);
  }
  literal_.clear();
}

bool ReceivedSecrets::decode(ByteReader& in, size_t length_max, std::string& value) {
  const size_t end = value.size() + length_max;
  while (!in.failed()) {
    const uint8_t byte = in.byte();
    const auto op = static_cast<Op>(byte & ~kCountMax);
    const size_t count = byte & kCountMax;
    if (byte == 0) return !in.failed();
    if (count == 0) return false;
    if (op == Op::kKnown) {
      if (!decode_known(count, end, in, value)) return false;
      continue;
    }
    const size_t chars = count * (op == Op::kNew ? kSecretBlockChars : 1);
    const std::string_view bytes = in.bytes(op == Op::kLiteral ? chars : packed_bytes(chars));
    if (in.failed() || value.size() + chars > end) return false;
    if (op == Op::kLiteral) {
      value.append(bytes);
      continue;
    }
    unpack(bytes, chars, value);
    std::string_view blocks = std::string_view(value).substr(value.size() - chars);
    if (op == Op::kPacked) {
      if (chars > kSecretBlockCharsMax) return false;
      if (chars >= kSecretBlockChars) blocks_.add(blocks);
      continue;
    }
    for (; !blocks.empty(); blocks.remove_prefix(kSecretBlockChars))
      blocks_.add(blocks.substr(0, kSecretBlockChars));
  }
  return false;
}

bool ReceivedSecrets::decode_known(size_t count, size_t end, ByteReader& in, std::string& value) {
  const int64_t difference = unzigzag(in.varint());
  if (in.failed() || difference > blocks_.size() || difference < -int64_t{blocks_.size()})
    return false;
  const int64_t first = expected_ + difference;
  if (first < 0 || first >= blocks_.size()) return false;
  expected_ = static_cast<uint32_t>(first);
  for (; count > 0; --count, expected_ = blocks_.next_of(expected_)) {
    const auto block = blocks_.find(expected_);
    if (!block || value.size() + block->size() > end) return false;
    value.append(*block);
  }
  return true;
}

}  // namespace httpteleport::teleport::v2
