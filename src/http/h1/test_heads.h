// What the tests of this folder share: a parsed head, or why there is none, as one line of text.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <ostream>
#include <string>
#include <string_view>

#include "http/error_status.h"
#include "http/h1/head_parser.h"

namespace httpteleport::http::h1 {

// Bytes on the heap with nothing behind them, so that a sanitizer sees reads past their end.
class ExactBytes {
 public:
  explicit ExactBytes(std::string_view bytes)
      : bytes_(std::make_unique<char[]>(bytes.size())), size_(bytes.size()) {
    bytes.copy(bytes_.get(), size_);
  }
  std::string_view view() const { return {bytes_.get(), size_}; }

 private:
  std::unique_ptr<char[]> bytes_;
  size_t size_;
};

inline std::string describe(const BodyLength& body) {
  switch (body.kind) {
    case BodyLength::Kind::kNone:
      return "none";
    case BodyLength::Kind::kKnown:
      return std::to_string(body.bytes);
    case BodyLength::Kind::kUnknown:
      return "unknown";
  }
  return "";
}

// Only fields that are passed on.
inline std::string describe(const Fields& fields) {
  std::string text;
  for (const Field& field : fields) {
    if (field.dropped) continue;
    text += (text.empty() ? "" : "|") + std::string(field.name) + ":" + std::string(field.value);
  }
  return text;
}

inline std::string describe(const Error& error) {
  return std::to_string(status_of(error)) + " " + error.detail;
}

// " upgrade=a,b", or nothing.
inline std::string describe_upgrade(std::string_view protocols) {
  std::string text;
  while (const auto protocol = next_list_element(protocols))
    text += (text.empty() ? " upgrade=" : ",") + std::string(*protocol);
  return text;
}

// "GET /path 1.1 of host [Host:host|A:b] body=none keep"; a refusal stands in front.
inline std::string describe(const RequestHead& head) {
  return (head.refusal ? "refused " + describe(*head.refusal) + "; " : "") +
         std::string(head.method_text) + " " + std::string(head.target) + " 1." +
         std::to_string(head.version_minor) + " of " + std::string(head.authority) + " [" +
         describe(head.fields) + "] body=" + describe(head.body) +
         (head.keep_alive ? " keep" : " close") + (head.expects_continue ? " continue" : "") +
         describe_upgrade(head.upgrade);
}

// "200 OK 1.1 [A:b] body=5 keep".
inline std::string describe(const ResponseHead& head) {
  return (head.refusal ? "refused " + describe(*head.refusal) + "; " : "") +
         std::to_string(head.status) + " " + std::string(head.reason) + " 1." +
         std::to_string(head.version_minor) + " [" + describe(head.fields) +
         "] body=" + (head.body_is_chunked ? "chunked" : describe(head.body)) +
         (head.keep_alive ? " keep" : " close") + describe_upgrade(head.upgrade);
}

inline constexpr std::string_view kNeedMore = "need more";

struct HeadOutcome {
  std::string text;  // of describe(), "failed " and the error, or kNeedMore
  size_t size = 0;   // of an accepted head
  bool operator==(const HeadOutcome&) const = default;
};

inline void PrintTo(const HeadOutcome& outcome, std::ostream* out) {
  *out << outcome.text << " in " << outcome.size << " bytes";
}

inline HeadOutcome parse_request(std::string_view bytes, const HeadLimits& limits = {}) {
  const ExactBytes exact(bytes);
  RequestHead head;
  const Result<size_t> size = parse_request_head(exact.view(), limits, head);
  if (!size) {
    EXPECT_EQ(size.error().source, Source::kDownstream);
    return {"failed " + describe(size.error()), 0};
  }
  if (*size == 0) return {std::string(kNeedMore), 0};
  EXPECT_EQ(head.method, method_of(head.method_text));
  return {describe(head), *size};
}

inline HeadOutcome parse_response(std::string_view bytes, Method request_method = Method::kGet,
                                  const HeadLimits& limits = {},
                                  std::string_view upgrade_offer = {}) {
  const ExactBytes exact(bytes);
  ResponseHead head;
  const Result<size_t> size =
      parse_response_head(exact.view(), limits, request_method, head, upgrade_offer);
  if (!size) {
    EXPECT_EQ(size.error().source, Source::kUpstream);
    return {"failed " + describe(size.error()), 0};
  }
  if (*size == 0) return {std::string(kNeedMore), 0};
  return {describe(head), *size};
}

// Whatever is cut off, the rest must be judged "need more" until it is judged for good; what
// follows a complete head must not matter. `parse` is one of the two above. Returns the outcome.
template <class Parse>
HeadOutcome parse_every_way(std::string_view wire, Parse&& parse) {
  const HeadOutcome whole = parse(wire);
  bool judged = false;
  for (size_t size = 0; size <= wire.size(); ++size) {
    const HeadOutcome part = parse(wire.substr(0, size));
    if (!judged && part.text == kNeedMore) continue;
    judged = true;
    EXPECT_EQ(part, whole) << "cut at " << size << " of " << testing::PrintToString(wire);
    if (whole.size > 0) {
      EXPECT_EQ(size, whole.size) << testing::PrintToString(wire);
      break;
    }
  }
  for (const std::string_view behind : {"\r\n", "GET /next HTTP/1.1\r\nHost: n\r\n\r\n", "\x01"}) {
    if (whole.text == kNeedMore) break;
    EXPECT_EQ(parse(std::string(wire) + std::string(behind)), whole)
        << testing::PrintToString(wire);
  }
  return whole;
}

// The scanner must not hold a complete head back, in whatever pieces it has come.
inline void expect_scanner_lets_pass(std::string_view head, const HeadLimits& limits = {}) {
  for (size_t cut = 0; cut < head.size(); ++cut) {
    HeadScanner scanner;
    if (cut > 0) scanner.worth_parsing(head.substr(0, cut), limits);
    EXPECT_TRUE(scanner.worth_parsing(head, limits)) << "cut at " << cut;
  }
  for (size_t piece = 1; piece <= 8; ++piece) {
    HeadScanner scanner;
    bool worth = false;
    for (size_t size = piece; size < head.size() + piece; size += piece)
      worth = scanner.worth_parsing(head.substr(0, size), limits);
    EXPECT_TRUE(worth) << "in pieces of " << piece;
  }
}

}  // namespace httpteleport::http::h1
