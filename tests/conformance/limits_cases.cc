// Sizes: RFC 9110 sections 5.4, 15.5.14 and 15.5.15, RFC 9112 section 3, RFC 6585 section 5. The
// limits are those of the arrangement: heads of 4,096 bytes and 200 fields, bodies of 65,536.
#include "conformance/request_case.h"

namespace httpteleport::test {
namespace {

constexpr size_t kHeadMax = 4096;
constexpr size_t kBodyMax = 65'536;

// A request whose head has that many bytes.
std::string head_of(size_t bytes) {
  const size_t rest = get("X-A: \r\n").size();
  return get("X-A: " + std::string(bytes - rest, 'x') + "\r\n");
}
std::string fields(int count) {
  std::string lines;
  for (int index = 0; index < count; ++index)
    lines += "x:\r\n";
  return get(lines);
}

}  // namespace

RequestCases limits_cases() {
  const std::string all(kBodyMax, 'b');
  const auto long_target = [](size_t bytes) { return get("", "/" + std::string(bytes, 't')); };
  return {
      served("a head of 4,096 bytes", "9110 5.4", head_of(kHeadMax)),
      refused("a head of 4,097 bytes", "6585 5", head_of(kHeadMax + 1), {431}),
      refused("a head of 60,000 bytes", "6585 5", head_of(60'000), {431}),
      refused("a head of 60,000 bytes and a request", "6585 5", head_of(60'000) + kSmuggled, {431}),
      served("a target of 3,900 bytes", "9112 3", long_target(3'900),
             {{.target = "/" + std::string(3'900, 't')}}),
      refused("a target of 5,000 bytes", "9112 3", long_target(5'000), {414}),
      refused("a target of 60,000 bytes", "9112 3", long_target(60'000), {414}),
      refused("a method of 60,000 bytes", "9112 3",
              std::string(60'000, 'M') + " / HTTP/1.1\r\nHost: a\r\n\r\n", {400, 414, 431, 501}),
      served("199 fields and Host", "9110 5.4", fields(199)),
      refused("201 fields", "6585 5", fields(200), {431}),
      refused("1,000 fields", "6585 5", fields(1'000), {431}),
      refused("only empty lines", "9112 2.2", std::string(60, '\r') + get(), {400}),
      refused("a hundred empty lines", "9112 2.2",
              [] {
                std::string lines;
                for (int index = 0; index < 100; ++index)
                  lines += "\r\n";
                return lines + get();
              }()),
      served("a body of 65,536 bytes", "9110 15.5.14", sized_post(all),
             {{.method = "POST", .body = all}}),
      refused("a body of 65,537 bytes", "9110 15.5.14", sized_post(all + "b"), {413}),
      refused("a length of 65,537 and no body", "9110 15.5.14",
              post("Content-Length: 65537\r\n", ""), {413}),
      refused("a length of 10^15 and no body", "9110 15.5.14",
              post("Content-Length: 1000000000000000\r\n", ""), {413}),
      served("a chunked body of 65,536 bytes", "9110 15.5.14",
             chunked_post("8000\r\n" + all.substr(0, 0x8000) + "\r\n8000\r\n" +
                          all.substr(0, 0x8000) + "\r\n0\r\n\r\n"),
             {{.method = "POST", .body = all}}),
      refused("a chunked body of 65,537 bytes", "9110 15.5.14",
              chunked_post("10000\r\n" + all + "\r\n1\r\nb\r\n0\r\n\r\n"), {413}),
      refused("one chunk of 65,537 bytes", "9110 15.5.14",
              chunked_post("10001\r\n" + all + "b\r\n0\r\n\r\n"), {413}),
      refused("Expect and a length of 65,537", "9110 15.5.14",
              post("Expect: 100-continue\r\nContent-Length: 65537\r\n", ""), {413, 417}),
      served_then_refused("a good request, then a large head", "6585 5",
                          get("", "/1") + head_of(5'000), {{.target = "/1"}}, {431}),
      served_then_refused("a good request, then a large body", "9110 15.5.14",
                          get("", "/1") + sized_post(all + "b"), {{.target = "/1"}}, {413}),
  };
}

}  // namespace httpteleport::test
