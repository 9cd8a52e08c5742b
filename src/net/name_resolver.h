// Looks host names up again and again, and tells when their addresses have changed.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "event/refresher.h"
#include "net/address.h"

namespace httpteleport::net {

// On the loop's thread, each; may add and remove names.
class NameHandler {
 public:
  using NameId = uint64_t;

  // Other ones than before; another order is no change.
  virtual void on_addresses(NameId id, const std::vector<Address>& addresses) = 0;
  // A lookup has failed for the first time, or after a good one. The last addresses stay in use.
  virtual void on_lookup_failure(NameId /*id*/, const Error& /*error*/) {}

 protected:
  ~NameHandler() = default;
};

// Has threads of its own, because the system's resolver blocks, for as long as it likes; a name
// that takes long does not hold the others up (see event::Refresher). Nobody waits for a thread
// that is inside the resolver: it is left to end by itself. A host is looked up once, however many
// want its addresses.
//
// A failed lookup changes nothing. It is logged when that begins, every ten minutes while it lasts,
// and when it is over. All methods on the loop's thread.
class NameResolver {
 public:
  using NameId = NameHandler::NameId;
  // As net::resolve_connect(). Called on the threads; must not refer to what may be gone by then.
  // The port it is given is 0.
  using Lookup = std::function<Result<std::vector<Address>>(const HostPort&)>;

  struct Options {
    Duration interval = std::chrono::seconds(30);
    Duration retry_interval = std::chrono::seconds(3);  // of a host that was never found
    size_t threads_max = 4;
    Lookup lookup = resolve_connect;
  };

  // `loop` and `handler` outlive it.
  NameResolver(event::Loop& loop, const Options& options, NameHandler& handler);
  NameResolver(const NameResolver&) = delete;
  NameResolver& operator=(const NameResolver&) = delete;

  // `known`: its addresses, if they were looked up a moment ago; then that is done next after one
  // interval. Otherwise it is done at once, unless they are known from others: see find().
  NameId add(const HostPort& name, const std::vector<Address>& known = {});
  // Idempotent.
  void remove(NameId id);
  // Its addresses as they are known now; none: not looked up yet. `id` must have been added.
  std::vector<Address> find(NameId id) const;

 private:
  class Job;
  struct User {
    std::string host;
    uint16_t port = 0;
    std::vector<Address> told;  // with port 0
  };
  struct Host {
    event::Refresher::Id job = 0;
    std::vector<Address> addresses;  // with port 0; empty: not known yet
    std::vector<NameId> users;
  };

  void look_up(const std::string& host, bool at_once);
  void on_found(const std::string& host, const std::vector<Address>& addresses);
  void on_failure(const std::string& host, const Error& error);

  const Options options_;
  NameHandler& handler_;
  NameId last_id_ = 0;
  std::unordered_map<std::string, Host> hosts_;
  std::unordered_map<NameId, User> users_;
  event::Refresher refresher_;
};

}  // namespace httpteleport::net
