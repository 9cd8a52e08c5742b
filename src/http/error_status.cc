#include "http/error_status.h"

namespace httpteleport::http {

int status_of(const Error& error) {
  const bool client = error.source == Source::kDownstream;
  switch (error.code) {
    case Code::kMalformed:
      return client ? 400 : 502;
    case Code::kUnsupported:
      return client ? 501 : 502;
    case Code::kBadVersion:
      return client ? 505 : 502;
    case Code::kBadExpectation:
      return 417;
    case Code::kHeadTooLarge:
      return client ? 431 : 502;
    case Code::kTargetTooLong:
      return 414;
    case Code::kBodyTooLarge:
      return client ? 413 : 502;
    case Code::kTimeout:
      return client ? 408 : 504;
    case Code::kOverloaded:
      return client ? 429 : 503;
    case Code::kConnectFailed:
    case Code::kNotSent:
    case Code::kConnectionLost:
    case Code::kTruncated:
    case Code::kNoEndpoint:
      return 502;
    case Code::kCancelled:
    case Code::kSystem:
    case Code::kBadConfig:
      return 500;
  }
  return 500;
}

bool was_not_executed(const Error& error) {
  return error.code == Code::kConnectFailed || error.code == Code::kNotSent;
}

}  // namespace httpteleport::http
