// One connection of the load: sends a request, reads the answer and checks it.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "client_tls.h"
#include "http/h1/body_decoder.h"
#include "http/message.h"

namespace httpteleport::bench {

struct Expected {
  int status = 200;
  std::string_view body;
};

// A request and the answers that are right.
struct Work {
  std::string_view request;
  http::Method method = http::Method::kGet;
  uint64_t response_bytes = 0;  // of the whole answer, where it is known
  uint64_t body_bytes = 0;      // 200 with any body of this length; unless there are:
  const std::vector<Expected>* answers = nullptr;  // one of these
};

// What the clients of one run share. Outlives them.
struct ClientOptions {
  uint16_t port = 0;
  SSL_CTX* tls = nullptr;       // nullptr: plain
  bool resume = false;          // offer the last connection's session
  bool close_each = false;      // a connection a request, which the server ends
  bool handshake_only = false;  // connect, shake hands, end; nothing is requested
};

// Used in one thread, by one epoll. An exchange: start(), then on_events() until a step says that
// it has ended.
class Client {
 public:
  using Clock = std::chrono::steady_clock;
  enum class Step : uint8_t {
    kGoing,
    kAnswered,  // the exchange has ended well, start() may be called
    kFailed,    // failure() says why; the connection is closed, start() may be called
  };

  explicit Client(const ClientOptions& options);
  ~Client() { close(); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // `due` is kept for due(). Opens a connection where none is open, and adds it to `epoll_fd`.
  Step start(int epoll_fd, const Work& work, Clock::time_point due);
  Step on_events(uint32_t events);
  void close();

  bool in_exchange() const { return phase_ != Phase::kIdle; }
  bool is_open() const { return fd_ >= 0; }
  Clock::time_point due() const { return due_; }
  const char* failure() const { return failure_; }
  // Of the last exchange.
  uint64_t body_bytes() const { return body_bytes_; }
  uint64_t received_bytes() const { return received_bytes_; }
  const Work& work() const { return work_; }
  bool was_resumed() const { return resumed_; }

 private:
  enum class Phase : uint8_t { kIdle, kConnecting, kShaking, kExchanging, kAwaitingEnd };
  enum class Io : uint8_t { kDone, kWait, kEnded, kBroken };

  Step fail(const char* why);
  Step succeed();
  void open(int epoll_fd);
  Step go_on();
  Step shake_hands();
  Step say_goodbye();
  Io write_rest();
  // Up to one buffer full into room(); `count` is how much.
  Io read_some(size_t& count);
  Step read_all();
  Step on_stream_end();
  // Takes the bytes; kGoing while the answer is not complete.
  Step take(std::string_view bytes);
  Step take_answer(std::string_view& rest);
  Step take_head(std::string_view& rest);
  bool status_fits();
  bool take_body(std::string_view bytes);
  bool body_fits() const;
  Step answer_complete();

  const ClientOptions& options_;
  int fd_ = -1;
  std::unique_ptr<Ssl> tls_;
  SslSession session_;
  Phase phase_ = Phase::kIdle;
  Work work_;
  Clock::time_point due_{};
  size_t sent_ = 0;
  bool hung_up_ = false;
  bool head_done_ = false;
  bool resumed_ = false;
  uint64_t body_bytes_ = 0;
  uint64_t received_bytes_ = 0;
  std::vector<bool> differs_;  // the answer from each of work_.answers
  std::string pending_;        // read, but not whole enough to be used
  http::ResponseHead head_;
  http::h1::BodyDecoder decoder_;
  const char* failure_ = "";
};

}  // namespace httpteleport::bench
