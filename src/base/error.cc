#include "base/error.h"

namespace httpteleport {

const char* code_name(Code code) {
  switch (code) {
    case Code::kMalformed:
      return "malformed";
    case Code::kUnsupported:
      return "unsupported";
    case Code::kBadVersion:
      return "bad_version";
    case Code::kBadExpectation:
      return "bad_expectation";
    case Code::kHeadTooLarge:
      return "head_too_large";
    case Code::kTargetTooLong:
      return "target_too_long";
    case Code::kBodyTooLarge:
      return "body_too_large";
    case Code::kTimeout:
      return "timeout";
    case Code::kOverloaded:
      return "overloaded";
    case Code::kConnectFailed:
      return "connect_failed";
    case Code::kNotSent:
      return "not_sent";
    case Code::kConnectionLost:
      return "connection_lost";
    case Code::kTruncated:
      return "truncated";
    case Code::kCancelled:
      return "cancelled";
    case Code::kNoEndpoint:
      return "no_endpoint";
    case Code::kSystem:
      return "system";
    case Code::kBadConfig:
      return "bad_config";
  }
  return "unknown";
}

}  // namespace httpteleport
