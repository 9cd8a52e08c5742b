#include "admin/routes.h"

#include <algorithm>

namespace httpteleport::admin {

std::vector<std::string_view> pieces_of(std::string_view text, std::string_view separator) {
  std::vector<std::string_view> pieces;
  while (!text.empty()) {
    const size_t end = text.find(separator);
    pieces.push_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + separator.size());
  }
  return pieces;
}

bool matches(std::string_view path, std::span<const std::string> segments,
             std::vector<std::string>& parameters) {
  const std::vector<std::string_view> wanted = pieces_of(path.substr(1), "/");
  if (wanted.size() != segments.size()) return false;
  parameters.clear();
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (!is_parameter(wanted[i])) {
      if (wanted[i] != segments[i]) return false;
      continue;
    }
    if (segments[i].empty()) return false;
    parameters.push_back(segments[i]);
  }
  return true;
}

bool has_method(std::string_view methods, std::string_view method) {
  const std::vector<std::string_view> all = pieces_of(methods, ", ");
  return std::find(all.begin(), all.end(), method) != all.end();
}

}  // namespace httpteleport::admin
