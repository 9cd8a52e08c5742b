// The arrangements of real httptp processes that every conformance case runs against.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "conformance/raw_client.h"
#include "integration/topology.h"
#include "support/certificates.h"
#include "support/temporary_folder.h"

namespace httpteleport::test {

enum class SetupKind : uint8_t {
  kHttp,        // http -> http
  kHttps,       // https -> http
  kLinkNone,    // http -> teleport v0 -> http, both directions uncompressed
  kLinkFlate,   // the same with flate
  kLinkSnappy,  // the same with snappy
  kLinkZstd,    // the same over v2, with zstd
};
inline constexpr std::array kAllSetups = {SetupKind::kHttp,       SetupKind::kHttps,
                                          SetupKind::kLinkNone,   SetupKind::kLinkFlate,
                                          SetupKind::kLinkSnappy, SetupKind::kLinkZstd};

const char* setup_name(SetupKind kind);
inline void PrintTo(SetupKind kind, std::ostream* stream) {
  *stream << setup_name(kind);
}
inline std::string setup_test_name(const testing::TestParamInfo<SetupKind>& info) {
  return setup_name(info.param);
}
inline bool has_link(SetupKind kind) {
  return kind != SetupKind::kHttp && kind != SetupKind::kHttps;
}

// Messages travel as wholes: what is broken off on one side is never seen on the other.
inline bool carries_wholes(SetupKind kind) {
  return has_link(kind) && kind != SetupKind::kLinkZstd;
}

// Flags on top of those that make the arrangement.
struct SetupFlags {
  Flags near{};  // to the process that the clients talk to
  Flags far{};   // to the link's far end, where there is one
};

// The processes of one arrangement in front of an origin, from construction to destruction. That
// one cannot start, or does not end with exit code 0, is a failure of the running test. One worker
// each, so that cases meet the connections that earlier cases have left behind.
class SetupUnderTest {
 public:
  SetupUnderTest(SetupKind kind, const std::string& origin, const SetupFlags& flags = {});
  // The near end goes first, so that the far end has nothing left to drain.
  ~SetupUnderTest() { near_.reset(); }

  SetupKind kind() const { return kind_; }
  bool started() const { return near_->started() && (far_ == nullptr || far_->started()); }
  Address address() const { return near_->address(); }
  // A new connection of a client; over TLS, with its handshake done.
  RawClient connect() const;
  RunningHttptp& near() { return *near_; }
  // Only where there is a link.
  RunningHttptp& far() { return *far_; }

 private:
  Flags https_flags();

  const SetupKind kind_;
  TemporaryFolder folder_;
  std::string ca_pem_;
  std::unique_ptr<RunningHttptp> far_;
  std::unique_ptr<RunningHttptp> near_;
};

// An origin with an arrangement in front of it. `Server` has address().
template <class Server>
struct Stage {
  Stage(SetupKind kind, const SetupFlags& flags) : setup(kind, origin.address().text(), flags) {}

  Server origin;
  SetupUnderTest setup;
};

// One stage for each kind, started when a test first asks for it and ended, with the check of the
// exit codes, behind the last test of the program. Give it to AddGlobalTestEnvironment().
template <class Server>
class Stages : public testing::Environment {
 public:
  explicit Stages(SetupFlags flags = {}) : flags_(std::move(flags)) {}

  Stage<Server>& of(SetupKind kind) {
    auto& stage = stages_[static_cast<size_t>(kind)];
    if (stage == nullptr) stage = std::make_unique<Stage<Server>>(kind, flags_);
    return *stage;
  }
  void TearDown() override {
    for (auto& stage : stages_)
      stage.reset();
  }

 private:
  const SetupFlags flags_;
  std::array<std::unique_ptr<Stage<Server>>, kAllSetups.size()> stages_;
};

}  // namespace httpteleport::test
