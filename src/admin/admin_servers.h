// The API of a live proxy at its addresses, with all that stands in front of it. Control thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "admin/local_server.h"
#include "admin/request_guard.h"
#include "admin/service_api.h"

namespace httpteleport::admin {

// Owned by the program; what it is given outlives it. Tells `events` of the registry's changes for
// as long as it lives.
class AdminServers {
 public:
  struct Options {
    ServiceApi::Options api{};
    std::vector<std::string> hosts{};  // -admin-hosts, and the host of -admin
    std::string token_file{};          // -admin-token; empty: none is asked for
  };

  AdminServers(event::Loop& loop, service::Registry& registry, service::Runtime& runtime,
               EventStream& events, Options options);
  ~AdminServers();
  AdminServers(const AdminServers&) = delete;
  AdminServers& operator=(const AdminServers&) = delete;

  // At the start, and on SIGHUP. Empty, or a line that says what is wrong with it; then nobody gets
  // in, or those with the token of before.
  std::string load_token();

  // Serves all of it, or what scrapers read, on a listening socket. Errors: kSystem. The server may
  // be asked for its address, and told to stop accepting.
  Result<LocalServer*> serve(net::Socket listening) {
    return start(std::move(listening), guarded_);
  }
  Result<LocalServer*> serve_metrics(net::Socket listening) {
    return start(std::move(listening), read_only_);
  }

  ServiceApi& api() { return api_; }

  // Takes nothing new, ends the streams of events, and every connection with the answer under way.
  void drain();
  // Nobody is connected any more.
  bool is_idle() const;

 private:
  Result<LocalServer*> start(net::Socket listening, Site& site);

  event::Loop& loop_;
  service::Registry& registry_;
  EventStream& events_;
  const std::string token_file_;
  AdminToken token_;
  ServiceApi api_;
  RequestGuard guard_;
  GuardedSite guarded_;
  ReadOnlySite read_only_;
  std::vector<std::unique_ptr<LocalServer>> servers_;
};

}  // namespace httpteleport::admin
