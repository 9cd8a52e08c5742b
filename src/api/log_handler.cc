#include "api/log_handler.h"

#include <mutex>
#include <utility>

#include "base/log.h"
#include "httpteleport/options.h"

namespace httpteleport {

namespace api {

void take_over_log() {
  static std::once_flag once;
  std::call_once(once, [] { program_log().set_sink({}); });
}

}  // namespace api

inline namespace abi0 {

void set_log_handler(std::function<void(LogSeverity, std::string_view)> handler) {
  api::take_over_log();  // so that it does not come later
  if (!handler) return program_log().set_sink({});
  program_log().set_sink([handler = std::move(handler)](LogLevel level, std::string_view line) {
    handler(static_cast<LogSeverity>(level), line);
  });
}

}  // namespace abi0
}  // namespace httpteleport
