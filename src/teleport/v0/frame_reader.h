// The receive side of a v0 link direction: wire bytes in, messages out.
//
// Sans-I/O. A frame is a little-endian u32 id and one HTTP/1.1 message in text form; there is no
// length, so a message that cannot be delimited ends the whole link. RequestReader is used by
// proxy/teleport_session, ResponseReader by upstream/v0_link_protocol.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "compress/stream.h"
#include "http/h1/body_decoder.h"

namespace httpteleport::teleport::v0 {

struct ReaderLimits {
  // A head over this cannot be skipped and ends the link. Well above what an end accepts for
  // itself, so that one request with a large head fails alone.
  size_t head_bytes_max = 256 * 1024;
  size_t fields_max = 2000;
};

// Decompresses and takes frames apart; what the heads mean is the derived class's matter.
class FrameReader {
 public:
  virtual ~FrameReader() = default;
  FrameReader(const FrameReader&) = delete;
  FrameReader& operator=(const FrameReader&) = delete;

  // A step decompresses no more than this and what is left of a piece: a few bytes of wire may hold
  // a thousand times as many messages.
  static constexpr size_t kPlainBytesPerStep = 256 * 1024;

  struct Step {
    size_t consumed = 0;     // bytes used up from the front of `wire`
    bool cut_short = false;  // there may be more: call again, also with an empty `wire`
  };

  // Events come in order during the call. Errors end the link: kMalformed, kHeadTooLarge and the
  // other codes of the head parser.
  Result<Step> step(std::string_view wire);
  // Steps until all of `wire` is decoded, whatever that comes to.
  Result<void> feed(std::string_view wire);

  // True between two frames: the place where a peer may close.
  bool is_between_frames() const {
    return (state_ == State::kId || state_ == State::kUncertainBody) && pending_.empty();
  }
  // Decompressed bytes so far.
  uint64_t plain_bytes() const { return plain_bytes_; }

 protected:
  struct HeadStep {
    size_t size = 0;  // 0: more bytes are needed
    http::h1::BodyFraming framing = http::h1::BodyFraming::kNone;
    uint64_t length = 0;
    // The peer may or may not send `length` body bytes, against the rules: what follows tells.
    bool body_is_uncertain = false;
  };

  FrameReader(compress::Method method, Source peer, const ReaderLimits& limits);

  http::h1::HeadLimits head_limits() const { return {limits_.head_bytes_max, limits_.fields_max}; }

 private:
  enum class State : uint8_t { kId, kHead, kBody, kUncertainBody, kSkippedBody };

  // Parses one head and reports it. Bytes are views into a buffer that is good for this call only.
  virtual Result<HeadStep> read_head(uint32_t id, std::string_view bytes) = 0;
  virtual void on_body(std::string_view bytes) = 0;
  virtual void on_end(const http::Fields& trailers) = 0;

  Result<Step> step_plain(std::string_view wire);
  Result<void> feed_plain(std::string_view plain);
  // Uses up what it can of `bytes`; returns how much.
  Result<size_t> advance(std::string_view bytes);
  Result<size_t> advance_head(std::string_view bytes);
  Result<size_t> advance_body(std::string_view bytes);
  size_t advance_uncertain_body(std::string_view bytes);
  size_t skip_body(std::string_view bytes);
  void begin_frame(std::string_view bytes);

  ReaderLimits limits_;
  std::unique_ptr<compress::Decoder> decoder_;  // null: the wire is plain
  std::unique_ptr<char[]> scratch_;
  std::string pending_;  // bytes of an incomplete id, head, or chunk framing
  uint64_t plain_bytes_ = 0;
  http::h1::HeadScanner scanner_;
  http::h1::BodyDecoder body_;
  uint64_t uncertain_bytes_ = 0;
  uint32_t id_ = 0;
  State state_ = State::kId;
};

class RequestEvents {
 public:
  // `raw` is the head's text, which the views in `head` point into; both are good for this call.
  virtual void on_request_frame(uint32_t id, http::RequestHead& head, std::string_view raw) = 0;
  // Of the last frame begun.
  virtual void on_request_frame_body(std::string_view bytes) = 0;
  virtual void on_request_frame_end(const http::Fields& trailers) = 0;

 protected:
  ~RequestEvents() = default;
};

class RequestReader final : public FrameReader {
 public:
  // `events` outlives the reader.
  RequestReader(compress::Method method, const ReaderLimits& limits, RequestEvents& events);

 private:
  Result<HeadStep> read_head(uint32_t id, std::string_view bytes) override;
  void on_body(std::string_view bytes) override { events_.on_request_frame_body(bytes); }
  void on_end(const http::Fields& trailers) override { events_.on_request_frame_end(trailers); }

  RequestEvents& events_;
  http::RequestHead head_;
};

class ResponseEvents {
 public:
  // The method of the request with this id: answers to HEAD have no body. kGet for an unknown id.
  virtual http::Method method_of_request(uint32_t id) = 0;
  virtual void on_response_frame(uint32_t id, http::ResponseHead& head, std::string_view raw) = 0;
  virtual void on_response_frame_body(std::string_view bytes) = 0;
  virtual void on_response_frame_end(const http::Fields& trailers) = 0;

 protected:
  ~ResponseEvents() = default;
};

class ResponseReader final : public FrameReader {
 public:
  ResponseReader(compress::Method method, const ReaderLimits& limits, ResponseEvents& events);

 private:
  Result<HeadStep> read_head(uint32_t id, std::string_view bytes) override;
  void on_body(std::string_view bytes) override { events_.on_response_frame_body(bytes); }
  void on_end(const http::Fields& trailers) override { events_.on_response_frame_end(trailers); }

  ResponseEvents& events_;
  http::ResponseHead head_;
};

}  // namespace httpteleport::teleport::v0
