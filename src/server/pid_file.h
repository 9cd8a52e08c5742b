// The file that tells others this process's id.
#pragma once

#include <string>

#include "base/result.h"

namespace httpteleport::server {

// Control thread.
class PidFile {
 public:
  PidFile() = default;
  PidFile(const PidFile&) = delete;
  PidFile& operator=(const PidFile&) = delete;
  ~PidFile() { remove(); }

  // Writes our id to `path`, by way of another file of a name that nobody can foretell, so that
  // nobody reads half of it or has us write elsewhere. Errors:
  // kSystem; the file is as it was then.
  Result<void> write(const std::string& path);
  // Removes the file if it still names this process: a successor has put its own id there.
  // Idempotent.
  void remove();

 private:
  std::string path_;
};

}  // namespace httpteleport::server
