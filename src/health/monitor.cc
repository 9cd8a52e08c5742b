#include "health/monitor.h"

#include <algorithm>
#include <ctime>
#include <utility>

#include "base/assert.h"

namespace httpteleport::health {

struct Monitor::Entry final : public IntrusiveNode, public ProbeOwner {
  Entry(Monitor& its_monitor, Key its_key, Target its_target)
      : monitor(its_monitor), key(its_key), target(std::move(its_target)) {}

  std::unique_ptr<Probe> new_probe() {
    return std::make_unique<Probe>(monitor.context_, target.options, *this);
  }
  void on_probe_end(const Verdict& verdict) override { monitor.on_probe_end(*this, verdict); }
  void on_due() { monitor.check_at_once(*this); }

  Monitor& monitor;
  Key key;
  Target target;
  std::unique_ptr<Probe> probe;  // while a check is under way
  event::MemberTimer<Entry, &Entry::on_due> timer{*this};
  TimePoint begun_at{};  // the last check, or the one under way
  std::string last_error;
  int64_t since_s = std::time(nullptr);
  uint64_t successes = 0;
  uint64_t failures = 0;
  uint32_t streak = 0;         // checks in a row that say the opposite of `up`
  uint32_t address_index = 0;  // of the address to begin with, or being asked
  uint32_t addresses_tried = 0;
  bool up = true;
  bool decided = false;  // a check has had its say; else the next one decides alone
  bool spread = false;   // its second check has been set
};

Monitor::Monitor(event::Loop& loop, HealthHandler& handler, uint64_t seed)
    : context_{.loop = loop}, handler_(handler), random_(seed) {}

Monitor::~Monitor() {
  for (auto& [key, entry] : entries_)
    cancel(*entry);
}

void Monitor::set(Key key, Target target) {
  HT_ASSERT(target.options != nullptr);
  std::unique_ptr<Entry>& entry = entries_[key];
  if (entry) return change(*entry, std::move(target));
  entry = std::make_unique<Entry>(*this, key, std::move(target));
  check_at_once(*entry);
}

void Monitor::change(Entry& entry, Target target) {
  const Target old = std::exchange(entry.target, std::move(target));
  const bool is_same = is_same_question(*old.options, *entry.target.options) &&
                       old.host == entry.target.host && old.addresses == entry.target.addresses;
  if (is_same) {
    if (entry.timer.is_set() && old.options->interval != entry.target.options->interval)
      set_timer(entry);
    return;
  }
  entry.decided = false;
  entry.streak = 0;
  entry.address_index = 0;
  check_at_once(entry);
}

void Monitor::set_addresses(Key key, std::vector<net::Address> addresses) {
  Entry& entry = *entries_.at(key);
  entry.target.addresses = std::move(addresses);
  entry.address_index = 0;
  if (entry.probe || !entry.decided || !entry.timer.is_set()) check_at_once(entry);
}

void Monitor::mark_down(Key key, std::string_view reason) {
  const auto at = entries_.find(key);
  if (at == entries_.end() || !at->second->up) return;
  Entry& entry = *at->second;
  // The check that is made at once decides alone: what was a moment's trouble is over with it.
  entry.decided = false;
  entry.last_error = reason;
  check_at_once(entry);
  turn(entry, false, reason);
}

void Monitor::remove(Key key) {
  const auto at = entries_.find(key);
  if (at == entries_.end()) return;
  cancel(*at->second);
  entries_.erase(at);
}

Status Monitor::status(Key key) const {
  const Entry& entry = *entries_.at(key);
  return {.up = entry.up,
          .checked = entry.decided,
          .since_s = entry.since_s,
          .successes = entry.successes,
          .failures = entry.failures,
          .last_error = entry.last_error};
}

void Monitor::cancel(Entry& entry) {
  if (!entry.probe) return;
  entry.probe->cancel();
  context_.loop.delete_later(std::move(entry.probe));
  --running_;
  if (!due_.empty()) context_.loop.at_next_turn(*this);
}

void Monitor::check_at_once(Entry& entry) {
  cancel(entry);
  entry.timer.cancel();
  if (entry.target.addresses.empty()) return entry.unlink();
  if (!entry.is_linked()) due_.push_back(entry);
  context_.loop.at_next_turn(*this);
}

void Monitor::on_turn_end() {
  for (size_t i = 0; i < kStartsPerTurn && running_ < kChecksMax && !due_.empty(); ++i)
    begin(due_.pop_front());
  if (running_ < kChecksMax && !due_.empty()) context_.loop.at_next_turn(*this);
}

void Monitor::begin(Entry& entry) {
  ++running_;
  entry.begun_at = context_.loop.now();
  entry.addresses_tried = 0;
  probe_next_address(entry);
}

void Monitor::probe_next_address(Entry& entry) {
  const auto count = static_cast<uint32_t>(entry.target.addresses.size());
  const Duration left = entry.begun_at + entry.target.options->timeout - context_.loop.now();
  const Duration share = std::max(left, Duration::zero()) / (count - entry.addresses_tried);
  entry.probe = entry.new_probe();
  const std::optional<Verdict> verdict = entry.probe->start(
      entry.target.addresses[entry.address_index % count], entry.target.host, share);
  if (verdict) on_probe_end(entry, *verdict);
}

void Monitor::on_probe_end(Entry& entry, const Verdict& verdict) {
  context_.loop.delete_later(std::move(entry.probe));
  const std::vector<net::Address>& addresses = entry.target.addresses;
  const net::Address& asked = addresses[entry.address_index % addresses.size()];
  const bool good = verdict.kind == Verdict::Kind::kGood;
  std::string reason = verdict.reason;
  if (!good && addresses.size() > 1) reason = asked.to_string() + ": " + reason;
  if (!good) ++entry.address_index;
  if (!good && ++entry.addresses_tried < addresses.size()) return probe_next_address(entry);
  --running_;
  if (!due_.empty()) context_.loop.at_next_turn(*this);
  set_timer(entry);
  if (!good) entry.last_error = reason;
  if (verdict.kind != Verdict::Kind::kUnknown) judge(entry, good, reason);
}

void Monitor::set_timer(Entry& entry) {
  const Duration interval = std::max(entry.target.options->interval, kIntervalMin);
  const bool first = !std::exchange(entry.spread, true);
  const uint32_t per_mille = first ? random_.below(1000) : 900 + random_.below(201);
  context_.loop.set_timer_at(entry.timer, entry.begun_at + interval / 1000 * per_mille);
}

void Monitor::judge(Entry& entry, bool good, std::string_view reason) {
  ++(good ? entry.successes : entry.failures);
  const bool decides_alone = !std::exchange(entry.decided, true);
  if (good == entry.up) {
    entry.streak = 0;
    return;
  }
  const CheckOptions& options = *entry.target.options;
  const uint32_t wanted = std::max(good ? options.rise : options.fall, 1u);
  if (++entry.streak >= wanted || decides_alone) turn(entry, good, reason);
}

void Monitor::turn(Entry& entry, bool up, std::string_view reason) {
  entry.streak = 0;
  entry.up = up;
  entry.since_s = std::time(nullptr);
  handler_.on_health(entry.key, up, reason);
}

}  // namespace httpteleport::health
