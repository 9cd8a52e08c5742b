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
  Counter connects;
  Counter connect_errors;
  Counter retries;  // attempts on another endpoint or connection after a failed one
  Gauge exchanges_open;
  std::array<Counter, 6> responses;      // by class of the status sent downstream; [0] is unused
  std::array<Counter, kCodes> failures;  // exchanges and connections that ended with an error
  Histogram request_duration;            // head of the request read to answer handed to the socket
};

}  // namespace httpteleport::metrics
