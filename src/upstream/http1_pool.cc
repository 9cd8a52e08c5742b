#include "upstream/http1_pool.h"

#include "upstream/http1_connection.h"

namespace httpteleport::upstream {

namespace {

// Clients on a unix socket have no address of their own, as have requests that came over a link:
// their header says the same for all, so they may share.
bool names_one_client(const net::Address& client) {
  return client.is_valid() && !(client.is_unix() && client.path().empty());
}

}  // namespace

Http1Pool::Http1Pool(const TransportContext& context, const Http1Options& options)
    : context_(context), options_(options) {}

Http1Pool::~Http1Pool() {
  for (IntrusiveList<Http1Connection>* list : {&idle_, &bound_idle_, &active_}) {
    while (!list->empty())
      delete &list->pop_front();
  }
}

http::UpstreamStream& Http1Pool::open_stream(http::ResponseHandler& handler,
                                             const StreamOptions& options) {
  std::string proxy_header;
  std::string client_key;
  if (options_.proxy_header) {
    proxy_header = net::encode_proxy_header({.version = *options_.proxy_header,
                                             .source = options.client,
                                             .destination = options.client_connected_to});
    if (names_one_client(options.client)) client_key = proxy_header;
  }
  Http1Connection* connection = options.fresh ? nullptr : find_idle(client_key);
  if (connection == nullptr) {
    connection = &connect(proxy_header);
    connection->client_key_ = std::move(client_key);
  } else {
    remove_idle(*connection);
    connection->unlink();
    active_.push_back(*connection);
  }
  connection->begin(handler);
  return *connection;
}

Http1Connection* Http1Pool::find_idle(const std::string& client_key) {
  if (client_key.empty()) return idle_.empty() ? nullptr : &idle_.front();
  const auto found = bound_by_client_.find(client_key);
  return found == bound_by_client_.end() ? nullptr : found->second;
}

void Http1Pool::remove_idle(Http1Connection& connection) {
  connection.pooled_ = false;
  --idle_count_;
  if (!connection.client_key_.empty()) bound_by_client_.erase(connection.client_key_);
}

Http1Connection& Http1Pool::connect(const std::string& proxy_header) {
  const net::Address& address = context_.addresses[next_address_ % context_.addresses.size()];
  Result<net::Socket> socket = net::start_connect(address);
  if (!socket) {
    auto* connection = new Http1Connection(*this, net::Socket());
    active_.push_back(*connection);
    connection->fail_later(socket.error());
    return *connection;
  }
  auto* connection = new Http1Connection(*this, *std::move(socket));
  connection->address_ = address;
  active_.push_back(*connection);
  if (!connection->start(proxy_header)) {
    connection->fail_later(
        {Code::kConnectFailed, Source::kUpstream, 0, "no descriptor left to watch a connection"});
  }
  return *connection;
}

void Http1Pool::on_idle(Http1Connection& connection) {
  const bool bound = !connection.client_key_.empty();
  // Most clients that had a connection of their own have left.
  if (bound && idle_count_ >= options_.idle_connections_max && !bound_idle_.empty())
    on_dead(bound_idle_.back());
  const bool surplus = bound && bound_by_client_.contains(connection.client_key_);
  if (draining_ || surplus || idle_count_ >= options_.idle_connections_max)
    return on_dead(connection);
  connection.unlink();
  (bound ? bound_idle_ : idle_).push_front(connection);
  if (bound) bound_by_client_.emplace(connection.client_key_, &connection);
  connection.pooled_ = true;
  ++idle_count_;
  context_.loop.set_timer(connection.idle_timer_, options_.idle_timeout);
}

void Http1Pool::on_dead(Http1Connection& connection) {
  if (!connection.is_linked()) return;
  if (connection.pooled_) remove_idle(connection);
  connection.unlink();
  connection.close();
  context_.loop.delete_later(std::unique_ptr<Http1Connection>(&connection));
}

// The address that worked last is kept; one that fails makes way for the next.
void Http1Pool::on_connect_failed() {
  ++next_address_;
}

void Http1Pool::on_addresses_changed() {
  active_.for_each([this](Http1Connection& connection) {
    if (!context_.has_address(connection.address_)) connection.retired_ = true;
  });
  for (IntrusiveList<Http1Connection>* list : {&idle_, &bound_idle_}) {
    list->for_each([this](Http1Connection& connection) {
      if (!context_.has_address(connection.address_)) on_dead(connection);
    });
  }
}

void Http1Pool::drain() {
  draining_ = true;
  for (IntrusiveList<Http1Connection>* list : {&idle_, &bound_idle_}) {
    while (!list->empty())
      on_dead(list->front());
  }
}

}  // namespace httpteleport::upstream
