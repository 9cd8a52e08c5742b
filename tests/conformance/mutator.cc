#include "conformance/mutator.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <random>
#include <vector>

namespace httpteleport::test {
namespace {

using namespace std::string_literals;
using Random = std::mt19937_64;

constexpr std::string_view kMark = "tk";
constexpr size_t kDigits = 8;  // of the number, and of its check

size_t below(Random& random, size_t limit) {
  return limit == 0 ? 0 : static_cast<size_t>(random() % limit);
}
template <class Choices>
auto pick(Random& random, const Choices& choices) {
  return choices[below(random, std::size(choices))];
}

uint32_t check_of(uint32_t number) {
  uint64_t mixed = (number + uint64_t{0x9e3779b97f4a7c15}) * 0xbf58476d1ce4e5b9;
  mixed = (mixed ^ mixed >> 29) * 0x94d049bb133111eb;
  return static_cast<uint32_t>(mixed >> 32);
}

std::string hex8(uint32_t number) {
  std::string text(kDigits, '0');
  for (size_t at = kDigits; at > 0; number >>= 4)
    text[--at] = "0123456789abcdef"[number & 15];
  return text;
}

std::string chunked(Random& random, std::string_view body) {
  std::string wire;
  while (!body.empty()) {
    const size_t size = 1 + below(random, body.size());
    std::array<char, 16> digits;
    char* const end = std::to_chars(digits.data(), digits.data() + digits.size(), size, 16).ptr;
    wire.append(digits.data(), end).append(below(random, 4) == 0 ? ";a=\"b;c\"" : "");
    wire.append("\r\n").append(body.substr(0, size)).append("\r\n");
    body.remove_prefix(size);
  }
  wire += "0\r\n";
  if (below(random, 3) == 0) wire += "X-Trailer: t\r\n";
  return wire + "\r\n";
}

std::string make_request(Random& random, const std::string& token, size_t index) {
  const std::string path = "/" + token + "/" + std::to_string(index);
  const std::string fields = "Host: a\r\nX-Token: " + token + "\r\n";
  const std::string text = "body of " + token + std::string(below(random, 300), 'b');
  const std::string inner = "GET " + path + "/inner HTTP/1.1\r\nHost: a\r\n\r\n";
  const std::string body = below(random, 2) == 0 ? text : inner;
  const std::string length = "Content-Length: " + std::to_string(body.size()) + "\r\n";
  switch (below(random, 8)) {
    case 0:
      return "GET " + path + "?a=b HTTP/1.1\r\n" + fields + "Accept: */*\r\nCookie: a=b\r\n\r\n";
    case 1:
      return "POST " + path + " HTTP/1.1\r\n" + fields + length + "\r\n" + body;
    case 2:
      return "POST " + path + " HTTP/1.1\r\n" + fields + "Transfer-Encoding: chunked\r\n\r\n" +
             chunked(random, body);
    case 3:
      return "GET http://b" + path + " HTTP/1.1\r\n" + fields + "\r\n";
    case 4:
      return "PUT " + path + " HTTP/1.1\r\n" + length + fields + "Expect: 100-continue\r\n\r\n" +
             body;
    case 5:
      return "GET " + path + " HTTP/1.0\r\n" + fields + "Connection: keep-alive\r\n\r\n";
    case 6:
      return "DELETE " + path + " HTTP/1.1\r\n" + fields +
             "Connection: X-A, keep-alive\r\nX-A: 1\r\nTE: trailers\r\n\r\n";
    default:
      return "\r\nOPTIONS " + path + " HTTP/1.1\r\nX-B:\r\n" + fields + "Max-Forwards: 10\r\n\r\n";
  }
}

const std::array kInsertions = {"\r"s,
                                "\n"s,
                                "\r\n"s,
                                "\r\n\r\n"s,
                                "\n\n"s,
                                "\0"s,
                                " "s,
                                "\t"s,
                                ":"s,
                                ","s,
                                ";"s,
                                "\v"s,
                                "\xff"s,
                                "\r\n "s,
                                "0\r\n\r\n"s,
                                "Content-Length: 5\r\n"s,
                                "Content-Length: 0\r\n"s,
                                "Transfer-Encoding: chunked\r\n"s,
                                "Transfer-Encoding: x\r\n"s,
                                "Host: b\r\n"s,
                                "Connection: close\r\n"s,
                                "Connection: Host, Content-Length\r\n"s,
                                "Expect: 100-continue\r\n"s,
                                "Upgrade: websocket\r\nConnection: upgrade\r\n"s,
                                "HTTP/1.1"s,
                                "GET / HTTP/1.1\r\n"s};
const std::array kNumbers = {"0"s,
                             "1"s,
                             "-1"s,
                             "+5"s,
                             "05"s,
                             "0x5"s,
                             "7f"s,
                             "65536"s,
                             "4294967301"s,
                             "ffffffffffffffff"s,
                             "18446744073709551621"s,
                             "5, 5"s,
                             ""s};

void change_number(Random& random, std::string& bytes) {
  const size_t from = below(random, bytes.size());
  const size_t begin = bytes.find_first_of("0123456789", from);
  if (begin == std::string::npos) return;
  const size_t end = std::min(bytes.find_first_not_of("0123456789", begin), bytes.size());
  bytes.replace(begin, end - begin, pick(random, kNumbers));
}

void swap_lines(Random& random, std::string& bytes) {
  std::vector<std::string> lines;
  for (size_t begin = 0; begin < bytes.size();) {
    const size_t end = std::min(bytes.find('\n', begin), bytes.size() - 1);
    lines.push_back(bytes.substr(begin, end + 1 - begin));
    begin = end + 1;
  }
  std::swap(lines[below(random, lines.size())], lines[below(random, lines.size())]);
  bytes.clear();
  for (const std::string& line : lines)
    bytes += line;
}

void mutate(Random& random, std::string& bytes) {
  if (bytes.empty()) return;
  const size_t at = below(random, bytes.size());
  const size_t other = below(random, bytes.size());
  switch (below(random, 10)) {
    case 0:
      bytes[at] = static_cast<char>(bytes[at] ^ (1 << below(random, 8)));
      break;
    case 1:
      bytes[at] = static_cast<char>(below(random, 256));
      break;
    case 2:
      bytes.erase(at, 1 + below(random, below(random, 4) == 0 ? 100 : 4));
      break;
    case 3:
      bytes.insert(other, bytes.substr(at, 1 + below(random, 60)));
      break;
    case 4:  // the beginning of one request and the end of another
      bytes = bytes.substr(0, at) + bytes.substr(other);
      break;
    case 5:
      swap_lines(random, bytes);
      break;
    case 6:
      change_number(random, bytes);
      break;
    case 7: {  // where lines end, most readers differ
      const size_t line = bytes.find('\n', at);
      if (line != std::string::npos) bytes.insert(line + 1, pick(random, kInsertions));
      break;
    }
    case 8: {
      const size_t line = bytes.find("\r\n", at);
      if (line != std::string::npos) bytes.erase(line + below(random, 2), 1);
      break;
    }
    default:
      bytes.insert(at, pick(random, kInsertions));
  }
}

}  // namespace

std::string token_of(uint32_t connection) {
  return std::string(kMark) + hex8(connection) + hex8(check_of(connection));
}

std::optional<uint32_t> find_foreign_token(std::string_view text, uint32_t own) {
  for (size_t at = text.find(kMark); at != std::string_view::npos; at = text.find(kMark, at + 1)) {
    const std::string_view digits = text.substr(at + kMark.size(), 2 * kDigits);
    uint32_t number = 0;
    const char* const end = digits.data() + std::min(digits.size(), kDigits);
    const auto [stop, error] = std::from_chars(digits.data(), end, number, 16);
    if (error != std::errc{} || stop != end || digits.size() < 2 * kDigits) continue;
    if (number != own && digits.substr(kDigits) == hex8(check_of(number))) return number;
  }
  return {};
}

Traffic make_traffic(uint64_t seed, uint32_t connection) {
  Random random(seed * 0x9e3779b97f4a7c15 + connection);
  const std::string token = token_of(connection);
  Traffic traffic;
  const size_t count = 1 + below(random, 4);
  for (size_t index = 0; index < count; ++index)
    traffic.bytes += make_request(random, token, index);
  traffic.is_mutated = below(random, 10) != 0;
  const size_t mutations = traffic.is_mutated ? 1 + below(random, 4) : 0;
  for (size_t index = 0; index < mutations; ++index)
    mutate(random, traffic.bytes);
  traffic.bytes += "GET /" + token + "/end HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
  traffic.requests = count + 1;
  if (below(random, 3) == 0) traffic.piece_bytes = 1 + below(random, 200);
  return traffic;
}

}  // namespace httpteleport::test
