#include "proxy/forwarding_headers.h"

#include <algorithm>
#include <charconv>

namespace httpteleport::proxy {

namespace {

using http::FieldId;

std::string_view join(Arena& arena, std::string_view a, std::string_view b, std::string_view c) {
  char* text = arena.allocate(a.size() + b.size() + c.size());
  char* end = text;
  for (const std::string_view part : {a, b, c})
    end = std::copy(part.begin(), part.end(), end);
  return {text, static_cast<size_t>(end - text)};
}

// Adds an element to a list field: behind the last line of that name, or as a new line.
void append_to_list(http::Fields& fields, FieldId id, std::string_view name,
                    std::string_view element, Arena& arena) {
  http::Field* last = nullptr;
  for (http::Field& field : fields) {
    if (field.id == id && !field.dropped) last = &field;
  }
  if (last != nullptr && !last->value.empty()) {
    last->value = join(arena, last->value, ", ", element);
  } else {
    fields.drop(id);
    fields.add(name, element, id);
  }
}

void replace(http::Fields& fields, std::string_view name, std::string_view value) {
  for (http::Field& field : fields) {
    if (http::equals_ignoring_case(field.name, name)) field.dropped = true;
  }
  fields.add(name, value);
}

void set_forwarded(http::Fields& fields, std::string_view name, std::string_view value,
                   bool keeps_what_came) {
  if (keeps_what_came && fields.find(name) != nullptr) return;
  replace(fields, name, value);
}

void add_via(http::Fields& fields, const std::string& name, Arena& arena) {
  append_to_list(fields, FieldId::kVia, "Via", join(arena, "1.1 ", name, {}), arena);
}

}  // namespace

void add_request_fields(http::RequestHead& head, const ForwardingOptions& options,
                        const ClientInfo& client, Arena& arena) {
  const bool ip_field_is_list =
      http::field_id_of(options.client_ip_field) == FieldId::kXForwardedFor;
  if (!client.ip.empty()) {
    const std::string_view ip = arena.copy(client.ip);
    if (options.x_forwarded || ip_field_is_list) {
      append_to_list(head.fields, FieldId::kXForwardedFor, "X-Forwarded-For", ip, arena);
    }
    if (!options.client_ip_field.empty() && !ip_field_is_list)
      replace(head.fields, options.client_ip_field, ip);
    if (options.x_forwarded) {
      set_forwarded(head.fields, "X-Forwarded-Proto", client.scheme, options.keeps_x_forwarded);
      if (!head.authority.empty()) {
        set_forwarded(head.fields, "X-Forwarded-Host", head.authority, options.keeps_x_forwarded);
      }
    }
  }
  if (!options.via_name.empty()) add_via(head.fields, options.via_name, arena);
}

std::optional<int> count_down_max_forwards(http::RequestHead& head, Arena& arena) {
  const bool trace = head.method == http::Method::kTrace;
  if (!trace && head.method != http::Method::kOptions) return std::nullopt;
  http::Field* field = head.fields.find(FieldId::kMaxForwards);
  if (field == nullptr) return std::nullopt;
  uint32_t hops = 0;
  const char* end = field->value.data() + field->value.size();
  const auto [stop, error] = std::from_chars(field->value.data(), end, hops);
  if (error != std::errc() || stop != end) return std::nullopt;
  if (hops == 0) return trace ? 405 : 200;
  field->value = arena.copy(std::to_string(hops - 1));
  return std::nullopt;
}

void add_response_fields(http::ResponseHead& head, const ForwardingOptions& options, Arena& arena) {
  if (!options.via_name.empty()) add_via(head.fields, options.via_name, arena);
}

}  // namespace httpteleport::proxy
