#include "admin/request_guard.h"

#include <arpa/inet.h>

#include <algorithm>

#include "base/log.h"
#include "base/text.h"
#include "net/address.h"
#include "service/whole_file.h"

namespace httpteleport::admin {

namespace {

constexpr std::string_view kReadOnlyPaths[] = {"/_metrics", "/_health", "/_ready", "/_stats"};

std::string_view without_white_space(std::string_view text) {
  constexpr std::string_view kWhite = " \t\r\n";
  const size_t begin = text.find_first_not_of(kWhite);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kWhite) - begin + 1);
}

// The address that `host` is, in the one way of writing it; empty: it is a name.
std::string canonical_ip(std::string_view host) {
  const std::string text(host);
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  if (inet_pton(AF_INET, text.c_str(), &v4.sin_addr) == 1)
    return net::Address(reinterpret_cast<const sockaddr*>(&v4), sizeof v4).ip();
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  if (inet_pton(AF_INET6, text.c_str(), &v6.sin6_addr) == 1)
    return net::Address(reinterpret_cast<const sockaddr*>(&v6), sizeof v6).ip();
  return {};
}

// The host of `authority`, with a port or without, in the one way of writing it.
std::string canonical_host(std::string_view authority) {
  if (std::string ip = canonical_ip(authority); !ip.empty()) return ip;  // IPv6 without brackets
  std::string host = lower_case(host_of(authority));
  if (host.ends_with('.')) host.pop_back();
  std::string ip = canonical_ip(host);
  return ip.empty() ? host : ip;
}

// Browsers resolve names under "localhost" themselves, so that nobody else can lead them elsewhere.
bool is_loopback_name(std::string_view name) {
  return name == "localhost" || name.ends_with(".localhost");
}

bool is_loopback_ip(std::string_view host) {
  return host == "::1" || (host.starts_with("127.") && !canonical_ip(host).empty());
}

// "host:port" of `authority` as an origin of `scheme` writes it: without the port that the scheme
// has anyway.
std::string origin_host(std::string_view authority, std::string_view scheme) {
  std::string host = lower_case(authority);
  const std::string_view usual = scheme == "https" ? ":443" : ":80";
  if (host.ends_with(usual)) host.resize(host.size() - usual.size());
  return host;
}

// An opaque origin ("null") is nobody's.
bool is_same_origin(std::string_view origin, std::string_view authority) {
  const size_t end = origin.find("://");
  if (end == std::string_view::npos) return false;
  const std::string_view scheme = origin.substr(0, end);
  return origin_host(origin.substr(end + 3), scheme) == origin_host(authority, scheme);
}

bool is_about_health(std::string_view path) {
  return path == "/_health" || path == "/_ready";
}

}  // namespace

std::string AdminToken::load(const std::string& path) {
  const std::string file = "-admin-token=\"" + path + "\"";
  const Result<std::string> text = service::read_whole(path, kFileBytesMax);
  if (!text && text.error().code == Code::kBodyTooLarge)
    return file + " is longer than " + std::to_string(kFileBytesMax) + " bytes";
  if (!text) return file + ": " + in_words(text.error());
  const std::string_view line =
      without_white_space(std::string_view(*text).substr(0, text->find('\n')));
  if (line.size() < kBytesMin) {
    return file + " must have a token of at least " + std::to_string(kBytesMin) +
           " characters in its first line";
  }
  const bool is_printable =
      std::all_of(line.begin(), line.end(), [](char c) { return c > ' ' && c < '\x7f'; });
  if (!is_printable) return file + " must have a token of printable ASCII without blanks";
  token_ = line;
  return {};
}

bool AdminToken::is_borne_by(std::string_view authorization) const {
  constexpr std::string_view kScheme = "Bearer ";
  if (token_.empty() || authorization.size() < kScheme.size()) return false;
  if (!http::equals_ignoring_case(authorization.substr(0, kScheme.size()), kScheme)) return false;
  const std::string_view given = without_white_space(authorization.substr(kScheme.size()));
  if (given.size() != token_.size()) return false;
  volatile unsigned char difference = 0;
  for (size_t i = 0; i < given.size(); ++i)
    difference = static_cast<unsigned char>(difference | (given[i] ^ token_[i]));
  return difference == 0;
}

bool RequestGuard::knows_host(const Request& request) const {
  // No browser sends requests without a Host, and none speaks to unix sockets. One that names no
  // host is not without: HTTP/1.0 alone may leave it out.
  if (request.local.is_unix()) return true;
  if (request.authority.empty()) return request.find("Host") == nullptr;
  const std::string host = canonical_host(request.authority);
  if (is_loopback_name(host) || is_loopback_ip(host) || host == request.local.ip()) return true;
  return std::any_of(options_.hosts.begin(), options_.hosts.end(), [&](const std::string& known) {
    return known == "*" || canonical_host(known) == host;
  });
}

std::optional<Page> RequestGuard::refuse(const Request& request) const {
  if (!knows_host(request)) {
    return error_page(403, "requests for Host \"" + request.authority +
                               "\" are not served; name it in -admin-hosts if they should be");
  }
  const std::string* authorization = request.find("Authorization");
  const bool bears_token =
      options_.token == nullptr ||
      (authorization != nullptr && options_.token->is_borne_by(*authorization));
  if (!bears_token && !is_about_health(request.path())) {
    Page page = error_page(401, "the token is missing or wrong: Authorization: Bearer TOKEN");
    page.fields.emplace_back("WWW-Authenticate", "Bearer realm=\"shuttle\"");
    return page;
  }
  if (!request.is_change()) return std::nullopt;
  for (const auto& [name, origin] : request.fields) {
    if (http::equals_ignoring_case(name, "Origin") && !is_same_origin(origin, request.authority))
      return error_page(403, "pages of \"" + origin + "\" may not change anything here");
  }
  return std::nullopt;
}

std::optional<Page> GuardedSite::refuse(const Request& head) {
  std::optional<Page> page = guard_.refuse(head);
  if (!page) return site_.refuse(head);
  log_line(LogLevel::kWarn, "admin request refused",
           {{"request", head.method_text + " " + std::string(head.path())},
            {"host", head.authority},
            {"status", page->status}});
  return page;
}

void GuardedSite::serve(const Request& request, Answer answer) {
  site_.serve(request, std::move(answer));
}

std::optional<Page> ReadOnlySite::refuse(const Request& head) {
  const auto* end = std::end(kReadOnlyPaths);
  if (std::find(std::begin(kReadOnlyPaths), end, head.path()) == end)
    return error_page(404, "only /_metrics, /_health, /_ready and /_stats are served here");
  if (head.method != http::Method::kGet && head.method != http::Method::kHead)
    return method_not_allowed("GET, HEAD");
  return site_.refuse(head);
}

void ReadOnlySite::serve(const Request& request, Answer answer) {
  site_.serve(request, std::move(answer));
}

}  // namespace httpteleport::admin
