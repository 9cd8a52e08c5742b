#include "proxy/access_log_format.h"

namespace httpteleport::proxy {

namespace {

using Limits = AccessLogLimits;

int64_t microseconds(Duration duration) {
  return std::chrono::duration_cast<std::chrono::microseconds>(duration).count();
}

// ---- Text.

void add_bare(LineWriter& line, std::string_view text, size_t bytes_max) {
  if (text.empty()) return line.add('-');
  line.add_value(text, bytes_max);
}

void add_quoted(LineWriter& line, std::string_view text, size_t bytes_max) {
  line.add('"');
  if (text.empty()) line.add('-');
  line.add_escaped(text, bytes_max, Escapes::kText);
  line.add('"');
}

void add_combined(LineWriter& line, const ExchangeRecord& record, std::string_view time) {
  add_bare(line, record.client_ip, Limits::kOther);
  line.add(" - - [");
  line.add(time);
  line.add("] \"");
  if (record.method.empty()) {
    line.add('-');
  } else {
    line.add_escaped(record.method, Limits::kMethod, Escapes::kText);
    line.add(' ');
    line.add_escaped(record.target, Limits::kTarget, Escapes::kText);
    line.add(record.version_minor == 0 ? " HTTP/1.0" : " HTTP/1.1");
  }
  line.add("\" ");
  line.add_signed(record.status);
  line.add(' ');
  line.add_number(record.body_bytes_out);
  line.add(' ');
  add_quoted(line, record.referer, Limits::kReferer);
  line.add(' ');
  add_quoted(line, record.user_agent, Limits::kUserAgent);
}

void add_text_pairs(LineWriter& line, const ExchangeRecord& record) {
  line.add(" request_id=");
  add_bare(line, record.request_id, Limits::kOther);
  line.add(" client_port=");
  line.add_number(record.client_port);
  line.add(" host=");
  add_bare(line, record.host, Limits::kHost);
  line.add(record.came_over_link ? " protocol=teleport" : " protocol=http/1");
  if (!record.came_over_link) line.add(record.version_minor == 0 ? ".0" : ".1");
  line.add(" bytes_in=");
  line.add_number(record.body_bytes_in);
  line.add(" duration_ms=");
  line.add_milliseconds(microseconds(record.duration));
  line.add(" upstream_ms=");
  if (record.upstream_head_after) {
    line.add_milliseconds(microseconds(*record.upstream_head_after));
  } else {
    line.add('-');
  }
  line.add(" upstream=");
  add_bare(line, record.upstream, Limits::kOther);
  line.add(" attempts=");
  line.add_number(record.attempts);
  line.add(" error=");
  line.add(record.failure ? code_name(record.failure->code) : "-");
  line.add(" error_detail=");
  add_bare(line, record.failure ? record.failure->detail : "", Limits::kOther);
}

// ---- JSON.

// `key` with its quotes, colon, and the comma before it.
void add_string(LineWriter& line, std::string_view key, std::string_view text, size_t bytes_max) {
  line.add(key);
  if (text.empty()) return line.add("null");
  line.add('"');
  line.add_escaped(text, bytes_max, Escapes::kJson);
  line.add('"');
}

void add_number(LineWriter& line, std::string_view key, uint64_t number) {
  line.add(key);
  line.add_number(number);
}

void add_request_json(LineWriter& line, const ExchangeRecord& record) {
  add_string(line, ",\"client_ip\":", record.client_ip, Limits::kOther);
  add_number(line, ",\"client_port\":", record.client_port);
  add_string(line, ",\"request_id\":", record.request_id, Limits::kOther);
  add_string(line, ",\"method\":", record.method, Limits::kMethod);
  add_string(line, ",\"target\":", record.target, Limits::kTarget);
  add_string(line, ",\"host\":", record.host, Limits::kHost);
  const std::string_view http = record.version_minor == 0 ? "http/1.0" : "http/1.1";
  add_string(line, ",\"protocol\":", record.came_over_link ? "teleport" : http, Limits::kOther);
  add_string(line, ",\"user_agent\":", record.user_agent, Limits::kUserAgent);
  add_string(line, ",\"referer\":", record.referer, Limits::kReferer);
}

void add_outcome_json(LineWriter& line, const ExchangeRecord& record) {
  add_number(line, ",\"status\":", static_cast<uint64_t>(record.status));
  add_string(line, ",\"error\":", record.failure ? code_name(record.failure->code) : "",
             Limits::kOther);
  add_string(line, ",\"error_detail\":", record.failure ? record.failure->detail : "",
             Limits::kOther);
  add_number(line, ",\"bytes_in\":", record.body_bytes_in);
  add_number(line, ",\"bytes_out\":", record.body_bytes_out);
  line.add(",\"duration_ms\":");
  line.add_milliseconds(microseconds(record.duration));
  line.add(",\"upstream_ms\":");
  if (record.upstream_head_after) {
    line.add_milliseconds(microseconds(*record.upstream_head_after));
  } else {
    line.add("null");
  }
  add_string(line, ",\"upstream\":", record.upstream, Limits::kOther);
  add_number(line, ",\"attempts\":", record.attempts);
}

}  // namespace

std::string_view AccessTime::text(std::time_t now) {
  if (now != second_) {
    std::tm parts{};
    const bool json = format_ == AccessLogFormat::kJson;
    json ? gmtime_r(&now, &parts) : localtime_r(&now, &parts);
    size_ = std::strftime(text_.data(), text_.size(),
                          json ? "%Y-%m-%dT%H:%M:%S" : "%d/%b/%Y:%H:%M:%S %z", &parts);
    second_ = now;
  }
  return {text_.data(), size_};
}

void format_access_line(LineWriter& line, const ExchangeRecord& record, const timespec& now,
                        AccessTime& time) {
  const std::string_view second = time.text(now.tv_sec);
  switch (time.format()) {
    case AccessLogFormat::kText:
      add_combined(line, record, second);
      add_text_pairs(line, record);
      return line.add('\n');
    case AccessLogFormat::kJson:
      line.add("{\"time\":\"");
      line.add(second);
      line.add('.');
      const auto milliseconds = static_cast<unsigned>(now.tv_nsec / 1'000'000);
      for (const unsigned unit : {100U, 10U, 1U})
        line.add(static_cast<char>('0' + milliseconds / unit % 10));
      line.add("Z\"");
      add_request_json(line, record);
      add_outcome_json(line, record);
      return line.add("}\n");
  }
}

}  // namespace httpteleport::proxy
