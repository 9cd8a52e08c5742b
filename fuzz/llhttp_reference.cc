#include <llhttp.h>

#include "reference_parsers.h"

namespace httpteleport::fuzz {
namespace {

struct Reading {
  ReferenceHead head;
  std::string body;
  bool head_done = false;
  bool message_done = false;
  bool stop_at_body = true;
};

Reading& reading_of(llhttp_t* parser) {
  return *static_cast<Reading*>(parser->data);
}

int on_headers_complete(llhttp_t* parser) {
  Reading& reading = reading_of(parser);
  reading.head_done = true;
  reading.head.status = parser->status_code;
  reading.head.chunked = (parser->flags & F_CHUNKED) != 0;
  if ((parser->flags & F_CONTENT_LENGTH) != 0) reading.head.length = parser->content_length;
  reading.head.keep_alive = llhttp_should_keep_alive(parser) != 0;
  return reading.stop_at_body ? HPE_PAUSED : 0;
}

int on_message_complete(llhttp_t* parser) {
  reading_of(parser).message_done = true;
  return HPE_PAUSED;
}

int on_url(llhttp_t* parser, const char* at, size_t length) {
  reading_of(parser).head.target.append(at, length);
  return 0;
}

int on_name(llhttp_t* parser, const char* at, size_t length) {
  auto& fields = reading_of(parser).head.fields;
  if (fields.empty() || !fields.back().second.empty()) fields.emplace_back();
  fields.back().first.append(at, length);
  return 0;
}

// The value begins with a mark, which tells an empty one from none.
int on_name_complete(llhttp_t* parser) {
  reading_of(parser).head.fields.back().second = ":";
  return 0;
}

int on_value(llhttp_t* parser, const char* at, size_t length) {
  reading_of(parser).head.fields.back().second.append(at, length);
  return 0;
}

int on_body(llhttp_t* parser, const char* at, size_t length) {
  reading_of(parser).body.append(at, length);
  return 0;
}

const llhttp_settings_t& settings() {
  static const llhttp_settings_t settings = [] {
    llhttp_settings_t made;
    llhttp_settings_init(&made);
    made.on_headers_complete = on_headers_complete;
    made.on_message_complete = on_message_complete;
    made.on_url = on_url;
    made.on_header_field = on_name;
    made.on_header_field_complete = on_name_complete;
    made.on_header_value = on_value;
    made.on_body = on_body;
    return made;
  }();
  return settings;
}

void trim(std::string& value) {
  if (value.starts_with(':')) value.erase(0, 1);
  const size_t begin = value.find_first_not_of(" \t");
  value.erase(0, begin == std::string::npos ? value.size() : begin);
  value.erase(value.find_last_not_of(" \t") + 1);
}

std::string why(const llhttp_t& parser) {
  const char* reason = llhttp_get_error_reason(&parser);
  return std::string(llhttp_errno_name(llhttp_get_errno(&parser))) + " " +
         (reason != nullptr ? reason : "");
}

// Empty when the parser has stopped at the end of `bytes`.
std::string run(llhttp_t& parser, std::string_view bytes) {
  const llhttp_errno_t result = llhttp_execute(&parser, bytes.data(), bytes.size());
  if (result != HPE_PAUSED && result != HPE_PAUSED_UPGRADE && result != HPE_OK) return why(parser);
  if (result == HPE_OK) return {};
  // It stops at the last byte, or behind it.
  const char* end = llhttp_get_error_pos(&parser);
  const char* wanted = bytes.data() + bytes.size();
  return end == wanted || end + 1 == wanted ? "" : "it ends earlier";
}

llhttp_t make_parser(MessageKind kind, Reading& reading) {
  llhttp_t parser;
  llhttp_init(&parser, kind == MessageKind::kRequest ? HTTP_REQUEST : HTTP_RESPONSE, &settings());
  parser.data = &reading;
  return parser;
}

}  // namespace

ReferenceHead llhttp_head(MessageKind kind, std::string_view bytes) {
  Reading reading;
  llhttp_t parser = make_parser(kind, reading);
  reading.head.error = run(parser, bytes);
  if (reading.head.error.empty() && !reading.head_done) reading.head.error = "it wants more";
  for (auto& [name, value] : reading.head.fields)
    trim(value);
  return std::move(reading.head);
}

ReferenceBody llhttp_chunked(std::string_view bytes) {
  Reading reading;
  reading.stop_at_body = false;
  llhttp_t parser = make_parser(MessageKind::kRequest, reading);
  std::string error = run(parser, std::string(kChunkedRequest) + std::string(bytes));
  if (error.empty() && !reading.message_done) error = "it wants more";
  return {std::move(error), std::move(reading.body)};
}

}  // namespace httpteleport::fuzz
