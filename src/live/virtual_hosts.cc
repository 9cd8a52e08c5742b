#include "live/virtual_hosts.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace httpteleport::live {

namespace {

// RFC 1035 section 2.3.4. Longer ones are nobody's.
constexpr size_t kNameBytesMax = 255;

struct Entry {
  std::string key;
  std::string prefix;
};

Entry entry_of(const std::string& virtual_host) {
  const size_t slash = virtual_host.find('/');
  Entry entry{lower_case(virtual_host.substr(0, slash)), ""};
  if (slash != std::string::npos) entry.prefix = virtual_host.substr(slash);
  while (entry.prefix.ends_with('/'))
    entry.prefix.pop_back();
  if (entry.key.starts_with('*')) entry.key.erase(0, 1);
  return entry;
}

std::string_view host_of(std::string_view authority) {
  if (authority.starts_with('[')) return authority.substr(0, authority.find(']') + 1);
  authority = authority.substr(0, authority.find(':'));
  if (authority.ends_with('.')) authority.remove_suffix(1);  // the root of names
  return authority;
}

bool begins_with_path(std::string_view path, std::string_view prefix) {
  return path.starts_with(prefix) && (path.size() == prefix.size() || path[prefix.size()] == '/');
}

}  // namespace

void VirtualHosts::add(const std::string& virtual_host, HostedService& service) {
  Entry entry = entry_of(virtual_host);
  Host& host = hosts_[std::move(entry.key)];
  auto place = std::find_if(host.begin(), host.end(), [&](const Path& path) {
    return path.prefix.size() <= entry.prefix.size();
  });
  while (place != host.end() && place->prefix.size() == entry.prefix.size() &&
         place->prefix != entry.prefix) {
    ++place;
  }
  if (place == host.end() || place->prefix != entry.prefix)
    place = host.insert(place, {.prefix = entry.prefix, .services = {}});
  std::vector<HostedService*>& services = place->services;
  if (std::find(services.begin(), services.end(), &service) == services.end())
    services.push_back(&service);
}

void VirtualHosts::remove(const std::string& virtual_host, HostedService& service) {
  const Entry entry = entry_of(virtual_host);
  const auto host = hosts_.find(entry.key);
  if (host == hosts_.end()) return;
  std::erase_if(host->second, [&](Path& path) {
    if (path.prefix == entry.prefix) std::erase(path.services, &service);
    return path.services.empty();
  });
  if (host->second.empty()) hosts_.erase(host);
}

proxy::Route* VirtualHosts::route(const http::RequestHead& head) {
  const std::string_view host = host_of(head.authority);
  std::array<char, kNameBytesMax> lower;
  if (host.size() > lower.size()) return nullptr;
  std::transform(host.begin(), host.end(), lower.begin(), [](char letter) {
    return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
  });
  Path* const path = find({lower.data(), host.size()}, head.target);
  if (path == nullptr) return nullptr;
  HostedService* const service = choose(*path);
  return service == nullptr ? nullptr : &service->route();
}

VirtualHosts::Path* VirtualHosts::find(std::string_view name, std::string_view target) {
  const std::string_view path = target.substr(0, target.find('?'));
  const auto look_up = [&](std::string_view key) -> Path* {
    const auto host = hosts_.find(key);
    return host == hosts_.end() ? nullptr : find_path(host->second, path);
  };
  if (!name.empty()) {
    if (Path* found = look_up(name)) return found;
    for (size_t dot = name.find('.'); dot != std::string_view::npos;
         dot = name.find('.', dot + 1)) {
      if (dot == 0) continue;
      if (Path* found = look_up(name.substr(dot))) return found;
    }
  }
  return look_up("");
}

VirtualHosts::Path* VirtualHosts::find_path(Host& host, std::string_view target) {
  for (Path& path : host) {
    if (begins_with_path(target, path.prefix) || path.prefix.empty()) return &path;
  }
  return nullptr;
}

// One that is not available is better than none: it can say so.
HostedService* VirtualHosts::choose(Path& path) {
  for (size_t i = 0; i < path.services.size(); ++i) {
    HostedService* const service = path.services[path.next % path.services.size()];
    path.next = (path.next + 1) % path.services.size();
    if (service->is_available() || path.services.size() == 1) return service;
  }
  return path.services.empty() ? nullptr : path.services.front();
}

}  // namespace httpteleport::live
