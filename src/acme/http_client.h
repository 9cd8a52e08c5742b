// Requests to the CA, one at a time, by libcurl.
//
// Blocks; lives on the thread of the manager. cancel() alone may be called from any thread.
#pragma once

#include <chrono>
#include <string>
#include <utility>

#include "base/result.h"
#include "fetch/transfer.h"

namespace httpteleport::acme {

struct HttpReply {
  long status = 0;
  std::string location;                 // empty: none
  std::string replay_nonce;             // base64url; empty: none
  std::chrono::seconds retry_after{0};  // 0: none
  std::string body;
};

class HttpClient {
 public:
  // What a CA sends is some KiB.
  static constexpr size_t kBodyBytesMax = 256 * 1024;

  struct Options {
    std::string ca_file;  // empty: the CAs of the system
    std::chrono::milliseconds connect_timeout{10'000};
    std::chrono::milliseconds request_timeout{30'000};  // all of it
  };

  explicit HttpClient(Options options) : options_(std::move(options)) {}

  // https, or http on a loopback address; printable, and without quotes and backslashes.
  static bool accepts(const std::string& url);

  // Errors: kUnsupported (an address that accepts() refuses), kConnectFailed, kTimeout,
  // kBodyTooLarge, kCancelled, kConnectionLost (all else). Statuses are no errors. Redirects are
  // not followed.
  Result<HttpReply> get(const std::string& url);
  Result<HttpReply> head(const std::string& url);
  // As application/jose+json.
  Result<HttpReply> post(const std::string& url, const std::string& body);

  // Ends the request under way and every later one with kCancelled.
  void cancel() { transfer_.cancel(); }

 private:
  // Null: accepts() refuses the address.
  CURL* prepare(const std::string& url);
  Result<HttpReply> run(CURL* easy);

  Options options_;
  fetch::Transfer transfer_;
};

}  // namespace httpteleport::acme
