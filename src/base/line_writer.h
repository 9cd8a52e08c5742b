// Lines of a log, written into memory of fixed size. What others can choose is escaped, so that it
// can neither end a line nor a quoted value, and is cut at a length of ours.
//
// The rule for such bytes is the same everywhere: valid UTF-8 stays as it is, but for control
// characters (U+0000 to U+001F, U+007F to U+009F); everything else is escaped in the way of the
// style. So a line is always valid UTF-8 without control characters.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace httpteleport {

enum class Escapes : uint8_t {
  kText,  // \n \r \t \" \\ and \xNN for any other byte
  kJson,  // \n \r \t \" \\ and \u00NN; a byte that is not UTF-8 becomes the four characters \xNN
};

// Does not own its memory and never writes outside it: from the first piece that does not fit,
// nothing more is written and did_fit() is false. Several pieces make a line; no piece is cut.
class LineWriter {
 public:
  // No input byte becomes more bytes than this.
  static constexpr size_t kEscapedBytesMax = 6;

  explicit LineWriter(std::span<char> memory)
      : begin_(memory.data()), at_(begin_), end_(begin_ + memory.size()) {}

  void add(char byte) {
    if (char* place = take(1)) *place = byte;
  }
  // Text of our own: goes in as it is.
  void add(std::string_view text) {
    if (char* place = take(text.size())) std::memcpy(place, text.data(), text.size());
  }
  void add_number(uint64_t number);
  void add_signed(int64_t number);
  // Microseconds as milliseconds: 1234 is "1.234".
  void add_milliseconds(int64_t microseconds);
  // At most `bytes_max` bytes of `text`, escaped; "..." shows where some are missing. `quotes`:
  // whether '"' and '\' are escaped too, which they must be between quotes.
  void add_escaped(std::string_view text, size_t bytes_max, Escapes escapes, bool quotes = true);
  // The same between quotes, or bare when nothing in it needs them: the value of a key=value pair.
  void add_value(std::string_view text, size_t bytes_max);

  bool did_fit() const { return fits_; }
  std::string_view text() const { return {begin_, static_cast<size_t>(at_ - begin_)}; }

 private:
  char* take(size_t bytes) {
    if (bytes > static_cast<size_t>(end_ - at_)) fits_ = false;
    if (!fits_) return nullptr;
    char* place = at_;
    at_ += bytes;
    return place;
  }
  void add_escape(unsigned char byte, bool is_utf8, Escapes escapes);

  char* begin_;
  char* at_;
  char* end_;
  bool fits_ = true;
};

// How many bytes the UTF-8 character at the front of `text` has; 0 when there is no valid one.
// `text` is not empty.
size_t utf8_length(std::string_view text);

}  // namespace httpteleport
