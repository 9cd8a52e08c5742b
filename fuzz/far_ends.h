// The two far ends of a proxy under test. They read what it writes, and end the run when that is
// not HTTP as tests/support/http_message.h wants it, or is more than was asked for.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "fake_kernel.h"
#include "support/http_message.h"

namespace httpteleport::fuzz {

[[noreturn]] inline void broken(const char* what, const std::string& detail,
                                std::string_view bytes) {
  std::fprintf(stderr, "session_fuzz: %s %s\n---\n%.*s\n---\n", what, detail.c_str(),
               static_cast<int>(bytes.size()), bytes.data());
  std::abort();
}

// Reads on in one message; true when it is complete.
inline bool read_message(test::MessageParser& parser, std::string_view& rest) {
  while (!parser.done() && !rest.empty()) {
    const auto step = parser.step(rest);
    if (parser.failed()) broken("malformed:", parser.error(), rest);
    rest.remove_prefix(step.consumed);
  }
  return parser.done();
}

// An endpoint's side of one connection.
class Origin {
 public:
  explicit Origin(FakeSocket& socket) : socket_(&socket) { parser_.expect_request(); }

  FakeSocket& socket() { return *socket_; }
  void send(std::string_view bytes) {
    sent_ += bytes;
    socket_->send(bytes);
  }

  void check() {
    std::string_view rest = socket_->received;
    // After the answer to an offer it may be a tunnel.
    while (!rest.empty() && !(offered_ && sent_.find(" 101") != std::string::npos)) {
      if (!parser_.started() && socket_->sends < requests_)
        broken("another request before the answer", "", rest);
      if (!read_message(parser_, rest)) break;
      check_head(parser_.head());
      ++requests_;
      offered_ = parser_.head().count("upgrade") > 0;
      parser_.expect_request();
    }
    socket_->received.clear();
  }

 private:
  static void check_head(const test::MessageHead& head) {
    if (head.count("host") != 1) broken("not one Host", "", head.raw);
    const bool offers = head.count("upgrade") > 0;
    if (offers != (head.count("connection") > 0) ||
        head.find("connection").value_or("upgrade") != "upgrade")
      broken("another Connection than its own", "", head.raw);
  }

  FakeSocket* socket_;
  test::MessageParser parser_;
  std::string sent_;
  size_t requests_ = 0;   // whole ones
  bool offered_ = false;  // by the last of them
};

// What the session has made of a client's request.
struct SeenRequest {
  bool is_head = false;
  bool offers_upgrade = false;
};

class Client {
 public:
  explicit Client(FakeSocket& socket) : socket_(&socket) {}

  std::vector<SeenRequest> requests;

  FakeSocket& socket() { return *socket_; }

  void check() {
    std::string_view rest = socket_->received;
    while (!rest.empty() && !is_tunnel_) {
      if (is_last_) broken("bytes behind the last answer", "", rest);
      if (!parser_.started() || parser_.done())
        parser_.expect_response(answers_ < requests.size() && requests[answers_].is_head);
      if (!read_message(parser_, rest)) break;
      take_answer(parser_.head());
    }
    socket_->received.clear();
  }

 private:
  void take_answer(const test::MessageHead& head) {
    const bool has_request = answers_ < requests.size();
    if (head.status == 101) {
      if (!has_request || !requests[answers_].offers_upgrade)
        broken("a switch that nobody asked for", "", head.raw);
      is_tunnel_ = true;
    } else if (head.status < 200) {
      if (!has_request) broken("a 1xx without a request", "", head.raw);
    } else {
      ++answers_;
      is_last_ = !head.keep_alive();
      // A head that is none has an answer, but makes no request.
      if (!has_request && !is_last_) broken("an answer without a request", "", head.raw);
    }
    parser_.expect_response(false);
  }

  FakeSocket* socket_;
  test::MessageParser parser_;
  size_t answers_ = 0;
  bool is_last_ = false;
  bool is_tunnel_ = false;
};

}  // namespace httpteleport::fuzz
