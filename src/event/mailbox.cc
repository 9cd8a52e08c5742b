#include "event/mailbox.h"

#include <utility>

namespace httpteleport::event {

bool Mailbox::post(Letter letter) {
  const std::lock_guard lock(mutex_);
  letters_.push_back(std::move(letter));
  return letters_.size() == 1;
}

void Mailbox::deliver() {
  std::vector<Letter> batch;
  {
    const std::lock_guard lock(mutex_);
    batch.swap(letters_);
  }
  for (Letter& letter : batch)
    letter();
}

}  // namespace httpteleport::event
