#include <boost/beast/http.hpp>

#include "reference_parsers.h"

namespace httpteleport::fuzz {
namespace {

namespace beast = boost::beast::http;

constexpr uint32_t kHeadBytesMax = 1u << 24;

void note_start(const beast::request<beast::empty_body>& message, ReferenceHead& head) {
  head.target = message.target();
}
void note_start(const beast::response<beast::empty_body>& message, ReferenceHead& head) {
  head.status = static_cast<int>(message.result_int());
}

template <bool is_request>
ReferenceHead read_head(std::string_view bytes) {
  beast::parser<is_request, beast::empty_body> parser;
  parser.header_limit(kHeadBytesMax);
  parser.body_limit(boost::none);
  boost::beast::error_code error;
  const size_t used = parser.put(boost::asio::const_buffer(bytes.data(), bytes.size()), error);
  ReferenceHead head;
  if (error) {
    head.error = error.message();
  } else if (!parser.is_header_done() || used != bytes.size()) {
    head.error = "it ends elsewhere";
  }
  if (!head.error.empty()) return head;
  note_start(parser.get(), head);
  head.chunked = parser.chunked();
  if (const auto length = parser.content_length()) head.length = *length;
  head.keep_alive = parser.keep_alive();
  for (const auto& field : parser.get())
    head.fields.emplace_back(field.name_string(), field.value());
  return head;
}

}  // namespace

ReferenceHead beast_head(MessageKind kind, std::string_view bytes) {
  return kind == MessageKind::kRequest ? read_head<true>(bytes) : read_head<false>(bytes);
}

ReferenceBody beast_chunked(std::string_view bytes) {
  beast::parser<true, beast::string_body> parser;
  parser.header_limit(kHeadBytesMax);
  parser.body_limit(boost::none);
  parser.eager(true);
  const std::string all = std::string(kChunkedRequest) + std::string(bytes);
  size_t used = 0;
  while (!parser.is_done()) {
    boost::beast::error_code error;
    const size_t more =
        parser.put(boost::asio::const_buffer(all.data() + used, all.size() - used), error);
    if (error) return {error.message(), {}};
    if (more == 0) return {"it wants more", {}};
    used += more;
  }
  if (used != all.size()) return {"it ends earlier", {}};
  return {{}, parser.get().body()};
}

}  // namespace httpteleport::fuzz
