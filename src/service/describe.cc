#include "service/describe.h"

#include <algorithm>

#include "service/json_writer.h"
#include "service/value_forms.h"

namespace httpteleport::service {

namespace {

constexpr size_t kShownBytes = 200;
constexpr size_t kProblemsMax = 5;

void append(JsonWriter& json, const std::string& value) {
  json.value(value);
}
void append(JsonWriter& json, int64_t value) {
  json.value(value);
}
void append(JsonWriter& json, bool value) {
  json.value(value);
}

void append(JsonWriter& json, const ListenerConfig& listener) {
  json.value(listener.network + " " + listener.address);
}

template <class T>
void append(JsonWriter& json, const std::vector<T>& values) {
  json.begin_array();
  for (const T& value : values)
    append(json, value);
  json.end_array();
}

void append(JsonWriter& json, const std::map<std::string, std::vector<int64_t>>& values) {
  json.begin_object();
  for (const auto& [key, value] : values) {
    json.text_key(key);
    append(json, value);
  }
  json.end_object();
}

template <class T>
std::string in_words(const T& value) {
  std::string text;
  JsonWriter json(text, kCompact);
  append(json, value);
  if (text.size() > kShownBytes) text = std::string(cut_text(text, kShownBytes)) + "...";
  return text;
}

// Appends a line for each field that differs.
class Differences {
 public:
  Differences(std::string where, std::vector<std::string>& lines)
      : where_(std::move(where)), lines_(lines) {}

  template <class T>
  void field(const char* name, const T& before, const T& after) {
    if (before == after) return;
    lines_.push_back(where_ + name + " " + in_words(before) + " -> " + in_words(after));
  }
  void limits(const std::string& name, const Limits& before, const Limits& after) {
    if (before == after) return;
    const auto member = [&](const char* member_name, int64_t was, int64_t is) {
      field((name + member_name).c_str(), was, is);
    };
    member(".connections", before.connections, after.connections);
    member(".connections_per_second", before.connections_per_second, after.connections_per_second);
    member(".requests_per_second", before.requests_per_second, after.requests_per_second);
    member(".burst", before.burst, after.burst);
  }
  void line(const std::string& text) { lines_.push_back(where_ + text); }
  Differences inside(const std::string& where) const { return {where_ + where, lines_}; }

