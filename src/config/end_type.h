// What -inType and -outType say.
#pragma once

#include <optional>
#include <string_view>

namespace httpteleport::config {

struct EndType {
  bool is_link = false;  // teleport; otherwise HTTP
  bool has_tls = false;
  bool is_unix = false;  // addresses are paths
};

// http, https, unix, teleport, teleports. Older names: httptp and httptps, as the Go program called
// the last two before it renamed them, and tepelorts, as its help spells teleports.
std::optional<EndType> parse_end_type(std::string_view text);

}  // namespace httpteleport::config
