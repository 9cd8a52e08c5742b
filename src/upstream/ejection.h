// The health of an endpoint: when it is left alone, and when it gets another chance.
//
// An endpoint that refuses connections, or answers 500 at once, looks idle to a balancer, which
// then sends it everything; one that hangs fills up with requests that nobody answers. So bad
// results take an endpoint out for a time that doubles with each further one. After that a single
// exchange probes it, and a good answer brings it back.
//
// What takes it out: connections that fail; too many bad results in a row, or among those of the
// last ten seconds; and active checks (upstream/health_check.h). Bad results take out only a share
// of a cluster's endpoints: where most fail, a request is at fault, or all depend on something that
// is broken, and the few that are left would break under the load. Who takes no connections is
// always left.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/clock.h"
#include "base/error.h"
#include "metrics/worker_metrics.h"
#include "upstream/recent_counts.h"

namespace httpteleport::upstream {

// What the endpoints of one cluster of one worker have in common. Outlives their Ejections.
struct EjectionGroup {
  metrics::WorkerMetrics& metrics;
  size_t endpoints = 0;
  size_t out = 0;
};

class Ejection {
 public:
  struct Options {
    Duration first_pause = std::chrono::milliseconds(500);
    Duration pause_max = std::chrono::seconds(10);
    uint32_t failures_max = 5;  // bad results in a row that take it out; 0: any number is borne
    uint32_t ratio_percent_max = 50;   // of bad results in the last ten seconds; 0: not looked at
    uint32_t ratio_requests_min = 20;  // below so many the ratio says nothing
    uint32_t share_percent_max = 50;   // of the cluster's endpoints that bad results may take out
    Duration slow_start{};             // how long the way back to the full weight takes
    uint32_t failed_checks_max = 3;    // in a row
    uint32_t good_checks_min = 2;      // in a row, to come back
  };

  // `address_count`: connects that must fail in a row before the endpoint is out.
  Ejection(const Options& options, EjectionGroup& group, size_t address_count);
  ~Ejection();
  Ejection(const Ejection&) = delete;
  Ejection& operator=(const Ejection&) = delete;

  void set_address_count(size_t count) { address_count_ = count; }

  bool is_out() const { return state_ != State::kIn; }
  // When an endpoint that is out may be probed, if it is out for what exchanges have seen.
  TimePoint paused_until() const { return paused_until_; }
  // An exchange that begins now should find out how the endpoint is. `replaceable`: another
  // endpoint can take that exchange over, so that it costs no client anything. Others wait another
  // pause for such a one to come by.
  bool wants_probe(TimePoint now, bool replaceable) const;
  void begin_probe() { probing_ = true; }
  void end_probe() { probing_ = false; }
  // 0..1: the part of its weight that an endpoint has which came back lately.
  double weight_factor(TimePoint now);

  // The endpoint takes part again after somebody else has kept it out.
  void begin_slow_start(TimePoint now);

  // Results of exchanges. `begun_out`: the exchange was begun while the endpoint was out, so it
  // tells how it is since. Others that end while it is out were under way when it went out.
  void on_good(TimePoint now, bool begun_out);
  void on_bad(TimePoint now, bool begun_out);
  void on_connect_failed(TimePoint now, bool begun_out);
  // The result of an active check. Good ones bring back whom checks or failed connects have taken
  // out; an endpoint that is well only when it is checked must convince a probe.
  void on_check(TimePoint now, bool good);

 private:
  enum class State : uint8_t { kIn, kRefusing, kBad, kChecksFail };

  void count(TimePoint now, uint32_t bad);
  bool too_many_are_bad(TimePoint now);
  bool share_allows() const;
  void go_out(State state, TimePoint now);
  void pause(TimePoint now);
  void come_back(TimePoint now);

  const Options& options_;
  EjectionGroup& group_;
  size_t address_count_;
  State state_ = State::kIn;
  bool probing_ = false;
  bool ramping_ = false;           // came back less than slow_start ago
  uint32_t failures_ = 0;          // bad results in a row
  uint32_t connect_failures_ = 0;  // in a row
  uint32_t failed_checks_ = 0;     // in a row
  uint32_t good_checks_ = 0;       // in a row
  uint32_t pauses_ = 0;            // in a row
  // Results; marked: bad ones. nullptr: none yet, or nobody looks at them.
  std::unique_ptr<RecentCounts> recent_;
  TimePoint paused_until_{};
  Duration last_pause_{};
  TimePoint returned_at_{};
};

// Whether an error of an exchange speaks against the endpoint: connections lost, answers broken
// off or not HTTP. Not: what is over our limits, what closed while it was idle. Connects that fail
// have a rule of their own, and timeouts depend on how long was waited.
bool is_bad_result(Code code);
// 500, 502, 503 and 504. Not 501 and 505: they are about the request.
bool is_bad_status(int status);

}  // namespace httpteleport::upstream
