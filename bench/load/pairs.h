// Recorded traffic: requests, each with the answer it gets. Read by the load and by the origin.
//
// A file holds the 8 bytes "HTPAIRS1" and, for each pair, the request's and the response's length,
// 32 bits each, little endian, and the two messages as they are on the wire, framed by
// Content-Length.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace httpteleport::bench {

inline constexpr std::string_view kPairsMagic = "HTPAIRS1";

struct Pair {
  std::string request;  // whole messages, without what is about one connection only
  std::string response;
  size_t request_head_bytes = 0;
  size_t response_head_bytes = 0;
  std::string key;  // of the request, see key_of()

  std::string_view response_body() const {
    return std::string_view(response).substr(response_head_bytes);
  }
};

// A message without the fields that are about its connection, and without Accept-Encoding: every
// client gets the bytes as they were recorded. `head_bytes` is set to the length of the new head.
// nullopt: not a message.
std::optional<std::string> end_to_end(std::string_view message, size_t& head_bytes);

// What an origin knows a request by after it went through proxies, which change fields.
std::string key_of(std::string_view method, std::string_view target, std::string_view request_id,
                   std::string_view body);

// Pairs in their order; at most `count_max`. nullopt, with why in `error`.
std::optional<std::vector<Pair>> parse_pairs(std::string_view file, size_t count_max,
                                             std::string& error);
std::optional<std::vector<Pair>> read_pairs(const std::string& path, std::string& error);

// One pair, for writing.
void append_pair(std::string& file, std::string_view request, std::string_view response);

}  // namespace httpteleport::bench
