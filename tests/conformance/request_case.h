// A request case: bytes that a client sends, and what the RFCs allow to become of them. The tables
// are in *_cases.cc, by topic.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace httpteleport::test {

// A request as the origin must have got it.
struct Seen {
  std::string method = "GET";
  std::string target = "/";
  std::string body{};
  // Each of these fields once, with this value.
  std::vector<std::pair<std::string, std::string>> has{};
  std::vector<std::string> lacks{};  // none of that name
  std::string host = "a";            // empty: any
};

// What becomes of the client's connection.
enum class End : uint8_t { kOpen, kClosed, kAny };

// One of the ways in which a case may end.
struct Allowed {
  std::vector<int> statuses{};  // of the final answers, in order
  std::vector<Seen> seen{};     // by the origin, in order; the first answers are its own
  End end = End::kOpen;
};

struct RequestCase {
  std::string name;
  std::string section;  // of RFC 9110, 9112 or others, "9112 6.3"
  std::string bytes;
  std::vector<Allowed> allowed;
  bool is_unfinished = false;  // the client ends its side when it has its answers
};
using RequestCases = std::vector<RequestCase>;

// The proxy answers with one of the statuses and closes; the origin sees nothing of it.
RequestCase refused(std::string name, std::string section, std::string bytes,
                    const std::vector<int>& statuses = {400});
// The same, but the connection may stay open: where the next request begins is clear.
RequestCase declined(std::string name, std::string section, std::string bytes,
                     const std::vector<int>& statuses);
// The origin gets these requests, and the client its answers.
RequestCase served(std::string name, std::string section, std::string bytes,
                   std::vector<Seen> seen = {{}}, End end = End::kOpen);
// Both is right.
RequestCase served_or_refused(std::string name, std::string section, std::string bytes, Seen seen,
                              const std::vector<int>& statuses = {400}, End end = End::kAny);
// The same where the refusal leaves no doubt about the next request.
RequestCase served_or_declined(std::string name, std::string section, std::string bytes, Seen seen,
                               const std::vector<int>& statuses);
// The requests are served; what is behind them is answered with one of the statuses.
RequestCase served_then_refused(std::string name, std::string section, std::string bytes,
                                const std::vector<Seen>& seen,
                                const std::vector<int>& statuses = {400});
// The requests are served; behind them is the beginning of one that never becomes whole.
RequestCase unfinished(std::string name, std::string section, std::string bytes,
                       const std::vector<Seen>& seen = {});

// Requests with Host: a. `fields` have their line ends.
std::string get(std::string_view fields = {}, std::string_view target = "/");
std::string post(std::string_view fields, std::string_view body);
// POST with Content-Length.
std::string sized_post(std::string_view body, std::string_view fields = {},
                       std::string_view target = "/");
// POST with Transfer-Encoding: chunked; `body` as it goes over the wire.
std::string chunked_post(std::string_view body, std::string_view fields = {});
// What a smuggler wants to be taken for a request. The origin never sees it.
inline const std::string kSmuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";

RequestCases request_line_cases();
RequestCases target_cases();
RequestCases version_cases();
RequestCases host_cases();
RequestCases field_cases();
RequestCases content_length_cases();
RequestCases transfer_encoding_cases();
RequestCases chunked_cases();
RequestCases trailer_cases();
RequestCases connection_cases();
RequestCases expect_cases();
RequestCases method_cases();
RequestCases pipelining_cases();
RequestCases upgrade_cases();
RequestCases limits_cases();

}  // namespace httpteleport::test
