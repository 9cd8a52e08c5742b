// Tells of exchanges that are over: to the access log, and of failed ones to the program's log.
#pragma once

#include <memory>

#include "proxy/access_log.h"
#include "proxy/exchange_record.h"
#include "proxy/request_id.h"

namespace httpteleport::proxy {

// One a worker, on its thread. Where none is wanted there is none, which costs an exchange one
// branch.
class ExchangeReporter {
 public:
  // `access_log` may be nullptr: none is wanted. `log_all_errors` is -logAllErrors.
  ExchangeReporter(std::unique_ptr<AccessLog> access_log, bool log_all_errors)
      : access_log_(std::move(access_log)), log_all_errors_(log_all_errors) {}

  // An exchange is over. Once for each.
  void report(ExchangeRecord record);
  // A request was refused with the answer for `error` before it became an exchange. `head`: what is
  // known of it, or nullptr; `method` may be known without it.
  void report_refusal(const ClientInfo& client, const http::RequestHead* head, http::Method method,
                      const Error& error);
  // An attempt of it has failed, and another follows.
  void report_attempt(const ExchangeRecord& record, const Error& error);
  // A downstream connection has ended for a reason of its own. `peer_ip` and `peer_port`: whose.
  void report_connection(std::string_view peer_ip, uint16_t peer_port, const Error& error);

  void set_log_all_errors(bool on) { log_all_errors_ = on; }
  // Hands what is gathered to the writer now.
  void flush();

 private:
  std::unique_ptr<AccessLog> access_log_;
  bool log_all_errors_;
  RequestIds ids_;
};

}  // namespace httpteleport::proxy
