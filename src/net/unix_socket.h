// Listening on unix sockets: the file that stands for one, from bind to the end.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>

#include "net/socket.h"

namespace httpteleport::net {

// What listen_on() does for a unix address. Blocks while another process of ours starts to listen
// in the same folder, and while somebody else keeps the folder locked: for `lock_timeout` at most.
Result<Socket> listen_on_unix(const Address& address, const ListenOptions& options,
                              std::chrono::milliseconds lock_timeout = std::chrono::seconds(5));

// The file of a listening unix socket, removed when this is destroyed, unless it was kept. A file
// that somebody else has put there since is left alone. Empty for addresses without a file.
class SocketFile {
 public:
  SocketFile() = default;
  // `address` is one that this process listens on.
  explicit SocketFile(const Address& address);
  SocketFile(SocketFile&& other) noexcept;
  SocketFile& operator=(SocketFile&& other) noexcept;
  ~SocketFile() { remove(); }

  // The listener closes for good. Idempotent.
  void remove();
  // The file stays from now on: another process has the listening socket.
  void keep() { path_.clear(); }

 private:
  std::string path_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace httpteleport::net
