// What carries a configuration of services out, and what it tells of them. Control thread.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "service/config.h"

namespace httpteleport::service {

// Why a change was not made: one line that names the field, its value, and what is accepted or what
// to do. Everything is as it was.
struct Problem {
  std::string service;  // empty: a matter of all
  std::string text;
};

// From one configuration to the next.
struct Change {
  std::vector<std::shared_ptr<const ServiceConfig>> put;  // new, or in place of one of that name
  std::vector<std::string> removed;
  // When they are others than before. Services have taken over what they have of them, but for
  // https_redirect, which is of all services, also of those that are not in `put`.
  std::optional<Globals> globals;
};

struct BackendStats {
  std::string name;
  std::string address;
  std::string check_address;
  bool up = true;  // takes what is new
  // Beside what the older program tells: up down drain maint unresolved, and
  // failing: what was sent there went wrong.
  std::string status;
  std::string last_error;  // of a check or of a connect; empty: none yet
  int64_t up_since = 0;    // seconds since 1970; of `status`
  int64_t weight = 1;
  int64_t sent = 0;      // bytes to clients
  int64_t received = 0;  // bytes from clients
  int64_t errors = 0;
  int64_t connections = 0;  // of TCP, sessions of UDP, in all
  int64_t active = 0;       // now
  int64_t http_active = 0;  // requests now
  int64_t http_requests = 0;
  int64_t check_success = 0;
  int64_t check_fail = 0;
};

struct ServiceStats {
  std::vector<BackendStats> backends;
  int64_t sent = 0;
  int64_t received = 0;
  int64_t errors = 0;
  int64_t connections = 0;
  int64_t active = 0;
  int64_t http_active = 0;
  int64_t http_connections = 0;  // requests in all
  int64_t http_errors = 0;       // requests that a backend did not answer
  int64_t limited = 0;           // refused by a limit
  int64_t dropped = 0;           // datagrams that were not passed on
  // Bytes of its links, to backends and at its own addresses, before compression and after it.
  int64_t link_raw_sent = 0;
  int64_t link_wire_sent = 0;
  int64_t link_raw_received = 0;
  int64_t link_wire_received = 0;
};

// Something that an operator may want to see as it happens.
struct Event {
  std::string type;  // backend_up backend_down certificate error_page
  std::string service;
  std::string backend;  // may be empty
  std::string text;     // one line
};

class Runtime {
 public:
  // What apply() would find wrong, as far as that can be seen without opening anything.
  virtual std::optional<Problem> check(const Change& change) = 0;
  // All or nothing. Listeners that are new are open before those that they replace are given up;
  // what `change` does not name is not touched, nor is what it names with the same values.
  virtual std::optional<Problem> apply(const Change& change) = 0;
  // Of a service that was put; nothing of others.
  virtual std::optional<ServiceStats> stats(const std::string& service) = 0;

 protected:
  ~Runtime() = default;
};

// Hears of events, on the control thread.
class EventSink {
 public:
  virtual void on_event(const Event& event) = 0;

 protected:
  ~EventSink() = default;
};

}  // namespace httpteleport::service
