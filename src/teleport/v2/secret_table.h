// Values that must not meet other texts in a compressor: cookies, credentials
// (docs/protocol/teleport-v2.md, "Secrets").
//
// A value is cut into runs of letters, digits, '-' and '_', and these into blocks of 16 characters.
// A block that was sent before goes as its number; all else goes as it is, 6 bits a character where
// that does. So the length of what is sent tells whether 16 characters are right together, and
// nothing about fewer. Not thread safe.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/zeroed.h"
#include "teleport/v2/recent_index.h"
#include "teleport/v2/table_sizes.h"
#include "teleport/v2/varint.h"

namespace httpteleport::teleport::v2 {

inline constexpr size_t kSecretBlockChars = 16;
inline constexpr size_t kSecretBlockCharsMax = 2 * kSecretBlockChars - 1;

// The last so many blocks, each under the number of its slot.
class SecretBlocks {
 public:
  explicit SecretBlocks(const TableSizes& sizes) : slots_(sizes.secret_blocks) {}

  uint32_t add(std::string_view block);
  // The slot that the block noted as the `number`th is in, unless others have taken it since.
  uint32_t slot_of(uint32_t number) const { return (number - 1) % size(); }
  uint32_t size() const { return static_cast<uint32_t>(slots_.size()); }
  // Nothing: no block has been put there yet.
  std::optional<std::string_view> find(uint32_t number) const;
  uint32_t next_of(uint32_t number) const { return number + 1 == slots_.size() ? 0 : number + 1; }

 private:
  struct Block {
    uint8_t size = 0;
    std::array<char, kSecretBlockCharsMax> chars;
  };

  ZeroedVector<Block> slots_;
  uint32_t count_ = 0;  // slots that have been filled
  uint32_t next_ = 0;
};

class SentSecrets {
 public:
  explicit SentSecrets(const TableSizes& sizes);

  void encode(std::string_view value, std::string& out);

 private:
  // Blocks of one kind in a row, to be written as one.
  struct Row {
    std::string packed;  // of new ones
    uint32_t first = 0;  // of known ones
    uint32_t next = 0;   // behind them
    size_t count = 0;
    bool known = false;
  };

  void encode_run(std::string_view run, std::string& out);
  void encode_block(std::string_view block, std::string& out);
  void add_to_row(std::optional<uint32_t> number, std::string_view block, std::string& out);
  void put_packed(std::string_view chars, std::string& out);
  void end_row(std::string& out);
  void end_literal(std::string& out);

  SecretBlocks blocks_;
  RecentIndex index_;  // by how many blocks had been noted
  uint32_t noted_ = 0;
  Row row_;
  uint32_t expected_ = 0;  // the slot behind the last known block
  std::string literal_;
  const uint64_t seed_;
};

class ReceivedSecrets {
 public:
  explicit ReceivedSecrets(const TableSizes& sizes) : blocks_(sizes) {}

  // Appends the value that SentSecrets::encode() made `in` from. False: it is not one, or has more
  // than `length_max` characters.
  bool decode(ByteReader& in, size_t length_max, std::string& value);

 private:
  // Appends at most up to `end`.
  bool decode_known(size_t count, size_t end, ByteReader& in, std::string& value);

  SecretBlocks blocks_;
  uint32_t expected_ = 0;
};

}  // namespace httpteleport::teleport::v2
