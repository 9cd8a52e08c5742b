// A histogram of latencies: 1 us to 67 s, each known to 1.6 % or better, in 11 KiB.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

namespace httpteleport::bench {

class Latencies {
 public:
  void add(uint64_t us) {
    ++buckets_[index_of(us < kMaxUs ? us : kMaxUs)];
    ++count_;
  }
  uint64_t count() const { return count_; }

  // The least latency that `part` (0 to 1) of all do not exceed, rounded up to its bucket's end;
  // 0 when there are none.
  uint64_t at(double part) const {
    const auto wanted = static_cast<uint64_t>(part * static_cast<double>(count_));
    uint64_t seen = 0;
    for (unsigned i = 0; i < kBuckets; ++i) {
      seen += buckets_[i];
      if (seen > 0 && seen >= wanted) return last_of(i);
    }
    return 0;
  }

 private:
  // Values below 64 have a bucket each; above, each doubling has 64 buckets.
  static constexpr unsigned kBits = 6;
  static constexpr unsigned kDoublings = 20;
  static constexpr unsigned kBuckets = (kDoublings + 1) << kBits;
  static constexpr uint64_t kMaxUs = (uint64_t{1} << (kBits + kDoublings)) - 1;

  static unsigned index_of(uint64_t us) {
    if (us < (1U << kBits)) return static_cast<unsigned>(us);
    const auto shift = static_cast<unsigned>(std::bit_width(us)) - kBits - 1;
    return ((shift + 1) << kBits) + static_cast<unsigned>((us >> shift) - (1U << kBits));
  }
  static uint64_t last_of(unsigned index) {
    if (index < (1U << kBits)) return index;
    const unsigned shift = (index >> kBits) - 1;
    const uint64_t first = ((index & ((1U << kBits) - 1)) + (uint64_t{1} << kBits)) << shift;
    return first + (uint64_t{1} << shift) - 1;
  }

  std::array<uint64_t, kBuckets> buckets_{};
  uint64_t count_ = 0;
};

}  // namespace httpteleport::bench
