#include "config/checks.h"

#include <algorithm>
#include <charconv>

#include "acme/host_name.h"
#include "http/message.h"
#include "net/address_set.h"

namespace httpteleport::config {

namespace {

void check_type(std::string_view flag, const std::string& type, Problems& problems) {
  if (!parse_end_type(type))
    problems.fail(flag, type, "http, https, unix, teleport and teleports are accepted");
}

// A compression flag with the protocol flag of the same end.
struct LinkFlags {
  std::string_view compress;
  const std::string& compress_text;
  std::string_view protocol;
  const std::string& protocol_text;
};

void check_link(const LinkFlags& flags, Problems& problems) {
  const auto protocol = teleport::parse_protocol(flags.protocol_text);
  const auto coding = teleport::parse_coding(flags.compress_text);
  if (!protocol) problems.fail(flags.protocol, flags.protocol_text, teleport::kProtocolsAccepted);
  if (!coding) problems.fail(flags.compress, flags.compress_text, teleport::kCodingsAccepted);
  if (!protocol || !coding || teleport::choose_link(*protocol, *coding)) return;
  problems.fail(flags.compress, flags.compress_text,
                "with -" + std::string(flags.protocol) + "=" + flags.protocol_text + " " +
                    std::string(teleport::codings_accepted(*protocol)));
}

void check_link_tables(const HttptpOptions& o, Problems& problems) {
  problems.one_of("linkMemory", o.link_memory, {"small", "normal", "large"});
  for (const std::string& name : list_elements(o.link_secret_headers)) {
    if (is_token(name)) continue;
    problems.fail("linkSecretHeaders", o.link_secret_headers,
                  "names of headers, separated by commas, are accepted");
    break;
  }
  for (const std::string& path : list_elements(o.link_plain_bodies)) {
    if (path.starts_with('/')) continue;
    problems.fail("linkPlainBodies", o.link_plain_bodies,
                  "beginnings of paths, each with a /, separated by commas, are accepted");
    break;
  }
}

void check_address_set(std::string_view flag, const std::string& list, Problems& problems) {
  std::string why;
  if (!net::AddressSet::parse(list, why)) problems.fail(flag, list, why);
}

void check_in(const HttptpOptions& o, Problems& problems) {
  check_type("inType", o.in_type, problems);
  if (!parse_unix_mode(o.in_unix_mode))
    problems.fail("inUnixMode", o.in_unix_mode, "an octal number from 0 to 0777 is accepted");
  problems.not_negative("inDelay", o.in_delay);
  check_link({"inCompress", o.in_compress, "inProtocol", o.in_protocol}, problems);
  problems.within("inMaxHeaderSize", o.in_header_bytes_max, 256, 1024 * 1024);
  problems.within("inMaxBodySize", o.in_body_bytes_max, 0, INT64_MAX);
  check_address_set("inAllowIP", o.in_allow_ip, problems);
  problems.one_of("inProxyProtocol", o.in_proxy_protocol, {"", "v1", "v2", "any"});
  check_address_set("inProxyProtocolFrom", o.in_proxy_protocol_from, problems);
  problems.token_or_empty("clientIPHeader", o.client_ip_header);
  problems.token_or_empty("via", o.via);
  problems.token_or_empty("requestIDHeader", o.request_id_header);
  problems.positive("inHandshakeTimeout", o.in_handshake_timeout);
}

void check_autocert(const HttptpOptions& o, Problems& problems) {
  if (o.autocert_cache_dir.empty())
    problems.fail("autocertCacheDir", o.autocert_cache_dir, "the path of a folder is accepted");
  std::string why;
  if (!acme::HostPattern::compile(o.autocert_host_regexp, why)) {
    problems.fail("autocertHostRegexp", o.autocert_host_regexp,
                  "a regular expression (RE2) is accepted; " + why);
  }
  const std::string& url = o.autocert_url;
  if (!url.starts_with("https://") || url.size() == 8 || url.find(' ') != std::string::npos)
    problems.fail("autocertURL", url, "an https:// URL is accepted");
  const std::string& email = o.autocert_email;
  const size_t at = email.find('@');
  const bool is_address = at != std::string::npos && at > 0 && at + 1 < email.size();
  if (!email.empty() && (!is_address || email.find_first_of(" \r\n") != std::string::npos))
    problems.fail("autocertEmail", email, "name@host is accepted");
}

// Characters of host names, of IPv4 and of IPv6 addresses.
bool is_host(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == ':';
  });
}

