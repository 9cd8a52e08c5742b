// Where a running server gets a new configuration from.
#pragma once

#include <memory>

#include "config/snapshot.h"

namespace httpteleport::config {

class ConfigSource {
 public:
  struct Loaded {
    // Null: it cannot be used, and the log says why.
    std::shared_ptr<const Snapshot> snapshot;
    // The values are those in force; only what files hold (certificates) may differ.
    bool files_only = false;
  };

  virtual ~ConfigSource() = default;

  // Reads everything anew; what needs a restart keeps its value, and names that `in_force` has keep
  // the addresses they have there. Control thread; blocks on files and new names.
  virtual Loaded load(const Snapshot& in_force) = 0;
};

}  // namespace httpteleport::config
