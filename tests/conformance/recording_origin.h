// The origin of conformance cases: keeps what it gets, demands that every message is well formed
// and unambiguous, and answers so that an answer tells which request it belongs to.
//
// To a request it answers 200 with X-Id, its number, and a body: that number, method and target on
// a line, and then the request's body. Other answers by target:
//   /switch...   101 when the request offers an upgrade; from there on bytes are sent back
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "support/http_message.h"
#include "support/socket.h"

namespace httpteleport::test {

struct RecordedRequest {
  uint64_t id = 0;  // from 1 in the order of their ends, over all connections
  MessageHead head{};
  std::string body{};
  bool chunked = false;
};

// Owns a thread with one epoll loop, from construction to destruction. Methods are for other
// threads.
class RecordingOrigin {
 public:
  struct Options {
    bool keeps_requests = true;  // false: counts them only
  };
  struct Counts {
    uint64_t connections = 0;
    uint64_t requests = 0;    // read completely
    uint64_t broken_off = 0;  // connections that ended inside a request
    uint64_t faults = 0;      // what was malformed or ambiguous
    uint64_t open = 0;        // connections now
  };

  RecordingOrigin() : RecordingOrigin(Options{}) {}
  explicit RecordingOrigin(const Options& options);
  ~RecordingOrigin();
  RecordingOrigin(const RecordingOrigin&) = delete;
  RecordingOrigin& operator=(const RecordingOrigin&) = delete;

  Address address() const;
  // Those that were complete since the last call. What has been answered is among them.
  std::vector<RecordedRequest> take_requests();
  // What was wrong since the last call, with the bytes; of many, the first.
  std::vector<std::string> take_faults();
  Counts counts() const;

 private:
  class Loop;
  std::unique_ptr<Loop> loop_;
};

}  // namespace httpteleport::test
