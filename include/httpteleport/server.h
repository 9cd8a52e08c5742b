// Answers HTTP requests that come over teleport links.
//
//     auto server = httpteleport::Server::create(
//         [](const httpteleport::Request& request, httpteleport::Response& response) {
//           response.set_body("hello, " + std::string(request.target()) + "\n");
//         });
//     if (const httpteleport::Status status = server->listen(":8043"); !status.ok()) ...
//     server->wait();
#ifndef HTTPTELEPORT_SERVER_H_
#define HTTPTELEPORT_SERVER_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "httpteleport/export.h"
#include "httpteleport/message.h"
#include "httpteleport/options.h"
#include "httpteleport/status.h"

namespace httpteleport {
inline namespace abi0 {

// TLS inside of the connections of links, as the peer's -outType=teleports or ClientTlsOptions ask
// for it.
struct ServerTlsOptions {
  std::string certificate_file{};  // PEM, with its chain; empty: no TLS
  std::string key_file{};          // PEM, its private key
  std::string client_ca_file{};    // clients must show a certificate that one of these has signed
  // With a certificate: clients that do not ask for TLS are refused.
  bool required = true;
};

// What a server is made with. Durations must be above 0, unless 0 has a meaning here.
struct ServerOptions {
  Compression compression = Compression::kAuto;  // of responses
  int flate_level = 1;                           // 1, the fastest, to 9, the smallest
  int zstd_level = 1;                            // 1, the fastest, to 19, the smallest
  Protocol protocol = Protocol::kAuto;
  LinkMemory link_memory = LinkMemory::kNormal;
  std::vector<std::string> secret_headers = default_secret_headers();  // empty: none is kept apart
  // How long a response may wait for others to share its batch. 0: see ClientOptions.
  Duration max_batch_delay{};
  std::size_t batch_bytes = std::size_t{64} * 1024;  // a batch of this size waits no longer
  std::size_t workers = 1;  // threads; each serves the links it has been given. 1 to 1024
  // Requests being handled at one time, of all links; more are answered with 429. 1 or more.
  std::size_t concurrency = 10'000;
  // Requests of one link are handled one after the other and answered in their order, but for those
  // that are refused (400, 413, 429, 431), which are answered at once. Otherwise answers go as they
  // come.
  bool pipeline_requests = false;
  std::size_t max_request_head_bytes = std::size_t{64} * 1024;          // over it: 431
  std::size_t max_request_body_bytes = std::size_t{4} * 1024 * 1024;    // over it: 413
  std::size_t max_response_head_bytes = std::size_t{64} * 1024;         // the peer's limit: 502
  std::size_t max_response_body_bytes = std::size_t{64} * 1024 * 1024;  // over it: 502
  Duration handshake_timeout = std::chrono::seconds(3);  // of the link, and then again of TLS
  Duration read_timeout = std::chrono::seconds(120);     // a link on which nothing moves is closed
  Duration write_timeout =
      std::chrono::seconds(60);  // a peer that acknowledges nothing is given up
  ServerTlsOptions tls{};
};

// Since the server was made. Read one by one, so that they may be of slightly different moments.
struct ServerStats {
  LinkStats links{};
  std::uint64_t links_accepted = 0;
  std::uint64_t requests = 0;             // given to the handler
  std::uint64_t requests_open = 0;        // of these, not answered yet
  std::uint64_t concurrency_refused = 0;  // answered with 429
  std::uint64_t handler_failures = 0;     // handlers that threw, or dropped their exchange: 500
};

// One request that waits for its answer. Whoever has it may keep it and answer later, from any
// thread; one thread at a time. Dropping it unanswered answers 500. Must not outlive the server.
class HTTPTELEPORT_EXPORT Exchange {
 public:
  Exchange(Exchange&& other) noexcept;
  Exchange& operator=(Exchange&& other) noexcept;
  ~Exchange();

  // Good until respond().
  [[nodiscard]] const Request& request() const noexcept;
  // To be filled in; 200 without a body at first. Good until respond().
  [[nodiscard]] Response& response() noexcept;
  // The peer of the link: "10.0.0.1:5000", empty on a unix socket. Good until respond().
  [[nodiscard]] std::string_view peer() const noexcept;
  // The link is known to be gone, so that nobody will read the answer. A peer that has closed its
  // end may still wait for answers; that it does not shows when one is sent.
  [[nodiscard]] bool is_abandoned() const noexcept;

  // Sends response() as the answer. Once; this object is empty afterwards.
  void respond();
  // The same with a response of a status and a body.
  void respond(int status, std::string_view body);

  class HTTPTELEPORT_LOCAL State;
  explicit Exchange(State* state) noexcept;  // the library makes them

 private:
  State* state_;
};

// Any thread may call anything but the destructor and moves. Stops when destroyed.
class HTTPTELEPORT_EXPORT Server {
 public:
  // Called on a worker's thread, for one request of that worker at a time: it must not block, and
  // several workers call it at once. An exception from it is answered with 500.
  using Handler = std::function<void(const Request& request, Response& response)>;
  // The same, but the answer may come later.
  using AsyncHandler = std::function<void(Exchange exchange)>;

  // Starts the workers; nothing is listened on yet. Errors: kInvalidArgument (the message names the
  // option), kSystem.
  static StatusOr<Server> create(Handler handler, const ServerOptions& options = {});
  // The same for answers that may come later.
  static StatusOr<Server> create_async(AsyncHandler handler, const ServerOptions& options = {});
  Server(Server&& other) noexcept;
  Server& operator=(Server&& other) noexcept;
  // As stop() without time to drain.
  ~Server();

  // Listens on "host:port", ":port" (all addresses, IPv4 and IPv6), "[::1]:port", or a unix socket,
  // "unix:/run/x.sock" or "/run/x.sock", whose file is replaced if nobody listens on it. Port 0:
  // the kernel chooses, see addresses(). May be called several times. Errors: kInvalidArgument,
  // kSystem (in use, not allowed), kClosed. A host name is looked up here, which blocks. For a unix
  // socket the umask of the process is changed for a moment.
  Status listen(std::string_view address);
  // What is listened on, in the order of listen(), with the ports that the kernel chose.
  [[nodiscard]] std::vector<std::string> addresses() const;
  // Serves a link on a connected stream socket, which is the server's from here on. Errors:
  // kClosed; the socket is closed then as well.
  Status serve_connection(int fd);

  // Takes no new links, lets those that are there finish what they have begun, for at most `drain`,
  // and returns when all is over. The same is true of a second call. Neither this nor listen() may
  // be called inside a handler, which they would wait for.
  void stop(Duration drain = std::chrono::seconds(10));
  // Returns when stop() has been called, by whomever, and is over.
  void wait();

  [[nodiscard]] ServerStats stats() const;

 private:
  class HTTPTELEPORT_LOCAL Impl;
  static StatusOr<Server> create_with(Handler handler, AsyncHandler async_handler,
                                      const ServerOptions& options);
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace abi0
}  // namespace httpteleport

#endif  // HTTPTELEPORT_SERVER_H_
