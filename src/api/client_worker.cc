#include "api/client_worker.h"

#include <fcntl.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace httpteleport::api {

namespace {

// Calls that a worker keeps at hand for callbacks that make further calls.
constexpr size_t kFreeCallsMax = 256;

// Of this thread, if it is one.
thread_local const ClientWorker* current_worker = nullptr;

upstream::TeleportOptions link_options_of(const ClientOptions& from, size_t links) {
  upstream::TeleportOptions to;
  take_link(from, to);
  to.batch_delay = from.max_batch_delay;
  to.batch_bytes = from.batch_bytes;
  to.links = links;
  to.request_head_bytes_max = from.max_request_head_bytes;
  to.response_head_bytes_max = from.max_response_head_bytes;
  to.response_bytes_max = from.max_response_body_bytes;
  to.pending_max = from.max_pending;
  to.connect_timeout = from.connect_timeout;
  to.idle_timeout = from.idle_timeout;
  to.silence_timeout = from.read_timeout;
  to.dead_peer_timeout = from.write_timeout;
  return to;
}

}  // namespace

ClientWorker::ClientWorker(ClientShared& shared, size_t links)
    : shared_(shared),
      addresses_(shared.settings.addresses),
      link_options_(link_options_of(shared.settings.options, links)) {
  const ClientSettings& settings = shared.settings;
  if (settings.options.tls.enabled) tls_ = std::make_unique<tls::ClientContext>(settings.tls);
  upstream::TransportContext context{.loop = loop_,
                                     .metrics = metrics_,
                                     .addresses = addresses_,
                                     .tls = tls_.get(),
                                     .host = settings.host};
  if (settings.options.dial) context.dialer = this;
  links_ = std::make_unique<upstream::TeleportLinks>(context, link_options_);
  if (settings.to_look_up) {
    resolver_ = std::make_unique<net::NameResolver>(loop_, net::NameResolver::Options{},
                                                    static_cast<net::NameHandler&>(*this));
  }
  thread_ = std::thread([this] { run(); });
}

// Already over, unless a worker beside this one could not be made.
ClientWorker::~ClientWorker() {
  if (!thread_.joinable()) return;
  stop();
  join();
}

void ClientWorker::stop() {
  loop_.post([this] { loop_.stop(); });
}

void ClientWorker::join() {
  thread_.join();
}

void ClientWorker::run() {
  current_worker = this;
  if (resolver_) begin_lookups();
  loop_.run();
  fail_all();
  resolver_.reset();
  links_.reset();
  loop_.delete_doomed();
}

void ClientWorker::begin_lookups() {
  try {
    resolver_->add(*shared_.settings.to_look_up);
  } catch (const std::system_error&) {  // no thread to be had for it
    lookup_failed_ = true;
  }
}

bool ClientWorker::is_current() const {
  return current_worker == this;
}

void ClientWorker::submit(Call& call) {
  if (is_current()) return start(call);
  if (!inbox_.push(call)) return;
  loop_.post([this] { start_new(); });
}

void ClientWorker::start_new() {
  inbox_.take_all([this](Call& call) { start(call); });
}

Call& ClientWorker::acquire() {
  if (!is_current() || free_.empty()) return shared_.pool.acquire();
  Call& call = *free_.back();
  free_.pop_back();
  return call;
}

void ClientWorker::release(Call& call) {
  call.reset();
  if (free_.size() < kFreeCallsMax) return free_.push_back(&call);
  shared_.pool.release(call);
}

void ClientWorker::cancel(Call& call, uint32_t generation) {
  loop_.post([this, &call, generation] {
    start_new();  // it may be among those, whose letter comes later
    // A generation that is still the same says that the call is this worker's.
    if (call.generation() == generation && call.is_linked())
      call.fail({StatusCode::kCancelled, "the call was cancelled"});
  });
}

void ClientWorker::start(Call& call) {
  call.start(*this);
  calls_.push_back(call);
  if (links_ == nullptr) return;  // the thread has ended: fail_all() follows
  if (!addresses_.empty() || shared_.settings.options.dial) return call.send();
  if (!lookup_failed_) return;
  // Callbacks never come inside the call that was made.
  loop_.post([&call, generation = call.generation()] {
    if (call.generation() != generation || !call.is_linked() || call.is_sent()) return;
    call.fail({StatusCode::kConnectFailed, "the host name cannot be looked up"});
  });
}

void ClientWorker::on_over(const Status& status) {
  (status.ok() ? answers_ : failures_).add();
  shared_.pending.fetch_sub(1, std::memory_order_relaxed);
}

void ClientWorker::fail_all() {
  start_new();
  while (!calls_.empty())
    calls_.front().fail({StatusCode::kCancelled, "the client is being destroyed"});
}

void ClientWorker::send_waiting() {
  calls_.for_each([](Call& call) {
    if (!call.is_sent()) call.send();
  });
}

void ClientWorker::on_addresses(NameId, const std::vector<net::Address>& addresses) {
  addresses_ = addresses;
  lookup_failed_ = false;
  links_->on_addresses_changed();
  send_waiting();
}

void ClientWorker::on_lookup_failure(NameId, const Error& error) {
  lookup_failed_ = true;
  const Status status(StatusCode::kConnectFailed, "the host name cannot be looked up", false,
                      error.sys_errno);
  std::vector<Call*> waiting;
  calls_.for_each([&](Call& call) {
    if (!call.is_sent()) waiting.push_back(&call);
  });
  for (Call* call : waiting)
    call->fail(status);
}

Result<net::Socket> ClientWorker::dial() {
  net::Socket socket(options().dial());
  if (!socket.is_open()) {
    return Error{Code::kConnectFailed, Source::kUpstream, errno,
                 "the dial function gave no connection"};
  }
  const int flags = ::fcntl(socket.fd(), F_GETFL);
  if (flags < 0 || ::fcntl(socket.fd(), F_SETFL, flags | O_NONBLOCK) != 0) {
    return Error{Code::kConnectFailed, Source::kUpstream, errno,
                 "the dial function gave no usable descriptor"};
  }
  net::set_no_delay(socket.fd());
  return socket;
}

}  // namespace httpteleport::api
