// Looks the names of endpoints up again and again, and tells when their addresses have changed.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "event/loop.h"
#include "net/address.h"

namespace httpteleport::server {

// One endpoint whose name is looked up.
struct EndpointName {
  size_t cluster_index = 0;
  size_t endpoint_index = 0;
  net::HostPort target;
  std::vector<net::Address> addresses;  // known so far, not empty
};

// Has a thread of its own, because the system's resolver blocks, for as long as it likes. The
// destructor does not wait for that: a thread that is inside the resolver is left to end by
// itself, and touches nothing of ours any more. Names are looked up one after the other, so a dead
// name server delays all of them and nothing else.
//
// A failed lookup changes nothing: the last good addresses stay. That is logged when it begins,
// every ten minutes while it lasts, and when it is over.
class NameRefresher {
 public:
  // As net::resolve_connect(). Called on the thread; must not refer to what may be gone by then.
  using Resolver = std::function<Result<std::vector<net::Address>>(const net::HostPort&)>;
  // Called on the loop's thread, never after the destructor. The addresses are the new ones.
  using OnChange = std::function<void(const EndpointName&)>;

  // `names` are looked up first after one `interval`, which is above 0. The loop outlives this.
  NameRefresher(event::Loop& loop, std::vector<EndpointName> names, Duration interval,
                Resolver resolver, OnChange on_change);
  ~NameRefresher();
  NameRefresher(const NameRefresher&) = delete;
  NameRefresher& operator=(const NameRefresher&) = delete;

 private:
  struct Shared;

  std::shared_ptr<Shared> shared_;
  std::thread thread_;
};

}  // namespace httpteleport::server
