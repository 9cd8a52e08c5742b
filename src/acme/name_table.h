// What is known of each name: its certificate, whether an order is wanted or runs, and when the
// next one may. No I/O, no clock, no lock.
//
//                 find()              begin()             on_obtained()
//   (unknown) ------------> kQueued ----------> kRunning ---------------> kHeld
//                              ^                  |  ^                      |
//                 find(), later|     on_failure() |  |   begin(), when due  |
//                              +---- kFailed <----+  +----------------------+
//
// A failure while the certificate is still good leads back to kHeld, to be tried again later. A
// certificate that has expired is not handed out, and a name is not renewed any more when its
// certificate has expired and an attempt failed: only a client that asks for it brings it back, so
// names that have moved away cost nothing. It is kept for a while, in case the clock was wrong: set
// right, it is good at once.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>

#include "acme/options.h"
#include "acme/schedule.h"
#include "tls/certificate.h"
#include "tls/certificate_provider.h"

namespace httpteleport::acme {

using Answer = tls::CertificateProvider::Answer;
using Found = tls::CertificateProvider::Found;

class NameTable {
 public:
  using CertificatePtr = std::shared_ptr<const tls::Certificate>;

  struct Job {
    std::string name;
    // The last attempt failed because of its challenge: take another kind if there is one.
    bool other_challenge = false;
  };

  // `options` outlive it. `seed` spreads the renewals.
  NameTable(const Options& options, uint32_t seed);

  // Names are canonical everywhere. Queues a name that may be tried again. Empty value: the name is
  // unknown.
  std::optional<Found> find(const std::string& name, const Moment& now);
  // The answer for a name that find() does not know and the operator admits.
  Found add(const std::string& name, const Moment& now);

  // A certificate that was there before. Ignored when it has expired or the table is full.
  void adopt(const std::string& name, CertificatePtr certificate, const Moment& now);
  // Whether a certificate should be replaced already.
  bool is_due(const tls::Certificate& certificate, const Moment& now) const;

  // The next order that may begin; renewals come first, because new names can be made up by
  // anybody. Ends with on_obtained() or on_failure(), or at once with on_found().
  std::optional<Job> begin(const Moment& now);
  // When begin() may have something next, as far as is known now.
  TimePoint next_begin(const Moment& now) const;
  // True when it takes the place of another one.
  bool on_obtained(const std::string& name, CertificatePtr certificate, const Moment& now);
  // The certificate was there already: no order has begun. Before the next begin().
  void on_found(const std::string& name, CertificatePtr certificate, const Moment& now);
  // Returns the pause before the name may be tried again.
  std::chrono::seconds on_failure(const std::string& name, const Setback& setback,
                                  const Moment& now);

  size_t size() const { return entries_.size(); }
  size_t queued() const { return queue_.size(); }

 private:
  enum class State : uint8_t { kQueued, kRunning, kHeld, kFailed };
  struct Entry {
    State state = State::kQueued;
    CertificatePtr certificate{};
    uint32_t failures = 0;  // in a row
    bool other_challenge = false;
    TimePoint retry_at{};  // of kFailed
  };

  Found try_queue(const std::string& name, Entry& entry, const Moment& now);
  Found queued_answer(const Moment& now) const;
  std::time_t due_time(const tls::Certificate& certificate, double jitter) const;
  void hold(const std::string& name, Entry& entry, std::time_t due);
  void forget_failed(const Moment& now);
  double chance();

  const Options& options_;
  std::minstd_rand random_;
  std::map<std::string, Entry> entries_;
  std::deque<std::string> queue_;                      // those of kQueued
  std::set<std::pair<std::time_t, std::string>> due_;  // those of kHeld, by wall clock
  OrderBudget budget_;
  size_t running_ = 0;
  TimePoint forget_at_{};
};

}  // namespace httpteleport::acme
