#include "soak/request.h"

#include <algorithm>
#include <bit>
#include <cstdio>
#include <string_view>
#include <utility>

namespace httpteleport::test {
namespace {

// As many values as are asked for from one.
class Dice {
 public:
  explicit Dice(uint64_t seed) : state_(seed) {}
  uint64_t next() { return state_ = mix64(state_); }
  uint64_t below(uint64_t limit) { return next() % limit; }
  bool one_in(uint64_t count) { return below(count) == 0; }

 private:
  uint64_t state_;
};

// Every order of magnitude equally often, and none at all.
uint64_t choose_size(Dice& dice, uint64_t bytes_max) {
  if (dice.one_in(20)) return 0;
  const auto bits = static_cast<uint64_t>(std::bit_width(bytes_max));
  const uint64_t limit = uint64_t{1} << (1 + dice.below(bits));
  return std::min(bytes_max, dice.below(limit));
}

std::string chunked(std::string_view body, Dice& dice) {
  std::string text;
  while (!body.empty()) {
    const uint64_t limit = dice.one_in(4) ? 16 : 32 * 1024;
    const std::string_view chunk = body.substr(0, 1 + dice.below(limit));
    char size[24];
    std::snprintf(size, sizeof size, "%zx\r\n", chunk.size());
    text.append(size).append(chunk).append("\r\n");
    body.remove_prefix(chunk.size());
  }
  return text + "0\r\n\r\n";
}

struct Target {
  const char* path;
  bool json;
};

// GET and HEAD: the body follows from the target.
std::string begin_read(SoakRequest& request, Dice& dice, uint64_t bytes_max) {
  constexpr Target kTargets[] = {{"/bytes/", false}, {"/json/", true}, {"/chunked/", true}};
  request.method = dice.one_in(8) ? "HEAD" : "GET";
  const Target& target = kTargets[dice.below(request.method == "HEAD" ? 2 : 3)];
  const uint64_t size = choose_size(dice, bytes_max);
  const uint64_t seed = dice.next() >> 1;
  request.length_named = size;
  if (request.method == "GET") {
    const Content content = target.json ? Content::json(size, seed) : Content::bytes(size, seed);
    request.body = content.to_string();
  }
  return target.path + std::to_string(size) + "?seed=" + std::to_string(seed);
}

// POST and PUT: the body is that of the request, or tells its hash.
std::string begin_write(SoakRequest& request, Dice& dice, uint64_t bytes_max, std::string& sent) {
  const uint64_t size = choose_size(dice, bytes_max);
  const uint64_t seed = dice.next();
  sent = (dice.one_in(2) ? Content::json(size, seed) : Content::bytes(size, seed)).to_string();
  request.method = dice.one_in(3) ? "PUT" : "POST";
  const bool echoes = dice.one_in(2);
  Hash64 hash;
  hash.update(sent);
  request.body = echoes ? sent : hash.line();
  return echoes ? "/echo?" : "/hash?";
}

}  // namespace

SoakRequest make_soak_request(uint64_t seed, const std::string& id, uint64_t bytes_max,
                              bool may_close) {
  Dice dice(seed);
  SoakRequest request;
  request.id = id;
  std::string sent;
  const bool writes = dice.one_in(3);
  const std::string target =
      writes ? begin_write(request, dice, bytes_max, sent) : begin_read(request, dice, bytes_max);
  const bool old = may_close && dice.one_in(10);
  request.closes = old || (may_close && dice.one_in(5));
  request.text = request.method + " " + target + "&id=" + id + (old ? " HTTP/1.0" : " HTTP/1.1");
  request.text += "\r\nHost: soak\r\nX-Tag: " + id + "\r\n";
  if (request.closes && !old) request.text += "Connection: close\r\n";
  if (writes && !old && dice.one_in(2)) {
    request.text += "Transfer-Encoding: chunked\r\n\r\n" + chunked(sent, dice);
  } else {
    if (writes) request.text += "Content-Length: " + std::to_string(sent.size()) + "\r\n";
    request.text += "\r\n" + sent;
  }
  return request;
}

std::string find_mismatch(const SoakRequest& request, const MessageHead& head,
                          const std::string& body) {
  const std::string tag = head.find("x-tag").value_or("none");
  if (tag != request.id) return "the answer is that to " + tag;
  if (request.method == "HEAD") {
    // A link does not carry the length (docs/protocol/teleport-v0.md).
    const auto named = head.find("content-length");
    return !named || named == std::to_string(request.length_named)
               ? ""
               : "HEAD names the length " + *named;
  }
  if (body.size() != request.body.size())
    return std::to_string(body.size()) + " bytes instead of " + std::to_string(request.body.size());
  if (body == request.body) return {};
  const auto at = std::ranges::mismatch(body, request.body).in1 - body.begin();
  return "another byte at " + std::to_string(at) + " of " + std::to_string(body.size());
}

}  // namespace httpteleport::test