void check_out(const HttptpOptions& o, Problems& problems) {
  check_type("outType", o.out_type, problems);
  problems.not_negative("outDelay", o.out_delay);
  check_link({"outCompress", o.out_compress, "outProtocol", o.out_protocol}, problems);
  problems.within("outMaxHeaderSize", o.out_header_bytes_max, 256, 1024 * 1024);
  problems.within("outMaxBodySize", o.out_body_bytes_max, 0, int64_t{1} << 30);
  problems.within("outConnsPerAddr", o.out_connections, 1, 1024);
  problems.within("outMaxConnsPerAddr", o.out_requests_max, 0, 100'000'000);
  problems.one_of("outProxyProtocol", o.out_proxy_protocol, {"", "v1", "v2"});
  problems.not_negative("outResolveInterval", o.out_resolve_interval);
  if (!is_host(o.out_tls_server_name))
    problems.fail("outTLSServerName", o.out_tls_server_name,
                  "a host name or an address is accepted");
}

constexpr std::string_view kHash = "hash:";

void check_balancing(const HttptpOptions& o, Problems& problems) {
  if (o.out_balance.starts_with(kHash)) {
    const std::string_view header = std::string_view(o.out_balance).substr(kHash.size());
    if (header.empty() || !is_token(header))
      problems.fail("outBalance", o.out_balance, "the name of a header goes behind hash:");
  } else {
    problems.one_of("outBalance", o.out_balance,
                    {"least-loaded", "round-robin", "p2c", "ewma", "hash:HEADER"});
  }
  const bool is_path =
      o.out_check.starts_with('/') && std::all_of(o.out_check.begin(), o.out_check.end(),
                                                  [](char c) { return c > ' ' && c < '\x7F'; });
  if (!o.out_check.empty() && !is_path)
    problems.fail("outCheck", o.out_check, "a path that begins with / is accepted, without blanks");
  problems.positive("outCheckInterval", o.out_check_interval);
  problems.not_negative("outSlowStart", o.out_slow_start);
  problems.within("outEjectFailures", o.out_eject_failures, 0, 1'000'000);
  problems.within("outEjectRatio", o.out_eject_ratio_percent, 0, 100);
  problems.within("outEjectShare", o.out_eject_share_percent, 0, 100);
  problems.within("outRetries", o.out_retries, 0, 100);
  problems.within("outRetryBudget", o.out_retry_budget_percent, 0, 100);
  problems.not_negative("outTryTimeout", o.out_try_timeout);
}

void check_timeouts(const HttptpOptions& o, Problems& problems) {
  problems.positive("inHeadTimeout", o.in_head_timeout);
  problems.positive("inBodyIdleTimeout", o.in_body_idle_timeout);
  problems.positive("inKeepAliveTimeout", o.in_keep_alive_timeout);
  problems.positive("inWriteIdleTimeout", o.in_write_idle_timeout);
  problems.positive("outConnectTimeout", o.out_connect_timeout);
  problems.positive("outTimeout", o.out_timeout);
  problems.not_negative("outTotalTimeout", o.out_total_timeout);
  problems.positive("outIdleTimeout", o.out_idle_timeout);
  problems.positive("tunnelIdleTimeout", o.tunnel_idle_timeout);
  problems.not_negative("shutdownTimeout", o.shutdown_timeout);
  problems.not_negative("drainDelay", o.drain_delay);
}

void check_limits_and_logging(const HttptpOptions& o, Problems& problems) {
  problems.within("concurrency", o.concurrency, 1, 100'000'000);
  problems.within("queueSize", o.queue_size, 0, 100'000'000);
  problems.not_negative("queueTimeout", o.queue_timeout);
  problems.within("maxMemory", o.buffer_bytes_max, 1 << 20, INT64_MAX);
  problems.within("workers", o.workers, 0, 256);
  if (!parse_log_format(o.log_format))
    problems.fail("logFormat", o.log_format, "text, json and logfmt are accepted");
  if (!parse_log_level(o.log_level))
    problems.fail("logLevel", o.log_level, "debug, info, warn and error are accepted");
  problems.one_of("accessLogFormat", o.access_log_format, {"text", "json"});
}

bool is_unix_in(const HttptpOptions& o) {
  return end_type_of(o.in_type).is_unix || o.in.starts_with("unix:");
}

