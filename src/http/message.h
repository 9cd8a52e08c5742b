// Message heads as every protocol version sees them (RFC 9110). Plain data.
//
// All text is views: into the buffer the head was parsed from, or into an arena of whoever keeps
// the head. rebase() moves the first to the second.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/recycled_array.h"

namespace httpteleport::http {

enum class Method : uint8_t {
  kGet,
  kHead,
  kPost,
  kPut,
  kDelete,
  kConnect,
  kOptions,
  kTrace,
  kPatch,
  kOther,
};

// Case-sensitive, as RFC 9110 section 9.1 has it; kOther for what is not in the enumeration.
Method method_of(std::string_view text);
// May be sent twice with the effect of once (RFC 9110 section 9.2.2), so that it may be retried.
bool is_idempotent(Method method);
// Asks for nothing to be changed (RFC 9110 section 9.2.1): an answer to it may be dropped, and the
// request be asked again elsewhere.
bool is_safe(Method method);

// The fields that the engine itself looks at.
enum class FieldId : uint8_t {
  kOther,
  kConnection,
  kContentLength,
  kContentType,
  kDate,
  kExpect,
  kForwarded,
  kHost,
  kKeepAlive,
  kMaxForwards,
  kProxyAuthenticate,
  kProxyAuthorization,
  kProxyConnection,
  kTe,
  kTrailer,
  kTransferEncoding,
  kUpgrade,
  kVia,
  kXForwardedFor,
  kXForwardedHost,
  kXForwardedProto,
};

// Names compare without case. O(1).
FieldId field_id_of(std::string_view name);

struct Field {
  std::string_view name;
  std::string_view value;  // without white space around it
  FieldId id = FieldId::kOther;
  bool dropped = false;  // not to be passed on: encoders skip it
};

// Its memory is recycled within the thread while there are no more than kUsualCount fields.
class Fields {
 public:
  static constexpr size_t kUsualCount = 32;

  void clear() { list_.clear(); }
  // The same, and keeps no memory.
  void release() { List().swap(list_); }
  void add(std::string_view name, std::string_view value, FieldId id) {
    if (list_.capacity() == 0) list_.reserve(kUsualCount);
    list_.push_back({name, value, id, false});
  }
  void add(std::string_view name, std::string_view value) { add(name, value, field_id_of(name)); }

  // The first field with this id that is not dropped, or nullptr.
  Field* find(FieldId id);
  const Field* find(FieldId id) const;
  // The first field of this name (without case) that is not dropped, or nullptr.
  Field* find(std::string_view name);
  const Field* find(std::string_view name) const;
  void drop(FieldId id);

  bool empty() const { return list_.empty(); }
  size_t size() const { return list_.size(); }
  auto begin() { return list_.begin(); }
  auto end() { return list_.end(); }
  auto begin() const { return list_.begin(); }
  auto end() const { return list_.end(); }

 private:
  using List = std::vector<Field, RecycledArrayAllocator<Field, kUsualCount>>;

  List list_;
};

// How long a message's body is, as far as its head tells.
struct BodyLength {
  enum class Kind : uint8_t { kNone, kKnown, kUnknown };
  Kind kind = Kind::kNone;
  uint64_t bytes = 0;  // with kKnown

  static BodyLength none() { return {}; }
  static BodyLength known(uint64_t n) { return {n == 0 ? Kind::kNone : Kind::kKnown, n}; }
  static BodyLength unknown() { return {Kind::kUnknown, 0}; }
  bool is_none() const { return kind == Kind::kNone; }
  bool is_known() const { return kind != Kind::kUnknown; }
};

struct RequestHead {
  Method method = Method::kOther;
  bool expects_continue = false;  // Expect: 100-continue, from an HTTP/1.1 client
  bool keep_alive = false;        // the client can take another answer on its connection
  int version_minor = 1;
  std::string_view method_text;
  std::string_view target;  // origin-form or "*": absolute-form is taken apart by the codec
  std::string_view
      authority;  // host[:port] the request is for; empty when an HTTP/1.0 client names none
  // The protocols that the client offers to go on in, as a list; empty: none, or none that may be
  // passed on. A request with an offer has no body.
  std::string_view upgrade;
  Fields fields;
  BodyLength body;
  // Set when the message is well delimited, so that what follows it can be read, but must be
  // refused (no Host, CONNECT, an Expect we do not know).
  std::optional<Error> refusal;
  // What whoever asks gives the request of its time, for an endpoint that can be told.
  TimePoint deadline = TimePoint::max();  // all of the response must be there by then
  bool plain_body = false;  // this body and the response's are to meet no others in a compressor
  Duration answer_limit{};  // its head must, so long after the end of the request; 0: no limit

  void clear();
  // The text `from` was copied to `to`: what pointed into it points into the copy now.
  void rebase(std::string_view from, const char* to);
};

struct ResponseHead {
  int status = 0;  // 100..599
  int version_minor = 1;
  bool keep_alive = false;  // the sender will take another request on its connection
  // Whoever answers reads nothing more of the request, if there is more of it: an answer of our
  // own.
  bool abandons_request = false;
  std::string_view reason;
  std::string_view upgrade;  // with status 101: the protocol, one of those offered
  Fields fields;
  // What follows this head; none for answers to HEAD and for 1xx, 204, 304. With 101 it is unknown:
  // the bytes of a tunnel.
  BodyLength body;
  // With a body of unknown length: chunked, so that its end can be told from a broken connection.
  bool body_is_chunked = false;
  // The Content-Length as sent, also where no body follows (HEAD, 304).
  std::optional<uint64_t> declared_length;
  // Set when the message is well delimited, but must not be passed on (a status outside 100 to
  // 599).
  std::optional<Error> refusal;

  void clear();
  // A 101 is no mere information: it is the last head of its exchange.
  bool is_informational() const { return status < 200 && status != 101; }
};

// Answers with these statuses never have a body (RFC 9110 section 6.4.1).
inline bool status_has_no_body(int status) {
  return status < 200 || status == 204 || status == 304;
}

// The usual phrase for a status of ours, "" for an unknown one.
std::string_view reason_of(int status);

// A form of several parts (RFC 7578), by its Content-Type.
bool is_multipart_form(std::string_view content_type);

// ASCII, without case.
bool equals_ignoring_case(std::string_view a, std::string_view b);

// Takes the next element off the front of a comma-separated list, without the white space around
// it; nullopt at the end. Empty elements are skipped.
std::optional<std::string_view> next_list_element(std::string_view& list);

}  // namespace httpteleport::http
