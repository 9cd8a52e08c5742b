// Whatever the bytes: no crash; the outcome does not depend on where they are cut; a head that is
// passed on reads back as the same message.
#include "base/assert.h"
#include "describe_heads.h"
#include "fuzz_input.h"
#include "http/h1/encoder.h"
#include "http/h1/head_parser.h"

namespace httpteleport::fuzz {
namespace {

using http::Method;
using http::ResponseHead;
using http::h1::HeadLimits;
using http::h1::HeadScanner;
using http::h1::parse_response_head;

struct Outcome {
  std::string text;  // empty: more is needed
  size_t size = 0;
  bool operator==(const Outcome&) const = default;
};

constexpr std::string_view kOffer = "websocket, a/1";

// Chosen by the input: what the request was.
struct Request {
  Method method = Method::kGet;
  std::string_view offer;
};

Outcome outcome_of(std::string_view bytes, const HeadLimits& limits, const Request& request) {
  const ExactBytes exact(bytes);
  ResponseHead head;
  const Result<size_t> size =
      parse_response_head(exact.view(), limits, request.method, head, request.offer);
  if (!size) return {describe(size.error())};
  HT_ASSERT(*size <= std::min(bytes.size(), limits.head_bytes_max));
  if (*size == 0) return {};
  HT_ASSERT(head.fields.size() <= limits.fields_max);
  HT_ASSERT(head.refusal || (head.status >= 100 && head.status <= 599));
  return {describe(head) + (head.keep_alive ? "keep" : "close"), *size};
}

void check_round_trip(std::string_view bytes, const HeadLimits& limits, const Request& request) {
  ResponseHead head;
  if (!parse_response_head(bytes, limits, request.method, head, request.offer) || head.refusal)
    return;
  http::h1::OutgoingFraming framing{.content_length = head.declared_length,
                                    .chunked = head.body_is_chunked,
                                    .upgrade = head.upgrade};
  framing.close = head.body.kind == http::BodyLength::Kind::kUnknown && !head.body_is_chunked;
  BlockPool pool;
  BufferChain out(pool);
  http::h1::encode_response_head(head, framing, {}, out);
  const std::string sent = out.to_string();
  ResponseHead back;
  const HeadLimits wide{.head_bytes_max = size_t{1} << 20, .fields_max = 10'000};
  const Result<size_t> size = parse_response_head(sent, wide, request.method, back, request.offer);
  HT_ASSERT(size);
  HT_ASSERT(*size == sent.size());
  HT_ASSERT(describe(back) == describe(head));
}

void run(Input input) {
  const uint8_t limit = input.choice();
  HeadLimits limits;
  if (limit > 0) limits = {.head_bytes_max = 4u * limit, .fields_max = limit % 16u};
  const uint8_t choice = input.choice();
  const Request request{.method = (choice & 1) != 0 ? Method::kHead : Method::kGet,
                        .offer = (choice & 2) != 0 ? kOffer : std::string_view()};
  const size_t cut = input.place();
  const std::string_view bytes = input.rest();

  const Outcome whole = outcome_of(bytes, limits, request);
  const Outcome part = outcome_of(bytes.substr(0, cut), limits, request);
  HT_ASSERT(part == Outcome{} || part == whole);
  if (whole.size == 0) return;

  HT_ASSERT(outcome_of(bytes.substr(0, whole.size), limits, request) == whole);
  HT_ASSERT(outcome_of(bytes.substr(0, whole.size - 1), limits, request) == Outcome{});
  HeadScanner scanner;
  scanner.worth_parsing(bytes.substr(0, cut), limits);
  HT_ASSERT(cut >= whole.size || scanner.worth_parsing(bytes, limits));
  check_round_trip(bytes, limits, request);
}

}  // namespace
}  // namespace httpteleport::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  httpteleport::fuzz::run({data, size});
  return 0;
}
