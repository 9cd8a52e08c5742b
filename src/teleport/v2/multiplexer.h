// The streams of one v2 link, at either end: what is sent when, and whose the received frames are
// (docs/protocol/teleport-v2.md, "Streams", "Flow control").
//
// Sans-I/O. The owner gives it received bytes and sends what it makes. The near end opens streams,
// one for each request; both ends send heads, body bytes, trailers on them, each direction until
// its own end. Not thread safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/buffer.h"
#include "base/id_map.h"
#include "base/intrusive_list.h"
#include "base/recycled.h"
#include "teleport/v2/batch_decoder.h"
#include "teleport/v2/batch_encoder.h"
#include "teleport/v2/frame.h"
#include "teleport/v2/hello.h"
#include "teleport/v2/terms.h"

namespace httpteleport::teleport::v2 {

// Why a stream ends before its messages do, or the link (docs/protocol/teleport-v2.md, "Codes").
enum class EndCode : uint8_t {
  kNone = 0,       // nothing is wrong: no more of this stream is wanted
  kCancelled = 1,  // whoever asked is gone
  kRefused = 2,    // nothing of it has been done: it may be asked again elsewhere
  kBroken = 3,     // the message cannot be completed
  kTooLarge = 4,   // over a limit of the receiver
  kMalformed = 5,  // the frames of it make no sense
  kLate = 6,       // its time is over
};

// The exchange that a stream is for. Is told in the middle of Multiplexer::receive() or
// make_batch(), and may call anything but these two. Texts are good until the call returns.
class StreamOwner {
 public:
  // At the near end: a head of the response, of which there may be several.
  virtual void on_stream_head(std::string_view head, bool end) = 0;
  // Multiplexer::consumed() is to be called once the bytes have found their way on.
  virtual void on_stream_body(std::string_view bytes, bool end) = 0;
  // Lines and an empty line. The message ends with them.
  virtual void on_stream_trailers(std::string_view trailers) = 0;
  // The peer has ended the stream, or has never taken it. It is gone.
  virtual void on_stream_reset(EndCode code) = 0;
  // After Stream::is_full(): there is room again.
  virtual void on_stream_room() = 0;
  // Of a stream that is for datagrams; of others they are dropped.
  virtual void on_stream_datagram(std::string_view /*bytes*/) {}

 protected:
  ~StreamOwner() = default;
};

// One stream. Belongs to the multiplexer; an owner may use it until it has released or reset it, or
// was told of a reset.
class Stream final : public IntrusiveNode,
                     public IdMapNode<Stream>,
                     public Recycled<Stream, 16 * 1024> {
 public:
  // 0: it has not begun.
  uint32_t id() const { return id_; }
  // Something of it is with the connection.
  bool has_begun() const { return id_ != 0; }
  // So many body bytes wait that no more should be sent for now.
  bool is_full() const;
  // Body bytes that are with the connection.
  uint64_t sent_bytes() const { return sent_; }
  // The peer's message is complete.
  bool received_end() const { return received_end_; }

 private:
  friend class Multiplexer;

  Stream(StreamOwner& owner, BlockPool& pool, uint32_t send_window, uint32_t receive_window)
      : owner_(&owner), out_(pool), send_window_(send_window), receive_window_(receive_window) {}

  StreamOwner* owner_;  // nullptr: released
  size_t body_bytes() const { return out_.size() - head_bytes_; }

  // What waits: a head, and behind it body bytes, or datagrams, each behind its length.
  BufferChain out_;
  size_t head_bytes_ = 0;  // of it
  Terms terms_;            // of its request
  bool has_head_ = false;  // which may be empty
  std::string trailers_;
  uint32_t id_ = 0;
  uint64_t send_window_;
  uint64_t sent_ = 0;  // body bytes
  uint64_t receive_window_;
  uint64_t unconsumed_ = 0;  // received, and not yet taken by the owner
  uint64_t ungranted_ = 0;   // taken, and not yet told to the peer
  bool ended_ = false;       // by the owner
  bool sent_end_ = false;    // and so told to the peer
  bool received_end_ = false;
  bool was_full_ = false;       // the owner waits for room
  bool has_datagrams_ = false;  // and no body
};

// What has happened on a link, for metrics. All count up.
struct MultiplexerCounts {
  uint64_t streams = 0;  // that have begun
  uint64_t heads_sent = 0;
  uint64_t resets_sent = 0;
  uint64_t resets_received = 0;
  uint64_t stalls = 0;  // a body had to wait for a window, of its stream or the link
  uint64_t encode_ns = 0;
  uint64_t decode_ns = 0;
  EncoderCounts encoder;
};

// What does not belong to a stream.
class MultiplexerEvents {
 public:
  // At the far end: a request. The owner may call Multiplexer::accept(), once; else it is refused.
  virtual void on_request(std::string_view head, bool end) = 0;
  // The peer wants no new streams. Those that it does not serve are reset, as refused, after this.
  virtual void on_goaway(EndCode code) = 0;

