// A reader of HTTP/1 messages that shares nothing with the code under test, and checks what it
// reads more strictly than a browser would: anything sloppy that a proxy writes is an error here.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/socket.h"

namespace httpteleport::test {

// The first line and the fields of a message, and later its trailers.
struct MessageHead {
  using Fields = std::vector<std::pair<std::string, std::string>>;

  std::string method;  // of a request
  std::string target;  // of a request
  int status = 0;      // of a response
  std::string reason;  // of a response
  int minor_version = 1;
  Fields fields;    // names as they came, values without the white space around them
  Fields trailers;  // after the last chunk
  std::string raw;  // the whole head as it came

  // The first field of that name, whatever its case.
  std::optional<std::string> find(std::string_view name) const;
  size_t count(std::string_view name) const;
  // Whether a comma list of that name holds `token`, whatever its case.
  bool has_token(std::string_view name, std::string_view token) const;
  // Whether the connection may carry another message after this one, by version and Connection.
  bool keep_alive() const;
};

// Bytes in, one message out. No socket. One object reads one message at a time; start over with
// expect_*(). Limits: a head of kHeadBytesMax; bodies are not held.
class MessageParser {
 public:
  static constexpr size_t kHeadBytesMax = 256 * 1024;

  enum class State : uint8_t { kHead, kBody, kDone, kFailed };

  struct Step {
    size_t consumed = 0;    // bytes used up from the front of the input
    std::string_view body;  // a view into the input
  };

  void expect_request();
  // `to_head`: the request was a HEAD, so no body follows whatever the fields say.
  void expect_response(bool to_head);

  // Reads up to the next run of body bytes, the end of the message or the end of the input. Call
  // again with the rest until nothing is consumed or the state is kDone or kFailed.
  Step step(std::string_view input);
  // The peer has ended its side. True when the message is complete: it was, or it lasts until then.
  bool finish();

  State state() const { return state_; }
  bool done() const { return state_ == State::kDone; }
  bool failed() const { return state_ == State::kFailed; }
  // Whether any byte of the message has been seen.
  bool started() const { return state_ != State::kHead || !head_text_.empty(); }
  // Good once the state is past kHead; its trailers once it is kDone.
  const MessageHead& head() const { return head_; }
  uint64_t body_bytes() const { return body_bytes_; }
  bool is_chunked() const { return framing_ == Framing::kChunked; }
  // Why it failed, empty when it did not.
  const std::string& error() const { return error_; }

 private:
  enum class Framing : uint8_t { kLength, kChunked, kUntilClose };
  enum class ChunkState : uint8_t { kSize, kData, kDataEnd, kTrailers };

  void restart();
  Step fail(std::string why);
  Step step_head(std::string_view input);
  Step step_body(std::string_view input);
  Step step_chunked(std::string_view input);
  // Takes one line without its CRLF into line_; false when it is not complete yet or not a line.
  bool take_line(std::string_view input, size_t* consumed);
  bool parse_head();
  bool parse_first_line(std::string_view line);
  bool parse_field(std::string_view line, MessageHead::Fields& fields);
  bool choose_framing();

  bool is_request_ = false;
  bool to_head_ = false;
  State state_ = State::kHead;
  Framing framing_ = Framing::kLength;
  ChunkState chunk_state_ = ChunkState::kSize;
  uint64_t left_ = 0;  // bytes of the body, or of the chunk, still to come
  uint64_t body_bytes_ = 0;
  std::string head_text_;
  std::string line_;
  MessageHead head_;
  std::string error_;
};

enum class Outcome : uint8_t {
  kComplete,
  kTruncated,  // the connection ended inside the message
  kMalformed,  // not HTTP as this reader wants it
  kTimeout,
  kNothing,  // the connection ended before a byte of the message
};
const char* outcome_name(Outcome outcome);
// For the messages of failed tests.
std::ostream& operator<<(std::ostream& stream, Outcome outcome);

struct Message {
  Outcome outcome = Outcome::kNothing;
  MessageHead head{};
  std::string body{};
  bool chunked = false;
  std::string error{};  // for the reader of a failed test
};

// A client's connection for tests that read one answer after the other, bodies of some MiB at most.
class HttpConnection {
 public:
  explicit HttpConnection(Socket socket) : socket_(std::move(socket)) {}
  // Connects, or gives a connection on which everything fails.
  explicit HttpConnection(const Address& address) {
    if (auto socket = Socket::connect(address)) socket_ = std::move(*socket);
  }

  Socket& socket() { return socket_; }
  bool send(std::string_view bytes) { return socket_.send_all(bytes) == IoStatus::kOk; }

  // The next response, 1xx included.
  Message read_response(bool to_head = false, Deadline deadline = after());
  // The next response that is not 1xx.
  Message read_final_response(bool to_head = false, Deadline deadline = after());
  Message read_request(Deadline deadline = after());
  // True when the peer ends the connection, in order or not, without sending anything more.
  bool wait_closed(Deadline deadline = after());

 private:
  Message read(MessageParser& parser, Deadline deadline);

  Socket socket_;
  std::string rest_;  // read, but not of the last message
};

// Sends `request` on a new connection and reads the final answer.
Message exchange(const Address& address, std::string_view request, Deadline deadline = after());
// GET with Host and Connection: close.
Message get(const Address& address, std::string_view target, Deadline deadline = after());

}  // namespace httpteleport::test
