#include "proxy/forwarding_headers.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace httpteleport::proxy {
namespace {

using FieldList = std::vector<std::pair<std::string, std::string>>;

// What is left of `fields` for the next hop.
FieldList passed_on(const http::Fields& fields) {
  FieldList list;
  for (const http::Field& field : fields) {
    if (!field.dropped) list.emplace_back(field.name, field.value);
  }
  return list;
}

FieldList after_request(const FieldList& before, const ForwardingOptions& options,
                        const ClientInfo& client, std::string_view authority = "example.com:80") {
  BlockPool pool;
  Arena arena(pool);
  http::RequestHead head;
  head.authority = authority;
  for (const auto& [name, value] : before)
    head.fields.add(name, value);
  add_request_fields(head, options, client, arena);
  return passed_on(head.fields);
}

// The options by the field for the client's address, the forwarded fields, and the name for Via.
ForwardingOptions options_of(const std::string& client_ip_field, bool x_forwarded = false,
                             const std::string& via_name = {}) {
  ForwardingOptions options;
  options.client_ip_field = client_ip_field;
  options.x_forwarded = x_forwarded;
  options.via_name = via_name;
  return options;
}

const ClientInfo kClient{.ip = "10.0.0.1"};

TEST(ForwardingHeaders, AddNothingByDefault) {
  EXPECT_EQ(after_request({{"A", "b"}, {"X-Forwarded-For", "1.1.1.1"}}, {}, kClient),
            (FieldList{{"A", "b"}, {"X-Forwarded-For", "1.1.1.1"}}));
}

TEST(ForwardingHeaders, PutTheClientsAddressIntoTheChosenField) {
  struct Case {
    const char* what;
    std::string field;
    FieldList before;
    FieldList after;
  };
  const std::vector<Case> cases{
      {"new list", "X-Forwarded-For", {}, {{"X-Forwarded-For", "10.0.0.1"}}},
      {"list appended to",
       "X-Forwarded-For",
       {{"X-Forwarded-For", "1.1.1.1"}},
       {{"X-Forwarded-For", "1.1.1.1, 10.0.0.1"}}},
      {"whatever its case",
       "x-forwarded-for",
       {{"x-FORWARDED-for", "1.1.1.1"}},
       {{"x-FORWARDED-for", "1.1.1.1, 10.0.0.1"}}},
      {"list of several lines",
       "X-Forwarded-For",
       {{"X-Forwarded-For", "1.1.1.1"}, {"A", "b"}, {"X-Forwarded-For", "2.2.2.2"}},
       {{"X-Forwarded-For", "1.1.1.1"}, {"A", "b"}, {"X-Forwarded-For", "2.2.2.2, 10.0.0.1"}}},
      {"empty list",
       "X-Forwarded-For",
       {{"X-Forwarded-For", ""}},
       {{"X-Forwarded-For", "10.0.0.1"}}},
      {"another field is replaced",
       "X-Real-IP",
       {{"X-Real-IP", "9.9.9.9"}, {"A", "b"}, {"x-real-ip", "8.8.8.8"}},
       {{"A", "b"}, {"X-Real-IP", "10.0.0.1"}}},
      {"another field leaves the list alone",
       "X-Real-IP",
       {{"X-Forwarded-For", "1.1.1.1"}},
       {{"X-Forwarded-For", "1.1.1.1"}, {"X-Real-IP", "10.0.0.1"}}},
  };
  for (const Case& one : cases) {
    EXPECT_EQ(after_request(one.before, options_of(one.field), kClient), one.after) << one.what;
  }
}

TEST(ForwardingHeaders, SetTheForwardedFieldsWhenAsked) {
  const ForwardingOptions options = options_of("", true);
  EXPECT_EQ(after_request({{"X-Forwarded-For", "1.1.1.1"},
                           {"X-Forwarded-Proto", "gopher"},
                           {"X-Forwarded-Host", "evil"}},
                          options, kClient),
            (FieldList{{"X-Forwarded-For", "1.1.1.1, 10.0.0.1"},
                       {"X-Forwarded-Proto", "http"},
                       {"X-Forwarded-Host", "example.com:80"}}));
  // No host is known: what the client says of it stays.
  EXPECT_EQ(after_request({{"X-Forwarded-Host", "x"}}, options, kClient, ""),
            (FieldList{{"X-Forwarded-Host", "x"},
                       {"X-Forwarded-For", "10.0.0.1"},
                       {"X-Forwarded-Proto", "http"}}));
  // Both options name the list: the address is added once.
  EXPECT_EQ(after_request({}, options_of("X-Forwarded-For", true), kClient),
            (FieldList{{"X-Forwarded-For", "10.0.0.1"},
                       {"X-Forwarded-Proto", "http"},
                       {"X-Forwarded-Host", "example.com:80"}}));
}

TEST(ForwardingHeaders, LeaveWhatComesOverALinkAsTheNearEndWroteIt) {
  const FieldList before{{"X-Forwarded-For", "1.1.1.1"}, {"X-Real-IP", "1.1.1.1"}};
  EXPECT_EQ(after_request(before, options_of("X-Real-IP", true), {}), before);
}

TEST(ForwardingHeaders, AppendToViaInBothDirections) {
  const ForwardingOptions options = options_of("", false, "edge");
  EXPECT_EQ(after_request({}, options, {}), (FieldList{{"Via", "1.1 edge"}}));
  EXPECT_EQ(after_request({{"Via", "1.0 a"}, {"Via", "1.1 b"}}, options, kClient),
            (FieldList{{"Via", "1.0 a"}, {"Via", "1.1 b, 1.1 edge"}}));
  BlockPool pool;
  Arena arena(pool);
  http::ResponseHead head;
  head.fields.add("Via", "1.1 origin");
  add_response_fields(head, options, arena);
  EXPECT_EQ(passed_on(head.fields), (FieldList{{"Via", "1.1 origin, 1.1 edge"}}));
  add_response_fields(head, {}, arena);
  EXPECT_EQ(passed_on(head.fields).size(), 1u);
}

TEST(ForwardingHeaders, IgnoreFieldsThatAreDroppedAlready) {
  BlockPool pool;
  Arena arena(pool);
  http::RequestHead head;
  head.fields.add("X-Forwarded-For", "1.1.1.1");
  head.fields.drop(http::FieldId::kXForwardedFor);  // as if Connection had named it
  add_request_fields(head, options_of("X-Forwarded-For"), kClient, arena);
  EXPECT_EQ(passed_on(head.fields), (FieldList{{"X-Forwarded-For", "10.0.0.1"}}));
}

TEST(MaxForwards, IsCountedDownForOptionsAndTraceOnly) {
  struct Case {
    std::string method;
    std::string before;
    std::optional<int> status;
    std::string after;
  };
  const std::vector<Case> cases{
      {"OPTIONS", "5", std::nullopt, "4"},
      {"OPTIONS", "1", std::nullopt, "0"},
      {"OPTIONS", "0", 200, "0"},
      {"TRACE", "10", std::nullopt, "9"},
      {"TRACE", "0", 405, "0"},
      {"GET", "0", std::nullopt, "0"},
      {"GET", "5", std::nullopt, "5"},
      {"OPTIONS", "x", std::nullopt, "x"},
      {"OPTIONS", "-1", std::nullopt, "-1"},
      {"OPTIONS", "5 5", std::nullopt, "5 5"},
      {"TRACE", "", std::nullopt, ""},
      {"OPTIONS", "99999999999999999999", std::nullopt, "99999999999999999999"},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.method + " " + one.before);
    BlockPool pool;
    Arena arena(pool);
    http::RequestHead head;
    head.method = http::method_of(one.method);
    head.fields.add("Max-Forwards", one.before);
    EXPECT_EQ(count_down_max_forwards(head, arena), one.status);
    EXPECT_EQ(passed_on(head.fields), (FieldList{{"Max-Forwards", one.after}}));
  }
}

TEST(ForwardingHeaders, KeepWhatAProxyBeforeUsSaysIfTheyShall) {
  ForwardingOptions options = options_of("", true);
  options.keeps_x_forwarded = true;
  EXPECT_EQ(after_request({{"x-forwarded-proto", "https"}}, options, kClient),
            (FieldList{{"x-forwarded-proto", "https"},
                       {"X-Forwarded-For", "10.0.0.1"},
                       {"X-Forwarded-Host", "example.com:80"}}));
}

}  // namespace
}  // namespace httpteleport::proxy
