// Addresses of backends and listeners as services have them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "live/plan.h"
#include "net/address.h"

namespace httpteleport::live {

// Where a backend, or what is checked of it, is.
struct Place {
  std::vector<net::Address> addresses;  // empty: `name` must be looked up
  std::optional<net::HostPort> name;    // a name, whose addresses may change
  // Of `name`: only IPv4 (4) or IPv6 (6) addresses are meant; 0: both.
  int family = 0;

  // Those of `found` that are meant.
  std::vector<net::Address> chosen(const std::vector<net::Address>& found) const;
};

// `network` and `address` as in service::BackendConfig; does not block. Errors: kBadConfig.
Result<Place> parse_place(std::string_view network, const std::string& address);

// The kind that a network's name stands for; "tcp" for what is none.
ListenKind listen_kind(std::string_view network);

// The address to listen on. Blocks if it is a name. Errors: kBadConfig.
Result<net::Address> listen_address(std::string_view network, const std::string& address);

}  // namespace httpteleport::live
