#include "service/value_forms.h"

#include <arpa/inet.h>
#include <curl/curl.h>

#include <algorithm>
#include <memory>

#include "base/line_writer.h"
#include "net/address.h"
#include "service/json_writer.h"
#include "service/listening.h"
#include "teleport/link_choice.h"

namespace httpteleport::service {

namespace {

constexpr size_t kShownBytes = 100;
constexpr size_t kNameBytesMax = 255;
constexpr size_t kHostBytesMax = 255;
constexpr size_t kPageTextBytesMax = size_t{1024} * 1024;  // as of pages that are fetched
constexpr size_t kUrlBytesMax = 4096;

// The characters of a text: on_character() of each; false where the bytes are none.
template <class OnCharacter>
bool walk_characters(std::string_view text, const OnCharacter& on_character) {
  while (!text.empty()) {
    const size_t length = utf8_length(text);
    if (length == 0) return false;
    on_character(text.substr(0, length));
    text.remove_prefix(length);
  }
  return true;
}

bool is_utf8(std::string_view text) {
  return walk_characters(text, [](std::string_view) {});
}

// Those of U+0080 to U+009F too, which terminals obey as well.
bool has_any_control(std::string_view text) {
  bool found = has_control_character(text);
  walk_characters(text, [&found](std::string_view character) {
    found |= character >= "\xc2\x80" && character <= "\xc2\x9f";
  });
  return found;
}

bool is_alphanumeric(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_host_name(std::string_view text) {
  return !text.empty() && text.size() <= kHostBytesMax && std::ranges::all_of(text, [](char c) {
    return is_alphanumeric(c) || c == '.' || c == '-' || c == '_';
  });
}

bool is_ip(std::string_view text, int family) {
  unsigned char address[sizeof(in6_addr)];
  // An IPv6 address may be of one interface: fe80::1%eth0.
  const size_t zone = family == AF_INET6 ? text.find('%') : std::string_view::npos;
  if (zone != std::string_view::npos && !is_host_name(text.substr(zone + 1))) return false;
  text = text.substr(0, zone);
  return inet_pton(family, std::string(text).c_str(), address) == 1;
}

// Of the part behind the colon, which names a family for all but the networks of any.
std::string wrong_host(std::string_view host, std::string_view network, AddressUse use) {
  if (host.empty()) {
    return use == AddressUse::kListen ? "" : "host:port is accepted, and the host is missing";
  }
  const bool is_v4 = is_ip(host, AF_INET);
  const bool is_v6 = is_ip(host, AF_INET6);
  if (is_v6 && network.ends_with('4')) return "an IPv4 address or a name is accepted as the host";
  if (is_v4 && network.ends_with('6')) return "an IPv6 address or a name is accepted as the host";
  if (is_v4 || is_v6 || is_host_name(host)) return {};
  return "an IP address or a name is accepted as the host";
}

std::string wrong_path_of_socket(std::string_view path) {
  if (has_control_character(path)) return "a path without control characters is accepted";
  const Result<net::Address> address = net::Address::unix_path(path);
  return address ? "" : address.error().detail;
}

// By the parser that is to fetch it.
bool is_http_url(const std::string& text) {
  if (text.size() > kUrlBytesMax) return false;
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> url(curl_url(), curl_url_cleanup);
  if (!url || curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK) return false;
  char* host = nullptr;
  const bool has_host =
      curl_url_get(url.get(), CURLUPART_HOST, &host, 0) == CURLUE_OK && *host != '\0';
  curl_free(host);
  return has_host;
}

// An absolute path behind file: or file://.
bool is_file_url(std::string_view text) {
  text.remove_prefix(std::string_view("file:").size());
  if (text.starts_with("///")) text.remove_prefix(2);
  return text.starts_with('/') && !text.starts_with("//");
}

bool is_token(std::string_view text) {
  static constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return is_alphanumeric(c) || kMarks.find(c) != std::string_view::npos;
  });
}

}  // namespace

bool has_control_character(std::string_view text) {
  return std::ranges::any_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
  });
}

bool is_host(std::string_view text) {
  if (text.starts_with('[') && text.ends_with(']'))
    return is_ip(text.substr(1, text.size() - 2), AF_INET6);
  return is_ip(text, AF_INET6) || is_host_name(text);
}

bool is_host_and_port(std::string_view text) {
  if (is_host(text)) return true;
  const Result<net::HostPort> parts = net::parse_host_port(text);
  if (!parts || parts->port == 0) return false;
  return text.starts_with('[') ? is_ip(parts->host, AF_INET6) : is_host_name(parts->host);
}

bool is_origin_form(std::string_view text) {
  return text.starts_with('/') && std::ranges::none_of(text, [](char c) {
           return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f || c == '#';
         });
}

std::string_view cut_text(std::string_view text, size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  size_t end = bytes_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80)
    --end;
  return text.substr(0, end);
}

std::string quoted_value(std::string_view text) {
  std::string quoted;
  append_json_string(quoted, cut_text(text, kShownBytes));
  if (text.size() > kShownBytes) quoted.insert(quoted.size() - 1, "...");
  return quoted;
}

