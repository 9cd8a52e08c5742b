#include "service/json_writer.h"

#include <charconv>

#include "base/line_writer.h"

namespace httpteleport::service {

namespace {

constexpr char kHex[] = "0123456789abcdef";

void append_escaped(std::string& out, unsigned char c) {
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      out += "\\u00";
      out += kHex[c >> 4];
      out += kHex[c & 15];
  }
}

bool is_plain(unsigned char c) {
  return c >= 0x20 && c < 0x80 && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&';
}

// The character at `at`, which is not ASCII. Returns its length.
size_t append_wide(std::string& out, std::string_view text, size_t at) {
  const size_t length = utf8_length(text.substr(at));
  if (length == 0) {
    out += "\\ufffd";
    return 1;
  }
  const std::string_view bytes = text.substr(at, length);
  // Line and paragraph separators end a line of JavaScript.
  if (bytes == "\xe2\x80\xa8") {
    out += "\\u2028";
  } else if (bytes == "\xe2\x80\xa9") {
    out += "\\u2029";
  } else {
    out += bytes;
  }
  return length;
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  size_t at = 0;
  while (at < text.size()) {
    const size_t start = at;
    while (at < text.size() && is_plain(static_cast<unsigned char>(text[at])))
      ++at;
    out += text.substr(start, at - start);
    if (at == text.size()) break;
    const auto c = static_cast<unsigned char>(text[at]);
    if (c < 0x80) {
      append_escaped(out, c);
      ++at;
    } else {
      at += append_wide(out, text, at);
    }
  }
  out += '"';
}

void JsonWriter::new_line() {
  if (!layout_.indented) return;
  out_ += '\n';
  out_.append(static_cast<size_t>(layout_.depth) * 2, ' ');
}

void JsonWriter::separate() {
  if (after_key_) {
    after_key_ = false;
    return;
  }
  if (open_ == 0) return;
  if (!first_) out_ += ',';
  new_line();
}

void JsonWriter::begin(char bracket) {
  separate();
  out_ += bracket;
  ++layout_.depth;
  ++open_;
  first_ = true;
}

void JsonWriter::end(char bracket) {
  --layout_.depth;
  --open_;
  if (!first_) new_line();
  out_ += bracket;
  first_ = false;
}

void JsonWriter::key(std::string_view name) {
  separate();
  first_ = false;
  out_ += '"';
  out_ += name;
  out_ += layout_.indented ? "\": " : "\":";
  after_key_ = true;
}

void JsonWriter::text_key(std::string_view name) {
  append_json_string(begin_value(), name);
  out_ += layout_.indented ? ": " : ":";
  after_key_ = true;
}

std::string& JsonWriter::begin_value() {
  separate();
  first_ = false;
  return out_;
}

void JsonWriter::value(std::string_view text) {
  append_json_string(begin_value(), text);
}

void JsonWriter::value(int64_t number) {
  char digits[24];
  const auto [end, error] = std::to_chars(digits, digits + sizeof digits, number);
  begin_value().append(digits, end);
}

void JsonWriter::value(bool truth) {
  begin_value() += truth ? "true" : "false";
}

void JsonWriter::null() {
  begin_value() += "null";
}

}  // namespace httpteleport::service
