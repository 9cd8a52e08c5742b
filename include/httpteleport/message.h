// HTTP requests and responses as this library carries them: whole messages with their bodies
// (RFC 9110). A link has no place for streamed bodies, trailers, informational answers (1xx) and
// upgrades.
#ifndef HTTPTELEPORT_MESSAGE_H_
#define HTTPTELEPORT_MESSAGE_H_

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "httpteleport/export.h"

namespace httpteleport {
inline namespace abi0 {

// A header field; views into the message it is of, good until that is changed.
struct Field {
  std::string_view name;
  std::string_view value;
};

namespace internal {
struct MessageData;
struct Access;
}  // namespace internal

// What requests and responses have in common: fields and a body. Keeps its memory when it is
// cleared and filled again, so that reusing one costs no allocation. Not thread safe; different
// messages are independent.
//
// Fields keep their order and may repeat; 1,990 can be sent. Names compare without case.
// Content-Length, Transfer-Encoding, Connection and other fields that are about the connection are
// the library's matter: they are not added, and not shown.
class HTTPTELEPORT_EXPORT Message {
 public:
  [[nodiscard]] std::size_t field_count() const noexcept;
  // `index` below field_count(). O(1).
  [[nodiscard]] Field field_at(std::size_t index) const noexcept;
  // The value of the first field of this name; empty when there is none. O(fields).
  [[nodiscard]] std::string_view field(std::string_view name) const noexcept;
  [[nodiscard]] bool has_field(std::string_view name) const noexcept;
  // Adds one behind the others. `name` must be a token (RFC 9110 section 5.6.2) and `value` free of
  // control characters but tab (section 5.5); otherwise the message is not valid until clear(), and
  // calls with it fail with kInvalidArgument.
  void add_field(std::string_view name, std::string_view value);
  // Replaces all fields of this name by one.
  void set_field(std::string_view name, std::string_view value);
  // Removes all of this name; returns how many there were.
  std::size_t remove_field(std::string_view name);

  // Good until the body is changed.
  [[nodiscard]] std::string_view body() const noexcept;
  // Copies.
  void set_body(std::string_view body);
  // And sets Content-Type.
  void set_body(std::string_view body, std::string_view content_type);
  // Takes over without copying.
  void move_body(std::string&& body);
  // Copies them behind what is there.
  void append_body(std::string_view bytes);
  // Moves the body out; it is empty afterwards.
  [[nodiscard]] std::string take_body();

  // False once something was set that cannot be sent.
  [[nodiscard]] bool is_valid() const noexcept;

 protected:
  Message();
  Message(const Message& other);
  Message(Message&& other) noexcept;
  Message& operator=(const Message& other);
  Message& operator=(Message&& other) noexcept;
  ~Message();

  friend struct internal::Access;
  std::unique_ptr<internal::MessageData> data_;  // never null
};

// A moved-from request is as a new one.
class HTTPTELEPORT_EXPORT Request : public Message {
 public:
  // GET /
  Request();
  // `target`: origin-form ("/path?query") or "*" (RFC 9112 section 3.2).
  Request(std::string_view method, std::string_view target);
  Request(const Request& other);
  Request(Request&& other) noexcept;
  Request& operator=(const Request& other);
  Request& operator=(Request&& other) noexcept;
  ~Request();

  // GET / again, without fields and body. Keeps the memory.
  void clear();

  [[nodiscard]] std::string_view method() const noexcept;
  // A token; case matters.
  void set_method(std::string_view method);
  [[nodiscard]] std::string_view target() const noexcept;
  void set_target(std::string_view target);
  // Host, with the port if there is one. Empty in a request to be sent: the client's address.
  [[nodiscard]] std::string_view host() const noexcept;
  void set_host(std::string_view host);
};

// A moved-from response is as a new one.
class HTTPTELEPORT_EXPORT Response : public Message {
 public:
  // 200, without fields and body.
  Response();
  Response(const Response& other);
  Response(Response&& other) noexcept;
  Response& operator=(const Response& other);
  Response& operator=(Response&& other) noexcept;
  ~Response();

  // 200 again, without fields and body. Keeps the memory.
  void clear();

  // 200 to 599. With 204 and 304 the body is not sent, and in answers to HEAD neither.
  [[nodiscard]] int status() const noexcept;
  void set_status(int status);
  // The phrase behind the status; may be empty. What set_reason() was not told is the usual phrase.
  [[nodiscard]] std::string_view reason() const noexcept;
  void set_reason(std::string_view reason);
};

}  // namespace abi0
}  // namespace httpteleport

#endif  // HTTPTELEPORT_MESSAGE_H_
