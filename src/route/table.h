// Which cluster serves a request: host and path prefix to cluster index. Immutable once built.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace httpteleport::route {

using ClusterIndex = uint32_t;

// One rule. An empty host matches every host; "*.example.com" every host below example.com. Hosts
// compare without case and without port. The path prefix ends at a '/' or at the end of the path.
struct Rule {
  std::string host{};
  std::string path_prefix = "/";
  ClusterIndex cluster = 0;
};

class Table {
 public:
  explicit Table(std::vector<Rule> rules);

  // The cluster of the best rule: an exact host before the longest wildcard before no host; then
  // the longest path prefix; then the rule given first. nullopt when none matches. O(rules).
  //
  // `authority` is host[:port] (an IPv6 literal in brackets), `target` a request target in
  // origin-form or "*".
  std::optional<ClusterIndex> match(std::string_view authority, std::string_view target) const;

 private:
  std::vector<Rule> rules_;  // best first
};

}  // namespace httpteleport::route
