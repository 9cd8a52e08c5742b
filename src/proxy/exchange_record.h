// What is told of a finished exchange. Plain data; all text is views, good while it is reported.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"
#include "http/message.h"
#include "proxy/request_handler_factory.h"

namespace httpteleport::proxy {

struct ExchangeRecord {
  std::string_view client_ip;  // over a link, the peer's; empty: not known
  uint16_t client_port = 0;    // 0: not known
  bool came_over_link = false;
  int version_minor = 1;        // of an HTTP/1 request
  std::string_view request_id;  // empty: the reporter makes one
  std::string_view method;      // this and the rest of the head are empty when it is malformed
  std::string_view target;
  std::string_view host;
  std::string_view user_agent;
  std::string_view referer;
  int status = 0;                // of the final answer as the client sees it; 0: it got none
  std::optional<Error> failure;  // why the proxy answered itself, or the exchange broke off
  uint64_t body_bytes_in = 0;    // of the request's body, as far as it came
  uint64_t body_bytes_out = 0;   // of the answer's body
  Duration duration{};           // from the request's head to the end of the exchange
  std::optional<Duration>
      upstream_head_after;    // from the request's head to the endpoint's answer's
  std::string_view upstream;  // the endpoint that was tried last; empty: none was
  size_t attempts = 0;
};

// Fills in who asked, and what.
void note_client(ExchangeRecord& record, const ClientInfo& client);
void note_request(ExchangeRecord& record, const http::RequestHead& head);
// That the answer is ours, for `error`. The counterpart of send_error_reply().
void note_error_reply(ExchangeRecord& record, const Error& error, http::Method method);

}  // namespace httpteleport::proxy
