// The addresses in flags, as text and resolved.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/problems.h"
#include "net/address.h"
#include "upstream/cluster.h"

namespace httpteleport::config {

// A host with its port, or the path of a unix socket.
using Target = std::variant<net::HostPort, net::Address>;

// "unix:PATH", or "host:port" in its forms. `is_path`: -inType and -outType are unix, and a path
// needs no "unix:". Errors: kBadConfig with what is accepted.
Result<Target> parse_target(std::string_view text, bool is_path);

// The address to listen on. Resolves names: blocks. Invalid, with a problem, when there is none.
net::Address listen_address(std::string_view flag, const std::string& text, bool is_path,
                            Problems& problems);

// The endpoints of -out: "ADDRESS[;weight=N],...". A name that `in_force` has keeps its addresses
// there, because a running proxy looks it up by itself. Resolves the others: blocks.
std::vector<upstream::EndpointOptions> out_endpoints(
    const std::string& list, bool is_path, std::span<const upstream::EndpointOptions> in_force,
    Problems& problems);

}  // namespace httpteleport::config
