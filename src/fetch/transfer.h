// HTTP requests by libcurl, one at a time, that another thread can end.
//
// Blocks; belongs to one thread, which is none of a loop. cancel() alone may be called from any.
#pragma once

#include <curl/curl.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>

#include "base/result.h"

namespace httpteleport::fetch {

using UrlPtr = std::unique_ptr<CURLU, decltype(&curl_url_cleanup)>;
using HeadersPtr = std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)>;

// Null: `text` is no URL.
UrlPtr parse_url(const std::string& text);
// Empty: it has none.
std::string url_part(CURLU* url, CURLUPart part);

class Transfer {
 public:
  struct Options {
    size_t body_bytes_max = 0;
    std::chrono::milliseconds connect_timeout{10'000};
    std::chrono::milliseconds request_timeout{30'000};  // all of it
    bool use_proxies = false;                           // those that the environment names
  };

  Transfer();
  ~Transfer();
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  // A GET of `url`, http or https, and nothing of what was set for the one before; redirects are
  // not followed. More may be set with what it returns, which stays its own.
  CURL* prepare(const std::string& url, const Options& options);
  // The body of the answer, whatever its status. Errors: kConnectFailed, kTimeout, kBodyTooLarge,
  // kCancelled, kConnectionLost (all else).
  Result<std::string> run();

  // Of the last answer. Empty: it has no such field.
  std::string header(const char* name) const;
  long status() const;
  // Where a redirect leads to, as an absolute URL; empty: it is none.
  std::string redirect() const;

  // Ends the transfer under way and every later one with kCancelled.
  void cancel();
  bool is_cancelled() const { return cancelled_; }

 private:
  static size_t take_body(char* data, size_t size, size_t count, void* self);
  // Whether the transfer has ended, and its CURLcode.
  bool turn(CURLcode& code);

  CURLM* multi_;
  CURL* easy_;
  size_t body_bytes_max_ = 0;
  std::string body_;
  std::atomic<bool> cancelled_{false};
};

}  // namespace httpteleport::fetch
