// What is checked, how, and what came of it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "net/address.h"

namespace httpteleport::health {

enum class CheckType : uint8_t {
  kTcp,       // a connection is all that is wanted
  kTls,       // a handshake; the certificate is not verified
  kHttp,      // an answer to a GET
  kHttps,     // the same over TLS, the certificate is not verified
  kExchange,  // an answer to `send`
};

inline bool has_tls(CheckType type) {
  return type == CheckType::kTls || type == CheckType::kHttps;
}

// Immutable, so that all targets of a service share one. A target with blanks or control characters
// in `path` or its host is down, and is not asked by HTTP.
struct CheckOptions {
  CheckType type = CheckType::kTcp;
  std::string path = "/";         // http, https
  std::vector<int64_t> status{};  // of these: good ones; empty: 200 to 399
  std::string send{};             // exchange; empty: the target speaks first
  std::string expect{};  // exchange, http, https: must be in the answer; empty: any will do
  Duration interval = std::chrono::seconds(5);  // from the start of one check to that of the next
  Duration timeout = std::chrono::seconds(3);   // of a check in all, with all addresses
  uint32_t rise = 2;  // good checks in a row after which what is down is up; 0 counts as 1
  uint32_t fall = 2;  // failed ones after which what is up is down
};

// The same is asked in the same way; when and how often may differ.
inline bool is_same_question(const CheckOptions& a, const CheckOptions& b) {
  return a.type == b.type && a.path == b.path && a.status == b.status && a.send == b.send &&
         a.expect == b.expect;
}

struct Target {
  std::shared_ptr<const CheckOptions> options;
  // Of http and TLS: what goes into Host, as host or host:port; its host is also the name for TLS.
  std::string host{};
  // It is well if one of them is. None: it is not checked until there are some.
  std::vector<net::Address> addresses{};
};

struct Status {
  bool up = true;
  bool checked = false;    // up is what checks say, not what is assumed
  int64_t since_s = 0;     // since 1970, of `up`
  uint64_t successes = 0;  // checks
  uint64_t failures = 0;
  std::string last_error;  // of the last check that failed; empty: none has
};

}  // namespace httpteleport::health
