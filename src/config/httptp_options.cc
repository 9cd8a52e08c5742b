#include "config/httptp_options.h"

#include <algorithm>
#include <thread>

#include "http/h1/chars.h"

namespace httpteleport::config {

namespace {

// Collects what is wrong with flags, each with its name and value.
class Checker {
 public:
  explicit Checker(std::vector<std::string>& errors) : errors_(errors) {}

  void fail(std::string_view flag, std::string_view value, std::string_view why) {
    errors_.push_back("-" + std::string(flag) + "=\"" + std::string(value) +
                      "\": " + std::string(why));
  }
  void at_least(std::string_view flag, int64_t value, int64_t least, int64_t most) {
    if (value >= least && value <= most) return;
    fail(flag, std::to_string(value),
         "a number from " + std::to_string(least) + " to " + std::to_string(most) + " is accepted");
  }
  void token_or_empty(std::string_view flag, const std::string& value) {
    for (const char c : value) {
      if (http::h1::is_char(c, http::h1::kTokenChar)) continue;
      return fail(flag, value, "letters, digits and !#$%&'*+-.^_`|~ are accepted");
    }
  }
  void not_negative(std::string_view flag, Duration value) {
    if (value < Duration::zero())
      fail(flag, format_duration(value), "a duration of 0 or more is accepted");
  }
  void positive(std::string_view flag, Duration value) {
    if (value <= Duration::zero())
      fail(flag, format_duration(value), "a duration above 0 is accepted");
  }

