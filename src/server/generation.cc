#include "server/generation.h"

#include <algorithm>

namespace httpteleport::server {

Generation::Generation(event::Loop& loop, metrics::WorkerMetrics& metrics,
                       std::shared_ptr<const config::Snapshot> snapshot, proxy::WaitingQueue& queue,
                       proxy::ExchangeReporter* reporter)
    : snapshot_(std::move(snapshot)),
      routes_(snapshot_->routes),
      router_(routes_, snapshot_->exchanges, queue),
      exchanges_{loop, metrics, snapshot_->exchanges, router_, queue},
      handlers_(exchanges_) {
  exchanges_.reporter = reporter;
  for (const upstream::ClusterOptions& options : snapshot_->clusters)
    router_.add(std::make_unique<upstream::Cluster>(loop, metrics, options));
}

void Generation::retire() {
  for (const auto& cluster : router_.clusters())
    cluster->drain();
}

bool Generation::is_finished() const {
  return exchanges_.exchanges_alive == 0 &&
         std::all_of(router_.clusters().begin(), router_.clusters().end(),
                     [](const auto& cluster) { return cluster->is_idle(); });
}

void Generation::update_tls(const config::Snapshot& snapshot) {
  HT_ASSERT(snapshot.clusters.size() == router_.clusters().size());
  for (size_t i = 0; i < snapshot.clusters.size(); ++i) {
    if (snapshot.clusters[i].tls) router_.clusters()[i]->update_tls(*snapshot.clusters[i].tls);
  }
}

}  // namespace httpteleport::server
