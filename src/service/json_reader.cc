#include "service/json_reader.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>

namespace httpteleport::service {

namespace {

using Json = nlohmann::json;

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
constexpr size_t kMessageBytesMax = 200;

// Of the character at `at`; columns are bytes.
std::string place(std::string_view text, size_t at) {
  const std::string_view before = text.substr(0, at);
  const size_t line_feed = before.rfind('\n');
  const size_t line_start = line_feed == std::string_view::npos ? 0 : line_feed + 1;
  return "line " + std::to_string(std::ranges::count(before, '\n') + 1) + " column " +
         std::to_string(before.size() - line_start + 1);
}

// "[json.exception.parse_error.101] parse error at line 1, column 3: syntax error while parsing
// value - WHAT; last read: 'THE TOKEN'" without what stands before "syntax error", and without the
// token, which has any length and may be no text.
std::string clean_message(std::string_view message) {
  size_t start = message.find("syntax error");
  if (start == std::string_view::npos) start = message.find("] ") + 2;
  message = message.substr(start, message.find("; last read: ") - start);
  return std::string(message.substr(0, kMessageBytesMax));
}

// Tells how far the library has read.
class CountingIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  CountingIterator(const char* at, const char*& read_to) : at_(at), read_to_(&read_to) {}
  const char& operator*() const { return *at_; }
  CountingIterator& operator++() {
    *read_to_ = ++at_;
    return *this;
  }
  bool operator==(const CountingIterator& other) const { return at_ == other.at_; }
  bool operator!=(const CountingIterator& other) const { return at_ != other.at_; }

 private:
  const char* at_;
  const char** read_to_;
};

}  // namespace

// What the library calls with what it has read. It does not tell where that is: a token begins at
// the first character behind the one before that separates none, and a text ends where the library
// has read to.
class JsonReader::Builder {
 public:
  Builder(JsonReader& reader, int depth_max, size_t elements_max, size_t tokens_max)
      : reader_(reader),
        text_(reader.text_),
        end_(text_.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0),
        depth_max_(static_cast<size_t>(depth_max)),
        elements_max_(elements_max),
        tokens_max_(tokens_max),
        read_to_(text_.data()) {}

  void build() {
    const char* const begin = text_.data();
    const CountingIterator first(begin, read_to_);
    const CountingIterator last(begin + text_.size(), read_to_);
    if (!Json::sax_parse(first, last, this)) return;
    // Which is the end of the text to the library.
    if (const size_t at = text_.find('\0'); at != std::string_view::npos)
      fail("a zero byte behind the value", at);
  }

  bool null() { return add_word(Kind::kNull, 4); }
  bool boolean(bool value) { return add_word(Kind::kBool, value ? 4 : 5); }
  bool number_integer(Json::number_integer_t /*value*/) { return add_number(); }
  bool number_unsigned(Json::number_unsigned_t /*value*/) { return add_number(); }
  bool number_float(Json::number_float_t /*value*/, const std::string& /*literal*/) {
    return add_number();
  }
  bool string(const std::string& value) { return begin_value() && add_text(value); }
  bool binary(const Json::binary_t& /*value*/) { return false; }  // there is none in JSON
  bool start_object(size_t /*size*/) { return open(Kind::kObject); }
  bool key(const std::string& value) { return add_text(value); }
  bool end_object() { return close(); }
  bool start_array(size_t /*size*/) { return open(Kind::kArray); }
  bool end_array() { return close(); }

  bool parse_error(size_t position, const std::string& /*last_read*/,
                   const Json::exception& error) {
    return fail(clean_message(error.what()), position - 1);
  }

 private:
  size_t next_start() const {
    return std::min(text_.find_first_not_of(" \t\r\n,:", end_), text_.size());
  }

  // Whether it is not one too many of a list.
  bool begin_value() {
    if (lists_.empty() || !lists_.back() || ++elements_ <= elements_max_) return true;
    return fail("the document has more than " + std::to_string(elements_max_) + " list elements",
                next_start());
  }