 protected:
  ~MultiplexerEvents() = default;
};

class Multiplexer {
 public:
  enum class End : uint8_t { kNear, kFar };

  // Body bytes of a stream that may wait here: over it is_full(), until half of them are gone.
  static constexpr size_t kQueuedMax = 128 * 1024;
  // How many bytes one stream puts into a batch before it is another one's turn. One that has sent
  // little so far goes first, with more.
  static constexpr size_t kQuantum = 16 * 1024;
  static constexpr size_t kSmallMessage = 64 * 1024;
  // Ids that are left for what has been asked of a link that is used up.
  static constexpr uint32_t kIdReserve = 16 * 1024 * 1024;
  // A datagram of more is not sent, and ends the link when it comes.
  static constexpr size_t kDatagramBytesMax = 65'535;
  // Datagrams that may wait of one stream, their lengths included; but one of any size may.
  static constexpr size_t kDatagramsQueuedMax = 128 * 1024;
  // With so much waiting on the whole link none is taken.
  static constexpr size_t kDatagramsLinkMax = 16 * 1024 * 1024;
  // A head, or trailers, of more must not be sent.
  static constexpr size_t kHeadBytesMax = 256 * 1024;
  // Frames that answer the peer's (windows, pongs, refusals) and wait: over it the link ends.
  static constexpr size_t kControlBytesMax = 1024 * 1024;

  struct Options {
    End end = End::kNear;
    EncoderOptions::Method method = EncoderOptions::Method::kZstd;  // of what is sent
    int level = 1;
    std::vector<std::string> secret_fields = EncoderOptions{}.secret_fields;
    Hello own;  // as the peer was told
  };

  // `peer` is what the peer has said. `events` and `pool` outlive the multiplexer.
  Multiplexer(const Options& options, const Hello& peer, MultiplexerEvents& events,
              BlockPool& pool);

  ~Multiplexer();

  // ---- Streams.

  // Near end: a stream for a new request. It waits while the peer serves as many as it will.
  Stream& open(StreamOwner& owner);
  // Far end, in on_request(): the stream of that request.
  Stream& accept(StreamOwner& owner);
  // Near end, before the stream has begun: what its request is told.
  void set_terms(Stream& stream, const Terms& terms) { stream.terms_ = terms; }
  // Far end: of the request that on_request() is being told of.
  const Terms& terms() const { return terms_; }
  // Of all that have begun, those released included.
  size_t open_streams() const { return streams_.size(); }
  // The owner has ended its message, or has received all and does not want to send more, and uses
  // the stream no longer. What waits is still sent; what still comes is dropped.
  void release(Stream& stream);
  // What waits is dropped, and the peer is told. The stream is gone.
  void reset(Stream& stream, EndCode code);
  // Far end: no request that comes from now on is taken.
  void go_away(EndCode code);
  // Near end: ids will run out; new streams belong on another link.
  bool is_used_up() const { return last_id_ > kStreamMax - kIdReserve; }
  bool peer_goes_away() const { return peer_goes_away_; }

  // ---- Sending. Nothing is called back. In order: a head (at the far end, any number of them
  // before the last), body bytes, an end. Nothing after the end.

  // Text with its line ends and empty line, at most kHeadBytesMax. Chains are of `pool`.
  void send_head(Stream& stream, BufferChain&& head);
  // The same, with body bytes behind the first `head_bytes`.
  void send_head(Stream& stream, BufferChain&& text, size_t head_bytes);
  void send_body(Stream& stream, std::string_view bytes);
  void send_body(Stream& stream, BufferChain&& bytes);
  // In the place of a body: windows do not count them. False: it is too large, or too many wait,
  // and it is dropped.
  bool send_datagram(Stream& stream, std::string_view bytes);
  // `trailers`: lines and an empty line, or nothing.
  void send_end(Stream& stream, std::string_view trailers);
  // The peer answers it; received_pongs() counts.
  void ping();

  bool has_work() const;
  // Heads and bodies that wait, in bytes.
  size_t queued_bytes() const { return queued_; }
  // The same, but nothing where all of it waits for windows of its streams.
  size_t sendable_bytes() const { return has_work() || !starved_.empty() ? queued_ : 0; }
  // Appends one batch to `wire`, and behind it one with bodies that are not compressed, if there
  // are any; call while has_work(). Returns the bytes of its frames.
  size_t make_batch(BufferChain& wire);
  MultiplexerCounts counts() const;
  // See BatchEncoder::set_level().
  void set_level(int level) { encoder_.set_level(level); }