 private:
  std::string where_;
  std::vector<std::string>& lines_;
};

void compare(Differences at, const BackendConfig& a, const BackendConfig& b) {
  at.field("address", a.address, b.address);
  at.field("network", a.network, b.network);
  at.field("check_address", a.check_address, b.check_address);
  at.field("weight", a.weight, b.weight);
  at.field("state", a.state, b.state);
  at.limits("limits", a.limits, b.limits);
}

void compare_backends(Differences& at, const ServiceConfig& a, const ServiceConfig& b) {
  std::map<std::string_view, const BackendConfig*> before;
  for (const BackendConfig& backend : a.backends)
    before.emplace(backend.name, &backend);
  for (const BackendConfig& backend : b.backends) {
    const auto found = before.find(backend.name);
    if (found == before.end()) {
      at.line("backend " + shown_name(backend.name) + " added (" + shown_name(backend.address) +
              ")");
      continue;
    }
    compare(at.inside("backend " + shown_name(backend.name) + ": "), *found->second, backend);
    before.erase(found);
  }
  for (const auto& [name, backend] : before)
    at.line("backend " + shown_name(name) + " removed");
}

void compare_check(Differences& at, const Check& a, const Check& b) {
  at.field("check.type", a.type, b.type);
  at.field("check.path", a.path, b.path);
  at.field("check.host", a.host, b.host);
  at.field("check.status", a.status, b.status);
  at.field("check.send", a.send, b.send);
  at.field("check.expect", a.expect, b.expect);
  at.field("check.timeout", a.timeout, b.timeout);
}

// Of both a service and the globals.
template <class T>
void compare_common(Differences& at, const T& a, const T& b) {
  at.field("balance", a.balance, b.balance);
  at.field("check_interval", a.check_interval, b.check_interval);
  at.field("fall", a.fall, b.fall);
  at.field("rise", a.rise, b.rise);
  at.field("client_timeout", a.client_timeout, b.client_timeout);
  at.field("server_timeout", a.server_timeout, b.server_timeout);
  at.field("connect_timeout", a.connect_timeout, b.connect_timeout);
  at.field("https-redirect", a.https_redirect, b.https_redirect);
}

void compare_newer(Differences& at, const ServiceConfig& a, const ServiceConfig& b) {
  at.field("listeners", a.listeners, b.listeners);
  compare_check(at, a.check, b.check);
  at.limits("limits", a.limits, b.limits);
  at.limits("client_limits", a.client_limits, b.client_limits);
  at.field("slow_start", a.slow_start, b.slow_start);
  at.field("idle_timeout", a.idle_timeout, b.idle_timeout);
  at.field("sessions_max", a.sessions_max, b.sessions_max);
  at.field("proxy_protocol", a.proxy_protocol, b.proxy_protocol);
  at.field("accept_proxy_protocol", a.accept_proxy_protocol, b.accept_proxy_protocol);
  at.field("proxy_protocol_from", a.proxy_protocol_from, b.proxy_protocol_from);
  at.field("backend_header", a.backend_header, b.backend_header);
  at.field("link_protocol", a.link_protocol, b.link_protocol);
  at.field("link_traffic", a.link_traffic, b.link_traffic);
  at.field("compression", a.compression, b.compression);
  at.field("link_plain_bodies", a.link_plain_bodies, b.link_plain_bodies);
  at.field("tls_ca_file", a.tls_ca_file, b.tls_ca_file);
  at.field("tls_server_name", a.tls_server_name, b.tls_server_name);
  at.field("tls_skip_verify", a.tls_skip_verify, b.tls_skip_verify);
}

// "0.0.0.0:80, 3 backends".
std::string outline(const ServiceConfig& service) {
  std::string text = shown_name(service.address);
  for (const std::string& host : service.virtual_hosts) {
    if (text.size() > kShownBytes) break;
    text += (text.empty() ? "" : ", ") + shown_name(host);
  }
  const size_t count = service.backends.size();
  text += (text.empty() ? "" : ", ") + std::to_string(count);
  return text + (count == 1 ? " backend" : " backends");
}

}  // namespace

void describe(const ServiceConfig* before, const ServiceConfig* after,
              std::vector<std::string>& lines) {
  if (!before && !after) return;
  if (!before) {
    lines.push_back("service " + shown_name(after->name) + " added (" + outline(*after) + ")");
    return;
  }
  if (!after) {
    lines.push_back("service " + shown_name(before->name) + " removed");
    return;
  }
  Differences at("service " + shown_name(after->name) + ": ", lines);
  const size_t told = lines.size();
  at.field("address", before->address, after->address);
  at.field("network", before->network, after->network);
  compare_common(at, *before, *after);
  at.field("virtual_hosts", before->virtual_hosts, after->virtual_hosts);
  at.field("error_pages", before->error_pages, after->error_pages);
  at.field("maintenance_mode", before->maintenance_mode, after->maintenance_mode);
  compare_backends(at, *before, *after);
  compare_newer(at, *before, *after);
  if (lines.size() == told && *before != *after) at.line("backends in another order");
}

void describe(const Globals& before, const Globals& after, std::vector<std::string>& lines) {
  Differences at("", lines);
  compare_common(at, before, after);
}

std::string summary(const std::vector<std::string>& lines) {
  if (lines.empty()) return "nothing";
  if (lines.size() == 1) return lines.front();
  return lines.front() + ", and " + std::to_string(lines.size() - 1) + " more";
}

std::string joined(const std::vector<std::string>& problems) {
  std::string line;
  for (size_t i = 0; i < problems.size() && i < kProblemsMax; ++i)
    line += (i == 0 ? "" : "; ") + problems[i];
  if (problems.size() > kProblemsMax)
    line += "; and " + std::to_string(problems.size() - kProblemsMax) + " more";
  return line;
}

}  // namespace httpteleport::service
