#include "live/service_listener.h"

#include "proxy/http1_session.h"
#include "proxy/link_acceptor.h"

namespace httpteleport::live {

namespace {

bool has_tls(ListenKind kind) {
  return kind == ListenKind::kHttps || kind == ListenKind::kTeleports;
}

bool needs_admission(const config::ListenerOptions& options) {
  return options.proxy_versions.any() || !options.allow.is_empty();
}

}  // namespace

StreamListener::Http::Http(WorkerContext& worker, const ServicePlan& plan, proxy::Route& route,
                           Relays& relays)
    : router(route),
      options(std::make_shared<const proxy::ExchangeOptions>(plan.exchanges)),
      exchanges{worker.loop, worker.metrics, *options, router, worker.queue},
      handlers(exchanges),
      raw(relays),
      sessions{worker.loop, worker.metrics, worker.lingering, worker.date,
               &handlers,   plan.http1,     plan.teleport} {
  exchanges.reporter = worker.reporter;
  sessions.link_metrics = &plan.shared->counters[worker.index]->link;
  sessions.reporter = worker.reporter;
  sessions.pipes = &worker.pipes;
}

StreamListener::StreamListener(WorkerContext& worker, std::shared_ptr<const ListenSocket> socket,
                               std::shared_ptr<const net::Socket> bound, const ServicePlan& plan,
                               proxy::Route& route, Relays& relays)
    : worker_(worker),
      socket_(std::move(socket)),
      relays_(relays),
      listener_(worker.loop, std::move(bound), static_cast<net::AcceptHandler&>(*this),
                worker.metrics, worker.descriptors_max) {
  if (socket_->kind != ListenKind::kTcp)
    http_ = std::make_unique<Http>(worker, plan, route, relays);
  if (http_ && has_tls(socket_->kind)) http_->sessions.tls = worker.tls;
  set_plan(plan);
  const bool listening = listener_.start().has_value();
  HT_ASSERT(listening);
}

StreamListener::~StreamListener() {
  abort();
  // Sessions and exchanges that have ended in this turn refer to what ends here.
  worker_.loop.delete_doomed();
}

void StreamListener::set_plan(const ServicePlan& plan) {
  needs_local_address_ = plan.cluster.http1.proxy_header.has_value();
  if (http_) {
    http_->sessions.http1 = plan.http1;
    http_->sessions.teleport = plan.teleport;
    http_->sessions.teleport.tls_required = has_tls(socket_->kind);
    take_link_traffic(plan.link_traffic);
  }
  if (admission_) return admission_->update(plan.admission, needs_local_address_);
  if (!needs_admission(plan.admission)) return;
  admission_ = std::make_unique<server::Admission>(worker_.loop, plan.admission,
                                                   needs_local_address_, worker_.metrics,
                                                   static_cast<server::AdmissionHandler&>(*this));
}

// Of streams that begin from now on, also those of links that are there: one that speaks v0 and was
// there before gets errors.
void StreamListener::take_link_traffic(service::LinkTraffic traffic) {
  link_traffic_ = is_at_link() ? traffic : service::LinkTraffic::kHttp;
  http_->raw.set_traffic(traffic);
  http_->sessions.handlers = &http_->handlers;
  if (carries_raw()) http_->sessions.handlers = &http_->raw;
}

void StreamListener::on_accept(net::Socket socket, const net::Address& peer) {
  if (admission_) return admission_->take(std::move(socket), peer);
  const int fd = socket.fd();
  on_admitted(std::move(socket), peer,
              needs_local_address_ ? net::local_address(fd) : net::Address());
}

void StreamListener::on_admitted(net::Socket socket, const net::Address& client,
                                 const net::Address& local) {
  switch (socket_->kind) {
    case ListenKind::kTcp:
    case ListenKind::kUdp:
      return relays_.tcp.start(std::move(socket), client, local);
    case ListenKind::kHttp:
    case ListenKind::kHttps:
      return proxy::Http1Session::start(http_->sessions, std::move(socket), client, local);
    case ListenKind::kTeleport:
    case ListenKind::kTeleports:
      return proxy::LinkAcceptor::start(http_->sessions, std::move(socket), client);
  }
}

void StreamListener::drain() {
  listener_.close();
  if (admission_) admission_->close();
  if (!http_) return;
  // As DatagramListener: who sends more finds another far end.
  if (link_traffic_ == service::LinkTraffic::kUdp && relays_.udp) relays_.udp->abort();
  http_->sessions.draining = true;
  http_->sessions.sessions.for_each([](net::Session& session) { session.drain(); });
}

void StreamListener::abort() {
  if (!http_) return;
  while (!http_->sessions.sessions.empty())
    http_->sessions.sessions.front().abort();
}

}  // namespace httpteleport::live
