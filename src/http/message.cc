#include "http/message.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

namespace httpteleport::http {

namespace {

char to_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

struct KnownField {
  std::string_view name;  // lower case
  FieldId id;
};

constexpr KnownField kKnownFields[] = {
    {"connection", FieldId::kConnection},
    {"content-length", FieldId::kContentLength},
    {"content-type", FieldId::kContentType},
    {"date", FieldId::kDate},
    {"expect", FieldId::kExpect},
    {"forwarded", FieldId::kForwarded},
    {"host", FieldId::kHost},
    {"keep-alive", FieldId::kKeepAlive},
    {"max-forwards", FieldId::kMaxForwards},
    {"proxy-authenticate", FieldId::kProxyAuthenticate},
    {"proxy-authorization", FieldId::kProxyAuthorization},
    {"proxy-connection", FieldId::kProxyConnection},
    {"te", FieldId::kTe},
    {"trailer", FieldId::kTrailer},
    {"transfer-encoding", FieldId::kTransferEncoding},
    {"upgrade", FieldId::kUpgrade},
    {"via", FieldId::kVia},
    {"x-forwarded-for", FieldId::kXForwardedFor},
    {"x-forwarded-host", FieldId::kXForwardedHost},
    {"x-forwarded-proto", FieldId::kXForwardedProto},
};

// Perfect for the names above: the slot differs between any two. The table is filled at compile
// time, which fails if a new name breaks that.
constexpr size_t kSlots = 256;
constexpr size_t slot_of(std::string_view name) {
  const auto first = static_cast<unsigned char>(name.front() | 0x20);
  const auto third_last =
      static_cast<unsigned char>(name[name.size() >= 3 ? name.size() - 3 : 0] | 0x20);
  return (name.size() + first + third_last) % kSlots;
}

struct FieldTable {
  uint8_t index[kSlots] = {};  // 1 + index into kKnownFields, 0 = none
};

consteval FieldTable make_table() {
  FieldTable table;
  uint8_t next = 1;
  for (const KnownField& field : kKnownFields) {
    uint8_t& slot = table.index[slot_of(field.name)];
    if (slot != 0) throw "two names in one slot: choose another sum";
    slot = next++;
  }
  return table;
}

constexpr FieldTable kFieldTable = make_table();

// Views of constants ("/", "*") stay.
void move_view(std::string_view& view, std::string_view from, const char* to) {
  if (view.data() < from.data() || view.data() >= from.data() + from.size()) return;
  view = {to + (view.data() - from.data()), view.size()};
}

}  // namespace

namespace {

constexpr size_t kWordBytes = sizeof(uint64_t);

uint64_t word_at(const char* bytes) {
  uint64_t word = 0;
  std::memcpy(&word, bytes, sizeof word);
  return word;
}

// The same value in each byte.
constexpr uint64_t each_byte(uint8_t value) {
  return value * 0x0101010101010101u;
}

// Eight characters at a time. Where two differ, it must be by the bit that tells lower case from
// upper case, and the character must be a letter.
bool is_same_but_for_case(uint64_t a, uint64_t b) {
  const uint64_t difference = a ^ b;
  if (difference == 0) return true;
  if ((difference & ~each_byte(0x20)) != 0) return false;
  const uint64_t lower = a | each_byte(0x20);
  const uint64_t low_bits = lower & each_byte(0x7f);
  // The top bit of a byte says: from 'a' on; and: beyond 'z'.
  const uint64_t from_a = low_bits + each_byte(0x80 - 'a');
  const uint64_t beyond_z = low_bits + each_byte(0x80 - 'z' - 1);
  const uint64_t letters = from_a & ~beyond_z & ~lower & each_byte(0x80);
  return (difference << 2 & ~letters) == 0;
}

}  // namespace

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  const size_t size = a.size();
  size_t at = 0;
  for (; size - at >= kWordBytes; at += kWordBytes) {
    if (!is_same_but_for_case(word_at(a.data() + at), word_at(b.data() + at))) return false;
  }
  // The last word may overlap the one before it.
  if (at > 0 && at < size) {
    at = size - kWordBytes;
    return is_same_but_for_case(word_at(a.data() + at), word_at(b.data() + at));
  }
  for (; at < size; ++at) {
    if (to_lower(a[at]) != to_lower(b[at])) return false;
  }
  return true;
}

