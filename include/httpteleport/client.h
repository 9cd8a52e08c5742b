// Sends HTTP requests over a teleport link: many at a time over few connections, batched and
// compressed, answered in any order.
//
//     auto client = httpteleport::Client::create({.address = "10.0.0.2:8043"});
//     httpteleport::Request request("GET", "/");
//     httpteleport::Response response;
//     const httpteleport::Status status = client->call(request, response, std::chrono::seconds(3));
#ifndef HTTPTELEPORT_CLIENT_H_
#define HTTPTELEPORT_CLIENT_H_

#include <chrono>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "httpteleport/export.h"
#include "httpteleport/message.h"
#include "httpteleport/options.h"
#include "httpteleport/status.h"

namespace httpteleport {
inline namespace abi0 {

// TLS inside the link's connection, as the peer's -inType=teleports or ServerTlsOptions want it.
struct ClientTlsOptions {
  bool enabled = false;
  std::string ca_file{};           // PEM of whom to trust; empty: whom the system trusts
  std::string server_name{};       // to ask for and to verify; empty: the host of the address
  bool insecure = false;           // the server is not verified at all
  std::string certificate_file{};  // PEM, to show when asked, with its chain; empty: none
  std::string key_file{};          // PEM, its private key
};

// What a client is made with. Durations must be above 0, unless 0 has a meaning here.
struct ClientOptions {
  // "host:port", "[::1]:port", or a unix socket: "unix:/run/x.sock" or "/run/x.sock". A host name
  // is looked up in the background, and again every 30 seconds.
  std::string address{};
  Compression compression = Compression::kAuto;  // of requests
  int flate_level = 1;                           // 1, the fastest, to 9, the smallest
  int zstd_level = 1;                            // 1, the fastest, to 19, the smallest
  Protocol protocol = Protocol::kAuto;
  LinkMemory link_memory = LinkMemory::kNormal;
  std::vector<std::string> secret_headers = default_secret_headers();  // empty: none is kept apart
  // How long a request may wait for others to share its batch. 0: a batch is what comes together
  // anyway, which is the best choice but for very slow trickles.
  Duration max_batch_delay{};
  std::size_t batch_bytes = std::size_t{64} * 1024;  // a batch of this size waits no longer
  // Requests without an answer, of the whole client; more fail with kOverloaded. 1 to 4,000,000.
  std::size_t max_pending = 1000;
  std::size_t connections = 1;  // real ones to the peer, 1 to 1024
  std::size_t threads = 1;      // that serve them, 1 to `connections`
  std::size_t max_request_head_bytes = std::size_t{64} * 1024;   // the peer's limit: kTooLarge
  std::size_t max_response_head_bytes = std::size_t{64} * 1024;  // over it: kTooLarge
  std::size_t max_response_body_bytes = std::size_t{64} * 1024 * 1024;  // over it: kTooLarge
  Duration connect_timeout = std::chrono::seconds(3);  // and again of the handshake, and of TLS
  Duration idle_timeout = std::chrono::seconds(90);    // a connection that is idle is closed
  // A peer from which nothing comes, while requests go to it, is given up.
  Duration read_timeout = std::chrono::seconds(120);
  // A peer that acknowledges nothing of what is sent is given up. Unix sockets know no such thing.
  Duration write_timeout = std::chrono::seconds(60);
  ClientTlsOptions tls{};
  // Makes connections in place of the client: returns a connected stream socket, which is the
  // client's from then on, or -1 with errno set. Called on an I/O thread, and may block no longer
  // than all calls of that thread can wait. `address` then only names the default host.
  std::function<int()> dial{};
};

// Of one call.
struct CallOptions {
  Duration timeout{};  // from the call; 0: none
};

// Since the client was made. Read one by one, so that they may be of slightly different moments.
struct ClientStats {
  LinkStats links{};
  std::uint64_t pending = 0;       // requests without an answer
  std::uint64_t calls = 0;         // requests taken, posts included
  std::uint64_t answers = 0;       // calls that ended well
  std::uint64_t failures = 0;      // calls that ended otherwise
  std::uint64_t late_answers = 0;  // came when nobody waited for them any more
  std::uint64_t connects = 0;      // connections established
  std::uint64_t connect_failures = 0;
};

// One call, for cancel(). Stays harmless when the call is over.
struct CallId {
  std::uint64_t value = 0;
};

class CallAwaiter;

// Any thread may call anything but the destructor, at any time. Connects when first needed and
// again when a connection is lost; after a failure it waits 20 ms to 1 s before the next attempt,
// and what is called meanwhile waits with it, for as long as its own timeout allows, until that
// attempt has failed.
//
// Answers of requests that timed out or were cancelled are dropped when they come.
class HTTPTELEPORT_EXPORT Client {
 public:
  // Called once, on an I/O thread of the client: it must not block, and what it throws ends the
  // program. `response` is good during the call, unless `status` is not ok; it may be moved from or
  // swapped with one of the caller's. May make further calls, but call() and call_until() would
  // wait for themselves and fail with kInvalidArgument.
  using Callback = std::function<void(const Status& status, Response& response)>;

  // Errors: kInvalidArgument (the message names the option), kSystem. Starts the threads; nothing
  // is connected yet.
  static StatusOr<Client> create(const ClientOptions& options);
  Client(Client&& other) noexcept;
  Client& operator=(Client&& other) noexcept;
  // Everything pending ends with kCancelled, callbacks included, before this returns. Not inside a
  // callback.
  ~Client();

  // Waits for the answer. `response` keeps its memory and is written only when the status is ok;
  // an answer of status 500 is ok: it is an answer. `request` is not changed, and both are the
  // caller's again when this returns. `timeout` 0: no limit.
  Status call(const Request& request, Response& response, Duration timeout = {});
  // The same, with a response of its own.
  StatusOr<Response> call(const Request& request, Duration timeout = {});
  // The same, until a point in time; one that is past is kTimeout at once, and nothing is sent.
  Status call_until(const Request& request, Response& response,
                    std::chrono::steady_clock::time_point deadline);

  // Returns at once; `request` may be changed or go. If the status is not ok, the call was not
  // taken and `callback` is never called; otherwise it is, exactly once, and never inside this
  // call. `id`, if given, is for cancel().
  Status call_async(const Request& request, Callback callback, const CallOptions& options = {},
                    CallId* id = nullptr);

  // For coroutines: `const Status status = co_await client.call_awaitable(request, response);`
  // Goes on, on an I/O thread, when the answer is there. Both messages must live until then.
  [[nodiscard]] CallAwaiter call_awaitable(const Request& request, Response& response,
                                           const CallOptions& options = {});

  // Sends a request to which the peer gives no answer. ok: it was taken; whether it arrives,
  // nobody tells. It counts as pending until it is on its way.
  Status post(const Request& request);

  // The call ends with kCancelled, unless it has ended. The request is not sent if it has not begun
  // to be.
  void cancel(CallId id);

  // Requests without an answer.
  [[nodiscard]] std::size_t pending() const noexcept;
  [[nodiscard]] ClientStats stats() const;

 private:
  friend class CallAwaiter;
  class HTTPTELEPORT_LOCAL Impl;
  explicit Client(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// What call_awaitable() gives; await it once, at once.
class CallAwaiter {
 public:
  CallAwaiter(Client& client, const Request& request, Response& response,
              const CallOptions& options) noexcept
      : client_(&client), request_(&request), response_(&response), options_(options) {}

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  // False, which goes on at once, when the call was not taken.
  bool await_suspend(std::coroutine_handle<> waiting) {
    // The answer may come, and this object end, before call_async() returns.
    const Status taken = client_->call_async(
        *request_,
        [this, waiting](const Status& status, Response& response) {
          status_ = status;
          if (status.ok()) *response_ = std::move(response);
          waiting.resume();
        },
        options_);
    if (taken.ok()) return true;
    status_ = taken;
    return false;
  }
  [[nodiscard]] Status await_resume() const noexcept { return status_; }

 private:
  Client* client_;
  const Request* request_;
  Response* response_;
  CallOptions options_;
  Status status_;
};

inline CallAwaiter Client::call_awaitable(const Request& request, Response& response,
                                          const CallOptions& options) {
  return {*this, request, response, options};
}

}  // namespace abi0
}  // namespace httpteleport

#endif  // HTTPTELEPORT_CLIENT_H_
