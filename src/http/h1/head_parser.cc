#include "http/h1/head_parser.h"

#include <algorithm>
#include <bit>

#include "http/h1/chars.h"
#include "http/h1/framing.h"

namespace httpteleport::http::h1 {

namespace {

// What a step of the parser comes to: it has moved on, it needs more bytes, or the bytes are wrong.
enum class Step : uint8_t { kDone, kNeedMore, kBad };

struct Cursor {
  const char* at;
  const char* end;

  bool at_end() const { return at == end; }
  size_t left() const { return static_cast<size_t>(end - at); }
};

std::string_view view(const char* begin, const char* end) {
  return {begin, static_cast<size_t>(end - begin)};
}

// CRLF and nothing else.
Step take_line_end(Cursor& cursor) {
  if (cursor.at_end()) return Step::kNeedMore;
  if (*cursor.at != '\r') return Step::kBad;
  if (cursor.left() < 2) return Step::kNeedMore;
  if (cursor.at[1] != '\n') return Step::kBad;
  cursor.at += 2;
  return Step::kDone;
}

// A run of at least one character of the class, and the `delimiter` after it.
template <CharClass kWanted>
Step take_word(Cursor& cursor, char delimiter, std::string_view& word) {
  const char* end = skip_class<kWanted>(cursor.at, cursor.end);
  word = view(cursor.at, end);
  if (end == cursor.end) return Step::kNeedMore;
  if (*end != delimiter || word.empty()) return Step::kBad;
  cursor.at = end + 1;
  return Step::kDone;
}

// "HTTP/1.x": the digits are checked by the caller, who tells wrong from unsupported.
Step take_version(Cursor& cursor, int& major, int& minor) {
  static constexpr std::string_view kPrefix = "HTTP/";
  const size_t have = std::min(cursor.left(), kPrefix.size());
  if (view(cursor.at, cursor.at + have) != kPrefix.substr(0, have)) return Step::kBad;
  if (cursor.left() < kPrefix.size() + 3) return Step::kNeedMore;
  const char* digits = cursor.at + kPrefix.size();
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (!is_digit(digits[0]) || digits[1] != '.' || !is_digit(digits[2])) return Step::kBad;
  major = digits[0] - '0';
  minor = digits[2] - '0';
  cursor.at += kPrefix.size() + 3;
  return Step::kDone;
}

// One field line. The caller has seen that the line is not the empty one.
Step take_field(Cursor& cursor, Fields& fields) {
  Cursor line = cursor;
  std::string_view name;
  if (const Step step = take_word<kTokenChar>(line, ':', name); step != Step::kDone) return step;
  while (!line.at_end() && (*line.at == ' ' || *line.at == '\t'))
    ++line.at;
  const char* value_begin = line.at;
  line.at = find_control(line.at, line.end);
  const char* value_end = line.at;
  if (const Step step = take_line_end(line); step != Step::kDone) return step;
  while (value_end != value_begin && (value_end[-1] == ' ' || value_end[-1] == '\t'))
    --value_end;
  fields.add(name, view(value_begin, value_end), field_id_of(name));
  cursor = line;
  return Step::kDone;
}

// Field lines up to and including the empty line.
Step take_fields(Cursor& cursor, size_t fields_max, Fields& fields) {
  while (true) {
    if (fields.size() > fields_max) return Step::kDone;  // the caller sees the count
    if (cursor.at_end()) return Step::kNeedMore;
    if (*cursor.at == '\r') return take_line_end(cursor);
    if (const Step step = take_field(cursor, fields); step != Step::kDone) return step;
  }
}

Error downstream(Code code, const char* detail) {
  return {code, Source::kDownstream, 0, detail};
}
Error upstream(Code code, const char* detail) {
  return {code, Source::kUpstream, 0, detail};
}

// An incomplete request head: wait for more, unless what is there is already over the limit.
Result<size_t> incomplete_request(std::string_view bytes, const HeadLimits& limits) {
  if (bytes.size() < limits.head_bytes_max) return size_t{0};
  if (bytes.substr(0, limits.head_bytes_max).find("\r\n") == std::string_view::npos) {
    return downstream(Code::kTargetTooLong, "the request line is longer than the limit for a head");
  }
  return downstream(Code::kHeadTooLarge,
                    "the request head is larger than the limit (-inMaxHeaderSize)");
}

// Empty lines before the request line are skipped (RFC 9112 section 2.2), two at most.
Step skip_empty_lines(Cursor& cursor) {
  for (int i = 0; i < 2 && !cursor.at_end() && *cursor.at == '\r'; ++i) {
    if (const Step step = take_line_end(cursor); step != Step::kDone) return step;
  }
  return Step::kDone;
}

// What lies behind the limit must not decide anything: a slower peer would not have sent it yet.
Cursor cursor_within(std::string_view bytes, const HeadLimits& limits) {
  return {bytes.data(), bytes.data() + std::min(bytes.size(), limits.head_bytes_max)};
}

}  // namespace

Result<size_t> parse_request_head(std::string_view bytes, const HeadLimits& limits,
                                  RequestHead& head) {
  head.clear();
  Cursor cursor = cursor_within(bytes, limits);
  Step step = skip_empty_lines(cursor);
  if (step == Step::kDone) step = take_word<kTokenChar>(cursor, ' ', head.method_text);
  if (step == Step::kBad)
    return downstream(Code::kMalformed, "the method is not a token followed by one blank");
  if (step == Step::kDone) head.method = method_of(head.method_text);
  if (step == Step::kDone) step = take_word<kTargetByte>(cursor, ' ', head.target);
  if (step == Step::kBad)
    return downstream(Code::kMalformed, "the request target has a byte that must not stand in it");
  int major = 1;
  if (step == Step::kDone) step = take_version(cursor, major, head.version_minor);
  if (step == Step::kDone && major != 1)
    return downstream(Code::kBadVersion, "only HTTP/1.0 and HTTP/1.1 are spoken here");
  if (step == Step::kDone) step = take_line_end(cursor);
  if (step == Step::kBad)
    return downstream(Code::kMalformed, "the request line does not end in HTTP/1.x and CRLF");
  if (step == Step::kDone) step = take_fields(cursor, limits.fields_max, head.fields);
  if (step == Step::kBad)
    return downstream(Code::kMalformed, "a header line is not 'name: value' and CRLF");
  if (step == Step::kNeedMore) return incomplete_request(bytes, limits);

  const auto size = static_cast<size_t>(cursor.at - bytes.data());
  if (head.fields.size() > limits.fields_max)
    return downstream(Code::kHeadTooLarge, "the request has too many header fields");
  const std::string_view target = head.target;  // before framing takes it apart
  if (const Result<void> framed = frame_request(head); !framed) return framed.error();
  if (skip_class<kTargetChar>(target.data(), target.data() + target.size()) !=
      target.data() + target.size()) {
    head.refusal =
        downstream(Code::kMalformed, "the request target has a byte that must not stand in it");
  }
  return size;
}

Result<size_t> parse_response_head(std::string_view bytes, const HeadLimits& limits,
                                   Method request_method, ResponseHead& head,
                                   std::string_view upgrade_offer) {
  head.clear();
  Cursor cursor = cursor_within(bytes, limits);
  int major = 1;
  Step step = take_version(cursor, major, head.version_minor);
  if (step == Step::kDone && major != 1)
    return upstream(Code::kBadVersion, "the response is not HTTP/1.x");
  if (step == Step::kDone && cursor.left() < 5) step = Step::kNeedMore;
  if (step == Step::kDone) {
    const char* p = cursor.at;
    for (int i = 1; i <= 3; ++i) {
      if (p[i] < '0' || p[i] > '9') step = Step::kBad;
    }
    if (p[0] != ' ' || (p[4] != ' ' && p[4] != '\r')) step = Step::kBad;
    head.status = (p[1] - '0') * 100 + (p[2] - '0') * 10 + (p[3] - '0');
    if (head.status < 100 || head.status > 599) {
      head.refusal = upstream(Code::kMalformed, "the response has a status outside 100 to 599");
    }
    cursor.at += p[4] == ' ' ? 5 : 4;
  }
  if (step == Step::kDone) {
    const char* end = find_control(cursor.at, cursor.end);
    head.reason = view(cursor.at, end);
    cursor.at = end;
    step = take_line_end(cursor);
  }
  if (step == Step::kBad)
    return upstream(Code::kMalformed, "the response does not begin with an HTTP/1.x status line");
  if (step == Step::kDone) step = take_fields(cursor, limits.fields_max, head.fields);
  if (step == Step::kBad)
    return upstream(Code::kMalformed,
                    "a header line of the response is not 'name: value' and CRLF");

  const auto size = static_cast<size_t>(cursor.at - bytes.data());
  const size_t judged = step == Step::kNeedMore ? bytes.size() + 1 : size;
  if (judged > limits.head_bytes_max || head.fields.size() > limits.fields_max) {
    return upstream(Code::kHeadTooLarge,
                    "the response head is larger than the limit (-outMaxHeaderSize)");
  }
  if (step == Step::kNeedMore) return size_t{0};
  if (const Result<void> framed = frame_response(request_method, upgrade_offer, head); !framed)
    return framed.error();
  return size;
}

Result<size_t> parse_trailers(std::string_view bytes, const HeadLimits& limits, Source peer,
                              Fields& trailers) {
  trailers.clear();
  Cursor cursor = cursor_within(bytes, limits);
  const Step step = take_fields(cursor, limits.fields_max, trailers);
  if (step == Step::kBad)
    return Error{Code::kMalformed, peer, 0, "a trailer line is not 'name: value' and CRLF"};
  const auto size = static_cast<size_t>(cursor.at - bytes.data());
  const size_t judged = step == Step::kNeedMore ? bytes.size() + 1 : size;
  if (judged > limits.head_bytes_max || trailers.size() > limits.fields_max) {
    return Error{Code::kHeadTooLarge, peer, 0,
                 "the trailer section is larger than the limit for a head"};
  }
  if (step == Step::kNeedMore) return size_t{0};
  for (Field& field : trailers)
    field.dropped = field.id != FieldId::kOther;
  return size;
}

namespace {

// Whether there is a CR or LF, in what follows the first `seen` bytes, that is not half of a CRLF.
// A CR at the very end is not known yet.
bool has_bare_line_end(std::string_view bytes, size_t seen) {
  size_t at = bytes[seen - 1] == '\r' ? seen - 1 : seen;
  while ((at = bytes.find_first_of("\r\n", at)) != std::string_view::npos) {
    if (bytes[at] == '\n') return true;
    if (at + 1 == bytes.size()) return false;
    if (bytes[at + 1] != '\n') return true;
    at += 2;
  }
  return false;
}

}  // namespace

bool HeadScanner::worth_parsing(std::string_view bytes, const HeadLimits& limits) {
  const size_t seen = seen_;
  seen_ = bytes.size();
  if (seen == 0 || bytes.size() >= limits.head_bytes_max) return true;
  if (bytes.size() <= seen) return false;
  // The end may straddle what was seen and what is new. An empty line that begins the bytes ends
  // nothing, but trying to parse it does no harm.
  return bytes.substr(seen >= 3 ? seen - 3 : 0).find("\r\n\r\n") != std::string_view::npos ||
         bytes.starts_with("\r\n") || has_bare_line_end(bytes, seen);
}

}  // namespace httpteleport::http::h1
