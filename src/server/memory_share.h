// How much memory messages may take.
#pragma once

#include <cstdint>
#include <string>

#include "config/snapshot.h"

namespace httpteleport::server {

// What the process may have in all: the least of the machine's memory, of RLIMIT_AS, and of what
// its cgroups (version 2) allow.
uint64_t memory_of_process();

// What the cgroup of a process allows, whose /proc/PID/cgroup is `membership`, below `root`, where
// the cgroups are mounted. UINT64_MAX: no limit, or none that can be read.
uint64_t memory_of_cgroup(const std::string& membership, const std::string& root);

// A worker's part of -maxMemory, or of half of what the process may have if that is less: the rest
// is for connections, TLS, links, and for what the allocator cannot give back.
size_t memory_of_messages(const config::Snapshot& snapshot);

}  // namespace httpteleport::server
