// Many HTTP clients in one thread, each of which checks every byte it is answered.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "support/content.h"
#include "support/socket.h"

namespace httpteleport::test {

// One request and the answer it must get.
struct LoadRequest {
  enum class Check : uint8_t {
    kContent,   // the body is `expected`
    kText,      // the body is `expected_text`
    kSentHash,  // the body is Hash64::line() of the body sent
  };

  std::string method = "GET";
  std::string target = "/";
  std::string fields;  // more fields, each "Name: value\r\n"; Host and X-Tag are added
  bool has_body = false;
  bool chunked = false;  // send the body chunked in varied sizes, not by Content-Length
  Content body;

  int expected_status = 200;
  Check check = Check::kContent;
  Content expected;
  std::string expected_text;  // at most 64 KiB
};

// Ready-made requests to origin.h.
LoadRequest get_bytes(uint64_t size, uint64_t seed, const std::string& more_query = "");
LoadRequest get_json(uint64_t size, uint64_t seed, bool chunked);
LoadRequest post_hash(const Content& body, bool chunked, const std::string& query = "");
LoadRequest post_echo(const Content& body, bool chunked);

// How one request ended.
enum class Verdict : uint8_t {
  kGood,
  kAborted,        // by plan
  kConnectFailed,  // refused or reset while connecting
  kClosed,         // the connection ended before the whole answer
  kMalformed,      // the answer is not HTTP, or bytes follow it
  kWrongStatus,
  kWrongLength,
  kWrongBody,
  kMixUp,     // the X-Tag is not this request's: the answer belongs to somebody else
  kTimedOut,  // the time limit came first, for this one or before it was sent
};
inline constexpr size_t kVerdictCount = 10;
const char* verdict_name(Verdict verdict);

struct LoadReport {
  static constexpr size_t kFirstErrorsMax = 10;

  std::array<uint64_t, kVerdictCount> by_verdict{};
  uint64_t body_bytes_sent = 0;
  uint64_t body_bytes_received = 0;  // of good and bad answers
  std::chrono::microseconds p50{};   // from the first byte sent to the last byte read, good ones
  std::chrono::microseconds p99{};
  std::chrono::microseconds elapsed{};
  std::vector<std::string> first_errors;

  uint64_t count(Verdict verdict) const { return by_verdict[static_cast<size_t>(verdict)]; }
  uint64_t good() const { return count(Verdict::kGood); }
  uint64_t aborted() const { return count(Verdict::kAborted); }
  // Everything that is neither.
  uint64_t errors() const;
  // For a person who has to find out what went wrong.
  std::string text() const;
};

// Sends `requests` requests over `connections` connections, one at a time on each, and keeps a
// connection for the next one where HTTP allows. All requests are in flight at one time when there
// are as many connections and the origin holds its answers.
//
// run() does everything in the calling thread, once. The counters may be read from other threads
// meanwhile. Memory does not depend on the number of requests, but for 4 bytes of latency each.
class LoadClient {
 public:
  struct Options {
    Address address{};
    size_t connections = 1;
    uint64_t requests = 1;
    std::function<LoadRequest(uint64_t index)> make{};  // called once for each index, in order
    std::chrono::seconds time_limit{60};
    // This part of the requests is given up at a random point: while sending, while waiting, or
    // while receiving; by FIN or by RST.
    double abort_fraction = 0;
    uint64_t seed = 1;            // of the random choices
    size_t connecting_max = 256;  // connections being opened at one time
  };

  explicit LoadClient(Options options) : options_(std::move(options)) {}

  LoadReport run();

  // Requests that have ended, whichever way; and those of them given up by plan.
  uint64_t finished() const { return finished_; }
  uint64_t aborted() const { return aborted_; }
  // Requests sent completely so far.
  uint64_t sent() const { return sent_; }

 private:
  friend class LoadLoop;

  const Options options_;
  std::atomic<uint64_t> finished_{0};
  std::atomic<uint64_t> aborted_{0};
  std::atomic<uint64_t> sent_{0};
};

}  // namespace httpteleport::test
