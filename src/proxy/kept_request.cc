#include "proxy/kept_request.h"

namespace httpteleport::proxy {

void KeptRequest::keep_text(std::string_view raw) {
  const std::string_view copy = arena_.copy(raw);
  head_.rebase(raw, copy.data());
}

void KeptRequest::ensure_host(std::string_view name) {
  if (!head_.authority.empty()) return;
  host_is_ours_ = true;
  head_.authority = arena_.copy(name);
  head_.fields.drop(http::FieldId::kHost);
  head_.fields.add("Host", head_.authority, http::FieldId::kHost);
}

void KeptRequest::keep_body(std::string_view bytes, size_t bytes_max) {
  if (!is_repeatable_) return;
  if (body_.size() + bytes.size() <= bytes_max) return body_.append(bytes);
  is_repeatable_ = false;
  body_.clear();
}

void KeptRequest::end(const http::Fields& trailers, bool held) {
  has_ended_ = true;
  // Trailers that are sent are not kept: another attempt would send less than this one.
  if (!trailers.empty()) is_repeatable_ = false;
  if (!held) return;
  for (const http::Field& field : trailers) {
    if (!field.dropped) trailers_.add(arena_.copy(field.name), arena_.copy(field.value), field.id);
  }
}

void KeptRequest::send_to(http::UpstreamStream& stream) const {
  stream.send_request_head(head_);
  body_.for_each_run([&stream](std::string_view run) {
    stream.send_request_body(run);
    return true;
  });
  if (has_ended_) stream.end_request(trailers_);
}

}  // namespace httpteleport::proxy