void check_certificate_flags(const HttptpOptions& o, Problems& problems) {
  const size_t certificates = list_elements(o.in_tls_cert).size();
  const size_t keys = list_elements(o.in_tls_key).size();
  if (certificates != keys) {
    problems.fail("inTLSKey", o.in_tls_key,
                  "as many files as -inTLSCert has are needed: " + std::to_string(certificates) +
                      ", not " + std::to_string(keys));
  }
  const EndType in = end_type_of(o.in_type);
  if (in.is_link && in.has_tls && certificates == 0)
    problems.fail("inTLSCert", o.in_tls_cert, "-inType=" + o.in_type + " needs a certificate");
  if (!o.out_tls_cert.empty() && o.out_tls_key.empty())
    problems.fail("outTLSKey", o.out_tls_key, "-outTLSCert needs its key");
  if (o.out_tls_cert.empty() && !o.out_tls_key.empty())
    problems.fail("outTLSCert", o.out_tls_cert, "-outTLSKey needs its certificate");
}

void check_proxy_protocol(const HttptpOptions& o, Problems& problems) {
  const bool has_list = !list_elements(o.in_proxy_protocol_from).empty();
  if (!o.in_proxy_protocol.empty() && !has_list && !is_unix_in(o)) {
    problems.fail("inProxyProtocolFrom", o.in_proxy_protocol_from,
                  "-inProxyProtocol needs the addresses that may send the header; anybody could "
                  "claim any address otherwise");
  }
}

// Flags that do nothing unless something holds.
struct Condition {
  bool holds;
  const char* why_not;
  std::vector<std::string_view> flags;
};

void warn_about_in(const HttptpOptions& o, std::vector<Condition>& conditions) {
  const EndType in = end_type_of(o.in_type);
  conditions.push_back({in.is_link,
                        "has no effect without -inType=teleport or -inType=teleports",
                        {"inDelay", "inProtocol", "inCompress"}});
  conditions.push_back({!in.is_link,
                        "has no effect on links: requests bear such fields already",
                        {"clientIPHeader", "xForwarded"}});
  conditions.push_back({in.has_tls,
                        "has no effect without -inType=https or -inType=teleports",
                        {"inTLSCert", "inTLSKey", "inTLSSessionTicketKey", "inTLSClientCA"}});
  conditions.push_back({in.has_tls || !o.in_proxy_protocol.empty(),
                        "has no effect without -inType=https, -inType=teleports or "
                        "-inProxyProtocol",
                        {"inHandshakeTimeout"}});
  conditions.push_back(
      {in.is_link && in.has_tls, "has no effect without -inType=teleports", {"inAllowPlaintext"}});
  conditions.push_back({uses_autocert(o),
                        "has no effect without -inType=https, or with -inTLSCert",
                        {"autocertCacheDir", "autocertHostRegexp", "autocertURL", "autocertCAFile",
                         "autocertEmail", "autocertHTTPAddr"}});
  conditions.push_back(
      {is_unix_in(o), "has no effect unless -in is a unix socket", {"inUnixMode"}});
  conditions.push_back({!is_unix_in(o), "has no effect on a unix socket", {"reusePort"}});
  conditions.push_back({!is_unix_in(o) || !o.in_proxy_protocol.empty(),
                        "has no effect on a unix socket without -inProxyProtocol",
                        {"inAllowIP"}});
  conditions.push_back({!o.in_proxy_protocol.empty(),
                        "has no effect without -inProxyProtocol",
                        {"inProxyProtocolFrom"}});
}

void warn_about_out(const HttptpOptions& o, std::vector<Condition>& conditions) {
  const EndType in = end_type_of(o.in_type);
  const EndType out = end_type_of(o.out_type);
  conditions.push_back({out.is_link,
                        "has no effect without -outType=teleport or -outType=teleports",
                        {"outDelay", "outProtocol", "outCompress", "outConnsPerAddr"}});
  conditions.push_back(
      {in.is_link || out.is_link, "has no effect without a teleport link", {"outMaxBodySize"}});
  conditions.push_back(
      {out.has_tls,
       "has no effect without -outType=https or -outType=teleports",
       {"outTLSCA", "outTLSServerName", "outTLSInsecureSkipVerify", "outTLSCert", "outTLSKey"}});
  conditions.push_back(
      {!o.out_tls_insecure, "has no effect with -outTLSInsecureSkipVerify", {"outTLSCA"}});
  conditions.push_back(
      {!o.out_check.empty(), "has no effect without -outCheck", {"outCheckInterval"}});
  conditions.push_back(
      {!o.access_log.empty(), "has no effect without -accessLog", {"accessLogFormat"}});
}

