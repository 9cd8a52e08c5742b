// What the tests of this module share: a handler that writes down what happens to it, and requests.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/stream.h"

namespace httpteleport::upstream {

// The asking side of one exchange. Checks the order of the events as http/stream.h has it.
class RecordingHandler final : public http::ResponseHandler {
 public:
  std::vector<int> informational;  // statuses
  int status = 0;                  // of the final head, 0 before it
  http::BodyLength body_length;
  std::optional<uint64_t> declared_length;
  std::string fields;  // "Name: value\n" for each that may be passed on
  std::string body;
  std::string trailers;  // in the same form
  bool ended = false;
  std::optional<Error> failure;
  int blocked = 0;
  int unblocked = 0;
  // Called inside the events, if set.
  std::function<void()> at_head;
  std::function<void()> at_body;
  std::function<void()> at_end;

  bool is_over() const { return ended || failure.has_value(); }
  std::optional<Code> failure_code() const {
    return failure ? std::optional<Code>(failure->code) : std::nullopt;
  }

  void on_response_head(http::ResponseHead& head) override {
    expect(!is_over() && status == 0);
    if (head.is_informational()) {
      informational.push_back(head.status);
    } else {
      status = head.status;
      body_length = head.body;
      declared_length = head.declared_length;
    }
    fields = text_of(head.fields);
    if (at_head) at_head();
  }
  void on_response_body(std::string_view bytes) override {
    expect(!is_over() && status != 0);
    body += bytes;
    if (at_body) at_body();
  }
  void on_response_end(const http::Fields& fields_at_end) override {
    expect(!is_over() && status != 0);
    ended = true;
    trailers = text_of(fields_at_end);
    if (at_end) at_end();
  }
  void on_upstream_reset(const Error& error) override {
    expect(!is_over());
    failure = error;
    if (at_end) at_end();
  }
  void on_request_blocked() override { ++blocked; }
  void on_request_unblocked() override { ++unblocked; }

 private:
  // An event out of order is a bug of the sender: the test cannot go on.
  static void expect(bool in_order) { HT_ASSERT(in_order); }

  static std::string text_of(const http::Fields& list) {
    std::string text;
    for (const http::Field& field : list) {
      if (!field.dropped) text.append(field.name).append(": ").append(field.value).append("\n");
    }
    return text;
  }
};

struct TestRequest {
  std::string method = "GET";
  std::string target = "/";
  std::string body{};
  std::string extra_field{};  // the value of a field X, if not empty
  std::string content_type{};
};

// Views into `request`.
http::RequestHead head_of(TestRequest&& request) = delete;
inline http::RequestHead head_of(const TestRequest& request) {
  http::RequestHead head;
  head.method = http::method_of(request.method);
  head.method_text = request.method;
  head.target = request.target;
  head.authority = "h";
  head.fields.add("Host", "h");
  if (!request.extra_field.empty()) head.fields.add("X", request.extra_field);
  if (!request.content_type.empty()) head.fields.add("Content-Type", request.content_type);
  head.body = http::BodyLength::known(request.body.size());
  return head;
}

// All of it at once.
inline void send_request(http::UpstreamStream& stream, const TestRequest& request = {}) {
  stream.send_request_head(head_of(request));
  if (!request.body.empty()) stream.send_request_body(request.body);
  stream.end_request({});
}

}  // namespace httpteleport::upstream
