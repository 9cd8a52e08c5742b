#include "conformance/setups.h"

namespace httpteleport::test {
namespace {

struct Link {
  const char* protocol;
  const char* compression;
};
Link link_of(SetupKind kind) {
  switch (kind) {
    case SetupKind::kLinkFlate:
      return {"v0", "flate"};
    case SetupKind::kLinkSnappy:
      return {"v0", "snappy"};
    case SetupKind::kLinkZstd:
      return {"v2", "zstd"};
    default:
      return {"v0", "none"};
  }
}

}  // namespace

const char* setup_name(SetupKind kind) {
  switch (kind) {
    case SetupKind::kHttp:
      return "Http";
    case SetupKind::kHttps:
      return "Https";
    case SetupKind::kLinkNone:
      return "LinkNone";
    case SetupKind::kLinkFlate:
      return "LinkFlate";
    case SetupKind::kLinkSnappy:
      return "LinkSnappy";
    case SetupKind::kLinkZstd:
      return "LinkZstd";
  }
  return "?";
}

SetupUnderTest::SetupUnderTest(SetupKind kind, const std::string& origin, const SetupFlags& flags)
    : kind_(kind) {
  const Flags workers = {"-workers=1"};
  const std::string protocol = link_of(kind).protocol;
  const std::string compression = link_of(kind).compression;
  if (has_link(kind)) {
    far_ = std::make_unique<RunningHttptp>(
        far_flags(origin) + workers +
        Flags{"-inProtocol=" + protocol, "-inCompress=" + compression} + flags.far);
    near_ = std::make_unique<RunningHttptp>(
        near_flags(far_->address().text()) + workers +
        Flags{"-outProtocol=" + protocol, "-outCompress=" + compression} + flags.near);
    return;
  }
  const Flags secure = kind == SetupKind::kHttps ? https_flags() : Flags{};
  near_ = std::make_unique<RunningHttptp>(http_flags(origin) + workers + secure + flags.near);
}

Flags SetupUnderTest::https_flags() {
  const TestCa ca("conformance");
  const Pem pem = ca.issue({.names = {"conformance.test"}});
  ca_pem_ = ca.pem();
  return {"-inType=https", "-inTLSCert=" + folder_.write("certificate.pem", pem.certificate),
          "-inTLSKey=" + folder_.write("key.pem", pem.key)};
}

RawClient SetupUnderTest::connect() const {
  if (kind_ != SetupKind::kHttps) return RawClient(address());
  return RawClient(address(), {.server_name = "conformance.test", .trusted_pem = ca_pem_});
}

}  // namespace httpteleport::test
