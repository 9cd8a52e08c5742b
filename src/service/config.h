// What a live proxy is told to serve: services, each with its backends, under the names of the
// JSON documents of the admin API (docs/admin-api.md). Plain values, defaults filled in.
//
// The words of these documents are older than the rest of the program: a service is a cluster with
// its listeners and routes, a backend is an endpoint.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace httpteleport::service {

// Rates are held by a token bucket that is full at the beginning; 0: no limit. In JSON:
// connections, connections_per_second, requests_per_second, burst.
struct Limits {
  int64_t connections = 0;             // at a time; of HTTP: requests at a time
  int64_t connections_per_second = 0;  // new ones; UDP: new sessions
  int64_t requests_per_second = 0;     // HTTP only
  int64_t burst = 0;                   // tokens of a full bucket; 0: those of a second

  friend bool operator==(const Limits&, const Limits&) = default;
};

// How a backend's health is found out. In JSON an object under "check".
struct Check {
  // tcp (a connection is all that is wanted), http, https, tls (a handshake), exchange (`send`,
  // then an answer that contains `expect`), none. Empty: tcp. UDP backends are checked over TCP, as
  // the address to be checked (check_address) is one of TCP.
  std::string type;
  std::string path = "/";       // http: the target of a GET
  std::string host;             // http: Host, TLS: the name; empty: those of the backend
  std::vector<int64_t> status;  // http: good statuses; empty: 200 to 399
  std::string send;             // exchange
  std::string expect;           // exchange and http: must be in the answer (its first 64 KiB)
  int64_t timeout = 0;          // ms; 0: connect_timeout, or the interval if that is shorter

  friend bool operator==(const Check&, const Check&) = default;
};

struct BackendConfig {
  std::string name;     // unique in its service, in an order of names
  std::string address;  // host:port, or a path (of unix)
  // tcp tcp4 tcp6 unix; of HTTP also https teleport teleports unix (http is another word for tcp);
  // of UDP also udp udp4 udp6: then tcp and unix mean a stream of datagrams, each behind its length
  // in two bytes.
  std::string network = "tcp";
  std::string check_address;  // empty: no checks, it is taken to be well
  int64_t weight = 1;         // 0..256; 0: takes nothing new
  // Set by hand: "" (health decides), up (whatever checks say), down, drain (nothing new), maint
  // (nothing new, and no checks).
  std::string state;
  Limits limits;

  friend bool operator==(const BackendConfig&, const BackendConfig&) = default;
};

// An address of a service beside `address`, or of another kind: tcp* udp* unix http https teleport
// teleports. The last four are for the service alone, whatever host a request names.
struct ListenerConfig {
  std::string address;
  std::string network = "tcp";

  friend bool operator==(const ListenerConfig&, const ListenerConfig&) = default;
};

struct ServiceConfig {
  std::string name;             // not empty, no '/', does not begin with '_'
  std::string address;          // empty: none; then virtual hosts and `listeners` are all there is
  std::string network = "tcp";  // of `address`: as in ListenerConfig
  std::string balance = "RR";   // RR LC, and least-loaded p2c ewma hash:FIELD
  int64_t check_interval = 5000;           // ms
  int64_t fall = 2;                        // failed checks in a row
  int64_t rise = 2;                        // good checks in a row
  int64_t client_timeout = 0;              // ms; 0: none
  int64_t server_timeout = 0;              // ms; 0: none
  int64_t connect_timeout = 0;             // ms; 0: 3 s
  bool https_redirect = false;             // "https-redirect"
  std::vector<std::string> virtual_hosts;  // host, host/path, *.host, *
  std::map<std::string, std::vector<int64_t>>
      error_pages;  // http(s)://..., file:/..., text:... -> statuses
  bool maintenance_mode = false;
  std::vector<BackendConfig> backends;  // in the order they were added: balancing has it

  // From here on what the older program does not know; left out of JSON where it has its default.
  std::vector<ListenerConfig> listeners;
  Check check;
  Limits limits;             // of the service
  Limits client_limits;      // of each client address
  int64_t slow_start = 0;    // ms; how long a backend that has come back takes to its full weight
  int64_t idle_timeout = 0;  // ms; UDP session without datagrams: 0: 60 s. TCP: see client_timeout
  int64_t sessions_max = 0;  // UDP; 0: 10,000
  std::string proxy_protocol;         // v1 v2: what TCP and HTTP backends get; empty: nothing
  std::string accept_proxy_protocol;  // v1 v2 any; empty: nothing
  std::vector<std::string> proxy_protocol_from;  // addresses and CIDRs; with accept_proxy_protocol
  bool backend_header = false;  // answers say which backend they are of (X-Backend)
  // Of links, toward teleport backends and at the addresses of the service:
  std::string link_protocol;       // as -outProtocol; empty: auto
  std::string link_traffic;        // http tcp udp: what comes at its own; empty: see link_traffic()
  std::string compression;         // as -outCompress; empty: auto
  std::string tls_ca_file;         // for https and teleports backends; empty: the system's CAs
  std::string tls_server_name;     // empty: the host of the backend's address
  bool link_plain_bodies = false;  // toward teleport backends: as -linkPlainBodies=/
  bool tls_skip_verify = false;

  friend bool operator==(const ServiceConfig&, const ServiceConfig&) = default;
};

// Values for services that do not have their own; 0 and empty: see ServiceConfig.
struct Globals {
  std::string balance;
  int64_t check_interval = 0;
  int64_t fall = 0;
  int64_t rise = 0;
  int64_t client_timeout = 0;
  int64_t server_timeout = 0;
  int64_t connect_timeout = 0;
  bool https_redirect = false;  // all services redirect

  friend bool operator==(const Globals&, const Globals&) = default;
};

// Services are shared by the configurations that have them: what is the same object has not
// changed.
using ServiceMap = std::map<std::string, std::shared_ptr<const ServiceConfig>, std::less<>>;

struct Config {
  Globals globals;
  ServiceMap services;
};

}  // namespace httpteleport::service
