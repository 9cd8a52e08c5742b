#include "micro/samples.h"

#include <map>
#include <random>

namespace httpteleport::bench {
namespace {

constexpr size_t kMessages = 1024;

constexpr std::string_view kSmallRequest =
    "GET /foo/bar/baz?param=value&other=1 HTTP/1.1\r\n"
    "Host: a.test\r\n\r\n";

constexpr std::string_view kTypicalRequest =
    "GET /shop/items/4711?sort=price&page=3&ref=start HTTP/1.1\r\n"
    "Host: www.shop.test\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:115.0) Gecko/20100101 Firefox/115.0\r\n"
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
    "\r\n"
    "Accept-Language: de,en-US;q=0.7,en;q=0.3\r\n"
    "Accept-Encoding: gzip, deflate, br\r\n"
    "Referer: https://www.shop.test/shop/items?sort=price&page=2\r\n"
    "Connection: keep-alive\r\n"
    "Cookie: session=9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08; theme=dark; "
    "consent=1\r\n"
    "Upgrade-Insecure-Requests: 1\r\n"
    "Sec-Fetch-Dest: document\r\n"
    "Sec-Fetch-Mode: navigate\r\n"
    "Sec-Fetch-Site: same-origin\r\n"
    "Sec-Fetch-User: ?1\r\n"
    "If-None-Match: \"5d8c72a5edda8\"\r\n\r\n";

constexpr std::string_view kSmallResponse =
    "HTTP/1.1 200 OK\r\n"
    "Content-Length: 261\r\n\r\n";

constexpr std::string_view kTypicalResponse =
    "HTTP/1.1 200 OK\r\n"
    "Date: Tue, 04 Nov 2025 10:11:12 GMT\r\n"
    "Server: application/2.4.57\r\n"
    "Content-Type: text/html; charset=utf-8\r\n"
    "Content-Length: 18234\r\n"
    "Connection: keep-alive\r\n"
    "Cache-Control: private, max-age=0, must-revalidate\r\n"
    "ETag: \"5d8c72a5edda8\"\r\n"
    "Vary: Accept-Encoding, Cookie\r\n"
    "X-Request-Id: 0af7651916cd43dd8448eb211c80319c\r\n"
    "Strict-Transport-Security: max-age=31536000\r\n"
    "Set-Cookie: seen=4711; Path=/; HttpOnly\r\n\r\n";

std::string make_large(std::string_view first_line) {
  std::string head(first_line);
  for (int i = 0; i < 60; ++i)
    head += "X-Application-Field-" + std::to_string(i) + ": " +
            std::string(100, static_cast<char>('a' + i % 26)) + "\r\n";
  return head + "\r\n";
}

// A batch's messages resemble each other, and no two are the same.
std::vector<std::string> make_messages(size_t bytes) {
  std::mt19937 random(1);
  std::vector<std::string> made(kMessages);
  for (std::string& message : made) {
    std::string body;
    const std::string head = "POST /v1/events/" + std::to_string(random() % 100'000) +
                             " HTTP/1.1\r\nHost: events.test\r\nContent-Type: application/json\r\n"
                             "Content-Length: ";
    const size_t body_bytes = bytes - head.size() - (bytes < 1000 ? 7 : 8);
    while (body.size() < body_bytes)
      body += "{\"id\":\"" + std::to_string(random()) +
              "\",\"kind\":\"click\",\"price\":" + std::to_string(random() % 10'000) +
              ",\"tags\":[\"north\",\"river\"]}\n";
    body.resize(body_bytes);
    message = head + std::to_string(body_bytes) + "\r\n\r\n" + body;
  }
  return made;
}

}  // namespace

std::string_view request_head(HeadSize size) {
  static const std::string large = make_large("GET /foo HTTP/1.1\r\nHost: a.test\r\n");
  switch (size) {
    case HeadSize::kSmall:
      return kSmallRequest;
    case HeadSize::kTypical:
      return kTypicalRequest;
    case HeadSize::kLarge:
      return large;
  }
  return {};
}

std::string_view response_head(HeadSize size) {
  static const std::string large = make_large("HTTP/1.1 200 OK\r\nContent-Length: 261\r\n");
  switch (size) {
    case HeadSize::kSmall:
      return kSmallResponse;
    case HeadSize::kTypical:
      return kTypicalResponse;
    case HeadSize::kLarge:
      return large;
  }
  return {};
}

const std::vector<std::string>& messages(size_t bytes) {
  static std::map<size_t, std::vector<std::string>> made;
  std::vector<std::string>& all = made[bytes];
  if (all.empty()) all = make_messages(bytes);
  return all;
}

}  // namespace httpteleport::bench
