#include "config/httptp_flags.h"

namespace httpteleport::config {

namespace {

constexpr auto kNeedsRestart = FlagInfo::kNeedsRestart;
constexpr auto kSecret = FlagInfo::kSecret;
constexpr auto kCommandLineOnly = FlagInfo::kCommandLineOnly;

void add_in_flags(HttptpOptions& o, GoFlags& flags) {
  flags.begin_group("In");
  flags.add({"in", "ADDRESS",
             "where requests are taken: host:port, :port, [ipv6]:port or unix:PATH; a path alone "
             "with -inType=unix",
             kNeedsRestart},
            o.in);
  flags.add({"inType", "TYPE",
             "protocol of -in: http, https, unix (http at a unix socket), teleport or teleports",
             kNeedsRestart},
            o.in_type);
  flags.add({"inUnixMode", "OCTAL", "permissions of the file of a unix -in", kNeedsRestart},
            o.in_unix_mode);
  flags.add(
      {"inDelay", "TIME", "how long responses may wait for others to share a batch (teleport -in)"},
      o.in_delay);
  flags.add({"inProtocol", "VERSION",
             "version of teleport that is taken: v2, v0, or auto, which takes both"},
            o.in_protocol);
  flags.add({"inCompress", "METHOD",
             "compression of responses sent over teleport: auto, none, zstd, zstd:1 to zstd:19, "
             "zstd:auto; of v0 also flate, flate:1 to flate:9, snappy"},
            o.in_compress);
  flags.add({"inMaxHeaderSize", "BYTES",
             "largest request head; also the largest response head sent to a teleport peer"},
            o.in_header_bytes_max);
  flags.add({"inMaxBodySize", "BYTES", "largest request body"}, o.in_body_bytes_max);
  flags.add({"inGetOnly", "", "take GET and HEAD only; other methods get 405"}, o.in_get_only);
  flags.add({"inAllowIP", "LIST",
             "addresses and CIDR blocks that may connect, comma-separated; empty: everybody"},
            o.in_allow_ip);
  flags.add({"inAllowPlaintext", "", "with -inType=teleports also take links that ask for no TLS"},
            o.in_allow_plaintext);
  flags.add({"inProxyProtocol", "VERSION",
             "clients' addresses come in a PROXY protocol header: v1, v2 or any; empty: none"},
            o.in_proxy_protocol);
  flags.add({"inProxyProtocolFrom", "LIST",
             "addresses and CIDR blocks that may send the PROXY protocol header"},
            o.in_proxy_protocol_from);
  flags.add(
      {"reusePort", "", "let other processes listen on -in too (SO_REUSEPORT)", kNeedsRestart},
      o.reuse_port);
  flags.add({"clientIPHeader", "NAME",
             "header that the client's address is put into; X-Forwarded-For is appended to"},
            o.client_ip_header);
  flags.add({"xForwarded", "", "add X-Forwarded-For, -Proto and -Host to requests taken over http"},
            o.x_forwarded);
  flags.add({"via", "NAME", "name to add to Via in both directions"}, o.via);
  flags.add({"requestIDHeader", "NAME",
             "header of the request id: one that comes is passed on, a missing one is added"},
            o.request_id_header);
}

void add_tls_in_flags(HttptpOptions& o, GoFlags& flags) {
  flags.begin_group("TLS in");
  flags.add({"inTLSCert", "FILES",
             "certificates in PEM, each with its chain, comma-separated; the first is the default"},
            o.in_tls_cert);
  flags.add({"inTLSKey", "FILES", "private keys of -inTLSCert in PEM, in the same order"},
            o.in_tls_key);
  flags.add(
      {"inTLSSessionTicketKey", "SECRETS",
       "secrets that machines share to resume each other's TLS sessions, comma-separated; the "
       "first encrypts, all decrypt; empty: a random one",
       kSecret},
      o.in_tls_ticket_key);
  flags.add({"inTLSClientCA", "FILE",
             "CAs in PEM; clients must show a certificate that one of them has signed"},
            o.in_tls_client_ca);
  flags.add(
      {"inHandshakeTimeout", "TIME", "longest TLS handshake, and PROXY protocol header before it"},
      o.in_handshake_timeout);
}

void add_autocert_flags(HttptpOptions& o, GoFlags& flags) {
  flags.begin_group("Automatic certificates");
  flags.add(
      {"autocertCacheDir", "FOLDER",
       "where certificates obtained for -inType=https without -inTLSCert are kept", kNeedsRestart},
      o.autocert_cache_dir);
  flags.add({"autocertHostRegexp", "REGEXP", "host names to obtain certificates for (RE2)",
             kNeedsRestart},
            o.autocert_host_regexp);
  flags.add({"autocertURL", "URL", "directory of the ACME server", kNeedsRestart}, o.autocert_url);
  flags.add({"autocertCAFile", "FILE",
             "CAs in PEM to trust for -autocertURL instead of the system's", kNeedsRestart},
            o.autocert_ca_file);
  flags.add({"autocertEmail", "ADDRESS", "where the ACME server may write to", kNeedsRestart},
            o.autocert_email);
  flags.add({"autocertHTTPAddr", "ADDRESS",
             "where http-01 challenges are answered, usually :80; empty: tls-alpn-01 only",
             kNeedsRestart},
            o.autocert_http_address);
}

void add_out_flags(HttptpOptions& o, GoFlags& flags) {
  flags.begin_group("Out");
  flags.add({"out", "ADDRESSES",
             "where requests go, comma-separated: addresses as for -in, each with ;weight=1 to "
             ";weight=256 behind it if its share differs"},
            o.out);
  flags.add({"outType", "TYPE", "protocol of -out: http, https, unix, teleport or teleports"},
            o.out_type);
  flags.add({"outDelay", "TIME",
             "how long requests may wait for others to share a batch (teleport -out)"},
            o.out_delay);
  flags.add({"outProtocol", "VERSION",
             "version of teleport that is spoken: v2, v0, or auto, which tries v2 first"},
            o.out_protocol);
  flags.add({"outCompress", "METHOD",
             "compression of requests sent over teleport: auto, none, zstd, zstd:1 to zstd:19, "
             "zstd:auto; of v0 also flate, flate:1 to flate:9, snappy"},
            o.out_compress);
  flags.add({"outMaxHeaderSize", "BYTES",
             "largest response head; also the largest request head sent to a teleport peer"},
            o.out_header_bytes_max);
  flags.add(
      {"outMaxBodySize", "BYTES", "largest response body that is held whole for a teleport link"},
      o.out_body_bytes_max);
  flags.add({"outConnsPerAddr", "NUMBER",
             "teleport connections to each -out address, at least one a worker"},
            o.out_connections);
  flags.add({"outMaxConnsPerAddr", "NUMBER",
             "most requests in flight at one -out address, more wait; 0: no limit"},
            o.out_requests_max);
  flags.add({"outProxyProtocol", "VERSION",
             "send clients' addresses in a PROXY protocol header: v1 or v2; empty: none"},
            o.out_proxy_protocol);
  flags.add({"outResolveInterval", "TIME",
             "how often the names in -out are looked up again; 0: once, at the start"},
            o.out_resolve_interval);
}

void add_link_flags(HttptpOptions& o, GoFlags& flags) {
  flags.begin_group("Links");
  flags.add({"linkMemory", "SIZE",
             "what each end of a v2 link remembers to compress better: small, normal or large"},
            o.link_memory);
  flags.add({"linkSecretHeaders", "NAMES",
             "headers whose values never meet other text in a compressor, comma-separated (v2); "
             "empty: none"},
            o.link_secret_headers);
  flags.add(
      {"linkPlainBodies", "PATHS",
       "beginnings of paths, comma-separated, whose bodies are not compressed (v2, near end)"},
      o.link_plain_bodies);
}

void add_tls_out_flags(HttptpOptions& o, GoFlags& flags) {
  flags.begin_group("TLS out");
  flags.add({"outTLSCA", "FILE", "CAs in PEM to trust instead of the system's"}, o.out_tls_ca);
  flags.add({"outTLSServerName", "NAME",
             "name to ask for and to verify; empty: the host of each -out address"},
            o.out_tls_server_name);
  flags.add({"outTLSInsecureSkipVerify", "", "do not verify whom TLS connects to"},
            o.out_tls_insecure);
  flags.add({"outTLSCert", "FILE", "certificate to show to -out when asked, PEM"}, o.out_tls_cert);
  flags.add({"outTLSKey", "FILE", "private key of -outTLSCert, PEM"}, o.out_tls_key);
}

void add_balancing_flags(HttptpOptions& o, GoFlags& flags) {
  flags.begin_group("Balancing");
  flags.add({"outBalance", "RULE",
             "how an -out address is chosen: least-loaded, round-robin, p2c, ewma or hash:HEADER"},
            o.out_balance);
  flags.add({"outCheck", "PATH",
             "path to GET at each -out address to see whether it is well; "
             "empty: no checks"},
            o.out_check);
  flags.add({"outCheckInterval", "TIME", "between two checks of an address"}, o.out_check_interval);
  flags.add(
      {"outSlowStart", "TIME", "how long an address that comes back takes to get its full share"},
      o.out_slow_start);
  flags.add({"outEjectFailures", "NUMBER",
             "failures in a row after which an address is left alone; 0: never"},
            o.out_eject_failures);
  flags.add({"outEjectRatio", "PERCENT",
             "failed requests in 10 s, of at least 20, that do the same; 0: off"},
            o.out_eject_ratio_percent);
  flags.add({"outEjectShare", "PERCENT",
             "most of the addresses that may be left alone because of bad answers"},
            o.out_eject_share_percent);
  flags.add({"outRetries", "NUMBER", "further attempts of a request that is safe to repeat"},
            o.out_retries);
  flags.add({"outRetryBudget", "PERCENT", "of the requests of the last 10 s that may be repeats"},
            o.out_retry_budget_percent);
  flags.add({"outTryTimeout", "TIME",
             "wait for one attempt to be answered before another address is tried; 0: half of "
             "-outTimeout"},
            o.out_try_timeout);
}

void add_timeout_flags(HttptpOptions& o, GoFlags& flags) {
  flags.begin_group("Timeouts");
  flags.add({"inHeadTimeout", "TIME", "from a request's first byte to its head's end"},
            o.in_head_timeout);
  flags.add({"inBodyIdleTimeout", "TIME", "longest pause inside a request body"},
            o.in_body_idle_timeout);
  flags.add({"inKeepAliveTimeout", "TIME", "longest pause between two requests of a connection"},
            o.in_keep_alive_timeout);
  flags.add({"inWriteIdleTimeout", "TIME", "longest pause of a client in taking its response"},
            o.in_write_idle_timeout);
  flags.add({"outConnectTimeout", "TIME",
             "longest connection attempt, never more than half of -outTimeout"},
            o.out_connect_timeout);
  flags.add({"outTimeout", "TIME", "longest wait for a response to begin"}, o.out_timeout);
  flags.add({"outTotalTimeout", "TIME", "a request with its whole response; 0: no limit"},
            o.out_total_timeout);
  flags.add({"outIdleTimeout", "TIME", "longest pause inside a response, or in taking a request"},
            o.out_idle_timeout);
  flags.add(
      {"tunnelIdleTimeout", "TIME", "an upgraded connection (WebSocket) without a byte either way"},
      o.tunnel_idle_timeout);
  flags.add(
      {"shutdownTimeout", "TIME", "how long requests in flight may take to end after SIGTERM"},
      o.shutdown_timeout);
  flags.add({"drainDelay", "TIME",
             "after SIGTERM, how long /readyz says 503 before connections are refused"},
            o.drain_delay);
}

void add_limit_flags(HttptpOptions& o, GoFlags& flags) {
  flags.begin_group("Limits");
  flags.add(
      {"concurrency", "NUMBER", "requests in flight at one time; more wait for -queueTimeout"},
      o.concurrency);
  flags.add(
      {"queueSize", "NUMBER",
       "requests that wait when -concurrency or -outMaxConnsPerAddr is reached; more get 429"},
      o.queue_size);
  flags.add({"queueTimeout", "TIME", "how long they wait; then they get 429"}, o.queue_timeout);
  flags.add(
      {"maxMemory", "BYTES", "messages held at one time; over it new ones get 503", kNeedsRestart},
      o.buffer_bytes_max);
  flags.add({"workers", "NUMBER", "threads that serve; 0: one a core", kNeedsRestart}, o.workers);
}

void add_logging_flags(HttptpOptions& o, GoFlags& flags) {
  flags.begin_group("Logging");
  flags.add({"logFile", "FILE", "where the log goes, reopened on SIGHUP; empty: standard error"},
            o.log_file);
  flags.add({"logFormat", "FORMAT", "text, json or logfmt"}, o.log_format);
  flags.add({"logLevel", "LEVEL", "least that is logged: debug, info, warn or error"}, o.log_level);
  flags.add({"logAllErrors", "", "a line for every failed request and connection"},
            o.log_all_errors);
  flags.add({"accessLog", "FILE",
             "a line for every request goes here, reopened on SIGHUP; - is standard output; empty: "
             "none",
             kNeedsRestart},
            o.access_log);
  flags.add({"accessLogFormat", "FORMAT", "text or json", kNeedsRestart}, o.access_log_format);
}

void add_operation_flags(HttptpOptions& o, GoFlags& flags) {
  flags.begin_group("Operations");
  flags.add(
      {"expvarAddr", "ADDRESS", "where /expvar and /prometheus are; empty: nowhere", kNeedsRestart},
      o.expvar_address);
  flags.add({"config", "FILE",
             "flags from a file, one name = value a line; flags and the "
             "environment go before it",
             kNeedsRestart},
            o.config);
  flags.add({"pidFile", "FILE", "where to write the process id", kNeedsRestart}, o.pid_file);
  flags.add({"check", "", "check flags, names and certificates, open nothing, and exit",
             kCommandLineOnly},
            o.check);
  flags.add(
      {"dumpConfig", "", "print every flag with its value and where that comes from, and exit",
       kCommandLineOnly},
      o.dump_config);
  flags.add({"strictArgs", "", "arguments behind the flags are an error"}, o.strict_args);
  flags.add({"version", "", "print the version and exit", kCommandLineOnly}, o.version);
  flags.add(
      {"demo", "",
       "run requests through two ends and a link on loopback ports, print what is saved, and exit",
       kCommandLineOnly},
      o.demo);
}

}  // namespace

void add_httptp_flags(HttptpOptions& options, GoFlags& flags) {
  add_in_flags(options, flags);
  add_tls_in_flags(options, flags);
  add_autocert_flags(options, flags);
  add_out_flags(options, flags);
  add_link_flags(options, flags);
  add_tls_out_flags(options, flags);
  add_balancing_flags(options, flags);
  add_timeout_flags(options, flags);
  add_limit_flags(options, flags);
  add_logging_flags(options, flags);
  add_operation_flags(options, flags);
}

}  // namespace httpteleport::config
