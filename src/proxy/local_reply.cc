#include "proxy/local_reply.h"

#include <string>

#include "http/error_status.h"

namespace httpteleport::proxy {

namespace {

// `head` may have fields already.
void send_whole(http::DownstreamStream& downstream, http::ResponseHead& head, int status,
                std::string_view body, std::string_view content_type) {
  head.status = status;
  head.abandons_request = true;
  head.reason = http::reason_of(status);
  if (!content_type.empty())
    head.fields.add("Content-Type", content_type, http::FieldId::kContentType);
  head.body = http::BodyLength::known(body.size());
  head.declared_length = body.size();
  downstream.send_response_head(head);
  downstream.send_response_body(body);
  downstream.end_response({});
}

}  // namespace

void send_local_reply(http::DownstreamStream& downstream, int status, std::string_view body,
                      std::string_view content_type) {
  http::ResponseHead head;
  send_whole(downstream, head, status, body, content_type);
}

void send_method_not_allowed(http::DownstreamStream& downstream, std::string_view allow) {
  http::ResponseHead head;
  head.fields.add("Allow", allow);
  const std::string line = "only " + std::string(allow) + " are served here\n";
  send_whole(downstream, head, 405, line, "text/plain; charset=utf-8");
}

void send_redirect(http::DownstreamStream& downstream, int status, std::string_view location) {
  http::ResponseHead head;
  head.fields.add("Location", location);
  const std::string line = "see " + std::string(location) + "\n";
  send_whole(downstream, head, status, line, "text/plain; charset=utf-8");
}

void send_local_answer(http::DownstreamStream& downstream, const LocalAnswer& answer) {
  http::ResponseHead head;
  for (const auto& [name, value] : answer.fields)
    head.fields.add(name, value);
  send_whole(downstream, head, answer.status, *answer.body, "");
}

void send_error_reply(http::DownstreamStream& downstream, const Error& error) {
  const std::string line = std::string(error.detail) + "\n";
  send_local_reply(downstream, http::status_of(error), line);
}

}  // namespace httpteleport::proxy
