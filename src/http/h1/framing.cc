#include "http/h1/framing.h"

#include "http/h1/chars.h"

namespace httpteleport::http::h1 {

namespace {

Error bad_request(const char* detail) {
  return {Code::kMalformed, Source::kDownstream, 0, detail};
}
Error bad_response(const char* detail) {
  return {Code::kMalformed, Source::kUpstream, 0, detail};
}

// One look at all fields; what the framing rules need of them.
struct FramingFields {
  int lengths = 0;
  int codings = 0;
  int hosts = 0;
  int expectations = 0;
  int upgrades = 0;
  bool close = false;
  bool keep_alive = false;
  bool wants_upgrade = false;
  bool names_others = false;  // Connection names more than these three
  const Field* length = nullptr;
  const Field* coding = nullptr;
  Field* host = nullptr;
  const Field* expectation = nullptr;
  const Field* upgrade = nullptr;
};

void read_connection_options(std::string_view list, FramingFields& found) {
  while (const auto option = next_list_element(list)) {
    if (equals_ignoring_case(*option, "close")) {
      found.close = true;
    } else if (equals_ignoring_case(*option, "keep-alive")) {
      found.keep_alive = true;
    } else if (equals_ignoring_case(*option, "upgrade")) {
      found.wants_upgrade = true;
    } else {
      found.names_others = true;
    }
  }
}

FramingFields look_at(Fields& fields) {
  FramingFields found;
  for (Field& field : fields) {
    switch (field.id) {
      case FieldId::kConnection:
        read_connection_options(field.value, found);
        field.dropped = true;
        break;
      case FieldId::kContentLength:
        ++found.lengths;
        found.length = &field;
        field.dropped = true;
        break;
      case FieldId::kTransferEncoding:
        ++found.codings;
        found.coding = &field;
        field.dropped = true;
        break;
      case FieldId::kHost:
        ++found.hosts;
        found.host = &field;
        break;
      case FieldId::kExpect:
        ++found.expectations;
        found.expectation = &field;
        break;
      case FieldId::kUpgrade:
        ++found.upgrades;
        found.upgrade = &field;
        field.dropped = true;
        break;
      case FieldId::kKeepAlive:
      case FieldId::kProxyAuthenticate:
      case FieldId::kProxyAuthorization:
      case FieldId::kProxyConnection:
      case FieldId::kTe:
      case FieldId::kTrailer:
        field.dropped = true;
        break;
      default:
        break;
    }
  }
  return found;
}

// Fields that a peer may not have removed by naming them in Connection: the next hop decides by
// them who asks, and for what.
bool may_be_named(FieldId id) {
  switch (id) {
    case FieldId::kHost:
    case FieldId::kForwarded:
    case FieldId::kVia:
    case FieldId::kXForwardedFor:
    case FieldId::kXForwardedHost:
    case FieldId::kXForwardedProto:
    case FieldId::kExpect:
    case FieldId::kDate:
      return false;
    default:
      return true;
  }
}

// At most this many names are looked up: each costs a look at every field.
constexpr int kNamedFieldsMax = 100;

// False when Connection names more fields than that.
[[nodiscard]] bool drop_named_by_connection(Fields& fields) {
  int names = 0;
  for (const Field& connection : fields) {
    if (connection.id != FieldId::kConnection) continue;
    std::string_view list = connection.value;
    while (const auto option = next_list_element(list)) {
      if (++names > kNamedFieldsMax) return false;
      for (Field& field : fields) {
        if (may_be_named(field.id) && equals_ignoring_case(field.name, *option))
          field.dropped = true;
      }
    }
  }
  return true;
}

bool is_hex_digit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// Bytes of a registered name or an IPv4 address (RFC 3986 section 3.2.2).
bool is_name(std::string_view name) {
  for (size_t at = 0; at < name.size(); ++at) {
    if (!is_char(name[at], kHostChar)) return false;
    if (name[at] != '%') continue;
    if (name.size() - at < 3 || !is_hex_digit(name[at + 1]) || !is_hex_digit(name[at + 2]))
      return false;
    at += 2;
  }
  return !name.empty();
}

// What may stand in brackets: the bytes of an IPv6 address. Stricter than the RFC, which has room
// for addresses of the future.
bool is_ip_literal(std::string_view literal) {
  int colons = 0;
  for (const char c : literal) {
    if (c != ':' && c != '.' && !is_hex_digit(c)) return false;
    colons += c == ':' ? 1 : 0;
  }
  return colons >= 2;
}

// host [":" port]. Whoever is next must not find another host in it than routes and logs here do.
bool is_host(std::string_view value) {
  size_t end = value.find(':');
  if (value.starts_with('[')) {
    end = value.find(']');
    if (end == std::string_view::npos || !is_ip_literal(value.substr(1, end - 1))) return false;
    ++end;
  } else if (!is_name(value.substr(0, end))) {
    return false;
  }
  if (end == std::string_view::npos || end == value.size()) return true;
  if (value[end] != ':') return false;
  return value.find_first_not_of("0123456789", end + 1) == std::string_view::npos;
}

// "http://host/path" becomes authority "host" and target "/path". RFC 9112 section 3.2.2: the
// authority replaces Host.
Result<void> split_absolute_form(RequestHead& head, Field* host) {
  const size_t colon = head.target.find("://");
  if (colon == std::string_view::npos)
    return bad_request("the request target is neither a path nor an http URI");
  const std::string_view scheme = head.target.substr(0, colon);
  if (!equals_ignoring_case(scheme, "http") && !equals_ignoring_case(scheme, "https")) {
    return bad_request("the request target has a scheme other than http and https");
  }
  const std::string_view rest = head.target.substr(colon + 3);
  const size_t path = rest.find_first_of("/?");
  head.authority = rest.substr(0, path);
  if (!is_host(head.authority)) return bad_request("the request target has no proper host");
  if (path == std::string_view::npos) {
    head.target = head.method == Method::kOptions ? "*" : "/";
  } else if (rest[path] == '?') {
    return bad_request("the request target has a query but no path");
  } else {
    head.target = rest.substr(path);
  }
  if (host != nullptr) host->value = head.authority;
  return {};
}

Result<void> frame_target(RequestHead& head, const FramingFields& found) {
  if (head.method == Method::kConnect) {
    return Error{Code::kUnsupported, Source::kDownstream, 0, "CONNECT is not served here"};
  }
  if (found.hosts > 1) return bad_request("more than one Host field");
  if (found.hosts == 0 && head.version_minor >= 1) return bad_request("no Host field");
  if (found.host != nullptr) {
    // An empty one says that the target has no authority (RFC 9112 section 3.2).
    if (!found.host->value.empty() && !is_host(found.host->value))
      return bad_request("the Host field is not a host and port");
    head.authority = found.host->value;
  }
  if (head.target.front() == '/') return {};
  if (head.target == "*") {
    if (head.method == Method::kOptions) return {};
    return bad_request("the target * is for OPTIONS only");
  }
  return split_absolute_form(head, found.host);
}

Result<void> frame_request_body(RequestHead& head, const FramingFields& found) {
  if (found.codings > 0) {
    if (found.lengths > 0) return bad_request("both Transfer-Encoding and Content-Length");
    if (head.version_minor == 0) return bad_request("Transfer-Encoding in an HTTP/1.0 request");
    if (found.codings > 1 || !equals_ignoring_case(found.coding->value, "chunked")) {
      return Error{Code::kUnsupported, Source::kDownstream, 0,
                   "a transfer coding other than chunked"};
    }
    head.body = BodyLength::unknown();
    return {};
  }
  if (found.lengths == 0) return {};
  if (found.lengths > 1) return bad_request("more than one Content-Length");
  const auto length = parse_content_length(found.length->value);
  if (!length) return bad_request("Content-Length is not a plain number");
  head.body = BodyLength::known(*length);
  return {};
}

void frame_expectation(RequestHead& head, const FramingFields& found) {
  if (found.expectation == nullptr) return;
  if (found.expectations > 1 || !equals_ignoring_case(found.expectation->value, "100-continue")) {
    head.refusal =
        Error{Code::kBadExpectation, Source::kDownstream, 0, "an Expect other than 100-continue"};
    return;
  }
  // An HTTP/1.0 client cannot take a 100 (RFC 9110 section 10.1.1), nor does a message without a
  // body need one.
  head.expects_continue = head.version_minor >= 1 && !head.body.is_none();
  if (!head.expects_continue) head.fields.drop(FieldId::kExpect);
}

bool is_token(std::string_view text) {
  for (const char c : text) {
    if (!is_char(c, kTokenChar)) return false;
  }
  return !text.empty();
}

// name ["/" version], of a protocol in which no requests travel that we would not see.
bool may_switch_to(std::string_view protocol) {
  const size_t slash = protocol.find('/');
  const std::string_view name = protocol.substr(0, slash);
  if (!is_token(name)) return false;
  if (slash != std::string_view::npos && !is_token(protocol.substr(slash + 1))) return false;
  for (const std::string_view forbidden : {"h2", "h2c", "http", "tls"}) {
    if (equals_ignoring_case(name, forbidden)) return false;
  }
  return true;
}

void frame_upgrade(RequestHead& head, const FramingFields& found) {
  if (found.upgrades != 1 || !found.wants_upgrade || head.version_minor == 0 ||
      head.method == Method::kHead || !head.body.is_none()) {
    return;
  }
  std::string_view rest = found.upgrade->value;
  bool any = false;
  while (const auto protocol = next_list_element(rest)) {
    if (!may_switch_to(*protocol)) return;
    any = true;
  }
  if (any) head.upgrade = found.upgrade->value;
}

Result<void> frame_switch(std::string_view offer, const FramingFields& found, ResponseHead& head) {
  if (offer.empty()) {
    head.refusal = bad_response("the response switches protocols, which nobody asked for");
    head.body = BodyLength::none();
    head.keep_alive = false;
    return {};
  }
  if (head.version_minor == 0 || found.lengths > 0 || found.codings > 0)
    return bad_response("the response switches protocols, but is not framed like that");
  while (const auto protocol = next_list_element(offer)) {
    if (found.upgrades != 1 || !equals_ignoring_case(*protocol, found.upgrade->value)) continue;
    head.upgrade = found.upgrade->value;
    head.body = BodyLength::unknown();
    return {};
  }
  return bad_response("the response switches to a protocol that was not offered");
}

}  // namespace

std::optional<uint64_t> parse_content_length(std::string_view value) {
  if (value.empty() || value.size() > 19) return std::nullopt;
  uint64_t length = 0;
  for (const char c : value) {
    if (c < '0' || c > '9') return std::nullopt;
    length = length * 10 + static_cast<uint64_t>(c - '0');
  }
  // 19 digits stay below 2^64; above 2^63 - 1 is no length that anything could carry.
  if (length > uint64_t{INT64_MAX}) return std::nullopt;
  return length;
}

Result<void> frame_request(RequestHead& head) {
  const FramingFields found = look_at(head.fields);
  if (const Result<void> body = frame_request_body(head, found); !body) return body;
  head.keep_alive = head.version_minor >= 1 ? !found.close : found.keep_alive && !found.close;
  if (const Result<void> target = frame_target(head, found); !target) head.refusal = target.error();
  frame_expectation(head, found);
  frame_upgrade(head, found);
  // An HTTP/1.0 client may name the host in the target alone; whoever is next needs the field.
  if (found.hosts == 0 && !head.authority.empty() && !head.refusal)
    head.fields.add("Host", head.authority, FieldId::kHost);
  if (found.names_others && !drop_named_by_connection(head.fields)) {
    head.refusal = bad_request("Connection names too many fields");
  }
  return {};
}

Result<void> frame_response(Method request_method, std::string_view upgrade_offer,
                            ResponseHead& head) {
  const FramingFields found = look_at(head.fields);
  head.keep_alive = head.version_minor >= 1 ? !found.close : found.keep_alive && !found.close;
  if (found.names_others && !drop_named_by_connection(head.fields)) {
    head.refusal = bad_response("the response's Connection names too many fields");
  }
  if (head.status == 101) return frame_switch(upgrade_offer, found, head);

  if (found.lengths > 1) return bad_response("the response has more than one Content-Length");
  if (found.lengths == 1) {
    head.declared_length = parse_content_length(found.length->value);
    if (!head.declared_length)
      return bad_response("the response's Content-Length is not a plain number");
  }
  if (found.codings > 0) {
    if (found.lengths > 0)
      return bad_response("the response has both Transfer-Encoding and Content-Length");
    if (head.version_minor == 0) return bad_response("Transfer-Encoding in an HTTP/1.0 response");
    if (found.codings > 1 || !equals_ignoring_case(found.coding->value, "chunked")) {
      return Error{Code::kUnsupported, Source::kUpstream, 0,
                   "the response has a transfer coding other than chunked"};
    }
  }
  if (request_method == Method::kHead || status_has_no_body(head.status)) {
    head.body = BodyLength::none();
    return {};
  }
  if (head.declared_length) {
    head.body = BodyLength::known(*head.declared_length);
    return {};
  }
  head.body = BodyLength::unknown();
  head.body_is_chunked = found.codings > 0;
  // A body that ends with the connection leaves nothing to reuse.
  if (!head.body_is_chunked) head.keep_alive = false;
  return {};
}

}  // namespace httpteleport::http::h1
