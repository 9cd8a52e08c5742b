// The floor of a lone request: two threads that pass as many bytes to and fro over one socket.
#pragma once

#include <chrono>

#include "benchmarks.h"

// Blocking recv and send, nothing else, between threads on the same core.
Measurement run_ping_pong(Transport transport, std::chrono::milliseconds duration);
