#include "conformance/strict_request.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace httpteleport::test {
namespace {

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

bool is_digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// Fields of one connection (RFC 9110 section 7.6.1), which the proxy must have consumed, but for
// Connection and Upgrade, which it may write itself.
constexpr std::array kOneHopOnly = {
    "keep-alive", "proxy-connection", "proxy-authorization", "proxy-authenticate",
    "te",         "trailer",          "http2-settings"};
// Fields that must not be in trailers (RFC 9110 section 6.5.1), for framing, routing and control.
constexpr std::array kNotInTrailers = {
    "content-length", "transfer-encoding", "host", "connection",   "upgrade",
    "expect",         "trailer",           "te",   "max-forwards", "keep-alive",
    "x-forwarded-for"};

template <class Names>
bool holds(const Names& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::string fault_of_target(const MessageHead& head) {
  const auto is_odd = [](char c) { return c <= ' ' || c >= 0x7f || c == '#'; };
  if (std::any_of(head.target.begin(), head.target.end(), is_odd)) return "odd byte in the target";
  if (head.target == "*") return head.method == "OPTIONS" ? "" : "target * of no OPTIONS";
  return head.target.starts_with('/') ? "" : "target is no path";
}

std::string fault_of_connection(const MessageHead& head) {
  const bool offers = head.count("upgrade") > 0;
  if (head.count("connection") > 1 || head.count("upgrade") > 1) return "repeated Connection";
  const std::string connection = lower(head.find("connection").value_or(""));
  if (head.count("connection") > 0 && connection != "close" && connection != "keep-alive" &&
      connection != "upgrade") {
    return "Connection: " + connection;
  }
  return offers == (connection == "upgrade") ? "" : "Upgrade without its Connection";
}

}  // namespace

std::string fault_of(const MessageHead& head) {
  if (head.minor_version != 1) return "not HTTP/1.1";
  if (std::string fault = fault_of_target(head); !fault.empty()) return fault;
  if (head.count("host") != 1) return std::to_string(head.count("host")) + " Host fields";
  if (std::string fault = fault_of_connection(head); !fault.empty()) return fault;
  if (const auto length = head.find("content-length"); length && !is_digits(*length))
    return "Content-Length: " + *length;
  if (const auto length = head.find("content-length"); length && length->size() > 1)
    if (length->front() == '0') return "Content-Length: " + *length;
  for (const auto& [name, value] : head.fields) {
    if (holds(kOneHopOnly, lower(name))) return "a field of one hop only: " + name;
  }
  return {};
}

std::string fault_of_trailers(const MessageHead& head) {
  for (const auto& [name, value] : head.trailers) {
    if (holds(kNotInTrailers, lower(name))) return "a field that is no trailer: " + name;
  }
  return {};
}

bool is_plain_chunk_size(std::string_view line) {
  if (line == "0") return true;
  return !line.empty() && line.front() != '0' &&
         line.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
}

}  // namespace httpteleport::test
