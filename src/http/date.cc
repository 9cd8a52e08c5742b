#include "http/date.h"

#include <cstdio>

namespace httpteleport::http {

size_t format_date(std::time_t time, std::span<char> out) {
  static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::tm utc{};
  gmtime_r(&time, &utc);
  const int size = std::snprintf(out.data(), out.size(), "%s, %02d %s %04d %02d:%02d:%02d GMT",
                                 kDays[utc.tm_wday], utc.tm_mday, kMonths[utc.tm_mon],
                                 utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec);
  return size < 0 ? 0 : static_cast<size_t>(size);
}

std::string_view DateCache::text(TimePoint now) {
  if (size_ == 0 || now >= good_until_) {
    const auto wall = std::chrono::system_clock::now();
    const auto second = std::chrono::floor<std::chrono::seconds>(wall);
    size_ = format_date(std::chrono::system_clock::to_time_t(second), text_);
    good_until_ = now + (second + std::chrono::seconds(1) - wall);
  }
  return {text_.data(), size_};
}

}  // namespace httpteleport::http
