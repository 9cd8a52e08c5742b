#include "upstream/ejection.h"

#include <algorithm>

namespace httpteleport::upstream {

bool is_bad_result(Code code) {
  switch (code) {
    case Code::kConnectionLost:
    case Code::kTruncated:
    case Code::kMalformed:
    case Code::kBadVersion:
      return true;
    default:
      return false;
  }
}

bool is_bad_status(int status) {
  return status == 500 || (status >= 502 && status <= 504);
}

Ejection::Ejection(const Options& options, EjectionGroup& group, size_t address_count)
    : options_(options), group_(group), address_count_(address_count) {
  ++group_.endpoints;
  group_.metrics.endpoints.add(1);
  group_.metrics.endpoints_in_service.add(1);
}

Ejection::~Ejection() {
  --group_.endpoints;
  if (is_out()) --group_.out;
  group_.metrics.endpoints.add(-1);
  if (!is_out()) group_.metrics.endpoints_in_service.add(-1);
}

bool Ejection::wants_probe(TimePoint now, bool replaceable) const {
  if (state_ != State::kRefusing && state_ != State::kBad) return false;
  return !probing_ && now >= paused_until_ + (replaceable ? Duration::zero() : last_pause_);
}

double Ejection::weight_factor(TimePoint now) {
  if (!ramping_) return 1;
  const Duration since = now - returned_at_;
  ramping_ = since < options_.slow_start;
  if (!ramping_) return 1;
  return static_cast<double>(since.count()) / static_cast<double>(options_.slow_start.count());
}

void Ejection::on_good(TimePoint now, bool begun_out) {
  if (is_out()) {
    if (begun_out && state_ != State::kChecksFail) come_back(now);
    return;
  }
  failures_ = connect_failures_ = 0;
  count(now, 0);
}

void Ejection::on_bad(TimePoint now, bool begun_out) {
  if (is_out()) {
    // One that fails before its pause is over was sent because nobody else is left.
    if (begun_out && now >= paused_until_) pause(now);
    return;
  }
  connect_failures_ = 0;
  ++failures_;
  count(now, 1);
  const bool too_many_in_a_row = options_.failures_max > 0 && failures_ >= options_.failures_max;
  if ((too_many_in_a_row || too_many_are_bad(now)) && share_allows()) go_out(State::kBad, now);
}

void Ejection::on_connect_failed(TimePoint now, bool begun_out) {
  if (is_out()) {
    if (begun_out && now >= paused_until_) pause(now);
    return;
  }
  if (++connect_failures_ >= address_count_) go_out(State::kRefusing, now);
}

void Ejection::on_check(TimePoint now, bool good) {
  failed_checks_ = good ? 0 : failed_checks_ + 1;
  good_checks_ = good ? good_checks_ + 1 : 0;
  if (good && good_checks_ >= options_.good_checks_min) {
    if (state_ == State::kChecksFail || state_ == State::kRefusing) come_back(now);
  } else if (!good && failed_checks_ >= options_.failed_checks_max && !is_out()) {
    go_out(State::kChecksFail, now);
  }
}

void Ejection::count(TimePoint now, uint32_t bad) {
  if (options_.ratio_percent_max == 0) return;
  if (!recent_) recent_ = std::make_unique<RecentCounts>();
  recent_->add(now, 1, bad);
}

bool Ejection::too_many_are_bad(TimePoint now) {
  if (options_.ratio_percent_max == 0) return false;
  const uint64_t all = recent_->all(now);
  return all >= options_.ratio_requests_min &&
         recent_->marked(now) * 100 >= all * options_.ratio_percent_max;
}

bool Ejection::share_allows() const {
  return (group_.out + 1) * 100 <= group_.endpoints * options_.share_percent_max;
}

void Ejection::go_out(State state, TimePoint now) {
  state_ = state;
  ++group_.out;
  group_.metrics.endpoints_in_service.add(-1);
  group_.metrics.ejections.add();
  pauses_ = 0;
  pause(now);
}

void Ejection::pause(TimePoint now) {
  const uint32_t doublings = std::min(pauses_, 16u);
  ++pauses_;
  last_pause_ = std::min(options_.first_pause * (int64_t{1} << doublings), options_.pause_max);
  paused_until_ = now + last_pause_;
}

void Ejection::come_back(TimePoint now) {
  state_ = State::kIn;
  --group_.out;
  group_.metrics.endpoints_in_service.add(1);
  failures_ = connect_failures_ = 0;
  recent_.reset();
  begin_slow_start(now);
}

void Ejection::begin_slow_start(TimePoint now) {
  ramping_ = options_.slow_start > Duration::zero();
  returned_at_ = now;
}

}  // namespace httpteleport::upstream
