// Result<T>: a value or an Error. The member names are those of std::expected, which g++ 12 does
// not have in C++20; it becomes an alias later.
#pragma once

#include <utility>
#include <variant>

#include "base/assert.h"
#include "base/error.h"

namespace httpteleport {

template <class T>
class [[nodiscard]] Result {
 public:
  // Both implicit, so that a function returns either.
  // NOLINTNEXTLINE(google-explicit-constructor)
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  // NOLINTNEXTLINE(google-explicit-constructor)
  Result(Error error) : state_(std::in_place_index<1>, error) {}

  bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }

  T& operator*() & { return *checked(); }
  T&& operator*() && { return std::move(*checked()); }
  const T& operator*() const& { return *checked(); }
  T* operator->() { return checked(); }
  const T* operator->() const { return checked(); }

  const Error& error() const {
    HT_ASSERT(!has_value());
    return *std::get_if<1>(&state_);
  }

 private:
  T* checked() {
    HT_ASSERT(has_value());
    return std::get_if<0>(&state_);
  }
  const T* checked() const {
    HT_ASSERT(has_value());
    return std::get_if<0>(&state_);
  }

  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  // NOLINTNEXTLINE(google-explicit-constructor)
  Result(Error error) : error_(error), failed_(true) {}

  bool has_value() const { return !failed_; }
  explicit operator bool() const { return has_value(); }
  const Error& error() const {
    HT_ASSERT(failed_);
    return error_;
  }

 private:
  Error error_{};
  bool failed_ = false;
};

}  // namespace httpteleport
