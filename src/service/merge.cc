#include "service/merge.h"

#include <algorithm>

namespace httpteleport::service {

namespace {

template <class T>
void take(T& field, const std::optional<T>& named) {
  if (named) field = *named;
}

// Of fields whose zero means "not set" in documents of the older program.
template <class T>
void take_if_set(T& field, const std::optional<T>& named) {
  if (named && *named != T()) field = *named;
}

void take(Limits& limits, const LimitsPatch& patch) {
  take(limits.connections, patch.connections);
  take(limits.connections_per_second, patch.connections_per_second);
  take(limits.requests_per_second, patch.requests_per_second);
  take(limits.burst, patch.burst);
}

void take(Check& check, const CheckPatch& patch) {
  take(check.type, patch.type);
  take(check.path, patch.path);
  take(check.host, patch.host);
  take(check.status, patch.status);
  take(check.send, patch.send);
  take(check.expect, patch.expect);
  take(check.timeout, patch.timeout);
}

std::vector<BackendConfig> merge_backends(std::vector<BackendConfig> base,
                                          const std::vector<BackendPatch>& patches,
                                          UnnamedBackends unnamed, const BackendConfig& fresh) {
  std::map<std::string, size_t> places;
  for (size_t i = 0; i < base.size(); ++i)
    places.emplace(base[i].name, i);
  std::vector<BackendConfig> added;
  std::vector<bool> named(base.size());
  for (const BackendPatch& patch : patches) {
    const auto place = places.find(patch.name.value_or(std::string()));
    if (place == places.end() || named[place->second]) {
      // One that is named twice becomes two: validation finds it.
      added.push_back(merge(fresh, patch));
      continue;
    }
    named[place->second] = true;
    base[place->second] = merge(base[place->second], patch);
  }
  std::vector<BackendConfig> merged;
  merged.reserve(base.size() + added.size());
  for (size_t i = 0; i < base.size(); ++i) {
    if (named[i] || unnamed == UnnamedBackends::kKeep) merged.push_back(std::move(base[i]));
  }
  std::move(added.begin(), added.end(), std::back_inserter(merged));
  return merged;
}

void take_older_fields(ServiceConfig& service, const ServicePatch& patch) {
  take(service.address, patch.address);
  take_if_set(service.network, patch.network);
  take_if_set(service.balance, patch.balance);
  take_if_set(service.check_interval, patch.check_interval);
  take_if_set(service.fall, patch.fall);
  take_if_set(service.rise, patch.rise);
  take(service.client_timeout, patch.client_timeout);
  take(service.server_timeout, patch.server_timeout);
  take(service.connect_timeout, patch.connect_timeout);
  take(service.https_redirect, patch.https_redirect);
  take(service.virtual_hosts, patch.virtual_hosts);
  take(service.error_pages, patch.error_pages);
  take(service.maintenance_mode, patch.maintenance_mode);
}

void take_newer_fields(ServiceConfig& service, const ServicePatch& patch) {
  take(service.listeners, patch.listeners);
  take(service.check, patch.check);
  take(service.limits, patch.limits);
  take(service.client_limits, patch.client_limits);
  take(service.slow_start, patch.slow_start);
  take(service.idle_timeout, patch.idle_timeout);
  take(service.sessions_max, patch.sessions_max);
  take(service.proxy_protocol, patch.proxy_protocol);
  take(service.accept_proxy_protocol, patch.accept_proxy_protocol);
  take(service.proxy_protocol_from, patch.proxy_protocol_from);
  take(service.backend_header, patch.backend_header);
  take(service.link_protocol, patch.link_protocol);
  take(service.link_traffic, patch.link_traffic);
  take(service.compression, patch.compression);
  take(service.link_plain_bodies, patch.link_plain_bodies);
  take(service.tls_ca_file, patch.tls_ca_file);
  take(service.tls_server_name, patch.tls_server_name);
  take(service.tls_skip_verify, patch.tls_skip_verify);
}

}  // namespace

ServiceConfig merge(ServiceConfig base, const ServicePatch& patch, UnnamedBackends unnamed) {
  take_if_set(base.name, patch.name);
  take_older_fields(base, patch);
  take_newer_fields(base, patch);
  // The older program takes an empty name of a host for none.
  std::erase(base.virtual_hosts, std::string());
  if (patch.backends) {
    base.backends = merge_backends(std::move(base.backends), *patch.backends, unnamed,
                                   new_backend({}, base.network));
  }
  return base;
}

BackendConfig merge(BackendConfig base, const BackendPatch& patch) {
  take_if_set(base.name, patch.name);
  take(base.address, patch.address);
  take_if_set(base.network, patch.network);
  take(base.check_address, patch.check_address);
  take(base.weight, patch.weight);
  take(base.state, patch.state);
  take(base.limits, patch.limits);
  return base;
}

Globals merge(Globals base, const GlobalsPatch& patch) {
  take(base.balance, patch.balance);
  take(base.check_interval, patch.check_interval);
  take(base.fall, patch.fall);
  take(base.rise, patch.rise);
  take(base.client_timeout, patch.client_timeout);
  take(base.server_timeout, patch.server_timeout);
  take(base.connect_timeout, patch.connect_timeout);
  take(base.https_redirect, patch.https_redirect);
  return base;
}

std::string_view default_backend_network(std::string_view service_network) {
  return service_network.starts_with("udp") ? service_network : "tcp";
}

BackendConfig new_backend(std::string name, std::string_view service_network) {
  BackendConfig backend;
  backend.name = std::move(name);
  backend.network = default_backend_network(service_network);
  return backend;
}

ServiceConfig new_service(std::string name, const Globals& globals) {
  ServiceConfig service;
  service.name = std::move(name);
  const auto inherit = [](auto& field, const auto& global) {
    if (global != std::decay_t<decltype(global)>()) field = global;
  };
  inherit(service.balance, globals.balance);
  inherit(service.check_interval, globals.check_interval);
  inherit(service.fall, globals.fall);
  inherit(service.rise, globals.rise);
  inherit(service.client_timeout, globals.client_timeout);
  inherit(service.server_timeout, globals.server_timeout);
  inherit(service.connect_timeout, globals.connect_timeout);
  return service;
}

namespace {

std::shared_ptr<const ServiceConfig> find(const ServiceMap& services, const std::string& name) {
  const auto found = services.find(name);
  return found == services.end() ? nullptr : found->second;
}

// Of those that are known already, in front of the others: documents that are read from the program
// have them by name.
void keep_order(std::vector<BackendConfig>& backends, const std::vector<BackendConfig>& known) {
  std::map<std::string_view, size_t> places;
  for (size_t i = 0; i < known.size(); ++i)
    places.emplace(known[i].name, i);
  std::ranges::stable_sort(backends, {}, [&](const BackendConfig& backend) {
    const auto place = places.find(backend.name);
    return place == places.end() ? known.size() : place->second;
  });
}

ServiceConfig merge_onto(const ServiceConfig* existing, const Globals& globals,
                         const std::string& name, const ServicePatch& patch,
                         const MergeRules& rules) {
  if (existing && !rules.replace) return merge(*existing, patch, rules.unnamed_backends);
  ServiceConfig service = merge(new_service(name, globals), patch, UnnamedBackends::kRemove);
  if (existing) {
    keep_order(service.backends, existing->backends);
    return service;
  }
  if (rules.zero_is_none) return service;
  const auto inherit = [](int64_t& field, int64_t global) {
    if (field == 0) field = global;
  };
  inherit(service.client_timeout, globals.client_timeout);
  inherit(service.server_timeout, globals.server_timeout);
  inherit(service.connect_timeout, globals.connect_timeout);
  return service;
}

}  // namespace

ServiceConfig merge(const Config& base, const std::string& name, const ServicePatch& patch,
                    const MergeRules& rules) {
  return merge_onto(find(base.services, name).get(), base.globals, name, patch, rules);
}

ConfigMerge merge(const Config& base, const ConfigPatch& patch, const MergeRules& rules) {
  ConfigMerge merged;
  merged.globals = merge(rules.replace ? Globals() : base.globals, patch.globals);
  std::map<std::string, std::shared_ptr<const ServiceConfig>> named;
  if (patch.services) {
    for (const ServicePatch& one : *patch.services) {
      const std::string name = one.name.value_or(std::string());
      auto& after = named[name];
      // Named before in this document, it is built upon.
      const bool again = after != nullptr;
      if (!again) after = find(base.services, name);
      MergeRules its_rules = rules;
      its_rules.replace = rules.replace && !again;
      after = std::make_shared<const ServiceConfig>(
          merge_onto(after.get(), merged.globals, name, one, its_rules));
    }
  }
  for (auto& [name, after] : named) {
    std::shared_ptr<const ServiceConfig> before = find(base.services, name);
    if (!before || *before != *after) merged.services.push_back({std::move(before), after});
  }
  if (!rules.replace) return merged;
  for (const auto& [name, service] : base.services) {
    if (!named.contains(name)) merged.services.push_back({service, nullptr});
  }
  return merged;
}

}  // namespace httpteleport::service
