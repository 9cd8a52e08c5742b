#include "base/log.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <functional>
#include <utility>

#include "base/append_file.h"
#include "base/line_writer.h"

namespace httpteleport {

// Where lines go and in what form. Shared, so that a thread that still writes keeps it open.
struct Log::Destination {
  explicit Destination(LogFormat line_format) : format(line_format) {}
  Destination(LogFormat line_format, int file) : fd(file), owned(true), format(line_format) {}
  Destination(const Destination&) = delete;
  Destination& operator=(const Destination&) = delete;
  ~Destination() {
    if (owned) close(fd);
  }

  int fd = STDERR_FILENO;
  bool owned = false;
  bool coloured = false;
  LogFormat format;
  bool has_sink = false;
  Sink sink{};
};

namespace {

// How much of a text or a value is shown: the largest of these with which the line fits.
constexpr std::array<size_t, 4> kValueBytes = {1024, 256, 64, 16};

struct Stamp {
  std::array<char, 32> text{};
  size_t size = 0;
  std::string_view view() const { return {text.data(), size}; }
};

Stamp go_stamp(const timespec& now) {
  std::tm local{};
  localtime_r(&now.tv_sec, &local);
  Stamp stamp;
  stamp.size = std::strftime(stamp.text.data(), stamp.text.size(), "%Y/%m/%d %H:%M:%S", &local);
  return stamp;
}

// RFC 3339 in UTC with milliseconds.
Stamp rfc3339_stamp(const timespec& now) {
  std::tm utc{};
  gmtime_r(&now.tv_sec, &utc);
  Stamp stamp;
  stamp.size = std::strftime(stamp.text.data(), stamp.text.size(), "%Y-%m-%dT%H:%M:%S.000Z", &utc);
  auto milliseconds = static_cast<int>(now.tv_nsec / 1'000'000);
  for (size_t i = stamp.size - 2; milliseconds > 0; --i, milliseconds /= 10)
    stamp.text[i] = static_cast<char>('0' + milliseconds % 10);
  return stamp;
}

std::string_view name_of(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarn:
      return "warn";
    case LogLevel::kError:
      return "error";
  }
  return "";
}

void add_prefix(LineWriter& line, LogLevel level, bool coloured) {
  const bool bad = level == LogLevel::kWarn || level == LogLevel::kError;
  const std::string_view colour = level == LogLevel::kError ? "\x1b[31m" : "\x1b[33m";
  if (coloured && bad) line.add(colour);
  if (level == LogLevel::kDebug) line.add("debug: ");
  if (level == LogLevel::kWarn) line.add("warning: ");
  if (level == LogLevel::kError) line.add("error: ");
  if (coloured && bad) line.add("\x1b[0m");
}

void add_pairs(LineWriter& line, std::span<const LogField> fields, size_t bytes_max) {
  for (const LogField& field : fields) {
    if (field.is_absent()) continue;
    line.add(' ');
    line.add(field.key);
    line.add('=');
    if (field.is_number) {
      line.add_signed(field.number);
    } else {
      line.add_value(field.text, bytes_max);
    }
  }
}

struct Content {
  LogLevel level;
  std::string_view text;
  std::span<const LogField> fields;
  timespec now;
};

void format_text(LineWriter& line, const Content& content, size_t bytes_max, bool coloured) {
  line.add(go_stamp(content.now).view());
  line.add(' ');
  add_prefix(line, content.level, coloured);
  line.add_escaped(content.text, bytes_max, Escapes::kText, false);
  add_pairs(line, content.fields, bytes_max);
}

void format_logfmt(LineWriter& line, const Content& content, size_t bytes_max) {
  line.add("time=");
  line.add(rfc3339_stamp(content.now).view());
  line.add(" level=");
  line.add(name_of(content.level));
  line.add(" msg=");
  line.add_value(content.text, bytes_max);
  add_pairs(line, content.fields, bytes_max);
}

void add_json_string(LineWriter& line, std::string_view text, size_t bytes_max) {
  line.add('"');
  line.add_escaped(text, bytes_max, Escapes::kJson);
  line.add('"');
}

void format_json(LineWriter& line, const Content& content, size_t bytes_max) {
  line.add("{\"time\":\"");
  line.add(rfc3339_stamp(content.now).view());
  line.add("\",\"level\":\"");
  line.add(name_of(content.level));
  line.add("\",\"msg\":");
  add_json_string(line, content.text, bytes_max);
  for (const LogField& field : content.fields) {
    if (field.is_absent()) continue;
    line.add(",\"");
    line.add(field.key);
    line.add("\":");
    if (field.is_number) {
      line.add_signed(field.number);
    } else {
      add_json_string(line, field.text, bytes_max);
    }
  }
  line.add('}');
}

bool colours_wanted() {
  const char* refused = std::getenv("NO_COLOR");
  return isatty(STDERR_FILENO) == 1 && (refused == nullptr || *refused == '\0');
}

}  // namespace

Log::Log()
    : level_(LogLevel::kInfo), destination_(std::make_shared<Destination>(LogFormat::kText)) {}

Log::~Log() = default;

Result<void> Log::configure(const LogOptions& options) {
  std::shared_ptr<Destination> destination;
  if (options.file.empty()) {
    destination = std::make_shared<Destination>(options.format);
    destination->coloured = options.format == LogFormat::kText && colours_wanted();
  } else {
    const Result<int> fd = open_for_append(options.file);
    if (!fd) return fd.error();
    destination = std::make_shared<Destination>(options.format, *fd);
  }
  const std::lock_guard lock(mutex_);
  options_ = options;
  destination_ = std::move(destination);
  level_.store(options.level, std::memory_order_relaxed);
  return {};
}

