// Whatever the bytes: no crash; the outcome does not depend on where they are cut; a head that is
// passed on reads back as the same message.
#include "base/assert.h"
#include "describe_heads.h"
#include "fuzz_input.h"
#include "http/h1/encoder.h"
#include "http/h1/head_parser.h"

namespace httpteleport::fuzz {
namespace {

using http::RequestHead;
using http::h1::HeadLimits;
using http::h1::HeadScanner;
using http::h1::parse_request_head;

struct Outcome {
  std::string text;  // empty: more is needed
  size_t size = 0;
  bool operator==(const Outcome&) const = default;
};

Outcome outcome_of(std::string_view bytes, const HeadLimits& limits) {
  const ExactBytes exact(bytes);
  RequestHead head;
  const Result<size_t> size = parse_request_head(exact.view(), limits, head);
  if (!size) return {describe(size.error())};
  HT_ASSERT(*size <= std::min(bytes.size(), limits.head_bytes_max));
  if (*size == 0) return {};
  HT_ASSERT(head.fields.size() <= limits.fields_max + 1);  // a Host may have been added
  const std::string text = describe(head);
  const ExactBytes copy(exact.view());
  head.rebase(exact.view(), copy.view().data());
  HT_ASSERT(describe(head) == text);
  return {text + (head.keep_alive ? "keep" : "close"), *size};
}

// As an exchange does before it sends: whoever is next gets a Host.
void add_host(RequestHead& head) {
  if (!head.authority.empty()) return;
  head.fields.drop(http::FieldId::kHost);
  head.authority = "h";
  head.fields.add("Host", head.authority);
}

void check_round_trip(std::string_view bytes, const HeadLimits& limits) {
  RequestHead head;
  if (!parse_request_head(bytes, limits, head) || head.refusal) return;
  add_host(head);
  BlockPool pool;
  BufferChain out(pool);
  http::h1::encode_request_head(head, http::h1::framing_of(head), out);
  const std::string sent = out.to_string();
  RequestHead back;
  const HeadLimits wide{.head_bytes_max = size_t{1} << 20, .fields_max = 10'000};
  const Result<size_t> size = parse_request_head(sent, wide, back);
  HT_ASSERT(size);
  HT_ASSERT(*size == sent.size());
  HT_ASSERT(describe(back) == describe(head));
}

void run(Input input) {
  const uint8_t limit = input.choice();
  HeadLimits limits;
  if (limit > 0) limits = {.head_bytes_max = 4u * limit, .fields_max = limit % 16u};
  const size_t cut = input.place();
  const std::string_view bytes = input.rest();

  const Outcome whole = outcome_of(bytes, limits);
  const Outcome part = outcome_of(bytes.substr(0, cut), limits);
  HT_ASSERT(part == Outcome{} || part == whole);
  if (whole.size == 0) return;

  HT_ASSERT(outcome_of(bytes.substr(0, whole.size), limits) == whole);
  HT_ASSERT(outcome_of(bytes.substr(0, whole.size - 1), limits) == Outcome{});
  HeadScanner scanner;
  scanner.worth_parsing(bytes.substr(0, cut), limits);
  HT_ASSERT(cut >= whole.size || scanner.worth_parsing(bytes, limits));
  check_round_trip(bytes, limits);
}

}  // namespace
}  // namespace httpteleport::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  httpteleport::fuzz::run({data, size});
  return 0;
}
