// What is wrong with the values of flags, gathered so that all of it is told at once.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "config/go_flags.h"

namespace httpteleport::config {

// A flag's value as loaded. Borrows nothing.
struct FlagValue {
  std::string name;
  std::string text;
  Origin origin;
  uint8_t marks = FlagInfo::kNone;

  bool is(FlagInfo::Marks mark) const { return (marks & mark) != 0; }
};

// Whether all characters may stand in an HTTP token (RFC 9110 section 5.6.2); also of no
// characters.
bool is_token(std::string_view text);

// Each problem is one line: the flag, its value, where that comes from unless from the command
// line, and what is accepted.
class Problems {
 public:
  Problems() = default;
  // `values` outlive this: they say which flags were given, and where.
  explicit Problems(const std::vector<FlagValue>& values) : values_(&values) {}

  const std::vector<std::string>& errors() const { return errors_; }
  const std::vector<std::string>& warnings() const { return warnings_; }

  // Given by any layer but the defaults.
  bool is_given(std::string_view flag) const;

  void fail(std::string_view flag, std::string_view value, std::string_view why);
  // Says nothing of the value, which may be a secret.
  void fail(std::string_view flag, std::string_view why);
  void warn(std::string_view flag, std::string_view why);

  void within(std::string_view flag, int64_t value, int64_t least, int64_t most);
  void not_negative(std::string_view flag, Duration value);
  void positive(std::string_view flag, Duration value);
  void token_or_empty(std::string_view flag, const std::string& value);
  // One of `choices`, which end the line as "A, B and C are accepted".
  void one_of(std::string_view flag, const std::string& value,
              const std::vector<std::string_view>& choices);

 private:
  const FlagValue* find(std::string_view flag) const;
  // " (FILE:LINE)", where that helps.
  std::string where(std::string_view flag) const;

  const std::vector<FlagValue>* values_ = nullptr;
  std::vector<std::string> errors_;
  std::vector<std::string> warnings_;
};

}  // namespace httpteleport::config
