#include "service/json_reader.h"

#include <algorithm>

#include "service/utf8.h"

namespace httpteleport::service {

namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// For a message: 'x', '\n', '\''.
std::string quoted(char c) {
  switch (c) {
    case '\'':
      return R"('\'')";
    case '"':
      return R"('"')";
    case '\\':
      return R"('\\')";
    case '\n':
      return R"('\n')";
    case '\r':
      return R"('\r')";
    case '\t':
      return R"('\t')";
    default:
      break;
  }
  const auto byte = static_cast<unsigned char>(c);
  if (byte >= 0x20 && byte < 0x7f) return std::string("'") + c + "'";
  constexpr char kHex[] = "0123456789abcdef";
  return std::string("'\\x") + kHex[byte >> 4] + kHex[byte & 15] + "'";
}

bool is_high_surrogate(uint32_t unit) {
  return unit >= 0xd800 && unit < 0xdc00;
}
bool is_low_surrogate(uint32_t unit) {
  return unit >= 0xdc00 && unit < 0xe000;
}

}  // namespace

std::string JsonReader::place(size_t at) const {
  const std::string_view before = text_.substr(0, at);
  const auto line = std::ranges::count(before, '\n') + 1;
  const size_t start = before.rfind('\n');
  const size_t column = start == std::string_view::npos ? at + 1 : at - start;
  return " (line " + std::to_string(line) + " column " + std::to_string(column) + ")";
}

bool JsonReader::fail(const std::string& what) {
  if (!failed()) error_ = what + place(at_);
  return false;
}

bool JsonReader::fail_here(const std::string& where) {
  if (at_ >= text_.size()) return fail("unexpected end of JSON input");
  return fail("invalid character " + quoted(text_[at_]) + " " + where);
}

