// A file descriptor with one owner, and the way this code ends when the machine, not the program
// under test, is at fault.
#pragma once

#include <unistd.h>

#include <utility>

namespace httpteleport::test {

// Prints `what` and errno and aborts: no descriptors, no memory, a broken test set-up.
[[noreturn]] void die(const char* what);

// Raises the soft limit of open files to the hard one and returns it.
size_t raise_file_limit();

// Closes its descriptor when destroyed. Movable; -1 means none.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  ~Fd() { reset(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  void reset() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }

 private:
  int fd_ = -1;
};

}  // namespace httpteleport::test
