#include "admin/request.h"

namespace httpteleport::admin {

namespace {

// -1 when it is none.
int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_unreserved(char c) {
  const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  return is_letter || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
}

// Takes the next "name=value" off the front; false at the end.
bool next_pair(std::string_view& query, std::string_view& name, std::string_view& value) {
  if (query.empty()) return false;
  const std::string_view pair = query.substr(0, query.find('&'));
  query.remove_prefix(std::min(pair.size() + 1, query.size()));
  const size_t equals = pair.find('=');
  name = pair.substr(0, equals);
  value = equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1);
  return true;
}

}  // namespace

Request Request::of(const http::RequestHead& head, const net::Address& local) {
  Request request;
  request.method = head.method;
  request.method_text = head.method_text;
  request.target = head.target;
  request.authority = head.authority;
  for (const http::Field& field : head.fields) {
    if (!field.dropped) request.fields.emplace_back(field.name, field.value);
  }
  request.local = local;
  return request;
}

std::string_view Request::path() const {
  return std::string_view(target).substr(0, target.find('?'));
}

std::string_view Request::query() const {
  const size_t mark = target.find('?');
  return mark == std::string::npos ? std::string_view() : std::string_view(target).substr(mark + 1);
}

const std::string* Request::find(std::string_view name) const {
  for (const auto& [field, value] : fields) {
    if (http::equals_ignoring_case(field, name)) return &value;
  }
  return nullptr;
}

bool split_path(std::string_view path, std::vector<std::string>& segments) {
  segments.clear();
  if (path.empty() || path[0] != '/') return false;
  if (path == "/") return true;
  while (!path.empty()) {
    path.remove_prefix(1);
    const std::string_view segment = path.substr(0, path.find('/'));
    if (!decode_percent(segment, segments.emplace_back())) return false;
    path.remove_prefix(segment.size());
  }
  return true;
}

bool decode_percent(std::string_view text, std::string& decoded) {
  decoded.clear();
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    if (text.size() - i < 3) return false;
    const int high = hex_value(text[i + 1]);
    const int low = hex_value(text[i + 2]);
    if (high < 0 || low < 0) return false;
    decoded += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return true;
}

std::string encode_percent(std::string_view text) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    if (is_unreserved(c)) {
      encoded += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    encoded += {'%', kDigits[byte >> 4], kDigits[byte & 15]};
  }
  return encoded;
}

std::string_view query_value(std::string_view query, std::string_view name) {
  std::string_view key;
  std::string_view value;
  while (next_pair(query, key, value)) {
    if (key == name) return value;
  }
  return {};
}

bool query_has(std::string_view query, std::string_view name) {
  std::string_view key;
  std::string_view value;
  while (next_pair(query, key, value)) {
    if (key == name) return true;
  }
  return false;
}

bool query_flag(std::string_view query, std::string_view name) {
  const std::string_view value = query_value(query, name);
  return query_has(query, name) && (value.empty() || value == "1" || value == "true");
}

bool query_caution(std::string_view query, std::string_view name) {
  std::string_view key;
  std::string_view value;
  while (next_pair(query, key, value)) {
    if (key == name && value != "0" && value != "false") return true;
  }
  return false;
}

std::string_view host_of(std::string_view authority) {
  const size_t end = authority.rfind(':');
  const bool is_port =
      end != std::string_view::npos && authority.find(']', end) == std::string_view::npos;
  std::string_view host = authority.substr(0, is_port ? end : authority.size());
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  return host;
}

}  // namespace httpteleport::admin
