#include "httpteleport/message.h"

#include <cstring>
#include <functional>
#include <string>
#include <utility>

#include "api/message_data.h"
#include "http/h1/chars.h"

namespace httpteleport {
inline namespace abi0 {
namespace internal {

namespace {

// What may stand in a request line or in Host: anything that does not end it.
bool is_visible(std::string_view text) {
  return http::h1::is_all(text, http::h1::kTargetByte);
}

std::string_view without_white_space_around(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
    text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t'))
    text.remove_suffix(1);
  return text;
}

}  // namespace

bool is_managed(http::FieldId id) {
  switch (id) {
    case http::FieldId::kConnection:
    case http::FieldId::kContentLength:
    case http::FieldId::kExpect:
    case http::FieldId::kKeepAlive:
    case http::FieldId::kProxyConnection:
    case http::FieldId::kTe:
    case http::FieldId::kTrailer:
    case http::FieldId::kTransferEncoding:
    case http::FieldId::kUpgrade:
      return true;
    default:
      return false;
  }
}

void copy_fields(const http::Fields& fields, MessageData& to) {
  for (const http::Field& field : fields) {
    if (field.dropped || field.id == http::FieldId::kHost || is_managed(field.id)) continue;
    to.append(field.name, field.value, field.id);
  }
}

void MessageData::clear() {
  lines.clear();
  places.clear();
  body.clear();
  method.clear();
  target.clear();
  host.clear();
  status = 200;
  reason.clear();
  valid = true;
}

void MessageData::trim() {
  constexpr size_t kKeptBytes = size_t{64} * 1024;
  if (lines.capacity() > kKeptBytes) lines = {};
  if (body.capacity() > kKeptBytes) body = {};
  if (target.capacity() > kKeptBytes) target = {};
}

Field MessageData::field_at(size_t index) const {
  const Place& place = places[index];
  return {{lines.data() + place.name, place.name_bytes},
          {lines.data() + place.value, place.value_bytes}};
}

bool MessageData::has_view(std::string_view text) const {
  return std::greater_equal<>()(text.data(), lines.data()) &&
         std::less<>()(text.data(), lines.data() + lines.size());
}

size_t MessageData::find(std::string_view name, size_t from) const {
  const http::FieldId id = http::field_id_of(name);
  for (; from < places.size(); ++from) {
    if (places[from].id != id || places[from].name_bytes != name.size()) continue;
    if (id != http::FieldId::kOther || http::equals_ignoring_case(field_at(from).name, name)) break;
  }
  return from;
}

void MessageData::remove(size_t index) {
  const uint32_t begin = places[index].name;
  const uint32_t bytes = places[index].end() - begin;
  lines.erase(begin, bytes);
  places.erase(places.begin() + static_cast<std::ptrdiff_t>(index));
  for (; index < places.size(); ++index) {
    places[index].name -= bytes;
    places[index].value -= bytes;
  }
}

void MessageData::append(std::string_view name, std::string_view value, http::FieldId id) {
  Place place{.id = id};
  place.name = static_cast<uint32_t>(lines.size());
  place.name_bytes = static_cast<uint32_t>(name.size());
  place.value = place.name + place.name_bytes + 2;
  place.value_bytes = static_cast<uint32_t>(value.size());
  lines.resize(place.end());
  char* at = lines.data() + place.name;
  std::memcpy(at, name.data(), name.size());
  at += name.size();
  *at++ = ':';
  *at++ = ' ';
  if (!value.empty()) std::memcpy(at, value.data(), value.size());
  at += value.size();
  *at++ = '\r';
  *at = '\n';
  places.push_back(place);
}

}  // namespace internal

using internal::MessageData;

// ---- Message.

Message::Message() : data_(std::make_unique<MessageData>()) {}
Message::Message(const Message& other) : data_(std::make_unique<MessageData>(*other.data_)) {}
Message::Message(Message&& other) noexcept : data_(std::make_unique<MessageData>()) {
  data_.swap(other.data_);
}
Message& Message::operator=(const Message& other) {
  if (this != &other) *data_ = *other.data_;
  return *this;
}
Message& Message::operator=(Message&& other) noexcept {
  data_.swap(other.data_);
  if (this != &other) other.data_->clear();
  return *this;
}
Message::~Message() = default;

size_t Message::field_count() const noexcept {
  return data_->places.size();
}

Field Message::field_at(size_t index) const noexcept {
  return data_->field_at(index);
}

std::string_view Message::field(std::string_view name) const noexcept {
  const size_t index = data_->find(name);
  return index == data_->places.size() ? std::string_view{} : data_->field_at(index).value;
}

bool Message::has_field(std::string_view name) const noexcept {
  return data_->find(name) != data_->places.size();
}

void Message::add_field(std::string_view name, std::string_view value) {
  if (data_->has_view(name) || data_->has_view(value))
    return add_field(std::string(name), std::string(value));
  value = internal::without_white_space_around(value);
  // Together they fit the 32 bits of a Place; no peer takes a head of a fraction of that.
  constexpr size_t kLinesBytesMax = size_t{64} * 1024 * 1024;
  const size_t bytes = data_->lines.size() + name.size() + value.size() + 4;
  if (!http::h1::is_all(name, http::h1::kTokenChar) || !http::h1::is_field_content(value) ||
      bytes > kLinesBytesMax) {
    data_->valid = false;
    return;
  }
  const http::FieldId id = http::field_id_of(name);
  if (internal::is_managed(id)) return;
  if (id == http::FieldId::kHost) {
    data_->valid &= internal::is_visible(value);
    data_->host = value;
    return;
  }
  data_->append(name, value, id);
}

void Message::set_field(std::string_view name, std::string_view value) {
  if (data_->has_view(name) || data_->has_view(value))
    return set_field(std::string(name), std::string(value));
  remove_field(name);
  add_field(name, value);
}

size_t Message::remove_field(std::string_view name) {
  if (data_->has_view(name)) return remove_field(std::string(name));
  size_t removed = 0;
  for (size_t i = data_->find(name); i < data_->places.size(); i = data_->find(name, i)) {
    data_->remove(i);
    ++removed;
  }
  return removed;
}

std::string_view Message::body() const noexcept {
  return data_->body;
}
void Message::set_body(std::string_view body) {
  data_->body = body;
}
void Message::set_body(std::string_view body, std::string_view content_type) {
  data_->body = body;
  set_field("Content-Type", content_type);
}
void Message::move_body(std::string&& body) {
  data_->body = std::move(body);
}
void Message::append_body(std::string_view bytes) {
  data_->body += bytes;
}
std::string Message::take_body() {
  return std::exchange(data_->body, {});
}

bool Message::is_valid() const noexcept {
  return data_->valid;
}

// ---- Request.

Request::Request() = default;
Request::Request(std::string_view method, std::string_view target) {
  set_method(method);
  set_target(target);
}
Request::Request(const Request& other) = default;
Request::Request(Request&& other) noexcept = default;
Request& Request::operator=(const Request& other) = default;
Request& Request::operator=(Request&& other) noexcept = default;
Request::~Request() = default;

void Request::clear() {
  data_->clear();
}
std::string_view Request::method() const noexcept {
  return data_->method_text();
}
void Request::set_method(std::string_view method) {
  data_->valid &= http::h1::is_all(method, http::h1::kTokenChar);
  data_->method = method;
}
std::string_view Request::target() const noexcept {
  return data_->target_text();
}
void Request::set_target(std::string_view target) {
  const bool has_form = target == "*" || (!target.empty() && target.front() == '/');
  data_->valid &= has_form && internal::is_visible(target);
  data_->target = target;
}
std::string_view Request::host() const noexcept {
  return data_->host;
}
void Request::set_host(std::string_view host) {
  data_->valid &= (host.empty() || internal::is_visible(host));
  data_->host = host;
}

// ---- Response.

Response::Response() = default;
Response::Response(const Response& other) = default;
Response::Response(Response&& other) noexcept = default;
Response& Response::operator=(const Response& other) = default;
Response& Response::operator=(Response&& other) noexcept = default;
Response::~Response() = default;

void Response::clear() {
  data_->clear();
}
int Response::status() const noexcept {
  return data_->status;
}
void Response::set_status(int status) {
  data_->valid &= status >= 200 && status <= 599;
  data_->status = status;
}
std::string_view Response::reason() const noexcept {
  return data_->reason.empty() ? http::reason_of(data_->status) : std::string_view(data_->reason);
}
void Response::set_reason(std::string_view reason) {
  data_->valid &= http::h1::is_field_content(reason);
  data_->reason = reason;
}

}  // namespace abi0
}  // namespace httpteleport
