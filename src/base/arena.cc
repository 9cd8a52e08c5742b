#include "base/arena.h"

namespace httpteleport {

char* Arena::allocate(size_t bytes) {
  if (head_ == nullptr || head_->room() < bytes) {
    Block* block = pool_->take(bytes);
    block->next = head_;
    head_ = block;
  }
  char* place = head_->data() + head_->end;
  head_->end += static_cast<uint32_t>(bytes);
  return place;
}

void Arena::clear() {
  while (head_ != nullptr) {
    Block* block = head_;
    head_ = block->next;
    pool_->give_back(block);
  }
}

}  // namespace httpteleport
