// Character classes of RFC 9110 section 5.6.2 and RFC 9112 section 3.2, by table.
#pragma once

#include <array>
#include <cstdint>

namespace httpteleport::http::h1 {

enum CharClass : uint8_t {
  kTokenChar = 1,   // tchar
  kTargetChar = 2,  // what may stand in a request target: visible ASCII but '#'
  kTargetByte = 8,  // what does not end one: these, '#', and bytes above ASCII
  kHostChar = 4,    // what may stand in a host's name: unreserved, '%', sub-delims but for ','
};

constexpr std::array<uint8_t, 256> make_char_classes() {
  std::array<uint8_t, 256> table{};
  for (unsigned c = 0x21; c < 0x7f; ++c) {
    const char ch = static_cast<char>(c);
    const bool alnum =
        (ch >= '0' && ch <= '9') || (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z');
    bool token = alnum;
    for (const char t :
         {'!', '#', '$', '%', '&', '\'', '*', '+', '-', '.', '^', '_', '`', '|', '~'})
      token |= ch == t;
    bool host = alnum;
    for (const char t :
         {'-', '.', '_', '~', '!', '$', '&', '\'', '(', ')', '*', '+', ';', '=', '%'})
      host |= ch == t;
    table[c] = static_cast<uint8_t>((token ? kTokenChar : 0) | (ch != '#' ? kTargetChar : 0) |
                                    (host ? kHostChar : 0) | kTargetByte);
  }
  for (unsigned c = 0x80; c <= 0xff; ++c)
    table[c] = kTargetByte;
  return table;
}

inline constexpr std::array<uint8_t, 256> kCharClasses = make_char_classes();

inline bool is_char(char c, CharClass wanted) {
  return (kCharClasses[static_cast<unsigned char>(c)] & wanted) != 0;
}

}  // namespace httpteleport::http::h1