  // ---- Receiving.

  // Frames of one turn, about: a few bytes of wire may hold very many, and others have theirs to
  // come.
  static constexpr size_t kFrameBytesPerTurn = 256 * 1024;
  struct Received {
    size_t consumed = 0;        // bytes of `wire` used up; 0: more must come
    size_t frames_bytes = 0;    // of the batches that were decoded
    bool is_cut_short = false;  // what is left is for the next turn; else more must come first
  };
  // Decodes batches and tells their frames, as many as a turn takes. Errors end the link:
  // kMalformed, kOverloaded.
  Result<Received> receive(std::string_view wire);
  // The owner has taken so many bytes of a body.
  void consumed(Stream& stream, size_t bytes);
  uint64_t received_pongs() const { return pongs_; }

 private:
  // Decodes one batch and tells its frames; not one when it is not complete.
  Result<void> receive_batch(std::string_view wire, Received& received);
  // Received frames. Errors end the link.
  Result<void> take(const Frame& frame);
  Result<void> take_request(const Frame& frame);
  Result<void> take_head(const Frame& frame);
  Result<void> take_body(const Frame& frame);
  Result<void> take_trailers(const Frame& frame);
  Result<void> take_datagram(const Frame& frame);
  Result<void> take_reset(const Frame& frame);
  Result<void> take_window(const Frame& frame);
  Result<void> take_goaway(const Frame& frame);
  Result<void> take_terms(const Frame& frame);
  Result<void> take_ping(const Frame& frame);
  Error error(const char* detail) const;
  // Of a stream that is open; nullptr if it was once.
  Result<Stream*> find(uint32_t id) const;
  // The message of `stream` is complete. Returns whom to tell, or nullptr.
  StreamOwner* end_received(Stream& stream);
  void fail_unserved(uint32_t last);

  void schedule(Stream& stream);
  // Puts into the batch what it may of a stream, at most so many body bytes. May destroy it.
  void put(Stream& stream, size_t body_bytes_max);
  // For its head and body; trailers wait for the next batch if need be.
  bool has_room_for(const Stream& stream, size_t body_bytes_max) const;
  void begin(Stream& stream);
  size_t batch_bytes() const { return frames_.size() + stored_.size(); }
  // Where a body belongs, and what follows it.
  std::string& body_frames(const Stream& stream);
  void put_head(Stream& stream);
  void put_body(Stream& stream, size_t body_bytes_max);
  // What a stream may send of the link's window.
  uint64_t link_window_for(const Stream& stream) const;
  void put_datagrams(Stream& stream, size_t bytes_max);
  void put_end(Stream& stream);
  bool may_begin(const Stream& stream) const;
  void put_control();
  void put_streams(IntrusiveList<Stream>& streams, size_t quantum);
  void put_informational(Stream& stream);
  // The first of what waits.
  void move_bytes(Stream& stream, size_t bytes, std::string& to);
  void put_reset(uint32_t id, EndCode code);
  void put_window(uint32_t id, uint64_t bytes);
  void tell_rooms();
  // Both messages are over, or the stream is.
  void close_if_over(Stream& stream);
  void close(Stream& stream);
  // So many bytes of the link's window are free again.
  void grant_link(size_t bytes);
  void wake_waiting();

  const Options options_;
  const Hello peer_;
  MultiplexerEvents& events_;
  BlockPool& pool_;
  BatchEncoder encoder_;
  BatchDecoder decoder_;
  IdMap<Stream> streams_;
  // Streams with something to send are in one of these; near-end ones that may not begin, in
  // `waiting_`; others in none.
  IntrusiveList<Stream> fresh_;    // have not sent much
  IntrusiveList<Stream> bulk_;     // have
  IntrusiveList<Stream> starved_;  // wait for the link's window
  IntrusiveList<Stream> waiting_;  // wait until others end
  IntrusiveList<Stream> idle_;     // have nothing to send, or wait for their own window
  std::vector<uint32_t> rooms_;    // owners that wait for room, and have it
  std::string control_;
  std::string frames_;  // of the batch that is being made
  std::string stored_;  // of the one behind it
  size_t queued_ = 0;
  uint64_t send_window_;  // of the link
  uint64_t receive_window_;
  uint64_t ungranted_ = 0;
  Terms terms_;           // of streams that begin now
  uint32_t last_id_ = 0;  // of the last stream that began
  bool accepted_ = true;  // the request that on_request() is being told of
  bool request_ended_ = false;
  uint64_t pongs_ = 0;
  MultiplexerCounts counts_;
  bool goes_away_ = false;
  bool peer_goes_away_ = false;
};

}  // namespace httpteleport::teleport::v2
