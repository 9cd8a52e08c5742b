#include "base/line_writer.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace httpteleport {

namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";

bool is_continuation(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0) == 0x80;
}

bool is_plain(unsigned char byte, bool quotes) {
  if (byte < 0x20 || byte >= 0x7F) return false;
  return !quotes || (byte != '"' && byte != '\\');
}

bool may_stand_bare(unsigned char byte) {
  return is_plain(byte, true) && byte != ' ' && byte != '=';
}

// The bytes at the front of `text` that need no escape.
size_t plain_run(std::string_view text, bool quotes) {
  size_t size = 0;
  while (size < text.size() && is_plain(static_cast<unsigned char>(text[size]), quotes))
    ++size;
  return size;
}

// U+0080 to U+009F: controls, which a terminal may obey.
bool is_c1_control(std::string_view character) {
  return character.size() == 2 && character[0] == '\xC2' &&
         static_cast<unsigned char>(character[1]) < 0xA0;
}

// Without a character that the cut goes through.
std::string_view cut(std::string_view text, size_t bytes_max) {
  size_t size = bytes_max;
  const size_t least = size > 3 ? size - 3 : 0;
  while (size > least && is_continuation(text[size]))
    --size;
  return text.substr(0, is_continuation(text[size]) ? bytes_max : size);
}

char short_escape(unsigned char byte) {
  switch (byte) {
    case '\n':
      return 'n';
    case '\r':
      return 'r';
    case '\t':
      return 't';
    case '"':
    case '\\':
      return static_cast<char>(byte);
    default:
      return '\0';
  }
}

}  // namespace

size_t utf8_length(std::string_view text) {
  const auto at = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = at(0);
  if (first < 0x80) return 1;
  if (first < 0xC2 || first > 0xF4) return 0;
  const size_t length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  if (text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if (!is_continuation(text[i])) return 0;
  }
  // Overlong forms, surrogates, and what is above U+10FFFF.
  const unsigned char second = at(1);
  const bool bad = (first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F) ||
                   (first == 0xF0 && second < 0x90) || (first == 0xF4 && second > 0x8F);
  return bad ? 0 : length;
}

void LineWriter::add_number(uint64_t number) {
  std::array<char, 24> digits;
  const char* end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  add(std::string_view(digits.data(), static_cast<size_t>(end - digits.data())));
}

void LineWriter::add_signed(int64_t number) {
  if (number < 0) add('-');
  add_number(number < 0 ? ~static_cast<uint64_t>(number) + 1 : static_cast<uint64_t>(number));
}

void LineWriter::add_milliseconds(int64_t microseconds) {
  const auto positive = static_cast<uint64_t>(std::max<int64_t>(microseconds, 0));
  add_number(positive / 1000);
  const auto rest = static_cast<unsigned>(positive % 1000);
  const std::array<char, 4> fraction = {'.', static_cast<char>('0' + rest / 100),
                                        static_cast<char>('0' + rest / 10 % 10),
                                        static_cast<char>('0' + rest % 10)};
  add(std::string_view(fraction.data(), fraction.size()));
}

void LineWriter::add_escape(unsigned char byte, bool is_utf8, Escapes escapes) {
  if (const char letter = short_escape(byte); letter != '\0') {
    add('\\');
    return add(letter);
  }
  if (escapes == Escapes::kJson) {
    add(is_utf8 ? std::string_view("\\u00") : std::string_view("\\\\x"));
  } else {
    add(std::string_view("\\x"));
  }
  add(kHexDigits[byte >> 4]);
  add(kHexDigits[byte & 0xF]);
}

void LineWriter::add_escaped(std::string_view text, size_t bytes_max, Escapes escapes,
                             bool quotes) {
  std::string_view rest = text.size() > bytes_max ? cut(text, bytes_max) : text;
  const bool is_cut = rest.size() < text.size();
  while (!rest.empty()) {
    if (const size_t plain = plain_run(rest, quotes); plain > 0) {
      add(rest.substr(0, plain));
      rest.remove_prefix(plain);
      continue;
    }
    const size_t length = utf8_length(rest);
    const std::string_view character = rest.substr(0, std::max<size_t>(length, 1));
    if (length > 1 && !is_c1_control(character)) {
      add(character);
    } else if (length > 1 && escapes == Escapes::kJson) {
      add_escape(static_cast<unsigned char>(character[1]), true, escapes);
    } else {
      for (const char byte : character)
        add_escape(static_cast<unsigned char>(byte), length > 0, escapes);
    }
    rest.remove_prefix(character.size());
  }
  if (is_cut) add(std::string_view("..."));
}

void LineWriter::add_value(std::string_view text, size_t bytes_max) {
  const bool bare = !text.empty() && text.size() <= bytes_max &&
                    std::all_of(text.begin(), text.end(), [](char byte) {
                      return may_stand_bare(static_cast<unsigned char>(byte));
                    });
  if (bare) return add(text);
  add('"');
  add_escaped(text, bytes_max, Escapes::kText);
  add('"');
}

}  // namespace httpteleport
