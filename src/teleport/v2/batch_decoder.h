// Batches to frames: the receive side of a v2 link direction (docs/protocol/teleport-v2.md).
//
// Sans-I/O. Nothing of a batch is given out before its checksum is right. Not thread safe.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "teleport/v2/body_table.h"
#include "teleport/v2/coding.h"
#include "teleport/v2/frame.h"
#include "teleport/v2/id_table.h"
#include "teleport/v2/line_table.h"
#include "teleport/v2/secret_table.h"
#include "teleport/v2/table_sizes.h"
#include "teleport/v2/zstd_stream.h"

namespace httpteleport::teleport::v2 {

class BatchDecoder {
 public:
  // `sizes` are those that the peer was told. `peer` goes into the errors.
  BatchDecoder(const TableSizes& sizes, Source peer) : sizes_(sizes), peer_(peer) {}

  struct Step {
    size_t consumed = 0;      // bytes of `wire` used up; 0: more are needed
    std::string_view frames;  // of the batch, for read_frame(); good until the next call
  };

  // Decodes the batch at the front of `wire`. Errors end the link: kMalformed.
  Result<Step> decode(std::string_view wire);

 private:
  struct Tables {
    explicit Tables(const TableSizes& sizes)
        : lines(sizes), ids(sizes), secrets(sizes), bodies(sizes), zstd(sizes) {}
    ReceivedLines lines;
    ReceivedIds ids;
    ReceivedSecrets secrets;
    ReceivedBodies bodies;
    ZstdDecoder zstd;
  };

  Result<void> read_frames(std::string_view main, std::string_view beside);
  // Each of these appends to frames_, and returns false if what it reads is not well formed.
  bool read_frame(ByteReader& main, ByteReader& beside);
  bool read_head(uint8_t start, FrameType type, uint32_t stream, ByteReader& main,
                 ByteReader& beside);
  bool read_line(ByteReader& main, ByteReader& beside, uint64_t body_bytes);
  bool read_text_line(std::string_view packed, ByteReader& beside, uint64_t body_bytes);
  bool read_secret_line(std::string_view name, ByteReader& beside);
  bool read_known_line(std::string_view line, ByteReader& beside, uint64_t body_bytes);
  bool read_data(uint8_t start, FrameType type, uint32_t stream, ByteReader& main,
                 ByteReader& beside);
  bool append(FrameType type, uint32_t stream, std::string_view payload);
  size_t room() const { return kBatchBytesMax - frames_.size(); }
  Error error(const char* detail) const { return {Code::kMalformed, peer_, 0, detail}; }

  const TableSizes sizes_;
  const Source peer_;
  std::unique_ptr<Tables> tables_;  // made by the first compressed batch
  std::string frames_;
  std::string head_;
  std::string body_;
  std::optional<uint64_t> body_bytes_;  // of the data frame that must come next
  uint32_t last_stream_ = 0;
  uint32_t last_head_ = 0;
};

}  // namespace httpteleport::teleport::v2