bool is_multipart_form(std::string_view content_type) {
  static constexpr std::string_view kForm = "multipart/form-data";
  return equals_ignoring_case(content_type.substr(0, kForm.size()), kForm);
}

FieldId field_id_of(std::string_view name) {
  if (name.empty()) return FieldId::kOther;
  const uint8_t index = kFieldTable.index[slot_of(name)];
  if (index == 0) return FieldId::kOther;
  const KnownField& known = kKnownFields[index - 1];
  return equals_ignoring_case(known.name, name) ? known.id : FieldId::kOther;
}

Method method_of(std::string_view text) {
  switch (text.size()) {
    case 3:
      if (text == "GET") return Method::kGet;
      if (text == "PUT") return Method::kPut;
      break;
    case 4:
      if (text == "POST") return Method::kPost;
      if (text == "HEAD") return Method::kHead;
      break;
    case 5:
      if (text == "PATCH") return Method::kPatch;
      if (text == "TRACE") return Method::kTrace;
      break;
    case 6:
      if (text == "DELETE") return Method::kDelete;
      break;
    case 7:
      if (text == "OPTIONS") return Method::kOptions;
      if (text == "CONNECT") return Method::kConnect;
      break;
    default:
      break;
  }
  return Method::kOther;
}

bool is_safe(Method method) {
  return method == Method::kGet || method == Method::kHead || method == Method::kOptions ||
         method == Method::kTrace;
}

bool is_idempotent(Method method) {
  switch (method) {
    case Method::kGet:
    case Method::kHead:
    case Method::kPut:
    case Method::kDelete:
    case Method::kOptions:
    case Method::kTrace:
      return true;
    case Method::kPost:
    case Method::kConnect:
    case Method::kPatch:
    case Method::kOther:
      return false;
  }
  return false;
}

const Field* Fields::find(FieldId id) const {
  for (const Field& field : list_) {
    if (field.id == id && !field.dropped) return &field;
  }
  return nullptr;
}

Field* Fields::find(FieldId id) {
  return const_cast<Field*>(std::as_const(*this).find(id));
}

const Field* Fields::find(std::string_view name) const {
  for (const Field& field : list_) {
    if (!field.dropped && equals_ignoring_case(field.name, name)) return &field;
  }
  return nullptr;
}

Field* Fields::find(std::string_view name) {
  return const_cast<Field*>(std::as_const(*this).find(name));
}

void Fields::drop(FieldId id) {
  for (Field& field : list_) {
    if (field.id == id) field.dropped = true;
  }
}

void RequestHead::clear() {
  method = Method::kOther;
  expects_continue = keep_alive = false;
  version_minor = 1;
  method_text = target = authority = upgrade = {};
  fields.clear();
  body = {};
  refusal.reset();
  deadline = TimePoint::max();
  answer_limit = {};
  plain_body = false;
}

void RequestHead::rebase(std::string_view from, const char* to) {
  move_view(method_text, from, to);
  move_view(target, from, to);
  move_view(authority, from, to);
  move_view(upgrade, from, to);
  for (Field& field : fields) {
    move_view(field.name, from, to);
    move_view(field.value, from, to);
  }
}

void ResponseHead::clear() {
  status = 0;
  version_minor = 1;
  keep_alive = abandons_request = false;
  reason = upgrade = {};
  fields.clear();
  body = {};
  body_is_chunked = false;
  declared_length.reset();
  refusal.reset();
}

std::string_view reason_of(int status) {
  switch (status) {
    case 100:
      return "Continue";
    case 101:
      return "Switching Protocols";
    case 200:
      return "OK";
    case 204:
      return "No Content";
    case 301:
      return "Moved Permanently";
    case 304:
      return "Not Modified";
    case 308:
      return "Permanent Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 411:
      return "Length Required";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 417:
      return "Expectation Failed";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "";
  }
}

std::optional<std::string_view> next_list_element(std::string_view& list) {
  while (!list.empty()) {
    const size_t comma = list.find(',');
    std::string_view element = list.substr(0, comma);
    list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
    while (!element.empty() && (element.front() == ' ' || element.front() == '\t'))
      element.remove_prefix(1);
    while (!element.empty() && (element.back() == ' ' || element.back() == '\t'))
      element.remove_suffix(1);
    if (!element.empty()) return element;
  }
  return std::nullopt;
}

}  // namespace httpteleport::http