void Log::set_sink(Sink sink) {
  auto destination = std::make_shared<Destination>(LogFormat::kText);
  destination->has_sink = true;
  destination->sink = std::move(sink);
  const std::lock_guard lock(mutex_);
  destination_ = std::move(destination);
}

bool Log::has_sink() {
  return destination()->has_sink;
}

void Log::reopen() {
  std::unique_lock lock(mutex_);
  if (options_.file.empty()) return;
  const Result<int> fd = open_for_append(options_.file);
  if (fd) {
    destination_ = std::make_shared<Destination>(options_.format, *fd);
    return;
  }
  const std::string file = options_.file;
  lock.unlock();
  const std::array<LogField, 2> fields = {LogField{"file", file},
                                          {"error", std::strerror(fd.error().sys_errno)}};
  write_line(LogLevel::kWarn, "the log file cannot be opened again, the old one stays", fields);
}

std::shared_ptr<const Log::Destination> Log::destination() {
  const std::lock_guard lock(mutex_);
  return destination_;
}

void Log::write(LogLevel level, std::string_view text, std::span<const LogField> fields,
                TimePoint now) {
  if (!wants(level)) return;
  Summary summary;
  const bool admitted = admit(level, text, now, summary);
  write_summary(summary);
  if (admitted) write_line(level, text, fields);
}

// ---- Repeats.

bool Log::admit(LogLevel level, std::string_view text, TimePoint now, Summary& summary) {
  const std::lock_guard lock(mutex_);
  if (options_.repeats_max == 0) return true;
  Repeats& repeats = slot_for(std::hash<std::string_view>()(text), text, summary, now);
  if (repeats.count > 0 && now - repeats.since >= options_.repeat_window)
    summary = close_window(repeats, now);
  if (repeats.count == 0) {
    repeats.since = now;
    repeats.level = level;
  }
  return ++repeats.count <= options_.repeats_max;
}

// The text's own slot, or a free one, or the one whose window began first.
Log::Repeats& Log::slot_for(size_t hash, std::string_view text, Summary& summary, TimePoint now) {
  Repeats* best = repeats_.data();
  for (Repeats& repeats : repeats_) {
    if (repeats.count > 0 && repeats.hash == hash && repeats.text == text) return repeats;
    if (best->count == 0) continue;
    if (repeats.count == 0 || repeats.since < best->since) best = &repeats;
  }
  if (best->count > 0) summary = close_window(*best, now);
  best->hash = hash;
  best->text = text;
  return *best;
}

Log::Summary Log::close_window(Repeats& repeats, TimePoint now) const {
  Summary summary;
  if (repeats.count > options_.repeats_max) {
    summary.level = repeats.level;
    summary.text = repeats.text;
    summary.held_back = repeats.count - options_.repeats_max;
    summary.seconds = std::chrono::round<std::chrono::seconds>(now - repeats.since).count();
  }
  repeats.count = 0;
  return summary;
}

void Log::tell_repeats(TimePoint now) {
  tell(now, false);
}

void Log::tell_all_repeats(TimePoint now) {
  tell(now, true);
}

void Log::tell(TimePoint now, bool all) {
  for (Repeats& repeats : repeats_) {
    Summary summary;
    {
      const std::lock_guard lock(mutex_);
      if (repeats.count == 0) continue;
      if (all || now - repeats.since >= options_.repeat_window)
        summary = close_window(repeats, now);
    }
    write_summary(summary);
  }
}

void Log::write_summary(const Summary& summary) {
  if (summary.held_back == 0) return;
  const std::string text = "\u2026 " + std::to_string(summary.held_back) + " more in " +
                           std::to_string(summary.seconds) + " s: " + summary.text;
  write_line(summary.level, text, {});
}

// ---- Lines.

void Log::write_line(LogLevel level, std::string_view text, std::span<const LogField> fields) {
  const std::shared_ptr<const Destination> to = destination();
  if (to->has_sink && !to->sink) return;
  Content content{level, text, fields.first(std::min(fields.size(), kFieldsMax)), {}};
  clock_gettime(CLOCK_REALTIME, &content.now);
  std::array<char, kLineBytesMax> memory;
  for (const size_t bytes_max : kValueBytes) {
    LineWriter line(memory);
    switch (to->format) {
      case LogFormat::kText:
        format_text(line, content, bytes_max, to->coloured);
        break;
      case LogFormat::kLogfmt:
        format_logfmt(line, content, bytes_max);
        break;
      case LogFormat::kJson:
        format_json(line, content, bytes_max);
        break;
    }
    if (!to->has_sink) line.add('\n');
    if (!line.did_fit()) continue;
    if (to->has_sink) return to->sink(level, line.text());
    // Nothing can be done about a destination that is gone or full.
    while (::write(to->fd, line.text().data(), line.text().size()) < 0 && errno == EINTR)
      continue;
    return;
  }
}

// ---- The program's.

Log& program_log() {
  // Never destroyed: threads may log while the process exits.
  static Log* const log = [] {
    // Not to a sink, which may be gone by then.
    std::atexit([] {
      if (!program_log().has_sink())
        program_log().tell_all_repeats(std::chrono::steady_clock::now());
    });
    return new Log;
  }();
  return *log;
}

void log_line(LogLevel level, std::string_view text, std::initializer_list<LogField> fields) {
  Log& log = program_log();
  if (log.wants(level))
    log.write(level, text, {fields.begin(), fields.size()}, std::chrono::steady_clock::now());
}

}  // namespace httpteleport
