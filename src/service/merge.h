// From what is in force and what a document names to what shall be in force.
#pragma once

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

}  // namespace httpteleport::service
