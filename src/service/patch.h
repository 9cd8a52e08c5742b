// What a JSON document of the admin API says: the fields that it names, and no others. A partial
// update changes those and leaves the rest; see service/merge.h.
//
// Members are named as in service/config.h. What a document sets to null is not named by it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "service/config.h"

namespace httpteleport::service {

struct LimitsPatch {
  std::optional<int64_t> connections;
  std::optional<int64_t> connections_per_second;
  std::optional<int64_t> requests_per_second;
  std::optional<int64_t> burst;
};

struct CheckPatch {
  std::optional<std::string> type;
  std::optional<std::string> path;
  std::optional<std::string> host;
  std::optional<std::vector<int64_t>> status;
  std::optional<std::string> send;
  std::optional<std::string> expect;
  std::optional<int64_t> timeout;
};

struct BackendPatch {
  std::optional<std::string> name;
  std::optional<std::string> address;
  std::optional<std::string> network;
  std::optional<std::string> check_address;
  std::optional<int64_t> weight;
  std::optional<std::string> state;
  LimitsPatch limits;
};

struct ServicePatch {
  std::optional<std::string> name;
  std::optional<std::string> address;
  std::optional<std::string> network;
  std::optional<std::string> balance;
  std::optional<int64_t> check_interval;
  std::optional<int64_t> fall;
  std::optional<int64_t> rise;
  std::optional<int64_t> client_timeout;
  std::optional<int64_t> server_timeout;
  std::optional<int64_t> connect_timeout;
  std::optional<bool> https_redirect;
  std::optional<std::vector<std::string>> virtual_hosts;
  std::optional<std::map<std::string, std::vector<int64_t>>> error_pages;
  std::optional<bool> maintenance_mode;
  std::optional<std::vector<BackendPatch>> backends;

  std::optional<std::vector<ListenerConfig>> listeners;
  CheckPatch check;
  LimitsPatch limits;
  LimitsPatch client_limits;
  std::optional<int64_t> slow_start;
  std::optional<int64_t> idle_timeout;
  std::optional<int64_t> sessions_max;
  std::optional<std::string> proxy_protocol;
  std::optional<std::string> accept_proxy_protocol;
  std::optional<std::vector<std::string>> proxy_protocol_from;
  std::optional<bool> backend_header;
  std::optional<std::string> link_protocol;
  std::optional<std::string> link_traffic;
  std::optional<std::string> compression;
  std::optional<bool> link_plain_bodies;
  std::optional<std::string> tls_ca_file;
  std::optional<std::string> tls_server_name;
  std::optional<bool> tls_skip_verify;
};

struct GlobalsPatch {
  std::optional<std::string> balance;
  std::optional<int64_t> check_interval;
  std::optional<int64_t> fall;
  std::optional<int64_t> rise;
  std::optional<int64_t> client_timeout;
  std::optional<int64_t> server_timeout;
  std::optional<int64_t> connect_timeout;
  std::optional<bool> https_redirect;
};

struct ConfigPatch {
  GlobalsPatch globals;
  std::optional<std::vector<ServicePatch>> services;
  std::optional<int64_t> version;  // "_version": of a state file
};

}  // namespace httpteleport::service
