// The flags of config and update: each stands for one field of a JSON document of the admin API,
// and only those that are given are sent.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <vector>

#include "config/go_flags.h"

namespace httpteleport::cli {

enum class FieldKind : uint8_t {
  kText,
  kNumber,
  kSwitch,
  kMilliseconds,
  kTexts,       // the flag may be repeated
  kStatuses,    // "500,503"
  kErrorPages,  // "URL|500,503"; the flag may be repeated
};

struct FieldInfo {
  config::FlagInfo flag;
  FieldKind kind;
  const char* path;  // in the document; a '.' leads into an object
};

enum class FieldSet : uint8_t { kNone, kGlobals, kService, kBackend };
std::span<const FieldInfo> fields_of(FieldSet set);

// One that the command line gives; which member counts is a matter of its kind.
struct FieldValue {
  const FieldInfo* info = nullptr;
  std::string text{};
  int64_t number = 0;
  bool on = false;
  std::chrono::milliseconds time{0};
  std::vector<std::string> list{};
};

// The variables that the flags are bound to. Must outlive the GoFlags.
class FieldValues {
 public:
  void add_to(config::GoFlags& flags, FieldSet set);
  // In the order of the table.
  std::vector<FieldValue> given(const config::GoFlags& flags) const;

 private:
  std::deque<FieldValue> values_;  // addresses stay
};

// "URL|500,503" taken apart at its last bar, since a URL may have one. False when it is not that.
bool parse_error_page(const std::string& text, std::string& url, std::vector<int64_t>& statuses);
// "500,503": statuses of HTTP from 100 to 599, at least one.
bool parse_statuses(const std::string& text, std::vector<int64_t>& statuses);

}  // namespace httpteleport::cli
