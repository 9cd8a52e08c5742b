// Frames to batches: the send side of a v2 link direction (docs/protocol/teleport-v2.md).
//
// Sans-I/O. Remembers what it has sent, so all frames of a direction pass through one encoder, in
// order. Not thread safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/buffer.h"
#include "teleport/v2/body_table.h"
#include "teleport/v2/frame.h"
#include "teleport/v2/id_table.h"
#include "teleport/v2/line_table.h"
#include "teleport/v2/secret_table.h"
#include "teleport/v2/table_sizes.h"
#include "teleport/v2/zstd_stream.h"

namespace httpteleport::teleport::v2 {

struct EncoderOptions {
  // kNone: frames go as they are, in batches.
  enum class Method : uint8_t { kNone, kZstd };
  Method method = Method::kZstd;
  int level = 1;
  TableSizes sizes = {};  // those of the receiver
  // Names of fields whose values never meet other text in the compressor, in lower case. Empty: all
  // values may.
  std::vector<std::string> secret_fields = {"authorization", "cookie", "proxy-authorization",
                                            "set-cookie", "x-api-key"};
};

// What became of what, for metrics. All count up.
struct EncoderCounts {
  uint64_t lines = 0;        // header lines
  uint64_t known_lines = 0;  // of these, sent as a number
  uint64_t bodies = 0;       // data frames that are remembered or known
  uint64_t known_bodies = 0;
};

class BatchEncoder {
 public:
  explicit BatchEncoder(const EncoderOptions& options);

  // Appends to `wire` the batch of `frames`, which are whole frames (append_frame()), at most
  // kBatchFramesMax bytes; kBatchBytesGoal is better.
  void encode(std::string_view frames, BufferChain& wire);

  // The same, but as they are: nothing of them is compressed, or remembered.
  void store(std::string_view frames, BufferChain& wire);

  // See ZstdEncoder::set_level(). Of kZstd only.
  void set_level(int level) { zstd_->set_level(level); }
  const EncoderCounts& counts() const { return counts_; }

 private:
  struct Tables {
    explicit Tables(const TableSizes& sizes)
        : lines(sizes), ids(sizes), secrets(sizes), bodies(sizes) {}
    SentLines lines;
    SentIds ids;
    SentSecrets secrets;
    SentBodies bodies;
  };

  void put_batch(uint8_t flags, std::string_view main, std::string_view frames, BufferChain& wire);
  // Writes one frame into the main part. `next` is the one behind it.
  void put(const Frame& frame, const std::optional<Frame>& next);
  void put_start(const Frame& frame, uint8_t coding);
  void put_head(const Frame& frame, const std::optional<Frame>& next);
  void put_line(std::string_view line, std::optional<uint64_t> body_bytes);
  void put_secret(std::string_view line, size_t value_at);
  // Puts its number if it has one; else remembers it, if that is possible.
  bool put_number_of(std::string_view line);
  void put_data(const Frame& frame);
  bool pack_line(std::string_view line, std::optional<uint64_t> body_bytes);
  // Where the value begins if the name is that of a secret field, else 0.
  size_t secret_value_at(std::string_view line) const;

  EncoderOptions options_;
  std::unique_ptr<Tables> tables_;  // null: no compression
  std::unique_ptr<ZstdEncoder> zstd_;
  EncoderCounts counts_;
  std::string main_;
  std::string beside_;
  std::string packed_;
  std::string compressed_;
  std::vector<std::string_view> lines_;
  uint32_t last_stream_ = 0;  // of the frame before
  uint32_t last_head_ = 0;
  bool length_is_known_ = false;  // of the data frame that comes next
};

}  // namespace httpteleport::teleport::v2
