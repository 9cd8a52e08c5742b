#include "admin/admin_servers.h"

#include <algorithm>

namespace httpteleport::admin {

AdminServers::AdminServers(event::Loop& loop, service::Registry& registry,
                           service::Runtime& runtime, EventStream& events, Options options)
    : loop_(loop),
      registry_(registry),
      events_(events),
      token_file_(std::move(options.token_file)),
      api_(registry, runtime, events, std::move(options.api)),
      guard_({.hosts = std::move(options.hosts), .token = token_file_.empty() ? nullptr : &token_}),
      guarded_(api_, guard_),
      read_only_(api_) {
  registry_.add_listener(events_);
}

AdminServers::~AdminServers() {
  registry_.remove_listener(events_);
}

std::string AdminServers::load_token() {
  return token_file_.empty() ? std::string() : token_.load(token_file_);
}

Result<LocalServer*> AdminServers::start(net::Socket listening, Site& site) {
  LocalServer::Options options;
  options.http1.head_limits.head_bytes_max = ServiceApi::kHeadBytesMax;
  auto server = std::make_unique<LocalServer>(loop_, std::move(listening), site, options);
  if (const Result<void> started = server->start(); !started) return started.error();
  servers_.push_back(std::move(server));
  return servers_.back().get();
}

void AdminServers::drain() {
  events_.drain();
  for (const auto& server : servers_)
    server->drain();
}

bool AdminServers::is_idle() const {
  return std::all_of(servers_.begin(), servers_.end(),
                     [](const auto& server) { return server->is_idle(); });
}

}  // namespace httpteleport::admin
