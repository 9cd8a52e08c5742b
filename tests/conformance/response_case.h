// One answer of an origin, and what may become of it at the client.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "conformance/play_origin.h"

namespace httpteleport::test {

// What the client may get; bits.
enum Allowed : uint8_t {
  kGood = 1,  // the answer that the row describes
  kBad = 2,   // 502, and nothing of what the origin has sent
  kCut = 4,   // an answer that is visibly not whole; through a link, which holds answers, 502
};

struct ResponseCase {
  using Fields = std::vector<std::pair<std::string, std::string>>;

  const char* section;  // of RFC 9112, or of RFC 9110 if it begins with "9110-"
  const char* name;     // unique in its table
  std::string bytes;    // what must never reach a client says "evil"
  int allowed = kGood;
  int status = 200;
  std::string body = "hello";
  // What the origin does behind the bytes.
  End end = End::kKeep;
  // 1xx heads in front of the final one.
  std::vector<int> interims{};
  Fields has{};                      // fields that the client must get, each once
  std::vector<std::string> lacks{};  // names that it must not get
  // Bytes follow the answer: the origin's connection must not be used again.
  bool surplus = false;

  ResponseCase behind_interims(std::vector<int> statuses) && {
    interims = std::move(statuses);
    return std::move(*this);
  }
  ResponseCase with(Fields fields) && {
    has = std::move(fields);
    return std::move(*this);
  }
  ResponseCase without(std::vector<std::string> names) && {
    lacks = std::move(names);
    return std::move(*this);
  }
  ResponseCase and_surplus() && {
    surplus = true;
    return std::move(*this);
  }
};

std::vector<ResponseCase> response_status_lines();
std::vector<ResponseCase> response_fields();
std::vector<ResponseCase> response_lengths();
std::vector<ResponseCase> response_chunks();
std::vector<ResponseCase> response_interims();
std::vector<ResponseCase> response_surplus();

// "HTTP/1.1 200 OK", the fields, Content-Length, "hello".
inline std::string hello_with(const std::string& fields) {
  return "HTTP/1.1 200 OK\r\n" + fields + "Content-Length: 5\r\n\r\nhello";
}
// The same with a first line of the case's own.
inline std::string hello_after(const std::string& line) {
  return line + "\r\nContent-Length: 5\r\n\r\nhello";
}
inline std::string chunked(const std::string& body) {
  return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body;
}

}  // namespace httpteleport::test
