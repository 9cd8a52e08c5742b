// Where the built programs and the sources are, from where the running program is: binaries that
// know no paths can be shared by a compiler cache, and moved.
#pragma once

#include <filesystem>
#include <string>

namespace httpteleport::test {

// build/<preset>/bin
inline std::string bin_dir() {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path().string();
}

// The top of the source tree, which the build is in.
inline std::string source_dir() {
  return std::filesystem::path(bin_dir()).parent_path().parent_path().parent_path().string();
}

}  // namespace httpteleport::test
