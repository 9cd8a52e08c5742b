// PROXY headers: the whole input and a part of it give the same, and what is written for a header
// that was read is read as the same.
#include <algorithm>
#include <string>

#include "fuzz_input.h"
#include "net/proxy_protocol.h"

namespace httpteleport::fuzz {
namespace {

using net::ProxyHeader;
using net::ProxyVersion;
using net::ProxyVersions;

// 0: more is needed; -1: broken.
struct Outcome {
  int64_t size = 0;
  ProxyHeader header;
};

Outcome outcome_of(std::string_view bytes, ProxyVersions versions) {
  const ExactBytes exact(bytes);
  Outcome outcome;
  const Result<size_t> size = net::parse_proxy_header(exact.view(), versions, outcome.header);
  if (!size) return {.size = -1, .header = {}};
  outcome.size = static_cast<int64_t>(*size);
  HT_ASSERT(*size <= bytes.size());
  HT_ASSERT(*size > 0 || bytes.size() < net::kProxyV2BytesMax);
  HT_ASSERT(outcome.header.source.is_valid() == outcome.header.destination.is_valid());
  return outcome;
}

bool same(const Outcome& a, const Outcome& b) {
  return a.size == b.size && a.header.version == b.header.version &&
         a.header.source == b.header.source && a.header.destination == b.header.destination;
}

void check_round_trip(const ProxyHeader& header) {
  const std::string written = net::encode_proxy_header(header);
  const Outcome back = outcome_of(written, {.v1 = true, .v2 = true});
  HT_ASSERT(back.size == static_cast<int64_t>(written.size()));
  HT_ASSERT(back.header.version == header.version);
  // Mapped addresses become IPv4, and two families nobody.
  if (!back.header.source.is_valid()) return;
  HT_ASSERT(back.header.source.to_string() == header.source.to_string());
  HT_ASSERT(back.header.destination.to_string() == header.destination.to_string());
}

void run(Input input) {
  const uint8_t choice = input.choice();
  const ProxyVersions versions{.v1 = (choice & 1) == 0, .v2 = (choice & 2) == 0};
  const size_t cut = input.place();
  const std::string_view bytes = input.rest();
  const Outcome whole = outcome_of(bytes, versions);
  const Outcome part = outcome_of(bytes.substr(0, cut), versions);
  if (part.size != 0) HT_ASSERT(same(part, whole));
  if (whole.size <= 0) return;
  const auto size = static_cast<size_t>(whole.size);
  HT_ASSERT(same(outcome_of(bytes.substr(0, size), versions), whole));
  HT_ASSERT(outcome_of(bytes.substr(0, size - 1), versions).size == 0);
  check_round_trip(whole.header);
}

}  // namespace
}  // namespace httpteleport::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  httpteleport::fuzz::run({data, size});
  return 0;
}
