// What one snapshot gives a worker: its routes, its clusters, and the exchanges that use them.
#pragma once

#include <memory>
#include <vector>

#include "base/intrusive_list.h"
#include "config/snapshot.h"
#include "proxy/exchange.h"
#include "proxy/table_router.h"

namespace httpteleport::server {

// When a snapshot with other values takes effect, exchanges under way finish in the generation they
// began in. Owned by a worker, on its thread.
class Generation {
 public:
  // `queue` and `reporter` outlive it; a reporter of nullptr: there is none.
  Generation(event::Loop& loop, metrics::WorkerMetrics& metrics,
             std::shared_ptr<const config::Snapshot> snapshot, proxy::WaitingQueue& queue,
             proxy::ExchangeReporter* reporter);

  proxy::RequestHandlerFactory& handlers() { return handlers_; }
  // No exchange begins here any more: connections to endpoints close when they are idle.
  // Idempotent.
  void retire();
  // After retire(): nothing refers to it any more, and endpoints have taken what was for them.
  bool is_finished() const;
  // Takes certificates and authorities for new connections from `snapshot`, whose clusters are the
  // same but for what their files hold.
  void update_tls(const config::Snapshot& snapshot);
  // An endpoint's name leads to other addresses now.
  void set_addresses(size_t cluster_index, size_t endpoint_index,
                     std::vector<net::Address> addresses) {
    router_.clusters()[cluster_index]->set_addresses(endpoint_index, std::move(addresses));
  }

 private:
  std::shared_ptr<const config::Snapshot> snapshot_;
  route::Table routes_;
  proxy::TableRouter router_;
  proxy::ExchangeContext exchanges_;
  proxy::ExchangeFactory handlers_;
};

}  // namespace httpteleport::server
