// What the exchanges of one route are told.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "proxy/forwarding_headers.h"
#include "proxy/retry_budget.h"
#include "proxy/waiting_queue.h"

namespace httpteleport::proxy {

struct ExchangeOptions {
  size_t exchanges_max = 100'000;  // open at one time on one worker; more wait
  // More are answered with 429, and so is who waits too long.
  WaitingQueue::Options queue;
  uint64_t request_body_bytes_max = 4 * 1024 * 1024;  // over it: 413
  // Where a body must be held whole (teleport), a larger one is refused whatever the limit above
  // says.
  uint64_t held_body_bytes_max = uint64_t{1} << 30;
  // Body bytes kept so that a failed attempt can be repeated.
  size_t replay_bytes_max = 512 * 1024;
  // Further attempts of a request that an endpoint may have seen.
  size_t retries_max = 2;
  // Attempts in all: those that an endpoint has certainly not seen are repeated until it is clear
  // that no address can be reached.
  size_t attempts_max = 16;
  // An answer that says the server is at fault is dropped when another endpoint can be asked.
  bool replaces_bad_answers = true;
  RetryBudget::Options retry_budget;
  // An attempt that is not answered for so long gets another one beside it; 0: half of
  // response_timeout.
  Duration try_timeout{};
  Duration response_timeout =
      std::chrono::seconds(3);  // -outTimeout: request sent to response begun
  Duration response_idle_timeout =
      std::chrono::seconds(60);  // between two pieces of a response, or of taking a request
  Duration total_timeout{};      // from the request's head to the answer's end; 0: no limit
  Duration tunnel_idle_timeout = std::chrono::hours(1);  // nothing moves either way
  // Requests whose paths begin so, and their answers, have bodies that are not compressed on a v2
  // link.
  std::vector<std::string> plain_body_paths{};
  bool get_only = false;  // -inGetOnly: GET and HEAD pass, any other method gets 405
  // The body of a 404 for a request that has no route.
  std::string_view no_route_line = "no route for this host and path\n";
  // Lines of errors name the flags of httptp that are behind them.
  bool names_flags = true;
  // Answers say which endpoint they are of, in this field; empty: they do not.
  std::string endpoint_field{};
  ForwardingOptions forwarding;
};

}  // namespace httpteleport::proxy
