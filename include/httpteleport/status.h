// How calls of this library fail: values, no exceptions.
#ifndef HTTPTELEPORT_STATUS_H_
#define HTTPTELEPORT_STATUS_H_

#include <cassert>
#include <optional>
#include <string>
#include <utility>

#include "httpteleport/export.h"

namespace httpteleport {
inline namespace abi0 {

// What went wrong. The numbers stay as they are; others may be added.
enum class StatusCode : int {
  kOk = 0,
  kInvalidArgument = 1,  // a message or an option that cannot be used; nothing was sent
  kOverloaded = 2,       // too many requests are pending; nothing was sent
  kTimeout = 3,          // the time is over; the peer may have seen the request
  kConnectFailed = 4,    // no connection to the peer; nothing was sent
  kNotSent = 5,          // the connection ended before a byte of the request went out
  kConnectionLost = 6,   // the connection ended; the peer may have seen the request
  kProtocolError = 7,    // what the peer sent cannot be understood; it may have seen the request
  kTooLarge = 8,         // over a limit of the options, or of what the link carries
  kCancelled = 9,        // cancel(), or the client is being destroyed
  kClosed = 10,          // the object takes nothing any more
  kSystem = 11,          // a system call failed: system_errno() says how
};

// The enumerator in snake case, such as "connect_failed". Static storage.
HTTPTELEPORT_EXPORT const char* status_code_name(StatusCode code) noexcept;

// Plain data: copied freely, never allocates. Any thread.
class [[nodiscard]] Status {
 public:
  constexpr Status() noexcept = default;
  // `message`: static storage, one line. `request_was_seen`: the peer may have acted on the
  // request.
  constexpr Status(StatusCode code, const char* message, bool request_was_seen = false,
                   int system_errno = 0) noexcept
      : message_(message),
        code_(code),
        system_errno_(system_errno),
        request_was_seen_(request_was_seen) {}

  [[nodiscard]] constexpr bool ok() const noexcept { return code_ == StatusCode::kOk; }
  [[nodiscard]] constexpr StatusCode code() const noexcept { return code_; }
  // One line that says what and why; static storage; empty when ok().
  [[nodiscard]] constexpr const char* message() const noexcept { return message_; }
  // errno of the system call that failed; 0 when none is involved.
  [[nodiscard]] constexpr int system_errno() const noexcept { return system_errno_; }
  // The peer has certainly not seen the request: sending it again cannot do anything twice. Where
  // this is false, repeat only what may be done twice (GET, PUT, DELETE: RFC 9110 section 9.2.2).
  [[nodiscard]] constexpr bool is_retry_safe() const noexcept {
    return !ok() && !request_was_seen_;
  }
  // "connect_failed: cannot connect to the teleport peer (Connection refused)"; "ok".
  [[nodiscard]] HTTPTELEPORT_EXPORT std::string to_string() const;

 private:
  const char* message_ = "";
  StatusCode code_ = StatusCode::kOk;
  int system_errno_ = 0;
  bool request_was_seen_ = false;
};

// A T, or why there is none.
template <class T>
class [[nodiscard]] StatusOr {
 public:
  StatusOr(T value) : value_(std::move(value)) {}  // NOLINT(google-explicit-constructor)
  // `status` must not be ok().
  StatusOr(const Status& status) : status_(status) {  // NOLINT(google-explicit-constructor)
    assert(!status.ok());
  }

  [[nodiscard]] bool ok() const noexcept { return value_.has_value(); }
  explicit operator bool() const noexcept { return ok(); }
  [[nodiscard]] const Status& status() const noexcept { return status_; }

  // The value; only when ok().
  [[nodiscard]] T& operator*() & noexcept { return *value_; }
  [[nodiscard]] const T& operator*() const& noexcept { return *value_; }
  [[nodiscard]] T&& operator*() && noexcept { return *std::move(value_); }
  [[nodiscard]] T* operator->() noexcept { return &*value_; }
  [[nodiscard]] const T* operator->() const noexcept { return &*value_; }

 private:
  Status status_;
  std::optional<T> value_;
};

}  // namespace abi0
}  // namespace httpteleport

#endif  // HTTPTELEPORT_STATUS_H_
