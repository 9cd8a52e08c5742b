#include "route/table.h"

#include <algorithm>

#include "http/message.h"

namespace httpteleport::route {

namespace {

bool is_wildcard(const Rule& rule) {
  return rule.host.starts_with("*.");
}

// 2 exact, 1 wildcard, 0 any.
int host_rank(const Rule& rule) {
  if (rule.host.empty()) return 0;
  return is_wildcard(rule) ? 1 : 2;
}

std::string_view host_of(std::string_view authority) {
  if (authority.starts_with('[')) {
    const size_t close = authority.find(']');
    return authority.substr(0, close == std::string_view::npos ? close : close + 1);
  }
  return authority.substr(0, authority.find(':'));
}

bool host_matches(const Rule& rule, std::string_view host) {
  if (rule.host.empty()) return true;
  if (!is_wildcard(rule)) return http::equals_ignoring_case(rule.host, host);
  const std::string_view suffix = std::string_view(rule.host).substr(1);
  return host.size() > suffix.size() &&
         http::equals_ignoring_case(host.substr(host.size() - suffix.size()), suffix);
}

bool path_matches(const Rule& rule, std::string_view target) {
  const std::string_view prefix = rule.path_prefix;
  if (prefix == "/") return true;
  const std::string_view path = target.substr(0, target.find('?'));
  if (!path.starts_with(prefix)) return false;
  return prefix.ends_with('/') || path.size() == prefix.size() || path[prefix.size()] == '/';
}

}  // namespace

Table::Table(std::vector<Rule> rules) : rules_(std::move(rules)) {
  std::stable_sort(rules_.begin(), rules_.end(), [](const Rule& a, const Rule& b) {
    if (host_rank(a) != host_rank(b)) return host_rank(a) > host_rank(b);
    if (is_wildcard(a) && a.host.size() != b.host.size()) return a.host.size() > b.host.size();
    return a.path_prefix.size() > b.path_prefix.size();
  });
}

std::optional<ClusterIndex> Table::match(std::string_view authority,
                                         std::string_view target) const {
  const std::string_view host = host_of(authority);
  for (const Rule& rule : rules_) {
    if (host_matches(rule, host) && path_matches(rule, target)) return rule.cluster;
  }
  return std::nullopt;
}

}  // namespace httpteleport::route
