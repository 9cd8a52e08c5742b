// One zstd frame after the other, in pieces that each end with a flush: the main parts of batches.
//
// A new frame begins when the level changes, because a level cannot change inside one; it may refer
// to the last mebibyte before it. Not thread safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "teleport/v2/table_sizes.h"

struct ZSTD_CCtx_s;
struct ZSTD_DCtx_s;

namespace httpteleport::teleport::v2 {

// The end of what has passed: what the prefix of a new frame is.
class History {
 public:
  explicit History(const TableSizes& sizes);

  void append(std::string_view bytes);
  std::string_view last() const;

 private:
  size_t bytes_max_;
  std::string bytes_;
};

class ZstdEncoder {
 public:
  // `level` is 1 to 19, or -1 to -7 for speed. Long matches over the whole window are looked for if
  // that is larger than the level's tables can hold.
  ZstdEncoder(int level, const TableSizes& sizes);
  ~ZstdEncoder();

  // Appends the compressed form of `main`. True: a new frame begins with it.
  bool encode(std::string_view main, std::string& out);
  // From the next call on, if enough has passed since the last change.
  void set_level(int level) { wanted_level_ = level; }
  int level() const { return level_; }

 private:
  void configure();
  void run(std::string_view main, int directive, std::string& out);

  struct Free {
    void operator()(ZSTD_CCtx_s* context) const;
  };
  std::unique_ptr<ZSTD_CCtx_s, Free> context_;
  TableSizes sizes_;
  History history_;
  std::string prefix_;  // of the frame under way
  size_t frame_bytes_ = 0;
  bool begun_ = false;
  int level_;
  int wanted_level_;
};

class ZstdDecoder {
 public:
  explicit ZstdDecoder(const TableSizes& sizes);
  ~ZstdDecoder();

  // What `piece` becomes, kBatchBytesMax bytes at most; good until the next call. Errors, after
  // which there must be no other call: kMalformed, of `peer`.
  Result<std::string_view> decode(std::string_view piece, bool new_frame, Source peer);

 private:
  struct Free {
    void operator()(ZSTD_DCtx_s* context) const;
  };
  // Doubles the room for what a piece becomes. False: that is as large as it may be.
  bool grow();

  std::unique_ptr<ZSTD_DCtx_s, Free> context_;
  std::unique_ptr<char[]> room_;
  size_t room_bytes_ = 0;
  History history_;
  std::string prefix_;  // of the frame under way
  size_t frame_bytes_ = 0;
  bool begun_ = false;
  bool at_start_ = true;  // nothing of the frame under way has been read
};

}  // namespace httpteleport::teleport::v2
