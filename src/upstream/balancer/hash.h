// The choice of an endpoint: the one that a request header's value leads to, always the same while
// it is in service.
#pragma once

#include <vector>

#include "upstream/balancer/balancer.h"

namespace httpteleport::upstream {

// The same on every machine and in every version: proxies side by side must agree.
uint64_t hash_of(std::string_view text);

// Rendezvous hashing: every endpoint draws a number from the key and its own name, stretched by its
// weight, and the highest wins. When an endpoint goes, only its keys move, each to the one that
// came second; when one is added, it takes its share from all alike. The order of the endpoints
// does not matter. A request without the header goes to the least loaded.
class RendezvousHash final : public Balancer {
 public:
  explicit RendezvousHash(std::span<const std::string_view> names);

  std::optional<size_t> pick(const Choice& choice) override;

 private:
  std::vector<uint64_t> name_hashes_;
};

}  // namespace httpteleport::upstream
