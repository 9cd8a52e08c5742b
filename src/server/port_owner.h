// Which process listens on an address, for the message that says we cannot.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "net/address.h"

namespace httpteleport::server {

// "pid 812 (nginx)", or several of these with commas between them; empty when it cannot be found
// out, for example because the process is another user's. Reads all of /proc: at start-up only.
std::string describe_port_owner(const net::Address& address);

// The inodes of the sockets because of which `address`, of the internet, cannot be listened on.
// `table` is the text of /proc/net/tcp or /proc/net/tcp6.
std::vector<uint64_t> find_tcp_listeners(std::string_view table, const net::Address& address);
// The same for a unix socket; `table` is the text of /proc/net/unix.
std::vector<uint64_t> find_unix_listeners(std::string_view table, std::string_view path);

}  // namespace httpteleport::server
