// The one log of the program: life cycle and faults, a constant text in lower case and then fields,
//
//   log_line(LogLevel::kInfo, "endpoint answers again", {{"endpoint", name}});
//
// Nothing here is called for each request, but for what -logAllErrors asks for. docs/logging.md has
// the formats.
#pragma once

#include <array>
#include <atomic>
#include <concepts>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace httpteleport {

enum class LogLevel : uint8_t { kDebug, kInfo, kWarn, kError };
enum class LogFormat : uint8_t { kText, kJson, kLogfmt };

// One field of a line; a view, good while the call lasts. Keys are constants of ours in snake case.
// One with an empty text is left out.
struct LogField {
  LogField(std::string_view key_text, std::string_view value) : key(key_text), text(value) {}
  LogField(std::string_view key_text, const std::string& value) : key(key_text), text(value) {}
  LogField(std::string_view key_text, const char* value) : key(key_text), text(value) {}
  template <std::integral T>
  LogField(std::string_view key_text, T value)
      : key(key_text), number(static_cast<int64_t>(value)), is_number(true) {}

  bool is_absent() const { return !is_number && text.empty(); }

  std::string_view key;
  std::string_view text;
  int64_t number = 0;
  bool is_number = false;
};

struct LogOptions {
  std::string file;  // -logFile; empty: standard error
  LogFormat format = LogFormat::kText;
  LogLevel level = LogLevel::kInfo;  // what is below it is not written
  // A text that comes more than so many times within the window is held back; when the window ends,
  // a line tells how often that was. 0: never.
  uint32_t repeats_max = 20;
  Duration repeat_window = std::chrono::seconds(10);
};

// Any thread, all methods. A line is one write() of at most kLineBytesMax, so lines of several
// threads do not mix, in a pipe neither. A destination that blocks, blocks: so what a peer can
// cause often is held back by the limit of repeats, and nothing else is frequent.
class Log {
 public:
  static constexpr size_t kLineBytesMax = 4096;  // PIPE_BUF
  static constexpr size_t kFieldsMax = 12;       // the rest is left out
  static constexpr size_t kTextsMax = 64;        // whose repeats are counted at one time

  // On standard error until configure().
  Log();
  ~Log();

  // Changes everything, or nothing on errors: kSystem when the file cannot be opened.
  Result<void> configure(const LogOptions& options);
  // In place of a destination: gets each line, without its end. On the thread that logs; must not
  // log itself. An empty one takes nothing at all.
  using Sink = std::function<void(LogLevel level, std::string_view line)>;
  void set_sink(Sink sink);
  bool has_sink();
  // Opens the file again under its name, for after it has been renamed. When that fails, the old
  // one stays and a warning goes there. Nothing without a file.
  void reopen();

  bool wants(LogLevel level) const { return level >= level_.load(std::memory_order_relaxed); }
  void write(LogLevel level, std::string_view text, std::span<const LogField> fields,
             TimePoint now);
  // Tells of repeats held back in windows that are over. Call it now and then.
  void tell_repeats(TimePoint now);
  // The same for all windows, over or not: before the program ends.
  void tell_all_repeats(TimePoint now);

 private:
  struct Destination;
  struct Repeats {
    size_t hash = 0;
    LogLevel level = LogLevel::kInfo;
    std::string text;
    TimePoint since{};
    uint64_t count = 0;  // lines in the window, held back or not; 0: the slot is free
  };
  // What to say of a window that is over; nothing when `held_back` is 0.
  struct Summary {
    LogLevel level = LogLevel::kInfo;
    std::string text;
    uint64_t held_back = 0;
    int64_t seconds = 0;
  };

  bool admit(LogLevel level, std::string_view text, TimePoint now, Summary& summary);
  Repeats& slot_for(size_t hash, std::string_view text, Summary& summary, TimePoint now);
  Summary close_window(Repeats& repeats, TimePoint now) const;
  void tell(TimePoint now, bool all);
  void write_summary(const Summary& summary);
  void write_line(LogLevel level, std::string_view text, std::span<const LogField> fields);
  std::shared_ptr<const Destination> destination();

  std::atomic<LogLevel> level_;
  std::mutex mutex_;  // of everything below
  LogOptions options_;
  std::shared_ptr<const Destination> destination_;
  std::array<Repeats, kTextsMax> repeats_;
};

// The log that log_line() writes to. Lives until the process is gone; at exit() it tells what it
// has held back.
Log& program_log();

// Any thread. `text` is a constant, or one of few: it is what repeats are counted by.
void log_line(LogLevel level, std::string_view text, std::initializer_list<LogField> fields = {});

}  // namespace httpteleport
