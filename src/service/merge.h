// From what is in force and what a document names to what shall be in force. What a document leaves
// unnamed stays, or, when it shall replace what is there, is reset or removed.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "service/config.h"
#include "service/patch.h"

namespace httpteleport::service {

// What becomes of the backends of a service that a patch of its list does not name.
enum class UnnamedBackends { kKeep, kRemove };

// Fields that `patch` does not name stay as they are in `base`. Of a list, `virtual_hosts` and such
// are replaced whole, and `backends` are merged by name: known ones in their places, new ones
// behind them. What stands for "not set" in the older program's documents is not named: an empty
// balance or network, and 0 for check_interval, fall and rise.
ServiceConfig merge(ServiceConfig base, const ServicePatch& patch, UnnamedBackends unnamed);
BackendConfig merge(BackendConfig base, const BackendPatch& patch);
Globals merge(Globals base, const GlobalsPatch& patch);

// A service of that name that nothing is known of yet: the defaults, and before them `globals`.
// Global https-redirect is for all services already, so it is not copied into them.
ServiceConfig new_service(std::string name, const Globals& globals);

// What becomes of one service: `before` is null if it is new, `after` if it is removed.
struct ServiceChange {
  std::shared_ptr<const ServiceConfig> before;
  std::shared_ptr<const ServiceConfig> after;

  const std::string& name() const { return after ? after->name : before->name; }
};

struct ConfigMerge {
  Globals globals;
  std::vector<ServiceChange> services;  // those that become others, by name
};

struct MergeRules {
  // What is not named is removed, or has its default. Backends that stay have their order, and a
  // service that is there takes zeros for none: what is read from the program changes nothing.
  bool replace = false;
  UnnamedBackends unnamed_backends = UnnamedBackends::kKeep;  // without `replace`
  // Of new services: clients of the older program name every timeout, with 0 for one that is not
  // set: a new service has the global one then. True: 0 means none, as in what this program has
  // written itself.
  bool zero_is_none = false;
};

// A service that is named twice is merged twice. O(size of the patch * log of the services), and
// with `replace` O(services) as well.
ConfigMerge merge(const Config& base, const ConfigPatch& patch, const MergeRules& rules);
// The same of one service, whose name is given.
ServiceConfig merge(const Config& base, const std::string& name, const ServicePatch& patch,
                    const MergeRules& rules);

// What the network of a backend is if nothing names it, in a service on `service_network`: udp (or
// udp4, udp6) of a UDP service, else tcp.
std::string_view default_backend_network(std::string_view service_network);
BackendConfig new_backend(std::string name, std::string_view service_network);

}  // namespace httpteleport::service
