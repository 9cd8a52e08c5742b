// Heads as text, so that two can be compared whole.
#pragma once

#include <string>

#include "http/message.h"

namespace httpteleport::fuzz {

inline std::string describe(const http::Fields& fields) {
  std::string text;
  for (const http::Field& field : fields) {
    if (!field.dropped) text += std::string(field.name) + ": " + std::string(field.value) + "\n";
  }
  return text;
}

inline std::string describe(const http::BodyLength& body) {
  return std::to_string(static_cast<int>(body.kind)) + "/" + std::to_string(body.bytes);
}

inline std::string describe(const Error& error) {
  return "!" + std::to_string(static_cast<int>(error.code)) + " " + error.detail;
}

// The protocols that are offered or chosen.
inline std::string describe_upgrade(std::string_view protocols) {
  std::string text;
  while (const auto protocol = http::next_list_element(protocols))
    text += " upgrade " + std::string(*protocol);
  return text + "\n";
}

// What a next hop is told.
inline std::string describe(const http::RequestHead& head) {
  return (head.refusal ? describe(*head.refusal) + "\n" : "") + std::string(head.method_text) +
         " " + std::string(head.target) + " of " + std::string(head.authority) + " body " +
         describe(head.body) + (head.expects_continue ? " continue" : "") +
         describe_upgrade(head.upgrade) + describe(head.fields);
}

inline std::string describe(const http::ResponseHead& head) {
  return (head.refusal ? describe(*head.refusal) + "\n" : "") + std::to_string(head.status) + " " +
         std::string(head.reason) + " body " + describe(head.body) +
         (head.body_is_chunked ? " chunked" : "") + describe_upgrade(head.upgrade) +
         describe(head.fields);
}

}  // namespace httpteleport::fuzz
