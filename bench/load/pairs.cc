#include "pairs.h"

#include <array>
#include <cstring>
#include <fstream>
#include <iterator>

#include "http/h1/head_parser.h"
#include "http/message.h"

namespace httpteleport::bench {

namespace {

constexpr size_t kPairsMax = 1'000'000;
constexpr uint64_t kFileBytesMax = uint64_t{1} << 30;
constexpr http::h1::HeadLimits kLimits{.head_bytes_max = 64 * 1024, .fields_max = 500};
constexpr std::array<std::string_view, 9> kNotEndToEnd = {
    "connection", "keep-alive", "proxy-connection", "transfer-encoding", "te",
    "trailer",    "upgrade",    "expect",           "accept-encoding"};

bool is_end_to_end(std::string_view line) {
  const std::string_view name = line.substr(0, line.find(':'));
  for (const std::string_view other : kNotEndToEnd) {
    if (http::equals_ignoring_case(name, other)) return false;
  }
  return true;
}

uint32_t read_u32(std::string_view bytes) {
  uint32_t value = 0;
  for (size_t i = 4; i-- > 0;)
    value = value << 8 | static_cast<uint8_t>(bytes[i]);
  return value;
}

void append_u32(std::string& bytes, size_t value) {
  for (unsigned shift = 0; shift < 32; shift += 8)
    bytes.push_back(static_cast<char>(value >> shift & 0xff));
}

// Fills `pair` from the two messages of the file; what is wrong with them, or nullptr.
const char* make_pair(std::string_view request, std::string_view response, Pair& pair) {
  auto sent = end_to_end(request, pair.request_head_bytes);
  auto answered = end_to_end(response, pair.response_head_bytes);
  if (!sent || !answered) return "a message has no end of its head";
  pair.request = std::move(*sent);
  pair.response = std::move(*answered);
  http::RequestHead head;
  const auto length = http::h1::parse_request_head(pair.request, kLimits, head);
  if (!length || *length != pair.request_head_bytes || head.refusal) return "a bad request head";
  const std::string_view body = std::string_view(pair.request).substr(*length);
  if (!head.body.is_known() || head.body.bytes != body.size()) return "a bad request length";
  http::ResponseHead answer;
  const auto answer_length =
      http::h1::parse_response_head(pair.response, kLimits, head.method, answer);
  if (!answer_length || *answer_length != pair.response_head_bytes) return "a bad response head";
  if (!answer.body.is_known() || answer.body.bytes != pair.response_body().size())
    return "a bad response length";
  const http::Field* id = head.fields.find("X-Request-Id");
  pair.key = key_of(head.method_text, head.target, id != nullptr ? id->value : "", body);
  return nullptr;
}

}  // namespace

std::optional<std::string> end_to_end(std::string_view message, size_t& head_bytes) {
  const size_t end = message.find("\r\n\r\n");
  if (end == std::string_view::npos) return std::nullopt;
  std::string result;
  result.reserve(message.size());
  for (size_t at = 0; at < end + 2;) {
    const size_t line_end = message.find("\r\n", at);
    const std::string_view line = message.substr(at, line_end - at);
    if (at == 0 || is_end_to_end(line)) result.append(line).append("\r\n");
    at = line_end + 2;
  }
  result.append("\r\n");
  head_bytes = result.size();
  result.append(message.substr(end + 4));
  return result;
}

std::string key_of(std::string_view method, std::string_view target, std::string_view request_id,
                   std::string_view body) {
  std::string key;
  key.reserve(method.size() + target.size() + request_id.size() + body.size() + 3);
  key.append(method).append(" ").append(target).append("\n").append(request_id).append("\n");
  return key.append(body);
}

std::optional<std::vector<Pair>> parse_pairs(std::string_view file, size_t count_max,
                                             std::string& error) {
  if (!file.starts_with(kPairsMagic)) {
    error = "it does not begin with HTPAIRS1";
    return std::nullopt;
  }
  std::vector<Pair> pairs;
  for (size_t at = kPairsMagic.size(); at < file.size() && pairs.size() < count_max;) {
    const std::string_view rest = file.substr(at);
    const uint64_t request_bytes = rest.size() < 8 ? 0 : read_u32(rest);
    const uint64_t response_bytes = rest.size() < 8 ? 0 : read_u32(rest.substr(4));
    const char* wrong = "it ends inside a pair";
    Pair pair;
    if (rest.size() >= 8 && request_bytes + response_bytes <= rest.size() - 8) {
      wrong = make_pair(rest.substr(8, request_bytes),
                        rest.substr(8 + request_bytes, response_bytes), pair);
    }
    if (wrong != nullptr) {
      error = "pair " + std::to_string(pairs.size()) + ": " + wrong;
      return std::nullopt;
    }
    pairs.push_back(std::move(pair));
    at += 8 + request_bytes + response_bytes;
  }
  if (pairs.empty()) {
    error = "it holds no pair";
    return std::nullopt;
  }
  return pairs;
}

std::optional<std::vector<Pair>> read_pairs(const std::string& path, std::string& error) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file || file.tellg() < 0 || static_cast<uint64_t>(file.tellg()) > kFileBytesMax) {
    error = "it cannot be read, or is over 1 GiB";
    return std::nullopt;
  }
  file.seekg(0);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  return parse_pairs(bytes, kPairsMax, error);
}

void append_pair(std::string& file, std::string_view request, std::string_view response) {
  append_u32(file, request.size());
  append_u32(file, response.size());
  file.append(request).append(response);
}

}  // namespace httpteleport::bench
