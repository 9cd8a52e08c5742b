// Appends JSON to a text, laid out as the older program does.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace httpteleport::service {

// How a value is laid out: over several lines, the first of which stands `depth` levels deep (and
// is not indented: the caller has done it), or without any white space.
struct JsonLayout {
  bool indented = true;
  int depth = 0;
};
inline constexpr JsonLayout kCompact{.indented = false};

// In quotation marks; <, > and & as \u003c, \u003e and \u0026. Bytes that are not UTF-8 become
// U+FFFD.
void append_json_string(std::string& out, std::string_view text);

// One value, by its parts in order: the commas and the line feeds are the writer's, that each
// member has a key and each begin its end are the caller's. `out` outlives it.
class JsonWriter {
 public:
  explicit JsonWriter(std::string& out, JsonLayout layout = {}) : out_(out), layout_(layout) {}

  void begin_object() { begin('{'); }
  void end_object() { end('}'); }
  void begin_array() { begin('['); }
  void end_array() { end(']'); }
  // `name` is a constant that needs no escapes.
  void key(std::string_view name);
  // Any name.
  void text_key(std::string_view name);

  void value(std::string_view text);
  void value(const std::string& text) { value(std::string_view(text)); }
  void value(const char* text) { value(std::string_view(text)); }
  void value(int64_t number);
  void value(bool truth);
  void null();

  template <class T>
  void member(std::string_view name, const T& content) {
    key(name);
    value(content);
  }
  // A value of one of the other types inside this one: to be given to append_json().
  std::string& begin_value();
  JsonLayout layout() const { return layout_; }

 private:
  void begin(char bracket);
  void end(char bracket);
  // What stands before a member or an element.
  void separate();
  void new_line();

  std::string& out_;
  JsonLayout layout_;
  bool first_ = true;  // of the innermost object or array
  bool after_key_ = false;
  int open_ = 0;
};

}  // namespace httpteleport::service
