// The two forms of a line of the access log; docs/logging.md has the fields.
#pragma once

#include <array>
#include <ctime>
#include <string_view>

#include "base/line_writer.h"
#include "proxy/exchange_record.h"

namespace httpteleport::proxy {

enum class AccessLogFormat : uint8_t { kText, kJson };

// The time of a line to the second as text, made once a second. Not thread safe.
class AccessTime {
 public:
  // kText: "21/Nov/2026:09:32:51 +0100", local; kJson: "2026-11-21T08:32:51", UTC.
  explicit AccessTime(AccessLogFormat format) : format_(format) {}
  // Good until the next call.
  std::string_view text(std::time_t now);
  AccessLogFormat format() const { return format_; }

 private:
  AccessLogFormat format_;
  std::time_t second_ = -1;
  std::array<char, 40> text_{};
  size_t size_ = 0;
};

// Bytes of a value that are shown at most; "..." stands for the rest.
struct AccessLogLimits {
  static constexpr size_t kMethod = 32;
  static constexpr size_t kTarget = 2048;
  static constexpr size_t kHost = 256;
  static constexpr size_t kUserAgent = 512;
  static constexpr size_t kReferer = 1024;
  static constexpr size_t kOther = 256;  // each of four
};

// No line is longer: every byte of every value escaped, and 1 KiB for the rest.
inline constexpr size_t kAccessLineBytesMax =
    LineWriter::kEscapedBytesMax *
        (AccessLogLimits::kMethod + AccessLogLimits::kTarget + AccessLogLimits::kHost +
         AccessLogLimits::kUserAgent + AccessLogLimits::kReferer + 4 * AccessLogLimits::kOther) +
    1024;

// Writes one line with its end, in the format of `time`. `now` is when the exchange ended.
void format_access_line(LineWriter& line, const ExchangeRecord& record, const timespec& now,
                        AccessTime& time);

}  // namespace httpteleport::proxy
