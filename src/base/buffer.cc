#include "base/buffer.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include "base/assert.h"

namespace httpteleport {

BlockPool::~BlockPool() {
  HT_ASSERT(bytes_in_use_ == 0);
  for (FreeList* list : {&small_, &large_}) {
    while (list->head != nullptr) {
      Block* block = list->head;
      list->head = block->next;
      ::operator delete(block);
    }
  }
}

Block* BlockPool::allocate(uint32_t capacity) {
  Block* block = new (::operator new(sizeof(Block) + capacity)) Block;
  block->capacity = capacity;
  return block;
}

BlockPool::FreeList* BlockPool::list_for(uint32_t capacity) {
  if (capacity == kSmallBytes) return &small_;
  if (capacity == kLargeBytes) return &large_;
  return nullptr;
}

Block* BlockPool::take(size_t bytes) {
  HT_ASSERT(bytes < uint32_t{1} << 31);
  const uint32_t capacity = bytes <= kSmallBytes   ? kSmallBytes
                            : bytes <= kLargeBytes ? kLargeBytes
                                                   : static_cast<uint32_t>(bytes);
  bytes_in_use_ += sizeof(Block) + capacity;
  FreeList* list = list_for(capacity);
  if (list == nullptr || list->head == nullptr) return allocate(capacity);
  Block* block = list->head;
  list->head = block->next;
  --list->count;
  block->next = nullptr;
  block->begin = block->end = 0;
  return block;
}

void BlockPool::give_back(Block* block) {
  HT_DASSERT(bytes_in_use_ >= sizeof(Block) + block->capacity);
  bytes_in_use_ -= sizeof(Block) + block->capacity;
  FreeList* list = list_for(block->capacity);
  if (list == nullptr || list->count >= list->count_max) {
    ::operator delete(block);
    return;
  }
  block->next = list->head;
  list->head = block;
  ++list->count;
}

BufferChain::BufferChain(BufferChain&& other) noexcept
    : pool_(other.pool_),
      head_(std::exchange(other.head_, nullptr)),
      tail_(std::exchange(other.tail_, nullptr)),
      size_(std::exchange(other.size_, 0)) {}

BufferChain& BufferChain::operator=(BufferChain&& other) noexcept {
  if (this == &other) return *this;
  clear();
  pool_ = other.pool_;
  head_ = std::exchange(other.head_, nullptr);
  tail_ = std::exchange(other.tail_, nullptr);
  size_ = std::exchange(other.size_, 0);
  return *this;
}

void BufferChain::push_block(Block* block) {
  if (tail_ != nullptr) {
    tail_->next = block;
  } else {
    head_ = block;
  }
  tail_ = block;
}

void BufferChain::append(std::string_view bytes) {
  while (!bytes.empty()) {
    if (tail_ == nullptr || tail_->room() == 0) {
      const size_t wanted = std::min<size_t>(bytes.size(), BlockPool::kLargeBytes);
      push_block(pool_->take(head_ == nullptr ? wanted : BlockPool::kLargeBytes));
    }
    const size_t take = std::min<size_t>(bytes.size(), tail_->room());
    std::memcpy(tail_->data() + tail_->end, bytes.data(), take);
    tail_->end += static_cast<uint32_t>(take);
    size_ += take;
    bytes.remove_prefix(take);
  }
}

void BufferChain::append(BufferChain&& other) {
  HT_DASSERT(pool_ == other.pool_);
  if (other.empty()) return;
  // A short chain is copied into room that is there anyway: fewer blocks, fewer pieces to write.
  if (tail_ != nullptr && other.size_ <= tail_->room() && other.size_ <= 1024) {
    other.for_each_run([this](std::string_view run) {
      append(run);
      return true;
    });
    other.clear();
    return;
  }
  if (tail_ != nullptr) {
    tail_->next = other.head_;
  } else {
    head_ = other.head_;
  }
  tail_ = other.tail_;
  size_ += other.size_;
  other.head_ = other.tail_ = nullptr;
  other.size_ = 0;
}

std::span<char> BufferChain::prepare(size_t bytes) {
  if (tail_ == nullptr || tail_->room() < bytes) push_block(pool_->take(bytes));
  return {tail_->data() + tail_->end, tail_->room()};
}

void BufferChain::commit(size_t bytes) {
  HT_ASSERT(tail_ != nullptr && bytes <= tail_->room());
  tail_->end += static_cast<uint32_t>(bytes);
  size_ += bytes;
}

std::string_view BufferChain::front() const {
  for (const Block* block = head_; block != nullptr; block = block->next) {
    if (block->size() > 0) return {block->data() + block->begin, block->size()};
  }
  return {};
}

void BufferChain::consume(size_t bytes) {
  HT_ASSERT(bytes <= size_);
  size_ -= bytes;
  while (head_ != nullptr) {
    const size_t take = std::min<size_t>(bytes, head_->size());
    head_->begin += static_cast<uint32_t>(take);
    bytes -= take;
    if (head_->size() > 0) return;
    Block* empty = head_;
    head_ = empty->next;
    if (head_ == nullptr) tail_ = nullptr;
    pool_->give_back(empty);
  }
  HT_ASSERT(bytes == 0);
}

void BufferChain::clear() {
  while (head_ != nullptr) {
    Block* block = head_;
    head_ = block->next;
    pool_->give_back(block);
  }
  tail_ = nullptr;
  size_ = 0;
}

std::string BufferChain::to_string() const {
  std::string all;
  all.reserve(size_);
  for_each_run([&all](std::string_view run) {
    all += run;
    return true;
  });
  return all;
}

}  // namespace httpteleport
