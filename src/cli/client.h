// Requests to shuttle's admin API, one at a time, by libcurl. Blocks; one thread.
#pragma once

#include <curl/curl.h>

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace httpteleport::cli {

// Where the admin API is.
struct AdminAddress {
  std::string unix_path;  // empty: TCP
  std::string authority;  // host:port, of a URL

  // host:port, host (port 9090), :port (127.0.0.1), http://host:port, /path or unix:/path. Nothing
  // when it is none of these.
  static std::optional<AdminAddress> parse(const std::string& text);
};

struct Reply {
  bool reached = false;
  std::string error;  // why not: "Connection refused"
  bool timed_out = false;
  bool too_large = false;  // the answer
  long status = 0;
  std::string body;
  std::string etag;  // as it came

  bool ok() const { return reached && status >= 200 && status < 300; }
};

class Client {
 public:
  // A configuration of 10,000 services is some 10 MB.
  static constexpr size_t kBodyBytesMax = size_t{256} << 20;

  struct Options {
    AdminAddress address;
    Duration timeout{};
    std::string token{};  // empty: none
    // Of a stream of events; a server that lives says something every 15 s.
    std::chrono::seconds silence_max{45};
  };

  explicit Client(Options options);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // `path` begins with '/' and is encoded where it must be.
  Reply get(const std::string& path);
  // On a connection of its own: one that was kept open may have ended, and then curl would send a
  // second time what may have been carried out.
  Reply change(const char* method, const std::string& path, const std::string& body);
  // Follows a stream of events until its end; `on_bytes` is called with what comes of a stream with
  // status 200. Returns how it ended: reached, when there was an answer.
  Reply follow(const std::string& path, const std::string& last_event_id,
               const std::function<void(std::string_view)>& on_bytes);

 private:
  Reply run(const std::string& path, curl_slist* headers);
  void prepare();

  Options options_;
  CURL* easy_;
};

// A segment of a path.
std::string encoded(const std::string& segment);

}  // namespace httpteleport::cli
