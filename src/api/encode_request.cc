#include "api/encode_request.h"

#include "http/h1/encoder.h"

namespace httpteleport::api {

namespace {

bool is_multipart_form(const internal::MessageData& request) {
  const size_t type = request.find("Content-Type");
  return type < request.places.size() && http::is_multipart_form(request.field_at(type).value);
}

Status check(const internal::MessageData& request, http::Method method) {
  if (!request.valid) {
    return {StatusCode::kInvalidArgument,
            "the request has a method, target, host or field that cannot be sent"};
  }
  if (request.places.size() > internal::kFieldsMax)
    return {StatusCode::kTooLarge, "the request has more than 1990 fields"};
  if (method == http::Method::kConnect)
    return {StatusCode::kInvalidArgument, "CONNECT does not pass over a teleport link"};
  if ((method == http::Method::kGet || method == http::Method::kHead) && !request.body.empty()) {
    return {StatusCode::kInvalidArgument,
            "GET and HEAD with a body do not pass over a teleport link"};
  }
  return {};
}

}  // namespace

Status encode_request(const internal::MessageData& request, std::string_view default_host,
                      EncodedRequest& to) {
  to.method = http::method_of(request.method_text());
  if (const Status status = check(request, to.method); !status.ok()) return status;
  std::string& text = to.text;
  text.clear();
  text.append(request.method_text()).append(" ");
  text.append(request.target_text()).append(" HTTP/1.1\r\nHost: ");
  text.append(request.host.empty() ? default_host : std::string_view(request.host));
  text.append("\r\n").append(request.lines);
  if (request.body.empty()) {
    const bool body_expected = to.method != http::Method::kGet && to.method != http::Method::kHead;
    text.append(body_expected ? "Content-Length: 0\r\n\r\n" : "\r\n");
    to.head_bytes = text.size();
    return {};
  }
  // A Go peer takes a form of known length apart while it reads it, and loses the link over a bad
  // one.
  if (is_multipart_form(request)) {
    text.append("Transfer-Encoding: chunked\r\n\r\n");
    to.head_bytes = text.size();
    text.append(http::h1::make_chunk_head(request.body.size()).view());
    text.append(request.body).append("\r\n0\r\n\r\n");
    return {};
  }
  text.append("Content-Length: ").append(std::to_string(request.body.size()));
  text.append("\r\n\r\n");
  to.head_bytes = text.size();
  text.append(request.body);
  return {};
}

}  // namespace httpteleport::api