  bool add(Kind kind, size_t size) {
    const size_t start = next_start();
    if (reader_.tokens_.size() == tokens_max_) {
      return fail("the document has more than " + std::to_string(tokens_max_) +
                      " values, names and brackets",
                  start);
    }
    const auto at = static_cast<uint32_t>(start);
    reader_.tokens_.push_back({kind, false, at, at, static_cast<uint32_t>(size)});
    end_ = start + size;
    return true;
  }

  bool add_word(Kind kind, size_t size) { return begin_value() && add(kind, size); }

  bool add_number() {
    const std::string_view rest = text_.substr(next_start());
    return begin_value() &&
           add(Kind::kNumber, std::min(rest.find_first_not_of("+-.0123456789Ee"), rest.size()));
  }

  bool add_text(const std::string& value) {
    const size_t end = static_cast<size_t>(read_to_ - text_.data());
    if (!add(Kind::kString, end - next_start())) return false;
    Token& token = reader_.tokens_.back();
    const size_t quoted_size = token.text_size;
    token.text_size = static_cast<uint32_t>(value.size());
    // Escapes are longer than what they stand for.
    token.is_decoded = value.size() + 2 != quoted_size;
    token.text_at =
        token.is_decoded ? static_cast<uint32_t>(reader_.decoded_.size()) : token.at + 1;
    if (token.is_decoded) reader_.decoded_ += value;
    return true;
  }

  bool open(Kind kind) {
    if (!begin_value()) return false;
    if (lists_.size() == depth_max_)
      return fail("exceeded max depth of " + std::to_string(depth_max_), next_start());
    lists_.push_back(kind == Kind::kArray);
    return add(kind, 1);
  }

  bool close() {
    lists_.pop_back();
    return add(Kind::kNone, 1);
  }

  bool fail(const std::string& what, size_t at) {
    reader_.error_ = place(text_, at) + ": " + what;
    return false;
  }

  JsonReader& reader_;
  const std::string_view text_;
  size_t end_;  // of the last token
  const size_t depth_max_;
  const size_t elements_max_;
  const size_t tokens_max_;
  size_t elements_ = 0;
  std::vector<bool> lists_;  // of what is open, whether it is a list
  const char* read_to_;
};

JsonReader::JsonReader(std::string_view text, int depth_max, size_t elements_max, size_t tokens_max)
    : text_(text) {
  HT_ASSERT(text.size() <= std::numeric_limits<uint32_t>::max());
  Builder(*this, depth_max, elements_max, tokens_max).build();
  if (failed()) tokens_.clear();
}

JsonReader::Kind JsonReader::peek() {
  if (next_ == tokens_.size()) return Kind::kNone;
  last_ = next_;
  return tokens_[next_].kind;
}

const JsonReader::Token& JsonReader::take(Kind kind) {
  HT_ASSERT(peek() == kind);
  return tokens_[next_++];
}

bool JsonReader::leaves() {
  HT_ASSERT(next_ < tokens_.size());
  if (tokens_[next_].kind != Kind::kNone) return false;
  ++next_;
  return true;
}

std::string_view JsonReader::text_of(const Token& token) const {
  const std::string_view characters = token.is_decoded ? std::string_view(decoded_) : text_;
  return characters.substr(token.text_at, token.text_size);
}

bool JsonReader::string(std::string& value) {
  if (failed()) return false;
  value = text_of(take(Kind::kString));
  return true;
}

bool JsonReader::number(std::string_view& literal) {
  if (failed()) return false;
  literal = text_of(take(Kind::kNumber));
  return true;
}

bool JsonReader::boolean(bool& value) {
  if (failed()) return false;
  value = text_of(take(Kind::kBool)) == "true";
  return true;
}

bool JsonReader::null() {
  if (failed()) return false;
  take(Kind::kNull);
  return true;
}

bool JsonReader::skip() {
  if (peek() == Kind::kNone) return false;
  size_t open = 0;
  do {
    const Kind kind = tokens_[next_++].kind;
    if (kind == Kind::kObject || kind == Kind::kArray) ++open;
    if (kind == Kind::kNone) --open;
  } while (open > 0);
  return true;
}

std::string JsonReader::here() const {
  return " (" + place(text_, tokens_.empty() ? 0 : tokens_[last_].at) + ")";
}

}  // namespace httpteleport::service
