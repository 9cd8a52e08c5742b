#include "proxy/local_reply.h"

#include <string>

#include "http/error_status.h"

namespace httpteleport::proxy {

void send_local_reply(http::DownstreamStream& downstream, int status, std::string_view body,
                      std::string_view content_type) {
  http::ResponseHead head;
  head.status = status;
  head.abandons_request = true;
  head.reason = http::reason_of(status);
  head.fields.add("Content-Type", content_type, http::FieldId::kContentType);
  head.body = http::BodyLength::known(body.size());
  head.declared_length = body.size();
  downstream.send_response_head(head);
  downstream.send_response_body(body);
  downstream.end_response({});
}

void send_error_reply(http::DownstreamStream& downstream, const Error& error) {
  const std::string line = std::string(error.detail) + "\n";
  send_local_reply(downstream, http::status_of(error), line);
}

}  // namespace httpteleport::proxy
