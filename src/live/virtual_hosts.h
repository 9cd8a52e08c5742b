// Which service a request of the shared HTTP listeners is for.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "proxy/route.h"

namespace httpteleport::live {

// Who may be found in the table.
class HostedService {
 public:
  virtual proxy::Route& route() = 0;
  // An endpoint of it would be picked, as far as can be told.
  virtual bool is_available() const = 0;

 protected:
  ~HostedService() = default;
};

// One worker's. Names are compared without case and port. "www.example.com" goes before
// "*.example.com", the longest wildcard before shorter ones, and "*" is for everything else. Behind
// the host a path may stand, "example.com/api": the longest that the request's path begins with
// wins, and it ends at a '/' or with the path. Of several services with the same entry each that is
// available has its turn.
//
// Finding is O(labels of the name + paths of the host), adding and removing O(paths of the host).
class VirtualHosts final : public proxy::Router {
 public:
  // `service` must be removed before it ends. Adding it twice for one text does nothing.
  void add(const std::string& virtual_host, HostedService& service);
  void remove(const std::string& virtual_host, HostedService& service);

  proxy::Route* route(const http::RequestHead& head) override;

 private:
  struct Path {
    std::string prefix;  // empty: every path
    std::vector<HostedService*> services;
    size_t next = 0;
  };
  using Host = std::vector<Path>;  // longest prefix first
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };

  static HostedService* choose(Path& path);
  static Path* find_path(Host& host, std::string_view target);
  // That of the most particular entry for `name`, which is in lower case.
  Path* find(std::string_view name, std::string_view target);

  // By name, in lower case; "*.example.com" as ".example.com", "*" as "".
  std::unordered_map<std::string, Host, Hash, std::equal_to<>> hosts_;
};

}  // namespace httpteleport::live
