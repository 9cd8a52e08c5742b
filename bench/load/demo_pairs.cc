// Writes the traffic of the demo as a file of pairs: JSON requests of a web or phone application,
// each with its answer. The same every time.
//
//   demo_pairs FILE COUNT
#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "demo/requests.h"
#include "pairs.h"
#include "support/content.h"

namespace httpteleport::bench {
namespace {

constexpr uint64_t kCountMax = 100'000;
// Of a hundred requests one has a body of 500 KB and more: three quarters of all bytes. They are
// left out, because a link has its price by the request and by the byte, and this is about both.
constexpr uint64_t kBodyBytesMax = 100'000;

std::string head(const std::string& first_line, const std::string& fields, bool has_body,
                 uint64_t body_bytes) {
  std::string text = first_line + "\r\n" + fields;
  if (has_body) text += "Content-Length: " + std::to_string(body_bytes) + "\r\n";
  return text + "\r\n";
}

std::string answer_body(const test::LoadRequest& request) {
  using Check = test::LoadRequest::Check;
  if (request.check == Check::kText) return request.expected_text;
  if (request.check == Check::kContent) return request.expected.to_string();
  test::Hash64 hash;
  hash.update(request.body.to_string());
  return hash.line();
}

int write(const char* path, uint64_t count) {
  std::string file(kPairsMagic);
  uint64_t written = 0;
  for (uint64_t index = 0; written < count; ++index) {
    const test::LoadRequest request = demo::make_request(index);
    if (request.body.size() > kBodyBytesMax || request.expected.size() > kBodyBytesMax) continue;
    const std::string body = request.body.to_string();
    const std::string answer = answer_body(request);
    append_pair(file,
                head(request.method + " " + request.target + " HTTP/1.1",
                     "Host: shop.example.com\r\n" + request.fields, request.has_body, body.size()) +
                    body,
                head("HTTP/1.1 200 OK",
                     "Server: origin\r\nDate: Tue, 14 Nov 2023 22:13:20 GMT\r\n"
                     "Content-Type: application/json\r\n",
                     true, answer.size()) +
                    answer);
    ++written;
  }
  std::ofstream out(path, std::ios::binary);
  out.write(file.data(), static_cast<std::streamsize>(file.size()));
  return out.flush() ? 0 : 1;
}

}  // namespace
}  // namespace httpteleport::bench

int main(int argc, char** argv) {
  const long count = argc == 3 ? std::strtol(argv[2], nullptr, 10) : 0;
  if (count < 1 || count > static_cast<long>(httpteleport::bench::kCountMax)) {
    std::fprintf(stderr, "usage: demo_pairs FILE COUNT\n");
    return 2;
  }
  return httpteleport::bench::write(argv[1], static_cast<uint64_t>(count));
}
