// What has been changed since the state file was written. A configuration of thousands of services
// is megabytes, which take a disk tens of milliseconds: a change is acknowledged when its few lines
// are on the disk, and the whole file follows when it is quiet.
//
// NAME.journal has a first line that says which state file it belongs to, and then, for each
// change,
//   - {"name": ...}       a service that is gone
//   + {...}               a service that is new, or other than before; all of it
//   = {"_version": N...}  the global values; ends the change
// A change whose last line is not whole was not acknowledged, and is left out.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "service/config.h"
#include "service/merge.h"
#include "service/patch.h"

namespace httpteleport::service {

// The lines of one change, which makes `version`.
std::string journal_lines(const Globals& globals, uint64_t version,
                          std::span<const ServiceChange> changes);

// Of the thread that writes the state file.
class Journal {
 public:
  explicit Journal(std::string state_path);
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  // The state file was written: an empty journal follows it. Not open afterwards if that cannot be.
  void restart();
  // There is none any more.
  void remove();

  bool is_open() const { return fd_ >= 0; }
  size_t bytes() const { return bytes_; }
  // False if the lines are not on the disk; the journal is not open then.
  bool append(std::string_view lines);

 private:
  void close();

  const std::string state_path_;
  int fd_ = -1;
  size_t bytes_ = 0;
};

// Makes of what the state file at `state_path` says what was acknowledged last. Empty, or one line
// that says why the journal, which holds later changes, was not used.
std::string apply_journal(const std::string& state_path, ConfigPatch& config);

}  // namespace httpteleport::service
