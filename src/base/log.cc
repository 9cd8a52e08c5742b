#include "base/log.h"

#include <unistd.h>

#include <array>
#include <ctime>
#include <string>

namespace httpteleport {

void log_line(LogLevel level, std::string_view text) {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  std::array<char, 32> stamp{};
  const size_t size = std::strftime(stamp.data(), stamp.size(), "%Y/%m/%d %H:%M:%S ", &local);
  std::string line(stamp.data(), size);
  if (level == LogLevel::kWarn) line += "warning: ";
  if (level == LogLevel::kError) line += "error: ";
  line += text;
  line += '\n';
  // Nothing can be done about a standard error that is gone.
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace httpteleport
