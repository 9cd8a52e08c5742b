// The compressors alone. An operation is one batch of 16 messages with its flush.
#include <span>
#include <string>
#include <vector>

#include "micro/codings.h"
#include "micro/costs.h"
#include "micro/samples.h"

namespace httpteleport::bench {
namespace {

std::vector<std::string> make_batches(size_t message_bytes) {
  std::vector<std::string> batches;
  const std::vector<std::string>& all = messages(message_bytes);
  for (size_t i = 0; i < all.size(); ++i) {
    if (i % kBatchMessages == 0) batches.emplace_back();
    batches.back() += all[i];
  }
  return batches;
}

void BM_Encode(benchmark::State& state) {
  const auto encoder = compress::make_encoder(coding_of(state));
  const std::vector<std::string> batches = make_batches(static_cast<size_t>(state.range(1)));
  BlockPool pool;
  BufferChain wire(pool);
  size_t next = 0;
  uint64_t wire_bytes = 0;
  Costs costs(state);
  for (auto _ : state) {
    encoder->encode(batches[next], wire);
    encoder->flush(wire);
    wire_bytes += wire.size();
    wire.clear();
    if (++next == batches.size()) next = 0;
  }
  costs.done(batches[0].size());
  state.counters["wire/plain"] = {
      static_cast<double>(wire_bytes) / static_cast<double>(batches[0].size()),
      benchmark::Counter::kAvgIterations};
}
BENCHMARK(BM_Encode)->Apply(codings_and_sizes);

// What is encoded of the batches once may be decoded again and again: each coding refers back to
// what came shortly before, and the first batch to nothing.
void BM_Decode(benchmark::State& state) {
  const compress::Settings& settings = coding_of(state);
  const auto encoder = compress::make_encoder(settings);
  const auto decoder = compress::make_decoder(settings.method, Source::kUpstream);
  const std::vector<std::string> batches = make_batches(static_cast<size_t>(state.range(1)));
  std::vector<std::string> wires;
  for (const std::string& batch : batches) {
    BlockPool pool;
    BufferChain wire(pool);
    encoder->encode(batch, wire);
    encoder->flush(wire);
    wires.push_back(wire.to_string());
  }
  std::vector<char> room(64 * 1024);
  size_t next = 0;
  Costs costs(state);
  for (auto _ : state) {
    std::string_view wire = wires[next];
    size_t total = 0;
    for (bool more = true; more;) {
      const auto step = decoder->decode(wire, room);
      check(bool(step), "a batch was not decoded");
      wire.remove_prefix(step->consumed);
      total += step->produced;
      more = step->produced > 0 || step->consumed > 0;
    }
    check(total == batches[next].size(), "a batch was decoded in part");
    if (++next == wires.size()) next = 0;
  }
  costs.done(batches[0].size());
}
BENCHMARK(BM_Decode)->Apply(codings_and_sizes);

}  // namespace
}  // namespace httpteleport::bench
