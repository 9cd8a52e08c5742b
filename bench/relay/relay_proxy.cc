// A relay with one worker and nothing around it, to be measured.
//
//   relay_proxy TCP_LISTEN UDP_LISTEN TCP_BACKEND UDP_BACKEND [copy]
//
// With a fifth argument all bytes are copied.
#include <csignal>
#include <cstdio>
#include <optional>

#include "event/loop.h"
#include "net/listener.h"
#include "relay/tcp_service.h"
#include "relay/udp_service.h"

namespace httpteleport::bench {
namespace {

net::Address address_of(const char* text) {
  const Result<net::HostPort> target = net::parse_host_port(text);
  HT_ASSERT(target.has_value());
  const Result<net::Address> address = net::resolve_listen(*target);
  HT_ASSERT(address.has_value());
  return *address;
}

upstream::ClusterOptions cluster_of(const char* backend) {
  upstream::ClusterOptions options;
  options.endpoints.push_back({.name = backend, .addresses = {address_of(backend)}});
  options.balancer.policy = upstream::Policy::kRoundRobin;
  return options;
}

class OneBackend final : public relay::Backends {
 public:
  metrics::BackendMetrics& counters_of(const upstream::Endpoint&) override { return counters_; }

 private:
  metrics::BackendMetrics counters_;
};

class Acceptor final : public net::AcceptHandler {
 public:
  explicit Acceptor(relay::TcpService& service) : service_(service) {}
  void on_accept(net::Socket socket, const net::Address& peer) override {
    service_.start(std::move(socket), peer);
  }

 private:
  relay::TcpService& service_;
};

int run(int argc, char** argv) {
  event::Loop loop;
  metrics::WorkerMetrics worker_metrics;
  metrics::ServiceMetrics service_metrics;
  OneBackend backends;
  relay::UdpBatches batches(loop);
  signal(SIGPIPE, SIG_IGN);
  net::PipePool pipes;
  const upstream::ClusterOptions tcp_options = cluster_of(argv[3]);
  const upstream::ClusterOptions udp_options = cluster_of(argv[4]);
  upstream::Cluster tcp_cluster(loop, worker_metrics, tcp_options);
  upstream::Cluster udp_cluster(loop, worker_metrics, udp_options);

  relay::TcpOptions options;
  options.client_timeout = options.server_timeout = std::chrono::seconds(60);
  relay::TcpService tcp(
      {loop, worker_metrics, tcp_cluster, service_metrics, backends, argc > 5 ? nullptr : &pipes},
      options);
  Acceptor acceptor(tcp);
  Result<net::Socket> listening = net::listen_on(address_of(argv[1]), {});
  HT_ASSERT(listening.has_value());
  net::Listener listener(loop, *std::move(listening), acceptor, worker_metrics);
  HT_ASSERT(listener.start().has_value());

  Result<net::Socket> socket = relay::open_udp(address_of(argv[2]));
  HT_ASSERT(socket.has_value());
  relay::UdpService udp({loop, worker_metrics, batches, udp_cluster, service_metrics, backends},
                        std::make_shared<const net::Socket>(*std::move(socket)), {});
  HT_ASSERT(udp.start().has_value());
  loop.run();
  return 0;
}

}  // namespace
}  // namespace httpteleport::bench

int main(int argc, char** argv) {
  if (argc < 5 || argc > 6) {
    std::fprintf(stderr,
                 "usage: relay_proxy TCP_LISTEN UDP_LISTEN TCP_BACKEND UDP_BACKEND [copy]\n");
    return 2;
  }
  return httpteleport::bench::run(argc, argv);
}
