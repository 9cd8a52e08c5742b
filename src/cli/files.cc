#include "cli/files.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

namespace httpteleport::cli {

std::optional<std::string> read_file(const std::string& file, std::string& error) {
  const auto fail = [&](const char* reason) {
    error = "cannot read " + file + ": " + reason;
    return std::nullopt;
  };
  using FilePtr = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;
  const bool is_standard = file == "-";
  const FilePtr opened(is_standard ? nullptr : std::fopen(file.c_str(), "rbe"),
                       [](std::FILE* stream) { return std::fclose(stream); });
  if (!opened && !is_standard) return fail(std::strerror(errno));
  std::FILE* stream = is_standard ? stdin : opened.get();
  std::string text;
  char piece[64 * 1024];
  while (const size_t got = std::fread(piece, 1, sizeof piece, stream)) {
    text.append(piece, got);
    if (text.size() > kFileBytesMax) return fail("it is larger than 64 MiB");
  }
  if (std::ferror(stream) != 0) return fail(std::strerror(errno));
  return text;
}

}  // namespace httpteleport::cli
