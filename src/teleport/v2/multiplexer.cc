#include "teleport/v2/multiplexer.h"

#include <algorithm>
#include <chrono>

#include "base/length_prefix.h"
#include "teleport/v2/coding.h"

namespace httpteleport::teleport::v2 {

namespace {

constexpr uint64_t kWindowMax = 0x7fffffff;
constexpr size_t kPingBytes = 8;

uint64_t nanoseconds_since(std::chrono::steady_clock::time_point begin) {
  return static_cast<uint64_t>((std::chrono::steady_clock::now() - begin) /
                               std::chrono::nanoseconds(1));
}

// A window is told when half of it is free again, so that few frames do.
bool is_worth_telling(uint64_t free, uint32_t window) {
  return free >= window / 2;
}

EncoderOptions encoder_options(const Multiplexer::Options& options, const Hello& peer) {
  return {.method = options.method,
          .level = options.level,
          .sizes = peer.tables,
          .secret_fields = options.secret_fields};
}

// Texts of a reset and a goaway are for people who look at a recording.
EndCode end_code_of(uint64_t code) {
  return code <= static_cast<uint64_t>(EndCode::kLate) ? static_cast<EndCode>(code)
                                                       : EndCode::kBroken;
}

}  // namespace

bool Stream::is_full() const {
  return body_bytes() > Multiplexer::kQueuedMax;
}

Multiplexer::Multiplexer(const Options& options, const Hello& peer, MultiplexerEvents& events,
                         BlockPool& pool)
    : options_(options),
      peer_(peer),
      events_(events),
      pool_(pool),
      encoder_(encoder_options(options, peer)),
      decoder_(options.own.tables,
               options.end == End::kNear ? Source::kUpstream : Source::kDownstream),
      send_window_(peer.link_window),
      receive_window_(options.own.link_window) {}

Multiplexer::~Multiplexer() {
  for (IntrusiveList<Stream>* list : {&fresh_, &bulk_, &starved_, &waiting_, &idle_}) {
    while (!list->empty())
      delete &list->pop_front();
  }
}

Error Multiplexer::error(const char* detail) const {
  return {Code::kMalformed, options_.end == End::kNear ? Source::kUpstream : Source::kDownstream, 0,
          detail};
}

// ---- Streams.

Stream& Multiplexer::open(StreamOwner& owner) {
  auto* stream = new Stream(owner, pool_, peer_.stream_window, options_.own.stream_window);
  idle_.push_back(*stream);
  return *stream;
}

Stream& Multiplexer::accept(StreamOwner& owner) {
  HT_ASSERT(!accepted_);
  Stream& stream = open(owner);
  stream.id_ = last_id_;
  stream.terms_ = terms_;
  stream.received_end_ = request_ended_;
  streams_.add(stream);
  accepted_ = true;
  return stream;
}

void Multiplexer::release(Stream& stream) {
  stream.owner_ = nullptr;
  grant_link(std::exchange(stream.unconsumed_, 0));
  if (!stream.ended_) return reset(stream, EndCode::kNone);
  close_if_over(stream);
}

void Multiplexer::reset(Stream& stream, EndCode code) {
  if (stream.has_begun()) put_reset(stream.id_, code);
  close(stream);
}

void Multiplexer::put_reset(uint32_t id, EndCode code) {
  ++counts_.resets_sent;
  std::string payload;
  append_varint(payload, static_cast<uint64_t>(code));
  append_frame(control_, FrameType::kReset, id, payload);
}

void Multiplexer::go_away(EndCode code) {
  if (std::exchange(goes_away_, true)) return;
  std::string payload;
  append_varint(payload, last_id_);
  append_varint(payload, static_cast<uint64_t>(code));
  append_frame(control_, FrameType::kGoaway, 0, payload);
}

// A stream that is released goes when its end is with the peer; one whose end the peer waits to
// send is told that nobody wants it.
void Multiplexer::close_if_over(Stream& stream) {
  if (!stream.sent_end_ || stream.owner_ != nullptr) return;
  if (!stream.received_end_) put_reset(stream.id_, EndCode::kNone);
  close(stream);
}

void Multiplexer::close(Stream& stream) {
  grant_link(stream.unconsumed_);
  queued_ -= stream.out_.size();
  if (stream.has_begun()) streams_.remove(stream);
  delete &stream;
  wake_waiting();
}

void Multiplexer::wake_waiting() {
  if (waiting_.empty() || streams_.size() >= peer_.streams) return;
  fresh_.push_back(waiting_.pop_front());
}

// ---- Sending.

void Multiplexer::send_head(Stream& stream, BufferChain&& head) {
  const size_t bytes = head.size();
  send_head(stream, std::move(head), bytes);
}

void Multiplexer::send_head(Stream& stream, BufferChain&& text, size_t head_bytes) {
  HT_ASSERT(head_bytes <= text.size());
  if (stream.has_head_) put_informational(stream);
  queued_ += text.size();
  stream.has_head_ = true;
  stream.head_bytes_ = head_bytes;
  stream.out_.append(std::move(text));
  schedule(stream);
}

// The head that waits is followed by another one. Nobody is hurt if it never comes.
void Multiplexer::put_informational(Stream& stream) {
  const size_t bytes = std::exchange(stream.head_bytes_, 0);
  std::string head;
  move_bytes(stream, bytes, head);
  if (control_.size() < kControlBytesMax / 2)
    append_frame(control_, FrameType::kHead, stream.id_, head);
}

void Multiplexer::move_bytes(Stream& stream, size_t bytes, std::string& to) {
  queued_ -= bytes;
  while (bytes > 0) {
    const std::string_view run = stream.out_.front().substr(0, bytes);
    to.append(run);
    bytes -= run.size();
    stream.out_.consume(run.size());
  }
}

void Multiplexer::send_body(Stream& stream, std::string_view bytes) {
  if (bytes.empty()) return;
  queued_ += bytes.size();
  stream.out_.append(bytes);
  stream.was_full_ |= stream.is_full();
  schedule(stream);
}

void Multiplexer::send_body(Stream& stream, BufferChain&& bytes) {
  if (bytes.empty()) return;
  queued_ += bytes.size();
  stream.out_.append(std::move(bytes));
  stream.was_full_ |= stream.is_full();
  schedule(stream);
}

bool Multiplexer::send_datagram(Stream& stream, std::string_view bytes) {
  const size_t more = kLengthPrefixBytes + bytes.size();
  const size_t waiting = stream.body_bytes();
  if (bytes.size() > kDatagramBytesMax || queued_ > kDatagramsLinkMax ||
      (waiting > 0 && waiting + more > kDatagramsQueuedMax)) {
    return false;
  }
  stream.has_datagrams_ = true;
  queued_ += more;
  append_prefixed(stream.out_, bytes);
  schedule(stream);
  return true;
}

void Multiplexer::send_end(Stream& stream, std::string_view trailers) {
  stream.ended_ = true;
  stream.trailers_ = trailers;
  schedule(stream);
}

void Multiplexer::ping() {
  append_frame(control_, FrameType::kPing, 0, std::string(kPingBytes, '\0'));
}

bool Multiplexer::may_begin(const Stream& stream) const {
  return stream.has_begun() || streams_.size() < peer_.streams;
}

void Multiplexer::schedule(Stream& stream) {
  const bool blocked = !stream.has_head_ && !stream.has_datagrams_ && !stream.out_.empty() &&
                       (stream.send_window_ == 0 || link_window_for(stream) == 0);
  stream.unlink();
  if (!stream.has_begun() && !stream.has_head_) {
    idle_.push_back(stream);
  } else if (!may_begin(stream)) {
    waiting_.push_back(stream);
  } else if (blocked) {
    (stream.send_window_ == 0 ? idle_ : starved_).push_back(stream);
  } else {
    (stream.sent_ < kSmallMessage ? fresh_ : bulk_).push_back(stream);
  }
}

bool Multiplexer::has_work() const {
  return !control_.empty() || !fresh_.empty() || !bulk_.empty();
}

size_t Multiplexer::make_batch(BufferChain& wire) {
  put_control();
  // An informational head that is left there comes before what its stream sends next.
  if (control_.empty()) {
    put_streams(fresh_, kSmallMessage);
    if (!bulk_.empty() && has_room_for(bulk_.front(), kQuantum)) put(bulk_.front(), kQuantum);
    put_streams(bulk_, kQuantum);
  }
  const size_t bytes = batch_bytes();
  if (bytes > 0) {
    const auto begin = std::chrono::steady_clock::now();
    if (!frames_.empty()) encoder_.encode(frames_, wire);
    if (!stored_.empty()) encoder_.store(stored_, wire);
    counts_.encode_ns += nanoseconds_since(begin);
  }
  frames_.clear();
  stored_.clear();
  tell_rooms();
  return bytes;
}

void Multiplexer::put_control() {
  if (control_.size() <= kBatchBytesGoal) {
    frames_.swap(control_);
    return;
  }
  ByteReader reader(control_);
  while (control_.size() - reader.left() < kBatchBytesGoal)
    read_frame(reader);
  const size_t bytes = control_.size() - reader.left();
  frames_.assign(control_, 0, bytes);
  control_.erase(0, bytes);
}

void Multiplexer::put_streams(IntrusiveList<Stream>& streams, size_t quantum) {
  while (!streams.empty() && batch_bytes() < kBatchBytesGoal &&
         has_room_for(streams.front(), quantum))
    put(streams.front(), quantum);
}

bool Multiplexer::has_room_for(const Stream& stream, size_t body_bytes_max) const {
  constexpr size_t kFrameHeads = 3 * 16;  // terms, a head, data
  return batch_bytes() + stream.head_bytes_ + body_bytes_max + kFrameHeads <= kBatchFramesMax;
}

void Multiplexer::put(Stream& stream, size_t body_bytes_max) {
  stream.unlink();
  if (!may_begin(stream)) return waiting_.push_back(stream);
  if (stream.has_head_) put_head(stream);
  if (stream.has_datagrams_) {
    put_datagrams(stream, body_bytes_max);
  } else if (!stream.out_.empty()) {
    put_body(stream, body_bytes_max);
  }
  const bool end_is_due = stream.out_.empty() && stream.ended_ && !stream.sent_end_;
  if (end_is_due && batch_bytes() + stream.trailers_.size() + 16 <= kBatchFramesMax)
    put_end(stream);
  if (stream.was_full_ && stream.out_.size() <= kQueuedMax / 2) {
    stream.was_full_ = false;
    rooms_.push_back(stream.id_);
  }
  const bool has_more = !stream.out_.empty() || (stream.ended_ && !stream.sent_end_);
  if (has_more) return schedule(stream);
  idle_.push_back(stream);
  close_if_over(stream);
}

void Multiplexer::begin(Stream& stream) {
  stream.id_ = ++last_id_;
  ++counts_.streams;
  streams_.add(stream);
  if (stream.terms_ == terms_) return;
  terms_ = stream.terms_;
  std::string payload;
  append_terms(payload, terms_);
  append_frame(frames_, FrameType::kTerms, 0, payload);
}

void Multiplexer::put_head(Stream& stream) {
  if (!stream.has_begun()) begin(stream);
  ++counts_.heads_sent;
  stream.has_head_ = false;
  const size_t bytes = std::exchange(stream.head_bytes_, 0);
  const bool end = stream.ended_ && stream.out_.size() == bytes && stream.trailers_.empty();
  append_frame_head(frames_, end ? FrameType::kHeadEnd : FrameType::kHead, stream.id_, bytes);
  move_bytes(stream, bytes, frames_);
  stream.sent_end_ = end;
}

std::string& Multiplexer::body_frames(const Stream& stream) {
  return stream.terms_.plain_bodies ? stored_ : frames_;
}

// Large messages, whose readers may all have stalled, leave the last quarter to small ones. Less
// than half: the peer tells when that much is free again.
uint64_t Multiplexer::link_window_for(const Stream& stream) const {
  const bool is_small = stream.sent_ + stream.body_bytes() <= kSmallMessage;
  const uint64_t kept = is_small ? 0 : peer_.link_window / 4;
  return send_window_ - std::min<uint64_t>(send_window_, kept);
}

void Multiplexer::put_body(Stream& stream, size_t body_bytes_max) {
  const size_t bytes = std::min<uint64_t>(
      {stream.out_.size(), body_bytes_max, stream.send_window_, link_window_for(stream)});
  if (bytes == 0) {
    ++counts_.stalls;
    return;
  }
  const bool end = stream.ended_ && bytes == stream.out_.size() && stream.trailers_.empty();
  std::string& frames = body_frames(stream);
  append_frame_head(frames, end ? FrameType::kDataEnd : FrameType::kData, stream.id_, bytes);
  move_bytes(stream, bytes, frames);
  stream.sent_ += bytes;
  stream.send_window_ -= bytes;
  send_window_ -= bytes;
  stream.sent_end_ = end;
}

// At least one, for which a batch that is not full has room.
void Multiplexer::put_datagrams(Stream& stream, size_t bytes_max) {
  static_assert(kBatchBytesGoal + kDatagramBytesMax + 16 <= kBatchFramesMax);
  for (size_t put = 0; put < bytes_max && !stream.out_.empty();) {
    std::string length;
    move_bytes(stream, kLengthPrefixBytes, length);
    const size_t bytes = prefixed_length(length);
    append_frame_head(body_frames(stream), FrameType::kDatagram, stream.id_, bytes);
    move_bytes(stream, bytes, body_frames(stream));
    stream.sent_ += bytes;
    put += kLengthPrefixBytes + bytes;
  }
}

void Multiplexer::put_end(Stream& stream) {
  const bool trailers = !stream.trailers_.empty();
  append_frame(body_frames(stream), trailers ? FrameType::kTrailers : FrameType::kDataEnd,
               stream.id_, stream.trailers_);
  stream.sent_end_ = true;
}

void Multiplexer::tell_rooms() {
  for (const uint32_t id : std::exchange(rooms_, {})) {
    Stream* stream = streams_.find(id);
    if (stream != nullptr && stream->owner_ != nullptr) stream->owner_->on_stream_room();
  }
}

MultiplexerCounts Multiplexer::counts() const {
  MultiplexerCounts counts = counts_;
  counts.encoder = encoder_.counts();
  return counts;
}

// ---- Receiving.

Result<Multiplexer::Received> Multiplexer::receive(std::string_view wire) {
  Received received;
  while (received.consumed < wire.size()) {
    const size_t before = received.consumed;
    const Result<void> taken = receive_batch(wire.substr(before), received);
    if (!taken) return taken.error();
    if (received.consumed == before) break;
    received.is_cut_short =
        received.frames_bytes >= kFrameBytesPerTurn && received.consumed < wire.size();
    if (received.is_cut_short) break;
  }
  return received;
}

Result<void> Multiplexer::receive_batch(std::string_view wire, Received& received) {
  const auto begin = std::chrono::steady_clock::now();
  const auto decoded = decoder_.decode(wire);
  counts_.decode_ns += nanoseconds_since(begin);
  if (!decoded) return decoded.error();
  received.consumed += decoded->consumed;
  received.frames_bytes += decoded->frames.size();
  ByteReader frames(decoded->frames);
  while (const auto frame = read_frame(frames)) {
    if (const Result<void> taken = take(*frame); !taken) return taken;
  }
  if (frames.failed()) return error("a frame of the link is malformed");
  if (control_.size() > kControlBytesMax) {
    return Error{Code::kOverloaded, error("").source, 0,
                 "the peer of the link does not read what it asks for"};
  }
  return {};
}

Result<void> Multiplexer::take(const Frame& frame) {
  const bool of_stream = frame.type <= FrameType::kReset || frame.type == FrameType::kDatagram;
  if (of_stream && frame.stream == 0) return error("a frame of the link has no stream");
  switch (frame.type) {
    case FrameType::kHead:
    case FrameType::kHeadEnd:
      return options_.end == End::kFar ? take_request(frame) : take_head(frame);
    case FrameType::kData:
    case FrameType::kDataEnd:
      return take_body(frame);
    case FrameType::kTrailers:
      return take_trailers(frame);
    case FrameType::kReset:
      return take_reset(frame);
    case FrameType::kWindow:
      return take_window(frame);
    case FrameType::kPing:
    case FrameType::kPong:
      return take_ping(frame);
    case FrameType::kGoaway:
      return take_goaway(frame);
    case FrameType::kTerms:
      return take_terms(frame);
    case FrameType::kDatagram:
      return take_datagram(frame);
  }
  return error("a frame of the link is of a type that is not expected");
}

Result<Stream*> Multiplexer::find(uint32_t id) const {
  if (id > last_id_) return error("a frame of the link is of a stream that has not begun");
  return streams_.find(id);
}

StreamOwner* Multiplexer::end_received(Stream& stream) {
  stream.received_end_ = true;
  StreamOwner* owner = stream.owner_;
  close_if_over(stream);
  return owner;
}

Result<void> Multiplexer::take_request(const Frame& frame) {
  if (frame.stream <= last_id_) return error("a stream of the link begins twice");
  last_id_ = frame.stream;
  ++counts_.streams;
  accepted_ = false;
  request_ended_ = frame.type == FrameType::kHeadEnd;
  if (!goes_away_) events_.on_request(frame.payload, request_ended_);
  if (!std::exchange(accepted_, true)) put_reset(frame.stream, EndCode::kRefused);
  return {};
}

Result<void> Multiplexer::take_head(const Frame& frame) {
  const Result<Stream*> found = find(frame.stream);
  if (!found) return found.error();
  Stream* stream = *found;
  if (stream == nullptr) return {};
  if (stream->received_end_) return error("a stream of the link goes on behind its end");
  const bool end = frame.type == FrameType::kHeadEnd;
  StreamOwner* owner = end ? end_received(*stream) : stream->owner_;
  if (owner != nullptr) owner->on_stream_head(frame.payload, end);
  return {};
}

Result<void> Multiplexer::take_body(const Frame& frame) {
  const Result<Stream*> found = find(frame.stream);
  if (!found) return found.error();
  Stream* stream = *found;
  const size_t bytes = frame.payload.size();
  if (bytes > receive_window_) return error("the peer sends more than the link's window");
  receive_window_ -= bytes;
  if (stream == nullptr) {
    grant_link(bytes);
    return {};
  }
  if (stream->received_end_) return error("a stream of the link goes on behind its end");
  if (bytes > stream->receive_window_) return error("the peer sends more than a stream's window");
  stream->receive_window_ -= bytes;
  stream->unconsumed_ += bytes;
  if (stream->owner_ == nullptr) consumed(*stream, bytes);
  const bool end = frame.type == FrameType::kDataEnd;
  StreamOwner* owner = end ? end_received(*stream) : stream->owner_;
  if (owner != nullptr) owner->on_stream_body(frame.payload, end);
  return {};
}

Result<void> Multiplexer::take_trailers(const Frame& frame) {
  const Result<Stream*> found = find(frame.stream);
  if (!found) return found.error();
  Stream* stream = *found;
  if (stream == nullptr) return {};
  if (stream->received_end_) return error("a stream of the link goes on behind its end");
  if (StreamOwner* owner = end_received(*stream)) owner->on_stream_trailers(frame.payload);
  return {};
}

Result<void> Multiplexer::take_datagram(const Frame& frame) {
  const Result<Stream*> found = find(frame.stream);
  if (!found) return found.error();
  if (frame.payload.size() > kDatagramBytesMax) return error("a datagram of the link is too large");
  Stream* stream = *found;
  if (stream == nullptr) return {};
  if (stream->received_end_) return error("a stream of the link goes on behind its end");
  if (stream->owner_ != nullptr) stream->owner_->on_stream_datagram(frame.payload);
  return {};
}

Result<void> Multiplexer::take_reset(const Frame& frame) {
  const Result<Stream*> found = find(frame.stream);
  if (!found) return found.error();
  ByteReader payload(frame.payload);
  const uint64_t code = payload.varint();
  if (payload.failed()) return error("a reset of the link is malformed");
  Stream* stream = *found;
  if (stream == nullptr) return {};
  ++counts_.resets_received;
  StreamOwner* owner = stream->owner_;
  close(*stream);
  if (owner != nullptr) owner->on_stream_reset(end_code_of(code));
  return {};
}

Result<void> Multiplexer::take_window(const Frame& frame) {
  ByteReader payload(frame.payload);
  const uint64_t bytes = payload.varint();
  if (payload.failed() || !payload.at_end() || bytes == 0 || bytes > kWindowMax)
    return error("a window of the link is malformed");
  if (frame.stream == 0) {
    send_window_ += bytes;
    if (send_window_ > kWindowMax) return error("a window of the link is too large");
    while (!starved_.empty())
      schedule(starved_.front());
    return {};
  }
  const Result<Stream*> found = find(frame.stream);
  if (!found) return found.error();
  Stream* stream = *found;
  if (stream == nullptr) return {};
  stream->send_window_ += bytes;
  if (stream->send_window_ > kWindowMax) return error("a window of the link is too large");
  if (!stream->out_.empty()) schedule(*stream);
  return {};
}

Result<void> Multiplexer::take_ping(const Frame& frame) {
  if (frame.stream != 0 || frame.payload.size() != kPingBytes)
    return error("a ping of the link is malformed");
  if (frame.type == FrameType::kPong) {
    ++pongs_;
  } else {
    append_frame(control_, FrameType::kPong, 0, frame.payload);
  }
  return {};
}

Result<void> Multiplexer::take_goaway(const Frame& frame) {
  ByteReader payload(frame.payload);
  const uint64_t last = payload.varint();
  const uint64_t code = payload.varint();
  if (payload.failed() || frame.stream != 0 || last > kStreamMax)
    return error("a goaway of the link is malformed");
  if (options_.end == End::kFar) return {};  // its requests end by themselves
  peer_goes_away_ = true;
  events_.on_goaway(end_code_of(code));
  fail_unserved(static_cast<uint32_t>(last));
  return {};
}

Result<void> Multiplexer::take_terms(const Frame& frame) {
  const std::optional<Terms> terms = read_terms(frame.payload);
  if (!terms || frame.stream != 0 || options_.end != End::kFar)
    return error("terms of the link are malformed");
  terms_ = *terms;
  return {};
}

// Owners may do what they like to other streams when they are told: all that are not served are set
// apart first, from where a stream that is closed meanwhile is gone.
void Multiplexer::fail_unserved(uint32_t last) {
  IntrusiveList<Stream> unserved;
  for (IntrusiveList<Stream>* list : {&fresh_, &bulk_, &starved_, &waiting_, &idle_}) {
    list->for_each([&](Stream& stream) {
      if (stream.has_begun() && stream.id_ <= last) return;
      stream.unlink();
      unserved.push_back(stream);
    });
  }
  while (!unserved.empty()) {
    Stream& stream = unserved.front();
    StreamOwner* owner = stream.owner_;
    close(stream);
    if (owner != nullptr) owner->on_stream_reset(EndCode::kRefused);
  }
}

// ---- Windows.

void Multiplexer::consumed(Stream& stream, size_t bytes) {
  HT_ASSERT(bytes <= stream.unconsumed_);
  stream.unconsumed_ -= bytes;
  grant_link(bytes);
  stream.ungranted_ += bytes;
  if (stream.received_end_ || !is_worth_telling(stream.ungranted_, options_.own.stream_window))
    return;
  put_window(stream.id_, stream.ungranted_);
  stream.receive_window_ += std::exchange(stream.ungranted_, 0);
}

void Multiplexer::grant_link(size_t bytes) {
  ungranted_ += bytes;
  if (!is_worth_telling(ungranted_, options_.own.link_window)) return;
  put_window(0, ungranted_);
  receive_window_ += std::exchange(ungranted_, 0);
}

void Multiplexer::put_window(uint32_t id, uint64_t bytes) {
  std::string payload;
  append_varint(payload, bytes);
  append_frame(control_, FrameType::kWindow, id, payload);
}

}  // namespace httpteleport::teleport::v2
