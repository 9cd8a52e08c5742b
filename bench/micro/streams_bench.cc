// The table of a link's pending requests.
#include <memory>
#include <vector>

#include "event/loop.h"
#include "metrics/worker_metrics.h"
#include "micro/costs.h"
#include "upstream/teleport_link.h"
#include "upstream/teleport_stream_table.h"

namespace httpteleport::bench {
namespace {

class NoEvents final : public http::ResponseHandler {
  void on_response_head(http::ResponseHead&) override {}
  void on_response_body(std::string_view) override {}
  void on_response_end(const http::Fields&) override {}
  void on_upstream_reset(const Error&) override {}
  void on_request_blocked() override {}
  void on_request_unblocked() override {}
};

// A request in, its answer found, out again, while so many are pending: answers come in the order
// of the requests.
void BM_StreamTable(benchmark::State& state) {
  event::Loop loop;
  metrics::WorkerMetrics metrics;
  std::vector<net::Address> addresses;
  upstream::TeleportOptions options;
  upstream::PeerVersion peer_version;
  upstream::TeleportLink link({loop, metrics, addresses}, options, peer_version);
  NoEvents handler;
  // The table does not look into it.
  const auto stream = std::make_unique<upstream::TeleportStream>(link, handler, loop.pool());
  upstream::TeleportStreamTable table;
  std::vector<uint32_t> ids(static_cast<size_t>(state.range(0)));
  for (uint32_t& id : ids)
    id = table.add(*stream);
  size_t oldest = 0;
  Costs costs(state);
  for (auto _ : state) {
    uint32_t& id = ids[oldest];
    check(table.find(id) == stream.get(), "a pending request was not found");
    table.remove(id);
    id = table.add(*stream);
    if (++oldest == ids.size()) oldest = 0;
  }
  costs.done();
}
BENCHMARK(BM_StreamTable)->ArgName("pending")->Arg(1)->Arg(1000)->Arg(10'000);

}  // namespace
}  // namespace httpteleport::bench
