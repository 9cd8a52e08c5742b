// One address of a service, as one worker listens on it.
#pragma once

#include <memory>

#include "live/link_relay.h"
#include "live/plan.h"
#include "live/worker_context.h"
#include "net/listener.h"
#include "proxy/exchange.h"
#include "proxy/session_context.h"
#include "server/admission.h"

namespace httpteleport::live {

// Requests all go one way.
class FixedRouter final : public proxy::Router {
 public:
  explicit FixedRouter(proxy::Route& route) : route_(route) {}
  proxy::Route* route(const http::RequestHead&) override { return &route_; }

 private:
  proxy::Route& route_;
};

// Owned by the service's part of a worker.
class ServiceListener {
 public:
  virtual ~ServiceListener() = default;

  virtual const ListenSocket* socket() const = 0;
  // For what comes from now on.
  virtual void set_plan(const ServicePlan& plan) = 0;
  // Takes nothing new; what it has goes on, until it could be cut without loss.
  virtual void drain() = 0;
  virtual void abort() = 0;
  virtual bool is_idle() const = 0;
  // What it has are links, each of which many clients share.
  virtual bool is_link() const { return false; }
  // Sessions that outlast what they carry go to other endpoints: from one that is down, and from
  // those that the cluster has no more.
  virtual void leave(const upstream::Endpoint&) {}
  virtual void leave_former() {}
};

// Connections of HTTP, of links, and of nothing in particular. Clients that may connect, and their
// PROXY headers, are the Admission's matter.
class StreamListener final : public ServiceListener,
                             private net::AcceptHandler,
                             private server::AdmissionHandler {
 public:
  // Accepts at once.
  StreamListener(WorkerContext& worker, std::shared_ptr<const ListenSocket> socket,
                 std::shared_ptr<const net::Socket> bound, const ServicePlan& plan,
                 proxy::Route& route, Relays& relays);
  ~StreamListener() override;

  const ListenSocket* socket() const override { return socket_.get(); }
  void set_plan(const ServicePlan& plan) override;
  void drain() override;
  void abort() override;
  // A link of v2 is told that nothing new is taken, and ends with its last connection.
  bool is_link() const override { return is_at_link() && !carries_raw(); }
  bool is_idle() const override { return http_ == nullptr || http_->sessions.sessions.empty(); }

 private:
  // What HTTP and links need beside.
  struct Http {
    Http(WorkerContext& worker, const ServicePlan& plan, proxy::Route& route, Relays& relays);

    FixedRouter router;
    std::shared_ptr<const proxy::ExchangeOptions> options;
    proxy::ExchangeContext exchanges;
    proxy::ExchangeFactory handlers;
    LinkRelay raw;
    proxy::SessionContext sessions;
  };

  void take_link_traffic(service::LinkTraffic traffic);
  bool is_at_link() const {
    return socket_->kind == ListenKind::kTeleport || socket_->kind == ListenKind::kTeleports;
  }
  bool carries_raw() const { return link_traffic_ != service::LinkTraffic::kHttp; }

  void on_accept(net::Socket socket, const net::Address& peer) override;
  void on_admitted(net::Socket socket, const net::Address& client,
                   const net::Address& local) override;

  WorkerContext& worker_;
  std::shared_ptr<const ListenSocket> socket_;
  Relays& relays_;
  std::unique_ptr<Http> http_;  // nullptr: TCP
  // nullptr: everybody may connect, and nobody sends PROXY headers.
  std::unique_ptr<server::Admission> admission_;
  bool needs_local_address_ = false;
  service::LinkTraffic link_traffic_ = service::LinkTraffic::kHttp;  // of links
  net::Listener listener_;
};

}  // namespace httpteleport::live
