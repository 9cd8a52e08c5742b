// Comparing our reading of a message with that of the reference parsers.
#pragma once

#include <strings.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "http/h1/chars.h"
#include "http/message.h"
#include "reference_parsers.h"

namespace httpteleport::fuzz {

// Ends the run with what differs.
[[noreturn]] inline void differ(const char* parser, const std::string& what,
                                std::string_view bytes) {
  std::fprintf(stderr, "%s differs: %s\n---\n%.*s\n---\n", parser, what.c_str(),
               static_cast<int>(bytes.size()), bytes.data());
  std::abort();
}

// `part` is a view into `text`, which is to be changed there.
inline char* place_of(std::string_view part, std::string& text) {
  return text.data() + (part.data() - text.data());
}

// A tab behind a value, or beside an element of a list, is white space around it (RFC 9110 section
// 5.6). llhttp takes it for a part of the value where it reads one itself: it refuses such a
// length, and such a coding is not chunked. A blank gets in its place.
inline void take_tabs_for_blanks(const http::Fields& fields, std::string& text) {
  for (const http::Field& field : fields) {
    const bool is_read =
        field.id == http::FieldId::kTransferEncoding || field.id == http::FieldId::kContentLength ||
        field.id == http::FieldId::kConnection || field.id == http::FieldId::kProxyConnection ||
        field.id == http::FieldId::kUpgrade;
    if (!is_read) continue;
    for (char* at = place_of(field.value, text); *at != '\r'; ++at) {
      if (*at == '\t') *at = ' ';
    }
  }
}

// A Connection, Proxy-Connection or Upgrade that is no list of tokens is refused by Beast. We skip
// the elements that are none: these fields are for this hop only, and nothing of them is passed on.
// The others get an 'x' in the place of each byte that must not stand there.
inline void make_lists_proper(const http::Fields& fields, std::string& text) {
  for (const http::Field& field : fields) {
    const bool is_upgrade = field.id == http::FieldId::kUpgrade;
    const bool is_list = is_upgrade || field.id == http::FieldId::kConnection ||
                         field.id == http::FieldId::kProxyConnection;
    std::string_view rest = is_list ? field.value : std::string_view();
    while (const auto element = http::next_list_element(rest)) {
      char* at = place_of(*element, text);
      for (size_t i = 0; i < element->size(); ++i) {
        if (!http::h1::is_char(at[i], http::h1::kTokenChar) && !(is_upgrade && at[i] == '/'))
          at[i] = 'x';
      }
    }
  }
}

// How long the body is, as our head has it.
struct Framing {
  bool chunked = false;
  std::optional<uint64_t> length;
};

// The fields, those of one name together, as Beast has them. Host is left out: of a request in
// absolute form it has another value than on the wire, or is added.
class FieldsText {
 public:
  explicit FieldsText(const http::Fields& fields) {
    for (const http::Field& field : fields)
      add(field.name, field.value);
    std::stable_sort(lines_.begin(), lines_.end(), is_before);
  }
  explicit FieldsText(const ReferenceHead& head) {
    for (const auto& [name, value] : head.fields)
      add(name, value);
    std::stable_sort(lines_.begin(), lines_.end(), is_before);
  }
  bool operator==(const FieldsText&) const = default;

 private:
  using Line = std::pair<std::string, std::string>;

  void add(std::string_view name, std::string_view value) {
    if (http::field_id_of(name) != http::FieldId::kHost) lines_.emplace_back(name, value);
  }
  static bool is_before(const Line& a, const Line& b) {
    return strcasecmp(a.first.c_str(), b.first.c_str()) < 0;
  }

  std::vector<Line> lines_;
};

// What both kinds of heads have in common. `keep_alive`: whether we would use the connection again,
// which the others must agree to, but not the reverse.
inline void compare_heads(const char* parser, const ReferenceHead& theirs, const Framing& framing,
                          bool keep_alive, const FieldsText& fields, std::string_view bytes) {
  if (!theirs.error.empty()) differ(parser, "it refuses: " + theirs.error, bytes);
  if (theirs.chunked != framing.chunked) differ(parser, "another framing", bytes);
  if (theirs.length != framing.length) differ(parser, "another length", bytes);
  if (keep_alive && !theirs.keep_alive) differ(parser, "it ends the connection", bytes);
  if (FieldsText(theirs) != fields) differ(parser, "other fields", bytes);
}

}  // namespace httpteleport::fuzz
