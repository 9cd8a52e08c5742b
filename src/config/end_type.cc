#include "config/end_type.h"

namespace httpteleport::config {

std::optional<EndType> parse_end_type(std::string_view text) {
  if (text == "http") return EndType{};
  if (text == "https") return EndType{.has_tls = true};
  if (text == "unix") return EndType{.is_unix = true};
  if (text == "teleport" || text == "httptp") return EndType{.is_link = true};
  if (text == "teleports" || text == "httptps" || text == "tepelorts")
    return EndType{.is_link = true, .has_tls = true};
  return {};
}

}  // namespace httpteleport::config
