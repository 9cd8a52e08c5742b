// Bytes in memory that outlive the read that brought them.
//
// A BufferChain owns a list of blocks taken from a BlockPool. Bytes are appended at the back and
// consumed at the front; a whole chain moves onto another without copying. One worker, one pool:
// nothing here is thread safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace httpteleport {

struct Block {
  Block* next = nullptr;
  uint32_t capacity = 0;  // bytes of payload that follow this header
  uint32_t begin = 0;     // first unread byte
  uint32_t end = 0;       // one past the last written byte

  char* data() { return reinterpret_cast<char*>(this + 1); }
  const char* data() const { return reinterpret_cast<const char*>(this + 1); }
  uint32_t size() const { return end - begin; }
  uint32_t room() const { return capacity - end; }
};

// Recycles blocks of two sizes: small ones, so that a short message held for long is cheap, and
// large ones for streams. Larger requests get a block of their own that is freed after use.
// Must outlive every chain made from it.
class BlockPool {
 public:
  static constexpr uint32_t kSmallBytes = 2 * 1024 - sizeof(Block);
  static constexpr uint32_t kLargeBytes = 16 * 1024 - sizeof(Block);
  // Free blocks kept for reuse: as many as a thousand clients at a time give and take, 4 MiB of
  // small ones and 8 MiB of large ones. The rest goes back to the allocator.
  static constexpr size_t kFreeSmallBlocksMax = 2048;
  static constexpr size_t kFreeLargeBlocksMax = 512;

  BlockPool() = default;
  ~BlockPool();
  BlockPool(const BlockPool&) = delete;
  BlockPool& operator=(const BlockPool&) = delete;

  // A block with room for at least `bytes`, empty. O(1).
  Block* take(size_t bytes);
  void give_back(Block* block);

  // Bytes in blocks that are out, headers included.
  size_t bytes_in_use() const { return bytes_in_use_; }

  // Whoever is about to hold more for long asks first, and declines when this says so. Blocks are
  // given out regardless: what is under way must be able to end.
  bool is_over_budget() const { return bytes_in_use_ > budget_bytes_; }
  void set_budget(size_t bytes) { budget_bytes_ = bytes; }

 private:
  struct FreeList {
    size_t count_max;
    Block* head = nullptr;
    size_t count = 0;
  };

  static Block* allocate(uint32_t capacity);
  FreeList* list_for(uint32_t capacity);

  FreeList small_{kFreeSmallBlocksMax};
  FreeList large_{kFreeLargeBlocksMax};
  size_t bytes_in_use_ = 0;
  size_t budget_bytes_ = SIZE_MAX;
};

class BufferChain {
 public:
  // `pool` must outlive the chain.
  explicit BufferChain(BlockPool& pool) : pool_(&pool) {}
  BufferChain(BufferChain&& other) noexcept;
  BufferChain& operator=(BufferChain&& other) noexcept;
  ~BufferChain() { clear(); }

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  BlockPool& pool() const { return *pool_; }

  // Copies `bytes` to the back.
  void append(std::string_view bytes);
  // Moves all of `other` to the back without copying; `other` is empty afterwards. Both must come
  // from one pool.
  void append(BufferChain&& other);

  // Writable contiguous space of at least `bytes` at the back; what is written counts only once
  // commit() tells how much. The span is good until the next call on this chain.
  std::span<char> prepare(size_t bytes);
  void commit(size_t bytes);

  // The first contiguous run of bytes, empty when the chain is. Good until the next change.
  std::string_view front() const;
  // Drops `bytes` from the front; at most size().
  void consume(size_t bytes);
  void clear();

  // Calls `visit(std::string_view)` for each contiguous run, front to back, until it returns false.
  template <class Visit>
  void for_each_run(Visit&& visit) const {
    for (const Block* block = head_; block != nullptr; block = block->next) {
      if (block->size() > 0 &&
          !visit(std::string_view(block->data() + block->begin, block->size())))
        return;
    }
  }

  // A copy of everything, for tests and cold paths.
  std::string to_string() const;

 private:
  void push_block(Block* block);

  BlockPool* pool_;
  Block* head_ = nullptr;
  Block* tail_ = nullptr;
  size_t size_ = 0;
};

}  // namespace httpteleport
