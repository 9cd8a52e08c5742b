#include "requests.h"

#include <cmath>
#include <cstdio>
#include <iterator>
#include <string>
#include <string_view>

namespace httpteleport::demo {
namespace {

using test::Content;
using test::LoadRequest;
using test::mix64;

constexpr const char* kUserAgents[] = {
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/126.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.5 Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
    "Gecko) Mobile/15E148",
    "okhttp/4.12.0",
    "python-requests/2.32.3",
    "Go-http-client/1.1",
};
constexpr const char* kLanguages[] = {"en-US,en;q=0.9", "de-DE,de;q=0.8,en;q=0.5", "fr-FR,fr;q=0.9",
                                      "ja-JP,ja;q=0.9", "pt-BR,pt;q=0.8,en;q=0.6"};
constexpr const char* kPages[] = {"orders", "profile", "search", "cart", "settings", "reports"};

// A sequence of choices that belongs to one request.
class Dice {
 public:
  explicit Dice(uint64_t seed) : seed_(seed) {}
  uint64_t next() { return mix64(seed_ + 0x9e3779b9 * ++rolls_); }
  uint64_t below(uint64_t bound) { return next() % bound; }
  template <class T, size_t N>
  const T& pick(const T (&items)[N]) {
    return items[below(N)];
  }

 private:
  uint64_t seed_;
  uint64_t rolls_ = 0;
};

std::string hex(uint64_t value) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(value));
  return text;
}

std::string uuid(Dice& dice) {
  const std::string a = hex(dice.next());
  const std::string b = hex(dice.next());
  return a.substr(0, 8) + "-" + a.substr(8, 4) + "-4" + a.substr(13) + "-8" + b.substr(1, 3) + "-" +
         b.substr(4);
}

// A user keeps the cookies and the browser; the ids of a request are its own.
std::string make_fields(uint64_t index, bool has_body) {
  Dice request(index);
  Dice user(1'000'000 + request.below(200));
  std::string fields;
  const auto add = [&](std::string_view name, const std::string& value) {
    fields.append(name).append(": ").append(value).append("\r\n");
  };
  add("User-Agent", user.pick(kUserAgents));
  add("Accept", "application/json");
  add("Accept-Language", user.pick(kLanguages));
  add("Cookie", "session=" + hex(user.next()) + hex(user.next()) + "; theme=" +
                    (user.below(2) == 0 ? "dark" : "light") + "; visitor=" + uuid(user));
  add("X-Request-Id", uuid(request));
  add("Referer", std::string("https://shop.example.com/") + request.pick(kPages) +
                     "?page=" + std::to_string(request.below(40)));
  if (request.below(3) == 0) add("Authorization", "Bearer " + hex(user.next()) + hex(user.next()));
  if (request.below(4) == 0) add("If-None-Match", "\"" + hex(request.next()) + "\"");
  if (has_body) add("Content-Type", "application/json");
  return fields;
}

// Small sizes are more frequent than large ones, as in real traffic.
uint64_t body_size(Dice& dice) {
  if (dice.below(100) == 0) return 500'000 + dice.below(500'000);
  const double part = static_cast<double>(dice.below(1'000'000)) / 1e6;
  return static_cast<uint64_t>(100 * std::pow(200.0, part));
}

}  // namespace

LoadRequest make_request(uint64_t index) {
  Dice dice(7'000'000 + index);
  const uint64_t size = body_size(dice);
  const uint64_t kind = dice.below(20);
  LoadRequest request;
  if (kind < 2) {
    request = test::post_echo(Content::json(size, index), true);  // streamed both ways
  } else if (kind < 11) {
    request = test::get_json(size, index, kind == 2);
  } else if (kind < 17) {
    request = test::post_echo(Content::json(size, index), false);
  } else {
    request = test::post_hash(Content::json(size, index), false);
  }
  request.fields = make_fields(index, request.has_body);
  return request;
}

}  // namespace httpteleport::demo
