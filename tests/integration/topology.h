// The arrangements of httptp processes the integration tests run against, and the check that every
// one of them ends well.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "support/content.h"
#include "support/http_message.h"
#include "support/httptp_process.h"
#include "support/sanitized.h"

namespace httpteleport::test {

using Flags = std::vector<std::string>;

// One httptp for the length of a test. That it cannot start, or does not end with exit code 0 on
// SIGTERM (a sanitizer's findings show there), is a failure of the running test.
class RunningHttptp {
 public:
  explicit RunningHttptp(Flags flags) {
    std::string error;
    process_ =
        HttptpProcess::start({.flags = std::move(flags), .environment = environment()}, error);
    if (process_ == nullptr) ADD_FAILURE() << error;
  }
  RunningHttptp(RunningHttptp&&) = default;
  RunningHttptp& operator=(RunningHttptp&&) = delete;
  ~RunningHttptp() {
    if (process_ != nullptr) stop();
  }

  bool started() const { return process_ != nullptr; }
  // Good only when started().
  HttptpProcess& operator*() { return *process_; }
  HttptpProcess* operator->() { return process_.get(); }
  // Where it listens; an address that refuses when it did not start.
  Address address() const { return process_ ? process_->address() : dead_address(); }

  // Ends it now and checks how.
  void stop() {
    const ExitStatus status = process_->stop();
    EXPECT_EQ(status.code, 0) << "httptp: " << status.text() << "\n"
                              << process_->process().output();
  }

 private:
  // Keeps freed memory from counting as the program's own for long.
  static Process::Environment environment() {
    const char* set = std::getenv("ASAN_OPTIONS");
    const std::string options = set != nullptr ? std::string(set) + ":" : std::string();
    return {{"ASAN_OPTIONS", options + "quarantine_size_mb=8"}};
  }

  std::unique_ptr<HttptpProcess> process_;
};

inline Flags operator+(Flags flags, const Flags& more) {
  flags.insert(flags.end(), more.begin(), more.end());
  return flags;
}

// clients -> httptp -> `out`.
inline Flags http_flags(const std::string& out, const std::string& in = "127.0.0.1:0") {
  return {"-in=" + in, "-inType=http", "-outType=http", "-out=" + out};
}

// The link's two ends: clients -> near -> far -> origin. The far end is the more patient one, so
// that the deadline a test gives to the near end is the one that counts.
inline Flags far_flags(const std::string& origin, const std::string& in = "127.0.0.1:0") {
  return {"-in=" + in,     "-inType=teleport", "-inCompress=flate",
          "-outType=http", "-out=" + origin,   "-outTimeout=60s"};
}
inline Flags near_flags(const std::string& link, const std::string& in = "127.0.0.1:0") {
  return {"-in=" + in, "-inType=http", "-outType=teleport", "-outCompress=flate", "-out=" + link};
}

enum class Topology : uint8_t { kHttp, kChain };

inline void PrintTo(Topology topology, std::ostream* stream) {
  *stream << (topology == Topology::kHttp ? "http" : "chain");
}
inline std::string topology_name(const testing::TestParamInfo<Topology>& info) {
  return info.param == Topology::kHttp ? "Http" : "Chain";
}

// Whether an answer's body is that content; tells what else it is in a few words, not in binary.
inline testing::AssertionResult body_is(const Message& answer, const Content& content) {
  const bool complete = answer.outcome == Outcome::kComplete;
  if (complete && answer.body.size() == content.size() && content.matches(0, answer.body)) {
    return testing::AssertionSuccess();
  }
  testing::AssertionResult wrong = testing::AssertionFailure();
  wrong << outcome_name(answer.outcome) << " " << answer.error << ", status " << answer.head.status
        << ", " << answer.body.size() << " bytes for " << content.size();
  if (answer.head.status != 200) wrong << ": " << answer.body.substr(0, 200);
  return wrong;
}

// One of the two arrangements in front of an origin. `flags` go to the process the clients talk to.
class Arrangement {
 public:
  Arrangement(Topology topology, const std::string& origin, const Flags& flags = {}) {
    if (topology == Topology::kHttp) {
      near_ = std::make_unique<RunningHttptp>(http_flags(origin) + flags);
    } else {
      far_ = std::make_unique<RunningHttptp>(far_flags(origin));
      near_ = std::make_unique<RunningHttptp>(near_flags(far_->address().text()) + flags);
    }
  }
  // The near end goes first, so that the far end has nothing left to drain.
  ~Arrangement() { near_.reset(); }

  bool started() const { return near_->started() && (far_ == nullptr || far_->started()); }
  Address address() const { return near_->address(); }
  RunningHttptp& near() { return *near_; }

 private:
  std::unique_ptr<RunningHttptp> far_;
  std::unique_ptr<RunningHttptp> near_;
};

}  // namespace httpteleport::test