// Flags of v2 links do nothing where only v0 is spoken.
void warn_about_v2(const HttptpOptions& o, std::vector<Condition>& conditions) {
  const teleport::LinkOptions in = link_in(o);
  const teleport::LinkOptions out = link_out(o);
  const bool in_v2 = end_type_of(o.in_type).is_link && in.versions.v2;
  const bool out_v2 = end_type_of(o.out_type).is_link && out.versions.v2;
  const auto compresses = [](const teleport::LinkOptions& link) {
    return link.v2.method != teleport::v2::EncoderOptions::Method::kNone;
  };
  conditions.push_back(
      {in_v2 || out_v2, "has no effect without a teleport link that may be v2", {"linkMemory"}});
  conditions.push_back({(in_v2 && compresses(in)) || (out_v2 && compresses(out)),
                        "has no effect without a teleport link that may be v2 with zstd",
                        {"linkSecretHeaders"}});
  conditions.push_back({out_v2 && compresses(out),
                        "has no effect without -outType=teleport that may be v2 with zstd",
                        {"linkPlainBodies"}});
}

void warn_about_no_effect(const HttptpOptions& o, Problems& problems) {
  std::vector<Condition> conditions;
  warn_about_in(o, conditions);
  warn_about_out(o, conditions);
  warn_about_v2(o, conditions);
  for (const Condition& condition : conditions) {
    if (condition.holds) continue;
    for (const std::string_view flag : condition.flags) {
      if (problems.is_given(flag)) problems.warn(flag, condition.why_not);
    }
  }
}

void warn_about_open_pattern(const HttptpOptions& o, Problems& problems) {
  std::string why;
  const auto hosts = acme::HostPattern::compile(o.autocert_host_regexp, why);
  if (!uses_autocert(o) || !hosts || !hosts->admits_anything()) return;
  problems.warn("autocertHostRegexp",
                "\"" + o.autocert_host_regexp +
                    "\" lets clients have a certificate ordered for any name, until the ACME "
                    "server refuses; give the names that are yours");
}

}  // namespace

EndType end_type_of(const std::string& text) {
  return parse_end_type(text).value_or(EndType{});
}

std::vector<std::string> list_elements(const std::string& list) {
  std::vector<std::string> elements;
  std::string_view rest = list;
  while (const auto element = http::next_list_element(rest))
    elements.emplace_back(*element);
  return elements;
}

std::optional<unsigned> parse_unix_mode(const std::string& text) {
  unsigned mode = 0;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, mode, 8);
  if (error != std::errc() || end != last || mode > 0777) return {};
  return mode;
}

std::optional<upstream::BalancerOptions> parse_balance(std::string_view text) {
  using upstream::Policy;
  upstream::BalancerOptions balancer;
  if (text.starts_with(kHash)) {
    balancer.policy = Policy::kHash;
    balancer.hash_field = text.substr(kHash.size());
    return balancer;
  }
  static constexpr std::pair<std::string_view, Policy> kNames[] = {
      {"least-loaded", Policy::kLeastLoaded},
      {"round-robin", Policy::kRoundRobin},
      {"p2c", Policy::kTwoChoices},
      {"ewma", Policy::kEwma}};
  for (const auto& [name, policy] : kNames) {
    if (text != name) continue;
    balancer.policy = policy;
    return balancer;
  }
  return {};
}

std::optional<LogFormat> parse_log_format(std::string_view text) {
  if (text == "text") return LogFormat::kText;
  if (text == "json") return LogFormat::kJson;
  if (text == "logfmt") return LogFormat::kLogfmt;
  return {};
}

std::optional<LogLevel> parse_log_level(std::string_view text) {
  if (text == "debug") return LogLevel::kDebug;
  if (text == "info") return LogLevel::kInfo;
  if (text == "warn") return LogLevel::kWarn;
  if (text == "error") return LogLevel::kError;
  return {};
}

bool uses_autocert(const HttptpOptions& options) {
  const EndType in = end_type_of(options.in_type);
  return in.has_tls && !in.is_link && list_elements(options.in_tls_cert).empty();
}

teleport::LinkOptions link_in(const HttptpOptions& options) {
  return teleport::choose_link(options.in_protocol, options.in_compress);
}

teleport::LinkOptions link_out(const HttptpOptions& options) {
  return teleport::choose_link(options.out_protocol, options.out_compress);
}

void check_options(const HttptpOptions& options, Problems& problems) {
  check_in(options, problems);
  check_autocert(options, problems);
  check_out(options, problems);
  check_link_tables(options, problems);
  check_balancing(options, problems);
  check_timeouts(options, problems);
  check_limits_and_logging(options, problems);
  check_certificate_flags(options, problems);
  check_proxy_protocol(options, problems);
  warn_about_no_effect(options, problems);
  warn_about_open_pattern(options, problems);
}

}  // namespace httpteleport::config