void JsonReader::skip_space() {
  while (at_ < text_.size() &&
         (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t' || text_[at_] == '\r'))
    ++at_;
}

JsonReader::Kind JsonReader::peek() {
  if (failed()) return Kind::kNone;
  skip_space();
  const char c = at_ < text_.size() ? text_[at_] : '\0';
  switch (c) {
    case '{':
      return Kind::kObject;
    case '[':
      return Kind::kArray;
    case '"':
      return Kind::kString;
    case 't':
    case 'f':
      return Kind::kBool;
    case 'n':
      return Kind::kNull;
    default:
      break;
  }
  if (c == '-' || is_digit(c)) return Kind::kNumber;
  fail_here("looking for beginning of value");
  return Kind::kNone;
}

bool JsonReader::enter() {
  if (failed()) return false;
  if (++depth_ > depth_max_) return fail("exceeded max depth of " + std::to_string(depth_max_));
  ++at_;
  return true;
}

bool JsonReader::leaves_at_once(char bracket) {
  skip_space();
  if (at_ >= text_.size() || text_[at_] != bracket) return false;
  ++at_;
  return true;
}

bool JsonReader::member_name(std::string& key) {
  skip_space();
  if (at_ >= text_.size() || text_[at_] != '"')
    return fail_here("looking for beginning of object key string");
  if (!string(key)) return false;
  skip_space();
  if (at_ >= text_.size() || text_[at_] != ':') return fail_here("after object key");
  ++at_;
  return true;
}

bool JsonReader::follows(char bracket, const char* where) {
  if (failed()) return false;
  skip_space();
  if (at_ < text_.size() && (text_[at_] == ',' || text_[at_] == bracket))
    return text_[at_++] == ',';
  return fail_here(where);
}

bool JsonReader::string(std::string& value) {
  value.clear();
  ++at_;
  while (at_ < text_.size()) {
    const size_t start = at_;
    while (at_ < text_.size() && text_[at_] != '"' && text_[at_] != '\\' &&
           static_cast<unsigned char>(text_[at_]) >= 0x20 &&
           static_cast<unsigned char>(text_[at_]) < 0x80)
      ++at_;
    value += text_.substr(start, at_ - start);
    if (at_ == text_.size()) break;
    const auto c = static_cast<unsigned char>(text_[at_]);
    if (c == '"') {
      ++at_;
      return true;
    }
    if (c < 0x20) return fail_here("in string literal");
    if (c == '\\') {
      if (!escape(value)) return false;
      continue;
    }
    const size_t length = utf8_length(text_.substr(at_));
    if (length == 0) append_utf8(value, kReplacementCharacter);
    value += text_.substr(at_, length);
    at_ += std::max<size_t>(length, 1);
  }
  return fail_here({});
}

bool JsonReader::escape(std::string& value) {
  ++at_;
  if (at_ >= text_.size()) return fail_here({});
  constexpr std::string_view kLetters = R"("\/bfnrt)";
  constexpr std::string_view kMeant = "\"\\/\b\f\n\r\t";
  const size_t letter = kLetters.find(text_[at_]);
  if (letter != std::string_view::npos) {
    value += kMeant[letter];
    ++at_;
    return true;
  }
  if (text_[at_] != 'u') return fail_here("in string escape code");
  return unicode_escape(value);
}

bool JsonReader::hex_digits(uint32_t& value) {
  ++at_;
  value = 0;
  for (int i = 0; i < 4; ++i, ++at_) {
    const char c = at_ < text_.size() ? text_[at_] : '\0';
    const char lower = static_cast<char>(c | 0x20);
    if (is_digit(c)) {
      value = value << 4 | static_cast<uint32_t>(c - '0');
    } else if (lower >= 'a' && lower <= 'f') {
      value = value << 4 | static_cast<uint32_t>(lower - 'a' + 10);
    } else {
      return fail_here("in \\u hexadecimal character escape");
    }
  }
  return true;
}

bool JsonReader::unicode_escape(std::string& value) {
  uint32_t unit = 0;
  if (!hex_digits(unit)) return false;
  if (is_high_surrogate(unit) && text_.substr(at_, 2) == "\\u") {
    const size_t second_at = at_;
    uint32_t second = 0;
    ++at_;
    if (!hex_digits(second)) return false;
    if (is_low_surrogate(second)) {
      append_utf8(value, 0x10000 + ((unit - 0xd800) << 10) + (second - 0xdc00));
      return true;
    }
    at_ = second_at;  // it stands for itself
  }
  const bool half = is_high_surrogate(unit) || is_low_surrogate(unit);
  append_utf8(value, half ? kReplacementCharacter : unit);
  return true;
}

bool JsonReader::digits(const char* where) {
  if (at_ >= text_.size() || !is_digit(text_[at_])) return fail_here(where);
  while (at_ < text_.size() && is_digit(text_[at_]))
    ++at_;
  return true;
}

bool JsonReader::number(std::string_view& literal) {
  const size_t start = at_;
  const auto at = [this](char c) { return at_ < text_.size() && text_[at_] == c; };
  if (at('-')) ++at_;
  if (at('0')) {
    ++at_;
  } else if (!digits("in numeric literal")) {
    return false;
  }
  if (at('.')) {
    ++at_;
    if (!digits("after decimal point in numeric literal")) return false;
  }
  if (at('e') || at('E')) {
    ++at_;
    if (at('+') || at('-')) ++at_;
    if (!digits("in exponent of numeric literal")) return false;
  }
  literal = text_.substr(start, at_ - start);
  return true;
}

bool JsonReader::literal(std::string_view word) {
  for (const char expected : word) {
    if (at_ >= text_.size() || text_[at_] != expected) {
      return fail_here("in literal " + std::string(word) + " (expecting " + quoted(expected) + ")");
    }
    ++at_;
  }
  return true;
}

bool JsonReader::boolean(bool& value) {
  value = text_[at_] == 't';
  return literal(value ? "true" : "false");
}

bool JsonReader::null() {
  return literal("null");
}

bool JsonReader::skip() {
  std::string text;
  std::string_view digits_;
  bool truth = false;
  switch (peek()) {
    case Kind::kObject:
      return object([this](std::string_view) { skip(); });
    case Kind::kArray:
      return array([this] { skip(); });
    case Kind::kString:
      return string(text);
    case Kind::kNumber:
      return number(digits_);
    case Kind::kBool:
      return boolean(truth);
    case Kind::kNull:
      return null();
    case Kind::kNone:
      break;
  }
  return false;
}

bool JsonReader::at_end() {
  if (failed()) return false;
  skip_space();
  return at_ == text_.size() || fail_here("after top-level value");
}

}  // namespace httpteleport::service
