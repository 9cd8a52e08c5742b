// Reads JSON (RFC 8259) value by value, without making a tree of it. What is not JSON is told in
// the words of the older program's reader.
//
// As that program, and laxer than the RFC: of members with one name each is given to the caller,
// and bytes in texts that are not UTF-8, and halves of surrogate pairs, become U+FFFD.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace httpteleport::service {

// Borrows the text. The methods that read a value are called when peek() says that it is of their
// kind. After the first syntax error everything fails.
class JsonReader {
 public:
  enum class Kind { kObject, kArray, kString, kNumber, kBool, kNull, kNone };

  JsonReader(std::string_view text, int depth_max) : text_(text), depth_max_(depth_max) {}

  // Of the value that comes next, over white space; kNone if none does, which is an error then.
  Kind peek();

  // Calls on_member(key) for each; the callee reads the value, or skips it.
  template <class OnMember>
  bool object(const OnMember& on_member) {
    if (!enter()) return false;
    bool more = !leaves_at_once('}');
    std::string key;
    while (more && !failed()) {
      if (!member_name(key)) return false;
      on_member(std::string_view(key));
      more = follows('}', "after object key:value pair");
    }
    --depth_;
    return !failed();
  }
  // Calls on_element() for each, likewise.
  template <class OnElement>
  bool array(const OnElement& on_element) {
    if (!enter()) return false;
    bool more = !leaves_at_once(']');
    while (more && !failed()) {
      on_element();
      more = follows(']', "after array element");
    }
    --depth_;
    return !failed();
  }
  bool string(std::string& value);
  // As it stands in the text.
  bool number(std::string_view& literal);
  bool boolean(bool& value);
  bool null();
  bool skip();
  // Whether nothing but white space is left.
  bool at_end();

  bool failed() const { return !error_.empty(); }
  // One line, with the place.
  const std::string& error() const { return error_; }
  // " (line 3 column 12)" of what is read next.
  std::string here() const { return place(at_); }

 private:
  bool enter();
  bool leaves_at_once(char bracket);
  bool member_name(std::string& key);
  bool follows(char bracket, const char* where);
  bool literal(std::string_view word);
  bool escape(std::string& value);
  bool unicode_escape(std::string& value);
  bool hex_digits(uint32_t& value);
  bool digits(const char* where);
  void skip_space();
  bool fail(const std::string& what);
  // Of the character that stands at at_, or of the end of the text.
  bool fail_here(const std::string& where);
  std::string place(size_t at) const;

  std::string_view text_;
  size_t at_ = 0;
  int depth_ = 0;
  int depth_max_;
  std::string error_;
};

}  // namespace httpteleport::service
