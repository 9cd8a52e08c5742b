#include "upstream/ejection.h"

#include <algorithm>

namespace httpteleport::upstream {

namespace {

bool is_failure_of_endpoint(Code code) {
  switch (code) {
    case Code::kConnectFailed:
    case Code::kConnectionLost:
    case Code::kTruncated:
    case Code::kMalformed:
    case Code::kBadVersion:
      return true;
    default:
      return false;
  }
}

}  // namespace

void Ejection::on_success() {
  failures_ = pauses_ = 0;
}

void Ejection::on_failure(Code code, TimePoint now) {
  if (!is_failure_of_endpoint(code)) return;
  ++failures_;
  const bool out_already = pauses_ > 0;
  const uint32_t allowed =
      code == Code::kConnectFailed ? options_.connect_failures_max : options_.failures_max;
  if (failures_ < allowed && !out_already) return;
  // Exchanges that were under way together fail together: that is one failure, not many.
  if (out_already && now < paused_until_) return;
  const uint32_t doublings = std::min(pauses_, 16u);
  ++pauses_;
  paused_until_ =
      now + std::min(options_.first_pause * (int64_t{1} << doublings), options_.pause_max);
}

}  // namespace httpteleport::upstream
