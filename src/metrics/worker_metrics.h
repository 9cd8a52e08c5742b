// Everything one worker counts. The names under which it is shown are in metrics/export.cc.
#pragma once

#include <array>
#include <cstddef>

#include "base/error.h"
#include "metrics/counter.h"
#include "metrics/histogram.h"

namespace httpteleport::metrics {

// The sockets of one side (downstream or upstream).
struct SocketMetrics {
  Counter bytes_read;
  Counter bytes_written;
  Counter read_calls;
  Counter write_calls;
  Counter read_errors;
  Counter write_errors;
  Gauge open;
};

// One side's exchanges, in the sense of the Go httptp's counters.
struct ExchangeMetrics {
  Counter started;
  Counter succeeded;  // a whole answer was passed on, whatever its status
  Counter non_200;    // of these, the ones with another status
  Counter timeout_errors;
  Counter other_errors;
};

// Teleport links. `raw` counts bytes of ids and messages before compression, `wire` what the socket
// carries, in the sense of this end: sent and received.
struct LinkMetrics {
  Counter raw_sent;
  Counter wire_sent;
  Counter raw_received;
  Counter wire_received;
  Counter batches_sent;  // flushes of the compressor
  Counter messages_sent;
  Counter messages_received;
  Counter late_answers;  // answers to requests that nobody waits for any more
  Gauge open;
  // Of links that speak v2.
  Counter streams;  // begun, by either end
  Counter resets_sent;
  Counter resets_received;
  Counter window_stalls;  // a body had to wait for room at the peer
  Counter lines;          // header lines sent
  Counter known_lines;    // of these, as a number
  Counter bodies;         // bodies, and pieces of them, that could be known
  Counter known_bodies;
  Counter encode_ns;
  Counter decode_ns;
};

// Accepted connections that were closed before anything of theirs was looked at, by reason.
struct RefusalMetrics {
  Counter address;        // the client may not connect
  Counter proxy_sender;   // the peer may not send a PROXY header
  Counter proxy_header;   // it is broken
  Counter proxy_timeout;  // it did not come
  Counter proxy_crowded;  // too many waited for theirs
};

struct WorkerMetrics {
  static constexpr size_t kCodes = static_cast<size_t>(Code::kBadConfig) + 1;

  SocketMetrics downstream_sockets;
  SocketMetrics upstream_sockets;
  ExchangeMetrics downstream;
  ExchangeMetrics upstream;
  LinkMetrics link;
  Counter accepted;
  Counter accept_errors;
  RefusalMetrics refused;
  Counter connects;
  Counter connect_errors;
  Counter retries;          // attempts on another endpoint or connection after a failed one
  Counter retries_refused;  // by the budget
  Counter access_log_lines_written;
  Counter access_log_lines_dropped;
  Counter probes;         // exchanges that found out whether an endpoint is well again
  Counter ejections;      // of endpoints
  Counter checks;         // active ones, of endpoints
  Counter checks_failed;  // of these
  Gauge queue_length;     // exchanges that wait for their turn
  Counter queue_waits;    // exchanges that had to wait
  Counter queue_refused;  // of an exchange: too many wait, or it waited too long
  Gauge endpoints;
  Gauge endpoints_in_service;
  Gauge exchanges_open;
  Counter upgrades;                      // exchanges that became tunnels: answers 101 passed on
  Gauge tunnels_open;                    // of the exchanges open
  std::array<Counter, 6> responses;      // by class of the status sent downstream; [0] is unused
  std::array<Counter, kCodes> failures;  // exchanges and connections that ended with an error
  Histogram request_duration;            // head of the request read to answer handed to the socket
};

}  // namespace httpteleport::metrics
