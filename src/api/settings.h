// The public options as the engine's own, checked.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "httpteleport/client.h"
#include "httpteleport/options.h"
#include "httpteleport/server.h"
#include "metrics/worker_metrics.h"
#include "net/address.h"
#include "proxy/session_context.h"
#include "tls/client_context.h"
#include "tls/server_context.h"
#include "upstream/teleport_links.h"

namespace httpteleport::api {

// A CallId has room for so many.
inline constexpr size_t kClientPendingMax = 4'000'000;

// What all workers of a client are told. Immutable.
struct ClientSettings {
  ClientOptions options;
  std::string default_host;                   // of requests that name none
  std::string host{};                         // as TLS asks for
  std::vector<net::Address> addresses{};      // of the peer; empty: to be looked up
  std::optional<net::HostPort> to_look_up{};  // then
  tls::ClientOptions tls{};
};

// Reads the files that TLS needs, which blocks. Errors: kInvalidArgument, with a message that names
// the option.
StatusOr<ClientSettings> make_settings(const ClientOptions& options);

// The same of a server: what TLS needs; without certificates there is none.
StatusOr<tls::ServerOptions> make_tls_options(const ServerOptions& options);
Status check(const ServerOptions& options);

// What a link speaks, and what it remembers; of options that have been checked.
void take_link(const ClientOptions& from, teleport::LinkOptions& to);
void take_link(const ServerOptions& from, teleport::LinkOptions& to);

// Of a comma-separated list, and the reverse.
std::vector<std::string> names_in(std::string_view list);
std::string joined_names(const std::vector<std::string>& names);

// "unix:/path", "/path" or "@abstract"; nullopt: not a unix socket.
std::optional<std::string_view> unix_path_of(std::string_view address);

void add_to(LinkStats& stats, const metrics::LinkMetrics& metrics);

}  // namespace httpteleport::api
