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
  // Of one transport and port, or of one path.
  using Key = std::string;
  struct Holder {
    std::string owner;    // a service, or a flag
    std::string field;    // that names it; empty: of a flag
    std::string address;  // as written
    std::string host;     // in one form for all that mean the same
    int families = 0;     // bits: 1 IPv4, 2 IPv6
    bool wildcard = false;
    bool meets_all = false;  // of a path
  };
  struct Place {
    Key key;
    Holder holder;
  };

  // Nothing for port 0, and for what is no address.
  static std::optional<Place> place(const ListenerConfig& listener);
  static std::vector<Place> places(const ServiceConfig& service);
  const Holder* conflict(const Place& place) const;
  void erase(const Key& key, const std::string& owner);

  std::map<Key, std::vector<Holder>, std::less<>> held_;
};

}  // namespace httpteleport::service
