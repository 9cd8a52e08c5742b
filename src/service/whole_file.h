// Files that are read and written as one.
#pragma once

#include <string>

#include "base/result.h"
#include "service/config_text.h"

namespace httpteleport::service {

// What becomes of the file that is replaced.
enum class Replaced { kKeepAsBackup, kDrop };

// Writes `document` to a temporary beside `path`, syncs and renames it, and syncs the folder; the
// file before stays as PATH.bak if wanted (on file systems that have hard links). At every moment
// `path` is one of the two, whole. Follows symbolic links. Blocks. Empty, or one line that says
// what is wrong; then `path` is as it was, unless only the syncing of its folder failed.
std::string write_whole(const std::string& path, const ConfigDocument& document, Replaced replaced);

// Where symbolic links lead: a rename would replace the link.
std::string followed(const std::string& path);

// What has been made or renamed in the folder of `path` stays there. Empty, or one line.
std::string sync_folder_of(const std::string& path);

// Gives the file a second name, PATH.broken, or PATH.broken.1 and so on if that is taken. Empty, or
// one line that says what is wrong.
std::string keep_as_broken(const std::string& path);

// At most `bytes_max` of a file. Errors: kSystem, kBodyTooLarge.
Result<std::string> read_whole(const std::string& path, size_t bytes_max);

}  // namespace httpteleport::service
