#include "relay/raw_head.h"

namespace httpteleport::relay {

namespace {

constexpr std::string_view kMethod = "CONNECT";
constexpr std::string_view kClientField = "Client";
constexpr std::string_view kServerField = "Server";

constexpr Error refused(const char* detail) {
  return {Code::kUnsupported, Source::kDownstream, 0, detail};
}

// "10.0.0.1:80" and "[2001:db8::1]:80"; invalid for everything else, which nobody is hurt by.
net::Address address_of(const http::Field* field) {
  if (field == nullptr) return {};
  const Result<net::HostPort> target = net::parse_host_port(field->value);
  if (!target) return {};
  return net::literal_address(*target);
}

void add_address(std::string_view name, const net::Address& address, std::string& text,
                 http::Fields& fields) {
  if (!address.is_valid() || address.is_unix()) return;
  text = address.to_string();
  fields.add(name, text, http::FieldId::kOther);
}

}  // namespace

std::string_view name_of(RawKind kind) {
  return kind == RawKind::kTcp ? "tcp" : "udp";
}

http::RequestHead make_raw_head(RawKind kind, const RawClient& client, RawHeadText& text) {
  http::RequestHead head;
  head.method = http::Method::kConnect;
  head.method_text = kMethod;
  head.target = head.upgrade = name_of(kind);
  add_address(kClientField, client.address, text.client, head.fields);
  add_address(kServerField, client.connected_to, text.server, head.fields);
  return head;
}

http::ResponseHead make_raw_answer(RawKind kind) {
  http::ResponseHead head;
  head.status = 101;
  head.reason = http::reason_of(head.status);
  head.upgrade = name_of(kind);
  head.body = http::BodyLength::unknown();
  return head;
}

Result<RawClient> parse_raw_head(const http::RequestHead& head, RawKind served) {
  const bool is_raw = head.method == http::Method::kConnect && head.target == head.upgrade &&
                      (head.target == "tcp" || head.target == "udp");
  if (!is_raw) {
    return served == RawKind::kTcp ? refused("links carry TCP connections here, not HTTP")
                                   : refused("links carry datagrams here, not HTTP");
  }
  if (head.target != name_of(served)) {
    return served == RawKind::kTcp ? refused("links carry TCP connections here, not datagrams")
                                   : refused("links carry datagrams here, not TCP connections");
  }
  return RawClient{address_of(head.fields.find(kClientField)),
                   address_of(head.fields.find(kServerField))};
}

}  // namespace httpteleport::relay
