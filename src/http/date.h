// The Date field's text (IMF-fixdate, RFC 9110 section 5.6.7), made once a second.
#pragma once

#include <array>
#include <ctime>
#include <span>
#include <string_view>

#include "base/clock.h"

namespace httpteleport::http {

// One a worker.
class DateCache {
 public:
  // The wall-clock time as text. `now` is the loop's time: the text is renewed when it has moved by
  // a second. Good until the next call.
  std::string_view text(TimePoint now);

 private:
  std::array<char, 40> text_{};
  size_t size_ = 0;
  TimePoint good_until_{};
};

// "Sun, 06 Nov 1994 08:49:37 GMT" into `out`; returns its length.
size_t format_date(std::time_t time, std::span<char> out);

}  // namespace httpteleport::http
