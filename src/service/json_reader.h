// Reads JSON (RFC 8259) value by value, without making a tree of it. The whole text is checked when
// the reader is made (by nlohmann-json); the values are walked after that.
//
// Stricter than the older program, which makes U+FFFD of them: bytes that are not UTF-8, and halves
// of surrogate pairs, are errors. So are numbers beyond double. Laxer: a byte order mark in front
// is passed over. As there, of members with one name each is given to the caller, in their order.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/assert.h"

namespace httpteleport::service {

// Borrows the text, which has less than 4 GiB. Takes memory for it: 16 bytes for each value, name
// and closing bracket, and the texts that have escapes in them. The methods that read a value are
// called when peek() says that it is of their kind. After an error there are no values.
class JsonReader {
 public:
  enum class Kind : uint8_t { kObject, kArray, kString, kNumber, kBool, kNull, kNone };

  // `elements_max` of all lists together, those that are skipped too; `tokens_max` of what takes
  // memory.
  JsonReader(std::string_view text, int depth_max, size_t elements_max,
             size_t tokens_max = SIZE_MAX);

  // Of the value that comes next; kNone if none does.
  Kind peek();

  // Calls on_member(key) for each; the callee reads the value, or skips it. The key is good as long
  // as the reader.
  template <class OnMember>
  bool object(const OnMember& on_member) {
    if (failed()) return false;
    take(Kind::kObject);
    while (!leaves())
      on_member(text_of(take(Kind::kString)));
    return true;
  }
  // Calls on_element() for each, likewise.
  template <class OnElement>
  bool array(const OnElement& on_element) {
    if (failed()) return false;
    take(Kind::kArray);
    while (!leaves()) {
      const size_t element = next_;
      on_element();
      HT_ASSERT(next_ > element);
    }
    return true;
  }
  bool string(std::string& value);
  // As it stands in the text.
  bool number(std::string_view& literal);
  bool boolean(bool& value);
  bool null();
  bool skip();
  // Whether no value is left.
  bool at_end() const { return !failed() && next_ == tokens_.size(); }

  bool failed() const { return !error_.empty(); }
  // One line of ASCII, with the place in front: "line 3 column 12: what is wrong".
  const std::string& error() const { return error_; }
  // " (line 3 column 12)" of the value or the name that was read or looked at last.
  std::string here() const;

 private:
  // A value, the name of a member, or (kNone) a closing bracket.
  struct Token {
    Kind kind;
    bool is_decoded;   // its characters are in decoded_, not in text_
    uint32_t at;       // where it begins in text_
    uint32_t text_at;  // its characters, without quotes
    uint32_t text_size;
  };
  class Builder;

  const Token& take(Kind kind);
  bool leaves();
  std::string_view text_of(const Token& token) const;

  std::string_view text_;
  std::vector<Token> tokens_;
  std::string decoded_;  // of texts that have escapes
  size_t next_ = 0;
  size_t last_ = 0;
  std::string error_;
};

}  // namespace httpteleport::service
