#include "proxy/exchange_reporter.h"

#include <cstring>

#include "base/log.h"

namespace httpteleport::proxy {

namespace {

// What a client did wrong, or that it left, is nothing that we or the endpoints can mend.
LogLevel level_of(const Error& error) {
  return error.source == Source::kDownstream ? LogLevel::kInfo : LogLevel::kWarn;
}

const char* errno_text(const Error& error) {
  return error.sys_errno == 0 ? "" : std::strerror(error.sys_errno);
}

void log_exchange(std::string_view text, const ExchangeRecord& record, const Error& error) {
  log_line(level_of(error), text,
           {{"request_id", record.request_id},
            {"peer", record.client_ip},
            {"peer_port", record.client_port},
            {"method", record.method},
            {"host", record.host},
            {"target", record.target},
            {"status", record.status},
            {"upstream", record.upstream},
            {"attempts", record.attempts},
            {"cause", code_name(error.code)},
            {"detail", error.detail},
            {"errno", errno_text(error)}});
}

}  // namespace

void ExchangeReporter::report(ExchangeRecord record) {
  const bool failed = log_all_errors_ && record.failure;
  if (!access_log_ && !failed) return;
  std::array<char, RequestIds::kIdBytes> made;
  if (record.request_id.empty()) {
    made = ids_.next();
    record.request_id = {made.data(), made.size()};
  }
  if (access_log_) access_log_->add(record);
  if (failed) log_exchange("request failed", record, *record.failure);
}

void ExchangeReporter::report_refusal(const ClientInfo& client, const http::RequestHead* head,
                                      http::Method method, const Error& error) {
  ExchangeRecord record;
  note_client(record, client);
  if (head != nullptr) note_request(record, *head);
  note_error_reply(record, error, method);
  report(record);
}

void ExchangeReporter::report_attempt(const ExchangeRecord& record, const Error& error) {
  if (log_all_errors_) log_exchange("attempt failed, another one follows", record, error);
}

void ExchangeReporter::report_connection(std::string_view peer_ip, uint16_t peer_port,
                                         const Error& error) {
  if (!log_all_errors_) return;
  log_line(level_of(error), "connection ended",
           {{"peer", peer_ip},
            {"peer_port", peer_port},
            {"cause", code_name(error.code)},
            {"detail", error.detail},
            {"errno", errno_text(error)}});
}

void ExchangeReporter::flush() {
  if (access_log_) access_log_->flush();
}

}  // namespace httpteleport::proxy
