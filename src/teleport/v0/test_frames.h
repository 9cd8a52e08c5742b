// What the tests of this folder share: events of the readers written down as text, so that two
// readings can be compared whole.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "support/independent_codecs.h"
#include "teleport/v0/frame_reader.h"

namespace httpteleport::teleport::v0 {

inline compress::Method method_of(test::LinkCoding coding) {
  switch (coding) {
    case test::LinkCoding::kFlate:
      return compress::Method::kFlate;
    case test::LinkCoding::kNone:
      return compress::Method::kNone;
    case test::LinkCoding::kSnappy:
      return compress::Method::kSnappy;
  }
  return compress::Method::kNone;
}

// One line for a head, the body as it is, one line for the end. Where a body is cut does not show.
class Journal : public RequestEvents, public ResponseEvents {
 public:
  virtual ~Journal() = default;

  std::map<uint32_t, http::Method> methods;  // of requests, for reading responses
  std::string text;
  size_t frames_ended = 0;

  void on_request_frame(uint32_t id, http::RequestHead& head, std::string_view raw) override {
    text += "[" + std::to_string(id) + " " + std::string(head.method_text) + " " +
            std::string(head.target) + " of " + std::string(head.authority) + " " +
            std::string(raw) + "]";
  }
  void on_request_frame_body(std::string_view bytes) override { text += bytes; }
  void on_request_frame_end(const http::Fields& trailers) override { end(trailers); }

  http::Method method_of_request(uint32_t id) override {
    const auto found = methods.find(id);
    return found == methods.end() ? http::Method::kGet : found->second;
  }
  void on_response_frame(uint32_t id, http::ResponseHead& head, std::string_view raw) override {
    text +=
        "[" + std::to_string(id) + " " + std::to_string(head.status) + " " + std::string(raw) + "]";
  }
  void on_response_frame_body(std::string_view bytes) override { text += bytes; }
  void on_response_frame_end(const http::Fields& trailers) override { end(trailers); }

 private:
  void end(const http::Fields& trailers) {
    text += "[end";
    for (const http::Field& field : trailers) {
      if (!field.dropped) text += " " + std::string(field.name) + "=" + std::string(field.value);
    }
    text += "]\n";
    ++frames_ended;
  }
};

}  // namespace httpteleport::teleport::v0
