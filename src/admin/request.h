// A request as those see it who answer it here: whole, and their own.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/message.h"
#include "net/address.h"

namespace httpteleport::admin {

struct Request {
  http::Method method = http::Method::kOther;
  std::string method_text;
  std::string target;     // origin-form, as it was sent
  std::string authority;  // Host; empty when an HTTP/1.0 client names none
  std::vector<std::pair<std::string, std::string>> fields;
  std::string body;
  net::Address local;  // where the client has connected to

  static Request of(const http::RequestHead& head, const net::Address& local);

  // Without its query, not decoded.
  std::string_view path() const;
  // Behind the '?', not decoded.
  std::string_view query() const;
  // Of the first field of this name (without case), nullptr if there is none.
  const std::string* find(std::string_view name) const;
  // Whether the method asks for a change.
  bool is_change() const { return !http::is_safe(method); }
};

// The segments of a path that begins with '/', decoded: none of "/", "a/b" and "" of "/a%2Fb/".
// Nothing is done about "." and "..": there are no files behind these paths. False when a %xx is
// malformed.
bool split_path(std::string_view path, std::vector<std::string>& segments);

// `text` with its %xx decoded. False when one of them is malformed.
bool decode_percent(std::string_view text, std::string& decoded);

// A segment of a path, or a value of a query, that decodes to `text`.
std::string encode_percent(std::string_view text);

// The value of the first `name` in a query string, not decoded, "" if it is not there or has none.
std::string_view query_value(std::string_view query, std::string_view name);
// Whether it is there, with a value or without.
bool query_has(std::string_view query, std::string_view name);
// Whether it is switched on: "name", "name=1" or "name=true".
bool query_flag(std::string_view query, std::string_view name);
// The same of what is safer on than off: on with every other value too but "0" and "false", so that
// no way of writing it is the less careful one.
bool query_caution(std::string_view query, std::string_view name);

// `authority` without its port, nor the brackets of an IPv6 address.
std::string_view host_of(std::string_view authority);

}  // namespace httpteleport::admin
