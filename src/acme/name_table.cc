#include "acme/name_table.h"

#include <algorithm>

#include "base/assert.h"

namespace httpteleport::acme {

namespace {

// A name that failed is remembered that long after it could have been tried again, so that one that
// is asked for now and then does not start over with the shortest pause.
constexpr std::chrono::hours kFailureMemory{24};
constexpr std::chrono::hours kForgetInterval{1};

bool has_expired(const tls::Certificate& certificate, const Moment& now) {
  return certificate.not_after() <= now.wall;
}

}  // namespace

NameTable::NameTable(const Options& options, uint32_t seed)
    : options_(options), random_(seed), budget_(std::max<size_t>(options.orders_per_hour_max, 1)) {}

std::optional<Found> NameTable::find(const std::string& name, const Moment& now) {
  const auto found = entries_.find(name);
  if (found == entries_.end()) return {};
  Entry& entry = found->second;
  if (entry.certificate && !has_expired(*entry.certificate, now)) {
    // The clock was ahead when it seemed to have expired.
    if (entry.state == State::kFailed) hold(name, entry, due_time(*entry.certificate, chance()));
    return Found{Answer::kReady, entry.certificate};
  }
  switch (entry.state) {
    case State::kRunning:
      return Found{Answer::kPending, nullptr};
    case State::kQueued:
      return queued_answer(now);
    case State::kFailed:
      return now.steady < entry.retry_at ? Found{} : try_queue(name, entry, now);
    case State::kHeld:
      return Found{};  // begin() takes it when it is due
  }
  return Found{};
}

Found NameTable::add(const std::string& name, const Moment& now) {
  if (entries_.size() >= options_.names_max || queue_.size() >= options_.names_queued_max)
    return Found{};
  return try_queue(name, entries_[name], now);
}

Found NameTable::try_queue(const std::string& name, Entry& entry, const Moment& now) {
  if (queue_.size() >= options_.names_queued_max) return Found{};
  entry.state = State::kQueued;
  queue_.push_back(name);
  return queued_answer(now);
}

// Nobody should wait for an order that may not begin before long.
Found NameTable::queued_answer(const Moment& now) const {
  const bool open = budget_.open_at(now.steady) <= now.steady;
  return Found{open ? Answer::kPending : Answer::kRefused, nullptr};
}

void NameTable::adopt(const std::string& name, CertificatePtr certificate, const Moment& now) {
  if (has_expired(*certificate, now) || entries_.size() >= options_.names_max) return;
  const std::time_t due = due_time(*certificate, chance());
  Entry& entry = entries_[name];
  entry.certificate = std::move(certificate);
  hold(name, entry, due);
}

bool NameTable::is_due(const tls::Certificate& certificate, const Moment& now) const {
  return due_time(certificate, 0) <= now.wall;
}

std::optional<NameTable::Job> NameTable::begin(const Moment& now) {
  forget_failed(now);
  if (running_ >= options_.orders_active_max || budget_.open_at(now.steady) > now.steady) return {};
  Job job;
  if (!due_.empty() && due_.begin()->first <= now.wall) {
    job.name = due_.begin()->second;
    due_.erase(due_.begin());
  } else if (!queue_.empty()) {
    job.name = std::move(queue_.front());
    queue_.pop_front();
  } else {
    return {};
  }
  Entry& entry = entries_.at(job.name);
  entry.state = State::kRunning;
  job.other_challenge = entry.other_challenge;
  ++running_;
  budget_.spend(now.steady);
  return job;
}

TimePoint NameTable::next_begin(const Moment& now) const {
  if (running_ >= options_.orders_active_max) return TimePoint::max();
  TimePoint next = TimePoint::max();
  if (!queue_.empty()) {
    next = now.steady;
  } else if (!due_.empty()) {
    // Bounded, so that a date far away does not overflow.
    const std::time_t left = std::clamp<std::time_t>(due_.begin()->first - now.wall, 0, 24 * 3600);
    next = now.steady + std::chrono::seconds(left);
  }
  return next == TimePoint::max() ? next : std::max(next, budget_.open_at(now.steady));
}

bool NameTable::on_obtained(const std::string& name, CertificatePtr certificate,
                            const Moment& now) {
  Entry& entry = entries_.at(name);
  HT_ASSERT(entry.state == State::kRunning);
  --running_;
  entry.failures = 0;
  const std::time_t due = due_time(*certificate, chance());
  const bool replaced = std::exchange(entry.certificate, std::move(certificate)) != nullptr;
  hold(name, entry, std::max(due, now.wall + options_.renewal_pause_min.count()));
  return replaced;
}

void NameTable::on_found(const std::string& name, CertificatePtr certificate, const Moment& now) {
  budget_.take_back();
  on_obtained(name, std::move(certificate), now);
}

std::chrono::seconds NameTable::on_failure(const std::string& name, const Setback& setback,
                                           const Moment& now) {
  Entry& entry = entries_.at(name);
  HT_ASSERT(entry.state == State::kRunning);
  --running_;
  ++entry.failures;
  if (setback.challenge_failed) entry.other_challenge = !entry.other_challenge;
  const std::chrono::seconds pause = backoff(entry.failures, setback, options_);
  if (entry.certificate && !has_expired(*entry.certificate, now)) {
    // If the clock is set back meanwhile, the pause grows, but not beyond the certificate's end.
    hold(name, entry, std::min(now.wall + pause.count(), entry.certificate->not_after()));
  } else {
    entry.state = State::kFailed;
    entry.retry_at = now.steady + pause;
  }
  return pause;
}

std::time_t NameTable::due_time(const tls::Certificate& certificate, double jitter) const {
  return renewal_time(certificate.not_before(), certificate.not_after(), options_, jitter);
}

void NameTable::hold(const std::string& name, Entry& entry, std::time_t due) {
  entry.state = State::kHeld;
  due_.emplace(due, name);
}

void NameTable::forget_failed(const Moment& now) {
  if (now.steady < forget_at_) return;
  forget_at_ = now.steady + kForgetInterval;
  std::erase_if(entries_, [&](const auto& item) {
    const Entry& entry = item.second;
    return entry.state == State::kFailed && entry.retry_at + kFailureMemory < now.steady;
  });
}

double NameTable::chance() {
  return std::uniform_real_distribution<double>(0, 1)(random_);
}

}  // namespace httpteleport::acme
