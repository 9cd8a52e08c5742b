#include "base/text.h"

#include <algorithm>
#include <array>
#include <system_error>

namespace httpteleport {

std::string utc_date(std::time_t time) {
  std::tm utc{};
  gmtime_r(&time, &utc);
  std::array<char, 32> text{};
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M UTC", &utc)};
}

std::string in_words(const Error& error) {
  std::string text = error.detail;
  if (error.sys_errno != 0)
    text.append(": ").append(std::generic_category().message(error.sys_errno));
  return text;
}

std::string lower_case(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
  return lower;
}

}  // namespace httpteleport
