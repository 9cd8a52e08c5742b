// What stands between an accepted connection and its session: who may connect, and the PROXY
// protocol.
#pragma once

#include <string_view>

#include "config/snapshot.h"
#include "metrics/worker_metrics.h"
#include "net/lingering.h"
#include "net/proxy_intake.h"

namespace httpteleport::server {

class AdmissionHandler {
 public:
  // A connection that may have a session. The socket is untouched but for a PROXY header that has
  // been read. `client` and `local` are the two ends of the client's connection: from the header,
  // if it names them, else of the socket; `local` is invalid where `needs_local_address` is not
  // set.
  virtual void on_admitted(net::Socket socket, const net::Address& client,
                           const net::Address& local) = 0;

 protected:
  ~AdmissionHandler() = default;
};

// Owned by a worker, on whose thread it is used; the handler outlives it. With the PROXY protocol,
// who may send the header is a matter of the socket's peer, who may connect one of the client that
// the header names. What is refused is counted, logged, and closed without RST.
class Admission final : private net::ProxyIntakeHandler {
 public:
  // `needs_local_address` costs a system call for each connection.
  Admission(event::Loop& loop, const config::ListenerOptions& listener, bool needs_local_address,
            metrics::WorkerMetrics& metrics, AdmissionHandler& handler);

  // For connections taken from now on.
  void update(const config::ListenerOptions& listener, bool needs_local_address);
  // May call the handler before it returns.
  void take(net::Socket socket, const net::Address& peer);
  // Closes what waits for its header.
  void close() { intake_.close(); }

 private:
  // The last bytes of connections that are refused are nobody's interest.
  class IgnoringHandler final : public net::ConnectionHandler {
    size_t on_data(std::string_view bytes) override { return bytes.size(); }
    void on_end() override {}
    void on_closed(const Error&) override {}
  };

  void on_proxy_header(net::Socket socket, const net::Address& peer,
                       const net::ProxyHeader& header) override;
  void on_proxy_refused(const net::Address& peer, net::ProxyRefusal refusal) override;

  void check_client(net::Socket socket, const net::Address& client, const net::Address& local);
  void refuse(net::Socket socket, metrics::Counter& counter, const net::Address& peer,
              std::string_view why);

  event::Loop& loop_;
  config::ListenerOptions listener_;
  bool needs_local_address_;
  metrics::WorkerMetrics& metrics_;
  AdmissionHandler& handler_;
  net::ProxyIntake intake_;
  IgnoringHandler ignoring_;
  // Apart from the worker's, so that those refused cannot push out those served.
  net::LingeringConnections refused_;
};

}  // namespace httpteleport::server
