// A set of IP addresses, for access lists.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/address.h"

namespace httpteleport::net {

// Immutable once parsed; may be read by any thread.
class AddressSet {
 public:
  // "10.0.0.0/8, ::1, 2001:db8::/32, 192.0.2.7": addresses and CIDR blocks, comma-separated, blanks
  // trimmed; a blank text is the empty set. On errors returns nothing, and `problem` says which
  // element is wrong and what is accepted. A block whose address has bits behind the prefix is an
  // error, because it may be meant in two ways.
  static std::optional<AddressSet> parse(std::string_view text, std::string& problem);

  bool is_empty() const { return v4_.empty() && v6_.empty(); }
  // O(log n). IPv4 addresses mapped into IPv6 count as IPv4, also in the elements; "::/0" is all of
  // IPv6 and nothing of IPv4. False for what is no IP address.
  bool contains(const Address& address) const;

 private:
  // In network order, so that comparing bytes compares addresses; of IPv4 the first 4 count.
  using Key = std::array<uint8_t, 16>;
  struct Range {
    Key first{};
    Key last{};
  };

  // Returns what is wrong with `element`, if anything.
  std::string add(std::string_view element);
  static void sort_and_merge(std::vector<Range>& ranges);
  static bool contains(const std::vector<Range>& ranges, const Key& key);

  // Sorted, without overlaps.
  std::vector<Range> v4_;
  std::vector<Range> v6_;
};

}  // namespace httpteleport::net
