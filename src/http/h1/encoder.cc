#include "http/h1/encoder.h"

#include <charconv>
#include <cstring>

#include "base/assert.h"

namespace httpteleport::http::h1 {

namespace {

// Room for the version, Date, the framing fields and the empty line.
constexpr size_t kFixedBytesMax = 256;

class Writer {
 public:
  explicit Writer(char* at) : at_(at) {}

  void put(std::string_view text) {
    if (text.empty()) return;  // its data may be null
    std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
  }
  void put(char c) { *at_++ = c; }
  void put_number(uint64_t number) { at_ = std::to_chars(at_, at_ + 20, number).ptr; }
  void put_field(std::string_view name, std::string_view value) {
    put(name);
    put(": ");
    put(value);
    put("\r\n");
  }
  char* at() const { return at_; }

 private:
  char* at_;
};

bool is_framing(FieldId id) {
  return id == FieldId::kConnection || id == FieldId::kContentLength ||
         id == FieldId::kTransferEncoding || id == FieldId::kUpgrade;
}

size_t bytes_of(const Fields& fields) {
  size_t bytes = 0;
  for (const Field& field : fields)
    bytes += field.name.size() + field.value.size() + 4;
  return bytes;
}

void put_fields(Writer& writer, const Fields& fields) {
  for (const Field& field : fields) {
    if (!field.dropped && !is_framing(field.id)) writer.put_field(field.name, field.value);
  }
}

// Never longer than the list as it came.
void put_upgrade(Writer& writer, std::string_view protocols) {
  writer.put("Connection: upgrade\r\nUpgrade: ");
  for (bool first = true; const auto protocol = next_list_element(protocols); first = false) {
    if (!first) writer.put(',');
    writer.put(*protocol);
  }
  writer.put("\r\n");
}

void put_framing(Writer& writer, const OutgoingFraming& framing) {
  if (framing.content_length) {
    writer.put("Content-Length: ");
    writer.put_number(*framing.content_length);
    writer.put("\r\n");
  }
  if (framing.chunked) writer.put("Transfer-Encoding: chunked\r\n");
  if (!framing.upgrade.empty()) {
    put_upgrade(writer, framing.upgrade);
  } else if (framing.close) {
    writer.put("Connection: close\r\n");
  } else if (framing.keep_alive) {
    writer.put("Connection: keep-alive\r\n");
  }
  writer.put("\r\n");
}

}  // namespace

OutgoingFraming framing_of(const RequestHead& head) {
  OutgoingFraming framing;
  framing.upgrade = head.upgrade;
  switch (head.body.kind) {
    case BodyLength::Kind::kKnown:
      framing.content_length = head.body.bytes;
      break;
    case BodyLength::Kind::kUnknown:
      framing.chunked = true;
      break;
    case BodyLength::Kind::kNone:
      if (head.method == Method::kPost || head.method == Method::kPut ||
          head.method == Method::kPatch) {
        framing.content_length = 0;
      }
      break;
  }
  return framing;
}

void encode_request_fields(const RequestHead& head, BufferChain& out) {
  const std::span<char> room = out.prepare(kFixedBytesMax + head.method_text.size() +
                                           head.target.size() + bytes_of(head.fields));
  Writer writer(room.data());
  writer.put(head.method_text);
  writer.put(' ');
  writer.put(head.target);
  writer.put(" HTTP/1.1\r\n");
  put_fields(writer, head.fields);
  out.commit(static_cast<size_t>(writer.at() - room.data()));
}

void encode_response_fields(const ResponseHead& head, std::string_view date, BufferChain& out) {
  HT_DASSERT(head.status >= 100 && head.status <= 999);
  const std::span<char> room =
      out.prepare(kFixedBytesMax + head.reason.size() + bytes_of(head.fields));
  Writer writer(room.data());
  writer.put("HTTP/1.1 ");
  writer.put_number(static_cast<uint64_t>(head.status));
  writer.put(' ');
  writer.put(head.reason);
  writer.put("\r\n");
  put_fields(writer, head.fields);
  if (!date.empty() && !head.is_informational() && head.fields.find(FieldId::kDate) == nullptr) {
    writer.put_field("Date", date);
  }
  out.commit(static_cast<size_t>(writer.at() - room.data()));
}

void encode_framing(const OutgoingFraming& framing, BufferChain& out) {
  const std::span<char> room = out.prepare(kFixedBytesMax + framing.upgrade.size());
  Writer writer(room.data());
  put_framing(writer, framing);
  out.commit(static_cast<size_t>(writer.at() - room.data()));
}

void encode_request_head(const RequestHead& head, const OutgoingFraming& framing,
                         BufferChain& out) {
  encode_request_fields(head, out);
  encode_framing(framing, out);
}

void encode_response_head(const ResponseHead& head, const OutgoingFraming& framing,
                          std::string_view date, BufferChain& out) {
  encode_response_fields(head, date, out);
  encode_framing(framing, out);
}

ChunkHead make_chunk_head(uint64_t bytes) {
  HT_DASSERT(bytes > 0);
  ChunkHead head;
  char* end = std::to_chars(head.text, head.text + 16, bytes, 16).ptr;
  *end++ = '\r';
  *end++ = '\n';
  head.size = static_cast<size_t>(end - head.text);
  return head;
}

void encode_last_chunk(const Fields& trailers, BufferChain& out) {
  const std::span<char> room = out.prepare(bytes_of(trailers) + 8);
  Writer writer(room.data());
  writer.put("0\r\n");
  for (const Field& field : trailers) {
    if (!field.dropped) writer.put_field(field.name, field.value);
  }
  writer.put("\r\n");
  out.commit(static_cast<size_t>(writer.at() - room.data()));
}

std::string trailer_text(const Fields& trailers) {
  std::string text;
  for (const Field& field : trailers) {
    if (!field.dropped) text.append(field.name).append(": ").append(field.value).append("\r\n");
  }
  if (!text.empty()) text.append("\r\n");
  return text;
}

}  // namespace httpteleport::http::h1
