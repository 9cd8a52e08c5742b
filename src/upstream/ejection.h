// When an endpoint that fails is left alone, and when it gets another chance.
//
// An endpoint that refuses connections answers "fast" and so looks idle to a least-loaded balancer,
// which then sends it everything. So a failure takes the endpoint out for a time that doubles with
// each further one; after that a single exchange probes it, and a success brings it back.
#pragma once

#include <cstdint>

#include "base/clock.h"
#include "base/error.h"

namespace httpteleport::upstream {

class Ejection {
 public:
  struct Options {
    Duration first_pause = std::chrono::milliseconds(500);
    Duration pause_max = std::chrono::seconds(10);
    // Failures in a row after which the endpoint is left alone: of connecting (as many as it has
    // addresses), and of any kind.
    uint32_t connect_failures_max = 1;
    uint32_t failures_max = 3;
  };

  explicit Ejection(const Options& options) : options_(options) {}

  // May a new exchange go there?
  bool admits(TimePoint now) const { return pauses_ == 0 || (now >= paused_until_ && !probing_); }
  // True when the exchange that begins now is the one that probes; end_probe() when it is over.
  bool try_begin_probe(TimePoint now) {
    if (pauses_ == 0 || !admits(now)) return false;
    return probing_ = true;
  }
  void end_probe() { probing_ = false; }
  // True while the last thing known of the endpoint is that it fails.
  bool is_out() const { return pauses_ > 0; }
  TimePoint paused_until() const { return paused_until_; }

  void on_success();
  // What says nothing about the endpoint's health (timeouts, connections closed while idle,
  // messages over our limits) does not count.
  void on_failure(Code code, TimePoint now);

 private:
  Options options_;
  uint32_t failures_ = 0;  // in a row
  uint32_t pauses_ = 0;    // in a row; 0 = the endpoint is in
  TimePoint paused_until_{};
  bool probing_ = false;
};

}  // namespace httpteleport::upstream
