// Active checks of very many targets on one loop.
//
//   set() --> check at once --> every interval, +-10 % --> on_health() when up or down changes
//
// A target is taken for up until its first check, which decides alone; from then on `rise` and
// `fall` count. The second check comes at a random point within the first interval, so that
// targets that were set together are asked at different times. Within a check its addresses are
// asked one after the other, beginning with the one that was good last, each for its share of the
// time that is left.
//
// What is in the way on our side (no descriptors) is no verdict on a target: it is not counted.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <unordered_map>

#include "base/intrusive_list.h"
#include "base/random.h"
#include "event/loop.h"
#include "health/probe.h"
#include "health/target.h"

namespace httpteleport::health {

// Of a target, chosen by whoever sets it.
using Key = uint64_t;

class HealthHandler {
 public:
  // `reason` is one line: why it is down, empty when it is up. May change and remove targets.
  virtual void on_health(Key key, bool up, std::string_view reason) = 0;

 protected:
  ~HealthHandler() = default;
};

// All methods on the loop's thread. An idle target costs some 400 bytes and no descriptor.
class Monitor final : private event::TurnEndTask {
 public:
  // Checks under way at a time; more wait for their turn. And how many begin in a turn of the loop,
  // so that its other work goes on.
  static constexpr size_t kChecksMax = 200;
  static constexpr size_t kStartsPerTurn = 32;
  static constexpr Duration kIntervalMin = std::chrono::milliseconds(1);

  // Both outlive it.
  Monitor(event::Loop& loop, HealthHandler& handler, uint64_t seed);
  ~Monitor();
  Monitor(const Monitor&) = delete;
  Monitor& operator=(const Monitor&) = delete;

  // A new target, or new values for one. Where only times and counts differ, its state and a check
  // under way go on, and the next one comes after the new interval. Where something else does, it
  // is checked anew at once, and that check decides alone; until then it is what it was.
  void set(Key key, Target target);
  // The name has other addresses now; nothing else changes, but for a check under way, which
  // begins anew. `key` must be set.
  void set_addresses(Key key, std::vector<net::Address> addresses);
  // Requests show that it is down, whatever checks said: tells so, if it was up, and checks it at
  // once, which decides alone. For a `key` that is gone it does nothing.
  void mark_down(Key key, std::string_view reason);
  // Idempotent.
  void remove(Key key);

  // `key` must be set.
  Status status(Key key) const;
  size_t size() const { return entries_.size(); }
  const metrics::SocketMetrics& sockets() const { return context_.sockets; }

 private:
  struct Entry;

  void on_turn_end() override;
  void change(Entry& entry, Target target);
  void check_at_once(Entry& entry);
  // Ends the check under way, if there is one.
  void cancel(Entry& entry);
  void begin(Entry& entry);
  void probe_next_address(Entry& entry);
  void on_probe_end(Entry& entry, const Verdict& verdict);
  void set_timer(Entry& entry);
  // May end with the entry gone.
  void judge(Entry& entry, bool good, std::string_view reason);
  void turn(Entry& entry, bool up, std::string_view reason);

  ProbeContext context_;
  HealthHandler& handler_;
  Random random_;
  size_t running_ = 0;
  IntrusiveList<Entry> due_;
  std::unordered_map<Key, std::unique_ptr<Entry>> entries_;
};

}  // namespace httpteleport::health
