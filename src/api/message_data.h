// What is inside the public messages.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "http/message.h"
#include "httpteleport/message.h"

namespace httpteleport {
inline namespace abi0 {
namespace internal {

// Text is kept in few strings that are cleared, not freed, so that a message that is filled again
// allocates nothing.
struct MessageData {
  // Where a field stands in `lines`.
  struct Place {
    uint32_t name = 0;
    uint32_t name_bytes = 0;
    uint32_t value = 0;
    uint32_t value_bytes = 0;
    http::FieldId id = http::FieldId::kOther;

    uint32_t end() const { return value + value_bytes + 2; }
  };

  std::string lines;  // "name: value\r\n" of each field: as they are sent
  std::vector<Place> places;
  std::string body;
  std::string method;  // of a request, as are the next two; empty: GET
  std::string target;  // empty: /
  std::string host;
  int status = 200;    // of a response, as is the next one
  std::string reason;  // empty: the usual one
  bool valid = true;

  void clear();
  // Gives up what a large message has left behind.
  void trim();
  std::string_view method_text() const { return method.empty() ? "GET" : std::string_view(method); }
  std::string_view target_text() const { return target.empty() ? "/" : std::string_view(target); }
  Field field_at(size_t index) const;
  // A view into the fields, which does not outlive a change of them.
  bool has_view(std::string_view text) const;
  // The index behind the last one when there is none.
  size_t find(std::string_view name, size_t from = 0) const;
  void remove(size_t index);
  // Adds a field that is known to be well formed.
  void append(std::string_view name, std::string_view value, http::FieldId id);
};

// From a parsed head, without what is about the connection.
void copy_fields(const http::Fields& fields, MessageData& to);
// More would be over what readers of a link take (v0::ReaderLimits::fields_max), with those that
// the library adds, and end the link.
inline constexpr size_t kFieldsMax = 1990;
// True for fields that are the library's matter: framing and the connection.
bool is_managed(http::FieldId id);

struct Access {
  static MessageData& data(Message& message) { return *message.data_; }
  static const MessageData& data(const Message& message) { return *message.data_; }
  static void swap(Message& a, Message& b) { a.data_.swap(b.data_); }
};

}  // namespace internal
}  // namespace abi0
}  // namespace httpteleport
