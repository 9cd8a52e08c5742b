#include "proxies.h"

#include <ctime>
#include <sstream>
#include <utility>

#include "sockets.h"

namespace httpteleport::bench {

namespace {

constexpr const char* kNginx = R"(load_module /usr/lib/nginx/modules/ngx_stream_module.so;
daemon off; master_process off; worker_processes 1; worker_rlimit_nofile 20000;
error_log stderr crit; pid {folder}/nginx.pid;
events { worker_connections 16000; }
stream {
  server { listen {tcp} backlog=4096; proxy_pass {tcp_backend}; }
  server { listen {udp} udp rcvbuf=4m; proxy_pass {udp_backend}; proxy_timeout 60s; }
}
)";

constexpr const char* kHaproxy = R"(global
  nbthread 1
  maxconn 9000
defaults
  mode tcp
  timeout client 60s
  timeout server 60s
  timeout connect 3s
listen relay
  bind {tcp} backlog 4096
  server s {tcp_backend}
)";

// The same, with bytes that pass through pipes where haproxy thinks it worth while.
constexpr const char* kHaproxySplice = R"(global
  nbthread 1
  maxconn 8000
  maxpipes 1000
defaults
  mode tcp
  option splice-auto
  timeout client 60s
  timeout server 60s
  timeout connect 3s
listen relay
  bind {tcp} backlog 4096
  server s {tcp_backend}
)";

constexpr const char* kShuttle = R"({"services": [
  {"name": "t", "address": "{tcp}", "network": "tcp",
   "backends": [{"name": "b", "address": "{tcp_backend}"}]},
  {"name": "u", "address": "{udp}", "network": "udp",
   "backends": [{"name": "b", "address": "{udp_backend}", "network": "udp"}]}
]}
)";

void replace_all(std::string& text, const std::string& what, const std::string& by) {
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size()))
    text.replace(at, what.size(), by);
}

std::string address_of(uint16_t port) {
  return "127.0.0.1:" + std::to_string(port);
}

bool takes_connections(uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = loopback(port);
  const bool good = connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  close(fd);
  return good;
}

}  // namespace

std::optional<ProxySpec> parse_proxy(const std::string& text) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) return std::nullopt;
  ProxySpec spec{.name = text.substr(0, equals), .command = {}};
  std::istringstream words(text.substr(equals + 1));
  for (std::string word; words >> word;)
    spec.command.push_back(word);
  if (spec.command.empty()) return std::nullopt;
  return spec;
}

ProxySpec nginx() {
  return {.name = "nginx", .command = {"/usr/sbin/nginx", "-c", "{nginx}"}};
}

ProxySpec haproxy() {
  return {
      .name = "haproxy", .command = {"/usr/sbin/haproxy", "-db", "-f", "{haproxy}"}, .udp = false};
}

ProxySpec haproxy_splice() {
  return {.name = "haproxy-splice",
          .command = {"/usr/sbin/haproxy", "-db", "-f", "{haproxy-splice}"},
          .udp = false};
}

Proxy::Proxy(const ProxySpec& spec, uint16_t tcp_backend, uint16_t udp_backend)
    : spec_(spec),
      ports_{.tcp = free_port(SOCK_STREAM),
             .udp = free_port(SOCK_DGRAM),
             .tcp_backend = tcp_backend,
             .udp_backend = udp_backend} {
  std::vector<std::string> command;
  for (const std::string& word : spec_.command)
    command.push_back(fill_in(word));
  process_ = std::make_unique<test::Process>(command);
  if (test::wait_until([this] { return takes_connections(ports_.tcp); })) return;
  std::fprintf(stderr, "%s does not take connections: %s\n", spec_.name.c_str(),
               process_->output().c_str());
  std::exit(1);
}

std::string Proxy::write(const std::string& name, const std::string& text) {
  return folder_.write(name, fill_in(text));
}

std::string Proxy::fill_in(std::string text) {
  if (text == "{nginx}") return write("nginx.conf", kNginx);
  if (text == "{haproxy}") return write("haproxy.cfg", kHaproxy);
  if (text == "{haproxy-splice}") return write("haproxy.cfg", kHaproxySplice);
  if (text == "{shuttle}") return write("shuttle.json", kShuttle);
  replace_all(text, "{tcp}", address_of(ports_.tcp));
  replace_all(text, "{udp}", address_of(ports_.udp));
  replace_all(text, "{tcp_backend}", address_of(ports_.tcp_backend));
  replace_all(text, "{udp_backend}", address_of(ports_.udp_backend));
  replace_all(text, "{folder}", folder_.path());
  return text;
}

double Proxy::cpu_seconds() const {
  clockid_t clock{};
  timespec used{};
  check(clock_getcpuclockid(process_->pid(), &clock) == 0, "clock_getcpuclockid");
  check(clock_gettime(clock, &used) == 0, "the relay is gone");
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9;
}

}  // namespace httpteleport::bench
