#include "event/mailbox.h"

#include <utility>

namespace httpteleport::event {

bool Mailbox::post(Letter letter) {
  const std::lock_guard lock(mutex_);
  letters_.push_back(std::move(letter));
  return letters_.size() == 1;
}

void Mailbox::deliver() {
  {
    const std::lock_guard lock(mutex_);
    delivered_.swap(letters_);
  }
  for (Letter& letter : delivered_)
    letter();
  delivered_.clear();
}

}  // namespace httpteleport::event
