// A response head that we pass on is accepted by llhttp and by Boost.Beast, and they find the same
// status, framing and fields in it. Takes the inputs of response_head_fuzz.
//
// Where we accept more, on purpose, the others are given what it means:
//   - a status line that ends right after the code (head_parser.h);
//   - HTTP/1.2 to 1.9 as HTTP/1.1 (RFC 9110 section 2.5), which both refuse;
//   - what differential.h says of the fields of this hop.
#include "base/assert.h"
#include "differential.h"
#include "fuzz_input.h"
#include "http/h1/head_parser.h"

namespace httpteleport::fuzz {
namespace {

using http::ResponseHead;

Result<size_t> parse(std::string_view bytes, ResponseHead& head) {
  return http::h1::parse_response_head(bytes, {}, http::Method::kGet, head, "websocket, a/1");
}

// `head` is what we have read from `bytes`.
std::string normalised(std::string_view bytes, const ResponseHead& head) {
  std::string text(bytes);
  if (head.version_minor > 1) text[7] = '1';
  if (text[12] == '\r') text.insert(12, " ");
  ResponseHead copy;
  const Result<size_t> size = parse(text, copy);
  HT_ASSERT(size && *size == text.size());
  make_lists_proper(copy.fields, text);
  take_tabs_for_blanks(copy.fields, text);
  return text;
}

void compare(const char* parser, const ReferenceHead& theirs, const ResponseHead& head,
             std::string_view text) {
  // What 1xx, 204 and 304 say about a body frames nothing.
  Framing framing{.chunked = theirs.chunked, .length = theirs.length};
  if (!http::status_has_no_body(head.status))
    framing = {.chunked = head.body_is_chunked, .length = head.declared_length};
  compare_heads(parser, theirs, framing, head.keep_alive && !head.is_informational(),
                FieldsText(head.fields), text);
  if (theirs.status != head.status) differ(parser, "another status", text);
}

void run(Input input) {
  input.choice();
  input.choice();
  input.place();
  const std::string_view bytes = input.rest();
  ResponseHead head;
  const Result<size_t> size = parse(bytes, head);
  if (!size || *size == 0 || head.refusal) return;
  const std::string text = normalised(bytes.substr(0, *size), head);
  const Result<size_t> again = parse(text, head);
  HT_ASSERT(again && *again == text.size() && !head.refusal);
  compare("llhttp", llhttp_head(MessageKind::kResponse, text), head, text);
  compare("Beast", beast_head(MessageKind::kResponse, text), head, text);
}

}  // namespace
}  // namespace httpteleport::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  httpteleport::fuzz::run({data, size});
  return 0;
}
