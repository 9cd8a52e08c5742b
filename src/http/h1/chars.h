// Character classes of RFC 9110 sections 5.5 and 5.6.2 and RFC 9112 section 3.2.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <string_view>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace httpteleport::http::h1 {

enum CharClass : uint8_t {
  kTokenChar = 1,   // tchar
  kTargetChar = 2,  // what may stand in a request target: visible ASCII but '#'
  kTargetByte = 8,  // what does not end one: these, '#', and bytes above ASCII
  kHostChar = 4,    // what may stand in a host's name: unreserved, '%', sub-delims but for ','
};

consteval std::array<uint8_t, 256> make_char_classes() {
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

// Not empty, and of this class throughout.
inline bool is_all(std::string_view text, CharClass wanted) {
  for (const char c : text) {
    if (!is_char(c, wanted)) return false;
  }
  return !text.empty();
}

#ifdef __SSE2__
// 0xff for each byte from `low` to `high`.
inline __m128i is_between(__m128i bytes, char low, char high) {
  const __m128i distance = _mm_sub_epi8(bytes, _mm_set1_epi8(low));
  const __m128i width = _mm_set1_epi8(static_cast<char>(high - low));
  return _mm_cmpeq_epi8(_mm_min_epu8(distance, width), distance);
}

// 0xff for bytes that are surely of the class; the table decides about the others.
template <CharClass kWanted>
__m128i is_surely(__m128i bytes) {
  if constexpr (kWanted == kTokenChar) {
    const __m128i letters = is_between(_mm_or_si128(bytes, _mm_set1_epi8(0x20)), 'a', 'z');
    const __m128i hyphens = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('-'));
    return _mm_or_si128(_mm_or_si128(letters, hyphens), is_between(bytes, '0', '9'));
  } else {
    static_assert(kWanted == kTargetChar || kWanted == kTargetByte);
    return _mm_or_si128(is_between(bytes, '$', '~'), _mm_cmpeq_epi8(bytes, _mm_set1_epi8('!')));
  }
}
#endif

// First byte from `at` that is not of the class.
template <CharClass kWanted>
const char* skip_class(const char* at, const char* end) {
#ifdef __SSE2__
  while (end - at >= 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const auto others =
        static_cast<unsigned>(_mm_movemask_epi8(is_surely<kWanted>(bytes))) ^ 0xffff;
    if (others == 0) {
      at += 16;
      continue;
    }
    at += std::countr_zero(others);
    if (!is_char(*at, kWanted)) return at;
    ++at;
  }
#endif
  while (at != end && is_char(*at, kWanted))
    ++at;
  return at;
}

// First byte from `at` that ends a run of field content: a control character other than HTAB, or
// DEL.
inline const char* find_control(const char* at, const char* end) {
#ifdef __SSE2__
  const __m128i limit = _mm_set1_epi8(0x1f);
  const __m128i tab = _mm_set1_epi8('\t');
  const __m128i del = _mm_set1_epi8(0x7f);
  while (end - at >= 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(bytes, limit), bytes);
    const __m128i control =
        _mm_or_si128(_mm_andnot_si128(_mm_cmpeq_epi8(bytes, tab), low), _mm_cmpeq_epi8(bytes, del));
    const auto mask = static_cast<unsigned>(_mm_movemask_epi8(control));
    if (mask != 0) return at + std::countr_zero(mask);
    at += 16;
  }
#endif
  for (; at != end; ++at) {
    const auto c = static_cast<unsigned char>(*at);
    if ((c < 0x20 && c != '\t') || c == 0x7f) return at;
  }
  return end;
}

// What may stand in a field's value (RFC 9110 section 5.5), white space around it included.
inline bool is_field_content(std::string_view text) {
  const char* const end = text.data() + text.size();
  return find_control(text.data(), end) == end;
}

}  // namespace httpteleport::http::h1