std::string shown_name(std::string_view name) {
  if (!is_utf8(name) || has_control_character(name)) return quoted_value(name);
  if (name.size() <= kShownBytes) return std::string(name);
  return std::string(cut_text(name, kShownBytes)) + "...";
}

std::string wrong_name(std::string_view name) {
  if (name.empty()) return "a name that is not empty is accepted";
  if (name.size() > kNameBytesMax) return "a name of at most 255 bytes is accepted";
  if (name.starts_with('_')) return "a name that does not begin with _ is accepted";
  if (name.find('/') != std::string_view::npos) return "a name without / is accepted";
  if (name == "." || name == "..") return "a name other than . and .. is accepted";
  // Others would become one name in a state file.
  if (!is_utf8(name)) return "a name of valid UTF-8 is accepted";
  if (has_any_control(name)) return "a name without control characters is accepted";
  return {};
}

std::optional<std::string_view> unix_path_of(std::string_view address, std::string_view network) {
  constexpr std::string_view kPrefix = "unix:";
  if (address.starts_with(kPrefix)) return address.substr(kPrefix.size());
  if (network == "unix" || address.starts_with('/')) return address;
  return std::nullopt;
}

std::string wrong_address(std::string_view address, std::string_view network, AddressUse use) {
  const bool path_is_accepted = network == "unix" || is_request(network);
  if (path_is_accepted) {
    if (const auto path = unix_path_of(address, network)) return wrong_path_of_socket(*path);
  }
  const Result<net::HostPort> parts = net::parse_host_port(address);
  if (!parts) return parts.error().detail;
  if (parts->port == 0 && use == AddressUse::kConnect)
    return "host:port with a port from 1 to 65535 is accepted";
  return wrong_host(parts->host, network, use);
}

std::string wrong_check_address(std::string_view address, std::string_view network) {
  const bool is_path = unix_path_of(address, network).has_value();
  return wrong_address(address, is_path ? "unix" : "tcp", AddressUse::kConnect);
}

std::string wrong_virtual_host(std::string_view text) {
  constexpr char kForms[] = "host, host/path, *.host and * are accepted, without a port";
  const size_t slash = text.find('/');
  std::string_view host = text.substr(0, slash);
  const std::string_view path = slash == std::string_view::npos ? "" : text.substr(slash);
  const bool odd_path = std::ranges::any_of(path, [](char c) {
    return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f || c == '?' || c == '#';
  });
  if (odd_path) return kForms;
  if (host == "*") return {};
  const bool wildcard = host.starts_with("*.");
  if (wildcard) host.remove_prefix(2);
  // IPv6 addresses stand in brackets, as in a Host field.
  const bool bare_colon = host.find(':') != std::string_view::npos && !host.starts_with('[');
  return is_host(host) && !bare_colon && !(wildcard && host.starts_with('[')) ? "" : kForms;
}

std::string wrong_error_page(std::string_view page) {
  constexpr char kForms[] = "http://..., https://..., file:/PATH and text:TEXT are accepted";
  constexpr std::string_view kText = "text:";
  if (page.starts_with(kText)) {
    if (page.size() == kText.size()) return "there is no text behind text:";
    if (page.size() - kText.size() <= kPageTextBytesMax) return {};
    return "a text of at most " + std::to_string(kPageTextBytesMax) + " bytes is accepted";
  }
  if (has_control_character(page)) return kForms;
  if (page.starts_with("file:")) return is_file_url(page) ? "" : kForms;
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!page.starts_with(scheme)) continue;
    const std::string_view rest = page.substr(scheme.size());
    const bool has_host =
        !rest.empty() && rest.front() != '/' && rest.find(' ') == std::string_view::npos;
    return has_host && is_http_url(std::string(page)) ? "" : kForms;
  }
  return kForms;
}

std::string wrong_balance(std::string_view balance) {
  constexpr std::string_view kHash = "hash:";
  if (balance.starts_with(kHash)) {
    return is_token(balance.substr(kHash.size())) ? "" : "the name of a header goes behind hash:";
  }
  for (const std::string_view known : {"RR", "LC", "least-loaded", "p2c", "ewma"}) {
    if (balance == known) return {};
  }
  return "RR, LC, least-loaded, p2c, ewma and hash:HEADER are accepted";
}

std::string wrong_link_protocol(std::string_view text) {
  if (text.empty() || teleport::parse_protocol(text)) return {};
  return std::string(teleport::kProtocolsAccepted);
}

std::string wrong_compression(std::string_view text, std::string_view protocol) {
  if (text.empty()) return {};
  const auto coding = teleport::parse_coding(text);
  if (!coding) return std::string(teleport::kCodingsAccepted);
  const auto version = teleport::parse_protocol(protocol);
  if (!version || teleport::choose_link(*version, *coding)) return {};
  return "with link_protocol=\"" + std::string(protocol) + "\" " +
         std::string(teleport::codings_accepted(*version));
}

}  // namespace httpteleport::service
