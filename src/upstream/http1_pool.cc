#include "upstream/http1_pool.h"

#include "upstream/http1_connection.h"

namespace httpteleport::upstream {

Http1Pool::Http1Pool(const TransportContext& context, const Http1Options& options)
    : context_(context), options_(options) {}

Http1Pool::~Http1Pool() {
  for (IntrusiveList<Http1Connection>* list : {&idle_, &active_}) {
    while (!list->empty())
      delete &list->pop_front();
  }
}

http::UpstreamStream& Http1Pool::open_stream(http::ResponseHandler& handler, bool fresh) {
  if (fresh || idle_.empty()) {
    Http1Connection& connection = connect();
    connection.begin(handler);
    return connection;
  }
  Http1Connection& connection = idle_.pop_front();
  connection.pooled_ = false;
  --idle_count_;
  active_.push_back(connection);
  connection.begin(handler);
  return connection;
}

Http1Connection& Http1Pool::connect() {
  const net::Address& address = context_.addresses[next_address_ % context_.addresses.size()];
  Result<net::Socket> socket = net::start_connect(address);
  if (!socket) {
    auto* connection = new Http1Connection(*this, net::Socket());
    active_.push_back(*connection);
    connection->fail_later(socket.error());
    return *connection;
  }
  auto* connection = new Http1Connection(*this, *std::move(socket));
  active_.push_back(*connection);
  if (!connection->start()) {
    connection->fail_later(
        {Code::kConnectFailed, Source::kUpstream, 0, "no descriptor left to watch a connection"});
  }
  return *connection;
}

void Http1Pool::on_idle(Http1Connection& connection) {
  if (draining_ || idle_count_ >= options_.idle_connections_max) return on_dead(connection);
  connection.unlink();
  idle_.push_front(connection);
  connection.pooled_ = true;
  ++idle_count_;
  context_.loop.set_timer(connection.idle_timer_, options_.idle_timeout);
}

void Http1Pool::on_dead(Http1Connection& connection) {
  if (!connection.is_linked()) return;
  if (connection.pooled_) --idle_count_;
  connection.unlink();
  connection.close();
  context_.loop.delete_later(std::unique_ptr<Http1Connection>(&connection));
}

// The address that worked last is kept; one that fails makes way for the next.
void Http1Pool::on_connect_failed() {
  ++next_address_;
}

void Http1Pool::drain() {
  draining_ = true;
  while (!idle_.empty())
    on_dead(idle_.front());
}

}  // namespace httpteleport::upstream