 private:
  std::vector<std::string>& errors_;
};

// True for teleport and its older names. The Go program called it httptp before it was renamed, and
// misspelled it in its help.
bool is_teleport(std::string_view type) {
  return type == "teleport" || type == "httptp" || type == "tepelorts";
}

bool check_type(Checker& checker, std::string_view flag, const std::string& type) {
  if (type == "http" || is_teleport(type)) return true;
  checker.fail(flag, type, "http and teleport are accepted");
  return false;
}

// "none", "snappy", "flate", "flate:1" to "flate:9".
compress::Settings parse_compression(Checker& checker, std::string_view flag,
                                     const std::string& text) {
  if (text == "none") return {.method = compress::Method::kNone};
  if (text == "snappy") return {.method = compress::Method::kSnappy};
  if (text == "flate") return {.method = compress::Method::kFlate, .level = 1};
  if (text.size() == 7 && text.starts_with("flate:") && text[6] >= '1' && text[6] <= '9') {
    return {.method = compress::Method::kFlate, .level = text[6] - '0'};
  }
  checker.fail(flag, text, "none, flate, flate:1 to flate:9, and snappy are accepted");
  return {};
}

net::Address parse_listen_address(Checker& checker, std::string_view flag,
                                  const std::string& text) {
  const Result<net::HostPort> target = net::parse_host_port(text);
  if (!target) {
    checker.fail(flag, text, target.error().detail);
    return {};
  }
  const Result<net::Address> address = net::resolve_listen(*target);
  if (!address) {
    checker.fail(flag, text, address.error().detail);
    return {};
  }
  return *address;
}

std::vector<upstream::EndpointOptions> parse_endpoints(Checker& checker, const std::string& list) {
  std::vector<upstream::EndpointOptions> endpoints;
  std::string_view rest = list;
  bool any = false;
  while (const auto element = http::next_list_element(rest)) {
    any = true;
    const Result<net::HostPort> target = net::parse_host_port(*element);
    if (!target) {
      checker.fail("out", *element, target.error().detail);
      continue;
    }
    Result<std::vector<net::Address>> addresses = net::resolve_connect(*target);
    if (!addresses) {
      checker.fail("out", *element, addresses.error().detail);
      continue;
    }
    endpoints.push_back({.name = std::string(*element), .addresses = *std::move(addresses)});
  }
  if (!any) checker.fail("out", list, "at least one host:port is needed");
  return endpoints;
}

void check_numbers(Checker& checker, const HttptpOptions& options) {
  constexpr int64_t kHeaderMax = 1024 * 1024;
  checker.at_least("inMaxHeaderSize", options.in_header_bytes_max, 256, kHeaderMax);
  checker.at_least("outMaxHeaderSize", options.out_header_bytes_max, 256, kHeaderMax);
  checker.at_least("inMaxBodySize", options.in_body_bytes_max, 0, INT64_MAX);
  checker.at_least("outMaxBodySize", options.out_body_bytes_max, 0, int64_t{1} << 30);
  checker.at_least("outConnsPerAddr", options.out_connections, 1, 1024);
  checker.at_least("concurrency", options.concurrency, 1, 100'000'000);
  checker.at_least("maxMemory", options.buffer_bytes_max, 1 << 20, INT64_MAX);
  checker.token_or_empty("clientIPHeader", options.client_ip_header);
  checker.token_or_empty("via", options.via);
  checker.at_least("workers", options.workers, 0, 256);
  checker.not_negative("inDelay", options.in_delay);
  checker.not_negative("outDelay", options.out_delay);
  checker.positive("outTimeout", options.out_timeout);
  checker.positive("outIdleTimeout", options.out_idle_timeout);
  checker.not_negative("shutdownTimeout", options.shutdown_timeout);
}

size_t to_size(int64_t number) {
  return static_cast<size_t>(std::max<int64_t>(number, 0));
}

// Links are shared out over the workers. Every worker needs one of its own: fewer than workers
// cannot be.
size_t links_per_worker(const HttptpOptions& options, size_t workers) {
  return (to_size(options.out_connections) + workers - 1) / workers;
}

upstream::ClusterOptions make_cluster(const HttptpOptions& options, size_t workers,
                                      Checker& checker) {
  upstream::ClusterOptions cluster;
  if (is_teleport(options.out_type)) cluster.protocol = upstream::Protocol::kTeleport;
  cluster.endpoints = parse_endpoints(checker, options.out);
  // Half of the time, so that another endpoint can still answer.
  const Duration connect_timeout =
      std::min<Duration>(std::chrono::seconds(3), options.out_timeout / 2);
  cluster.http1.connect_timeout = cluster.teleport.connect_timeout = connect_timeout;
  cluster.http1.head_limits.head_bytes_max = to_size(options.out_header_bytes_max);
  cluster.teleport.compression = parse_compression(checker, "outCompress", options.out_compress);
  cluster.teleport.batch_delay = options.out_delay;
  cluster.teleport.links = links_per_worker(options, workers);
  cluster.teleport.request_head_bytes_max = to_size(options.out_header_bytes_max);
  cluster.teleport.response_head_bytes_max = to_size(options.out_header_bytes_max);
  cluster.teleport.response_bytes_max = to_size(options.out_body_bytes_max);
  cluster.teleport.pending_max = to_size(options.concurrency);
  return cluster;
}

}  // namespace

void add_httptp_flags(HttptpOptions& o, GoFlags& flags) {
  flags.add("in", o.in, "address to take requests at: host:port, :port or [ipv6]:port");
  flags.add("inType", o.in_type, "protocol of -in: http or teleport");
  flags.add("inDelay", o.in_delay,
            "how long responses may wait for others to share a batch (teleport -in)");
  flags.add("inCompress", o.in_compress,
            "compression of responses sent over teleport: none, flate, flate:1 to flate:9, snappy");
  flags.add(
      "inMaxHeaderSize", o.in_header_bytes_max,
      "largest request head in bytes; also the largest response head sent to a teleport peer");
  flags.add("inMaxBodySize", o.in_body_bytes_max, "largest request body in bytes");
  flags.add("out", o.out,
            "addresses to send requests to, comma-separated; each goes to the least loaded");
  flags.add("outType", o.out_type, "protocol of -out: http or teleport");
  flags.add("outDelay", o.out_delay,
            "how long requests may wait for others to share a batch (teleport -out)");
  flags.add("outCompress", o.out_compress,
            "compression of requests sent over teleport: none, flate, flate:1 to flate:9, snappy");
  flags.add(
      "outMaxHeaderSize", o.out_header_bytes_max,
      "largest response head in bytes; also the largest request head sent to a teleport peer");
  flags.add("outMaxBodySize", o.out_body_bytes_max,
            "largest response body in bytes that is held whole for a teleport link");
  flags.add("outTimeout", o.out_timeout, "longest wait for a response to begin");
  flags.add("outIdleTimeout", o.out_idle_timeout,
            "longest pause inside a response, or in taking a request");
  flags.add("outConnsPerAddr", o.out_connections,
            "teleport connections to each -out address, at least one a worker");
  flags.add("concurrency", o.concurrency, "requests in flight at one time; more get 429");
  flags.add("clientIPHeader", o.client_ip_header,
            "header that the client's address is put into; X-Forwarded-For is appended to");
  flags.add("xForwarded", o.x_forwarded,
            "add X-Forwarded-For, -Proto and -Host to requests taken over http");
  flags.add("via", o.via, "name to add to Via in both directions");
  flags.add("reusePort", o.reuse_port, "let other processes listen on -in too (SO_REUSEPORT)");
  flags.add("expvarAddr", o.expvar_address, "address of /expvar and /prometheus; empty: none");
  flags.add("maxMemory", o.buffer_bytes_max,
            "bytes of messages held at one time; over it new ones get 503");
  flags.add("workers", o.workers, "threads; 0: one a core");
  flags.add("shutdownTimeout", o.shutdown_timeout,
            "how long requests in flight may take to end after SIGTERM");
}

std::shared_ptr<const Snapshot> make_snapshot(const HttptpOptions& options,
                                              std::vector<std::string>& errors) {
  Checker checker(errors);
  auto snapshot = std::make_shared<Snapshot>();
  check_numbers(checker, options);
  snapshot->workers = options.workers > 0 ? to_size(options.workers)
                                          : std::max(1u, std::thread::hardware_concurrency());
  check_type(checker, "inType", options.in_type);
  check_type(checker, "outType", options.out_type);
  snapshot->listener = {.protocol = is_teleport(options.in_type) ? ListenerProtocol::kTeleport
                                                                 : ListenerProtocol::kHttp1,
                        .address = parse_listen_address(checker, "in", options.in),
                        .shared_with_others = options.reuse_port};
  if (!options.expvar_address.empty()) {
    snapshot->admin_address = parse_listen_address(checker, "expvarAddr", options.expvar_address);
  }
  snapshot->clusters.push_back(make_cluster(options, snapshot->workers, checker));
  snapshot->routes.push_back({.cluster = 0});
  snapshot->buffer_bytes_max = to_size(options.buffer_bytes_max);
  snapshot->shutdown_timeout = options.shutdown_timeout;

  const size_t share = (to_size(options.concurrency) + snapshot->workers - 1) / snapshot->workers;
  snapshot->http1_sessions.head_limits.head_bytes_max = to_size(options.in_header_bytes_max);
  proxy::TeleportSessionOptions& links = snapshot->teleport_sessions;
  links.compression = parse_compression(checker, "inCompress", options.in_compress);
  links.batch_delay = options.in_delay;
  links.request_head_bytes_max = links.response_head_bytes_max =
      to_size(options.in_header_bytes_max);
  links.response_bytes_max = to_size(options.out_body_bytes_max);
  links.held_request_bytes_max = static_cast<uint64_t>(options.in_body_bytes_max);
  links.streams_max = to_size(options.concurrency);
  proxy::ExchangeOptions& exchanges = snapshot->exchanges;
  exchanges.exchanges_max = share;
  exchanges.request_body_bytes_max = static_cast<uint64_t>(options.in_body_bytes_max);
  exchanges.response_timeout = options.out_timeout;
  exchanges.response_idle_timeout = options.out_idle_timeout;
  exchanges.forwarding = {.client_ip_field = options.client_ip_header,
                          .x_forwarded = options.x_forwarded,
                          .via_name = options.via};
  if (!errors.empty()) return nullptr;
  return snapshot;
}

}  // namespace httpteleport::config
