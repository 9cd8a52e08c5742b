#include "net/address_set.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace httpteleport::net {

namespace {

constexpr const char* kAccepted =
    "IPv4 and IPv6 addresses and CIDR blocks are accepted, such as 192.0.2.7, 10.0.0.0/8 or "
    "2001:db8::/32";
constexpr uint32_t kMappedBits = 96;  // before the IPv4 address in ::ffff:a.b.c.d

std::string quoted(std::string_view element) {
  return "\"" + std::string(element) + "\"";
}

std::string_view trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") + 1 - first);
}

template <class Key>
bool is_mapped(const Key& key) {
  static constexpr std::array<uint8_t, 12> kPrefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  return std::equal(kPrefix.begin(), kPrefix.end(), key.begin());
}

template <class Key>
Key without_mapping(const Key& key) {
  Key v4{};
  std::copy(key.begin() + kMappedBits / 8, key.end(), v4.begin());
  return v4;
}

// Bits of `key` from `prefix_bits` on are set to zeros or ones, up to `bits`.
template <class Key>
Key with_host_bits(Key key, uint32_t prefix_bits, uint32_t bits, bool ones) {
  for (uint32_t bit = prefix_bits; bit < bits; ++bit) {
    const auto mask = static_cast<uint8_t>(0x80u >> (bit % 8));
    uint8_t& byte = key[bit / 8];
    byte = static_cast<uint8_t>(ones ? byte | mask : byte & ~mask);
  }
  return key;
}

template <class Key>
std::string text_of(const Key& key, bool is_v4) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(is_v4 ? AF_INET : AF_INET6, key.data(), text.data(), text.size());
  return text.data();
}

// The number behind the slash; nothing when it is none of 0 to `bits`.
std::optional<uint32_t> parse_prefix(std::string_view text, uint32_t bits) {
  uint32_t prefix = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, prefix);
  if (error != std::errc() || stop != end || prefix > bits) return std::nullopt;
  return prefix;
}

}  // namespace

std::optional<AddressSet> AddressSet::parse(std::string_view text, std::string& problem) {
  AddressSet set;
  if (trimmed(text).empty()) return set;
  while (true) {
    const size_t comma = text.find(',');
    problem = set.add(trimmed(text.substr(0, comma)));
    if (!problem.empty()) return std::nullopt;
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
  }
  sort_and_merge(set.v4_);
  sort_and_merge(set.v6_);
  return set;
}

std::string AddressSet::add(std::string_view element) {
  if (element.empty()) return std::string("an element is empty; ") + kAccepted;
  const size_t slash = element.find('/');
  const std::string ip(element.substr(0, slash));
  Key key{};
  bool is_v4 = inet_pton(AF_INET, ip.c_str(), key.data()) == 1;
  if (!is_v4 && inet_pton(AF_INET6, ip.c_str(), key.data()) != 1)
    return quoted(element) + " is no address; " + kAccepted;

  uint32_t bits = is_v4 ? 32 : 128;
  uint32_t prefix = bits;
  if (slash != std::string_view::npos) {
    const std::optional<uint32_t> parsed = parse_prefix(element.substr(slash + 1), bits);
    if (!parsed)
      return quoted(element) + " has no prefix length from 0 to " + std::to_string(bits) +
             " behind its slash; " + kAccepted;
    prefix = *parsed;
  }
  if (const Key first = with_host_bits(key, prefix, bits, false); first != key) {
    return quoted(element) + " has bits set behind its prefix; write " + text_of(first, is_v4) +
           "/" + std::to_string(prefix) + " for the block, or " + ip + " for the one address";
  }
  if (!is_v4 && prefix >= kMappedBits && is_mapped(key)) {
    key = without_mapping(key);
    prefix -= kMappedBits;
    bits = 32;
    is_v4 = true;
  }
  (is_v4 ? v4_ : v6_).push_back({.first = key, .last = with_host_bits(key, prefix, bits, true)});
  return "";
}

void AddressSet::sort_and_merge(std::vector<Range>& ranges) {
  std::sort(ranges.begin(), ranges.end(),
            [](const Range& a, const Range& b) { return a.first < b.first; });
  std::vector<Range> merged;
  for (const Range& range : ranges) {
    if (!merged.empty() && range.first <= merged.back().last) {
      merged.back().last = std::max(merged.back().last, range.last);
    } else {
      merged.push_back(range);
    }
  }
  ranges = std::move(merged);
}

bool AddressSet::contains(const std::vector<Range>& ranges, const Key& key) {
  const auto behind =
      std::upper_bound(ranges.begin(), ranges.end(), key,
                       [](const Key& wanted, const Range& range) { return wanted < range.first; });
  return behind != ranges.begin() && key <= std::prev(behind)->last;
}

bool AddressSet::contains(const Address& address) const {
  Key key{};
  if (address.is_valid() && address.family() == AF_INET) {
    std::memcpy(key.data(), &reinterpret_cast<const sockaddr_in*>(address.get())->sin_addr, 4);
    return contains(v4_, key);
  }
  if (!address.is_valid() || !address.is_ipv6()) return false;
  std::memcpy(key.data(), &reinterpret_cast<const sockaddr_in6*>(address.get())->sin6_addr, 16);
  return is_mapped(key) ? contains(v4_, without_mapping(key)) : contains(v6_, key);
}

}  // namespace httpteleport::net
