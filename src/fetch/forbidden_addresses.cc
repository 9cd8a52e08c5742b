#include "fetch/forbidden_addresses.h"

#include <ifaddrs.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

namespace httpteleport::fetch {

namespace {

using Ip = std::array<unsigned char, 16>;

constexpr Ip kAny{};
constexpr Ip kLoopback{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
constexpr Ip kMappedPrefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

// IPv4 in the form in which IPv6 has it, so that there is one form of each.
Ip ip_of(const sockaddr* address) {
  Ip ip = kMappedPrefix;
  if (address->sa_family == AF_INET6) {
    std::memcpy(ip.data(), &reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr, ip.size());
  } else {
    std::memcpy(ip.data() + 12, &reinterpret_cast<const sockaddr_in*>(address)->sin_addr, 4);
  }
  return ip;
}

bool is_mapped(const Ip& ip) {
  return std::equal(ip.begin(), ip.begin() + 12, kMappedPrefix.begin());
}

bool is_any(const Ip& ip) {
  return ip == kAny || ip == kMappedPrefix;
}

bool is_loopback(const Ip& ip) {
  return ip == kLoopback || (is_mapped(ip) && ip[12] == 127);
}

bool is_of_this_machine(const Ip& ip) {
  ifaddrs* raw = nullptr;
  if (getifaddrs(&raw) != 0) return true;  // rather one page less
  const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> list(raw, freeifaddrs);
  for (const ifaddrs* entry = raw; entry != nullptr; entry = entry->ifa_next) {
    const sockaddr* address = entry->ifa_addr;
    if (address == nullptr || (address->sa_family != AF_INET && address->sa_family != AF_INET6))
      continue;
    if (ip_of(address) == ip) return true;
  }
  return false;
}

}  // namespace

bool ForbiddenAddresses::contains(const net::Address& address) const {
  if (address.family() != AF_INET && address.family() != AF_INET6) return true;
  const Ip ip = ip_of(address.get());
  return std::any_of(listened_.begin(), listened_.end(), [&](const net::Address& listened) {
    if (listened.is_unix() || !listened.is_valid() || listened.port() != address.port())
      return false;
    const Ip own = ip_of(listened.get());
    if (ip == own || is_loopback(ip) || is_any(ip)) return true;
    return is_any(own) && is_of_this_machine(ip);
  });
}

}  // namespace httpteleport::fetch
