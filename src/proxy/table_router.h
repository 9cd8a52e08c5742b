// The routes of a table that does not change.
#pragma once

#include <memory>
#include <vector>

#include "base/borrowed.h"
#include "proxy/route.h"
#include "route/table.h"

namespace httpteleport::proxy {

// Owns the clusters. `table`, `options` and `queue` outlive it.
class TableRouter final : public Router {
 public:
  TableRouter(const route::Table& table, const ExchangeOptions& options, WaitingQueue& queue)
      : table_(table), options_(options), queue_(queue) {}

  // In the order of route::ClusterIndex.
  void add(std::unique_ptr<upstream::Cluster> cluster) {
    clusters_.push_back(std::move(cluster));
    routes_.push_back(std::make_unique<Route>(
        Route{*clusters_.back(), borrowed(options_), queue_, RetryBudget(options_.retry_budget)}));
  }
  void clear() {
    routes_.clear();
    clusters_.clear();
  }
  const std::vector<std::unique_ptr<upstream::Cluster>>& clusters() const { return clusters_; }

  Route* route(const http::RequestHead& head) override {
    const auto cluster = table_.match(head.authority, head.target);
    return cluster ? routes_[*cluster].get() : nullptr;
  }

 private:
  const route::Table& table_;
  const ExchangeOptions& options_;
  WaitingQueue& queue_;
  std::vector<std::unique_ptr<upstream::Cluster>> clusters_;
  std::vector<std::unique_ptr<Route>> routes_;
};

}  // namespace httpteleport::proxy
