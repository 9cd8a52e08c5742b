// Which addresses are listened on, and by whom: two services cannot have one.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "service/config.h"

namespace httpteleport::service {

// An address that the program itself listens on.
struct ReservedAddress {
  std::string flag;  // "-admin"
  std::string address;
  std::string network = "tcp";
};

// Control thread. Streams and datagrams do not meet; a wildcard meets every address of its family
// (a wildcard of IPv6 those of IPv4 too, but of tcp6 and udp6); port 0 meets nothing. Names but
// localhost are compared as texts: nothing is resolved.
class ListenIndex {
 public:
  explicit ListenIndex(const std::vector<ReservedAddress>& reserved = {});

  // Adds the addresses of `service`, whose addresses are valid; or adds nothing and says which
  // one is taken, and by whom. O(log n) for each, and the number of addresses with its port.
  std::optional<std::string> add(const ServiceConfig& service);
  // What was added with the same addresses.
  void remove(const ServiceConfig& service);

 private:
  struct Place;
  struct Holder {
    std::string service;  // of a reserved one the flag
    std::string field;    // as it was written, for the message
    std::string address;
    std::string host;
    bool reserved = false;
    int families = 0;
    bool wildcard = false;
  };

  static std::vector<std::pair<std::string, Holder>> holders(const ServiceConfig& service);
  const Holder* conflict(const std::string& key, const Holder& holder) const;

  // By transport and port, or by transport and path.
  std::map<std::string, std::vector<Holder>, std::less<>> held_;
};

}  // namespace httpteleport::service
