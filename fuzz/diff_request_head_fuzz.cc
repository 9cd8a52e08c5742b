// A request head that we pass on is accepted by llhttp and by Boost.Beast, and they find the same
// target, framing and fields in it. Takes the inputs of request_head_fuzz.
//
// Where we accept more, on purpose, the others are given what it means:
//   - one or two empty lines before the request line (RFC 9112 section 2.2); Beast refuses them;
//   - any token as method (RFC 9110 section 9.1), where llhttp has a list;
//   - HTTP/1.2 to 1.9 as HTTP/1.1 (RFC 9110 section 2.5), which both refuse;
//   - what differential.h says of the fields of this hop.
#include "base/assert.h"
#include "differential.h"
#include "fuzz_input.h"
#include "http/h1/head_parser.h"

namespace httpteleport::fuzz {
namespace {

using http::RequestHead;

// `head` is what we have read from `bytes`.
std::string normalised(std::string_view bytes, const RequestHead& head) {
  while (bytes.starts_with("\r\n"))
    bytes.remove_prefix(2);
  std::string text(bytes);
  if (head.version_minor > 1) text[text.find(" HTTP/1.") + 8] = '1';
  if (head.method == http::Method::kOther) text.replace(0, head.method_text.size(), "GET");
  RequestHead copy;
  const Result<size_t> size = http::h1::parse_request_head(text, {}, copy);
  HT_ASSERT(size && *size == text.size());
  make_lists_proper(copy.fields, text);
  take_tabs_for_blanks(copy.fields, text);
  return text;
}

void run(Input input) {
  input.choice();
  input.place();
  const std::string_view bytes = input.rest();
  RequestHead head;
  const Result<size_t> size = http::h1::parse_request_head(bytes, {}, head);
  if (!size || *size == 0 || head.refusal) return;
  const std::string text = normalised(bytes.substr(0, *size), head);
  const Result<size_t> again = http::h1::parse_request_head(text, {}, head);
  HT_ASSERT(again && *again == text.size() && !head.refusal);
  Framing framing{.chunked = head.body.kind == http::BodyLength::Kind::kUnknown, .length = {}};
  for (const http::Field& field : head.fields) {
    if (field.id == http::FieldId::kContentLength) framing.length = head.body.bytes;
  }
  const FieldsText fields(head.fields);
  const ReferenceHead llhttp = llhttp_head(MessageKind::kRequest, text);
  compare_heads("llhttp", llhttp, framing, head.keep_alive, fields, text);
  const ReferenceHead beast = beast_head(MessageKind::kRequest, text);
  compare_heads("Beast", beast, framing, head.keep_alive, fields, text);
  if (llhttp.target != beast.target) differ("llhttp", "another target than Beast's", text);
  // Ours has lost scheme and authority.
  if (head.target != "*" && head.target != "/" && !beast.target.ends_with(head.target))
    differ("Beast", "another target", text);
}

}  // namespace
}  // namespace httpteleport::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  httpteleport::fuzz::run({data, size});
  return 0;
}
