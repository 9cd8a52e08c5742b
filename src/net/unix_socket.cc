#include "net/unix_socket.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <thread>

namespace httpteleport::net {

namespace {

Error system_error(const char* detail, int sys_errno = errno) {
  return Error{Code::kSystem, Source::kInternal, sys_errno, detail};
}

// Between two attempts to lock a folder.
constexpr std::chrono::milliseconds kLockInterval{10};

bool has_file(const std::string& path) {
  return !path.empty() && path.front() != '@';
}

// Keeps two processes that start at one time from taking each other's new socket for a dead one:
// what is bound and does not listen yet refuses connections too. A folder that cannot be locked is
// used without: anybody who may read it may hold its lock, for as long as he likes.
class FolderLock {
 public:
  // Locks nothing for a socket without a file.
  FolderLock(const std::string& path, std::chrono::milliseconds timeout) {
    if (!has_file(path)) return;
    const size_t slash = path.rfind('/');
    const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
    folder_ = Socket(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    while (folder_.is_open() && flock(folder_.fd(), LOCK_EX | LOCK_NB) != 0 &&
           (errno == EINTR || errno == EWOULDBLOCK) &&
           std::chrono::steady_clock::now() < deadline) {
      std::this_thread::sleep_for(kLockInterval);
    }
  }

 private:
  Socket folder_;  // an owned descriptor; closing it ends the lock
};

// Files of the process get permissions without `mask` in the meantime.
class ScopedUmask {
 public:
  explicit ScopedUmask(mode_t mask) : before_(umask(mask)) {}
  ~ScopedUmask() { umask(before_); }
  ScopedUmask(const ScopedUmask&) = delete;
  ScopedUmask& operator=(const ScopedUmask&) = delete;

 private:
  mode_t before_;
};

// Makes way for a socket at the address: removes the file of a socket that nobody listens on.
Result<void> remove_dead_socket(const Address& address, const std::string& path) {
  struct stat found {};
  if (lstat(path.c_str(), &found) != 0) {
    if (errno == ENOENT) return {};
    return system_error("cannot look at the path of the socket");
  }
  if (!S_ISSOCK(found.st_mode))
    return system_error("there is a file at the path that is no socket", EEXIST);
  const Socket probe(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!probe.is_open()) return system_error("cannot create a socket");
  if (connect(probe.fd(), address.get(), address.length()) == 0 || errno == EAGAIN ||
      errno == EPROTOTYPE) {
    return system_error("another process listens on the socket", EADDRINUSE);
  }
  if (errno == ENOENT) return {};
  if (errno != ECONNREFUSED)
    return system_error("cannot find out whether another process listens on the socket");
  if (unlink(path.c_str()) != 0 && errno != ENOENT)
    return system_error("cannot remove the socket file that a dead process left behind");
  return {};
}

}  // namespace

Result<Socket> listen_on_unix(const Address& address, const ListenOptions& options,
                              std::chrono::milliseconds lock_timeout) {
  Socket socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.is_open()) return system_error("cannot create a socket");
  const std::string path = address.path();
  const bool file = has_file(path);
  const FolderLock lock(path, lock_timeout);
  if (file) {
    if (const Result<void> removed = remove_dead_socket(address, path); !removed)
      return removed.error();
  }
  {
    // The file comes into being with the permissions that were asked for.
    const ScopedUmask permissions(~options.unix_mode & 0777u);
    if (bind(socket.fd(), address.get(), address.length()) != 0) return system_error("cannot bind");
  }
  if (listen(socket.fd(), options.backlog) != 0) {
    const Error error = system_error("cannot listen");
    if (file) unlink(path.c_str());
    return error;
  }
  return socket;
}

SocketFile::SocketFile(const Address& address) {
  const std::string path = address.path();
  struct stat found {};
  if (!has_file(path) || lstat(path.c_str(), &found) != 0 || !S_ISSOCK(found.st_mode)) return;
  path_ = path;
  device_ = found.st_dev;
  inode_ = found.st_ino;
}

SocketFile::SocketFile(SocketFile&& other) noexcept
    : path_(std::exchange(other.path_, {})), device_(other.device_), inode_(other.inode_) {}

SocketFile& SocketFile::operator=(SocketFile&& other) noexcept {
  if (this != &other) {
    remove();
    path_ = std::exchange(other.path_, {});
    device_ = other.device_;
    inode_ = other.inode_;
  }
  return *this;
}

void SocketFile::remove() {
  if (path_.empty()) return;
  const std::string path = std::exchange(path_, {});
  struct stat found {};
  if (lstat(path.c_str(), &found) != 0) return;
  if (found.st_dev == device_ && found.st_ino == inode_) unlink(path.c_str());
}

}  // namespace httpteleport::net
