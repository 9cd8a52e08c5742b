#include "httpteleport/status.h"

#include <cstring>

#include "api/status_of.h"
#include "httpteleport/options.h"

namespace httpteleport {
inline namespace abi0 {

const char* library_version() noexcept {
  return HT_LIBRARY_VERSION;
}

const char* status_code_name(StatusCode code) noexcept {
  switch (code) {
    case StatusCode::kOk:
      return "ok";
    case StatusCode::kInvalidArgument:
      return "invalid_argument";
    case StatusCode::kOverloaded:
      return "overloaded";
    case StatusCode::kTimeout:
      return "timeout";
    case StatusCode::kConnectFailed:
      return "connect_failed";
    case StatusCode::kNotSent:
      return "not_sent";
    case StatusCode::kConnectionLost:
      return "connection_lost";
    case StatusCode::kProtocolError:
      return "protocol_error";
    case StatusCode::kTooLarge:
      return "too_large";
    case StatusCode::kCancelled:
      return "cancelled";
    case StatusCode::kClosed:
      return "closed";
    case StatusCode::kSystem:
      return "system";
  }
  return "unknown";
}

std::string Status::to_string() const {
  std::string text = status_code_name(code_);
  if (*message_ != '\0') text.append(": ").append(message_);
  if (system_errno_ != 0) text.append(" (").append(std::strerror(system_errno_)).append(")");
  return text;
}

}  // namespace abi0

namespace api {

// The details of the engine's errors are made for every program, so some name flags of one.
Status status_of(const Error& error, bool request_was_seen) {
  const auto make = [&](StatusCode code, const char* message, bool seen) {
    return Status(code, message, seen, error.sys_errno);
  };
  switch (error.code) {
    case Code::kConnectFailed:
      return make(StatusCode::kConnectFailed, "cannot connect to the teleport peer", false);
    case Code::kNotSent:
      return make(StatusCode::kNotSent, "the connection ended before the request went out", false);
    case Code::kHeadTooLarge:
      return error.source == Source::kDownstream
                 ? make(StatusCode::kTooLarge,
                        "the request head is larger than max_request_head_bytes", false)
                 : make(StatusCode::kTooLarge,
                        "the response head is larger than max_response_head_bytes", true);
    case Code::kBodyTooLarge:
      return make(StatusCode::kTooLarge, "the response body is too large", true);
    case Code::kOverloaded:
      return make(StatusCode::kOverloaded, "too many requests are pending", false);
    case Code::kUnsupported:
      return make(StatusCode::kInvalidArgument, error.detail, false);
    case Code::kMalformed:
    case Code::kBadVersion:
      return make(StatusCode::kProtocolError, error.detail, request_was_seen);
    case Code::kTimeout:
      return make(StatusCode::kTimeout, error.detail, request_was_seen);
    case Code::kSystem:
      return make(StatusCode::kSystem, error.detail, request_was_seen);
    case Code::kBadConfig:
      return make(StatusCode::kInvalidArgument, error.detail, false);
    default:
      return make(StatusCode::kConnectionLost, "the connection to the teleport peer was lost",
                  request_was_seen);
  }
}

}  // namespace api
}  // namespace httpteleport
