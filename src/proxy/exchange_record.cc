#include "proxy/exchange_record.h"

#include "http/error_status.h"

namespace httpteleport::proxy {

void note_client(ExchangeRecord& record, const ClientInfo& client) {
  record.client_ip = client.over_link ? client.peer_ip : client.ip;
  record.client_port = client.port;
  record.came_over_link = client.over_link;
}

void note_request(ExchangeRecord& record, const http::RequestHead& head) {
  record.version_minor = head.version_minor;
  record.method = head.method_text;
  record.target = head.target;
  record.host = head.authority;
  // Dropped ones too: what is not passed on has come all the same.
  for (const http::Field& field : head.fields) {
    if (http::equals_ignoring_case(field.name, "User-Agent")) record.user_agent = field.value;
    if (http::equals_ignoring_case(field.name, "Referer")) record.referer = field.value;
  }
}

void note_error_reply(ExchangeRecord& record, const Error& error, http::Method method) {
  record.failure = error;
  record.status = http::status_of(error);
  const std::string_view detail = error.detail;
  record.body_bytes_out = method == http::Method::kHead ? 0 : detail.size() + 1;
}

}  // namespace httpteleport::proxy
