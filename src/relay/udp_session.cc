#include "relay/udp_session.h"

#include <algorithm>
#include <cerrno>

#include "relay/datagram_stream.h"
#include "relay/link_datagrams.h"
#include "upstream/balancer/hash.h"

namespace httpteleport::relay {

namespace {

constexpr Error kNoDescriptor{Code::kSystem, Source::kInternal, EMFILE,
                              "too few descriptors are left for another session"};

// The endpoint's host has said that nobody listens, or that it cannot be reached.
bool is_refusal(int error) {
  return error == ECONNREFUSED || error == EHOSTUNREACH || error == ENETUNREACH;
}

Error connect_failure(int error) {
  return {Code::kConnectFailed, Source::kUpstream, error, "nobody takes the datagrams"};
}

}  // namespace

UdpSession::UdpSession(UdpService& service, const Flow& flow, uint64_t hash, uint32_t ticket)
    : service_(service),
      flow_(flow),
      hash_(hash),
      ticket_(ticket),
      passed_at_(service.context_.loop.now()) {
  loop().set_timer(idle_timer_, service_.options_.idle_timeout);
}

UdpSession::UdpSession(UdpService& service, const Flow& flow, DatagramClient& client,
                       uint32_t ticket)
    : service_(service),
      flow_(flow),
      hash_(0),
      ticket_(ticket),
      client_(&client),
      passed_at_(service.context_.loop.now()) {
  loop().set_timer(idle_timer_, service_.options_.idle_timeout);
}

// ---- From the client.

bool UdpSession::queue(ReceiveBatch& batch, size_t index) {
  const auto item = static_cast<int8_t>(index);
  const bool first = first_queued_ < 0;
  if (first) {
    first_queued_ = item;
  } else {
    batch.next[static_cast<size_t>(last_queued_)] = item;
  }
  batch.next[index] = -1;
  last_queued_ = item;
  return first;
}

void UdpSession::send_queued(const ReceiveBatch& batch) {
  std::array<iovec, kBatchDatagrams> vectors;
  size_t count = 0;
  for (int i = first_queued_; i >= 0; i = batch.next[static_cast<size_t>(i)]) {
    const std::string_view bytes = batch.bytes(static_cast<size_t>(i));
    vectors[count++] = {const_cast<char*>(bytes.data()), bytes.size()};
  }
  first_queued_ = last_queued_ = -1;
  send_all({vectors.data(), count});
}

void UdpSession::send(std::string_view datagram) {
  iovec vector{const_cast<char*>(datagram.data()), datagram.size()};
  send_all({&vector, 1});
}

void UdpSession::send_all(std::span<iovec> queued) {
  passed_at_ = loop().now();
  for (int move = 0; move < kMovesMax && !queued.empty(); ++move) {
    if (!has_endpoint() && !find_endpoint()) break;
    if (!has_endpoint()) continue;
    if (lane_) return send_to_lane(queued);
    if (send_some(queued)) return;
  }
  drop(queued.size());
}

bool UdpSession::send_some(std::span<iovec>& queued) {
  while (!queued.empty()) {
    const Sent sent = send_once(queued);
    if (sent.datagrams > 0) {
      size_t bytes = 0;
      for (const iovec& vector : queued.first(sent.datagrams))
        bytes += vector.iov_len;
      note_sent(bytes);
      unanswered_ += static_cast<uint32_t>(sent.datagrams);
      queued = queued.subspan(sent.datagrams);
    } else if (is_refusal(errno)) {
      refuse(connect_failure(errno));
      return false;
    } else if (errno != EINTR && !(sent.segmented && segments_.learn(errno, queued[0].iov_len))) {
      // Too large for the way, or the buffer is full.
      drop(1);
      queued = queued.subspan(1);
    }
  }
  return true;
}

UdpSession::Sent UdpSession::send_once(std::span<iovec> queued) {
  if (queued.size() == 1) {
    const ssize_t sent = ::send(socket_.fd(), queued[0].iov_base, queued[0].iov_len, MSG_DONTWAIT);
    return {.datagrams = sent < 0 ? size_t{0} : size_t{1}};
  }
  std::array<mmsghdr, kBatchDatagrams> messages;
  std::array<Control, kBatchDatagrams> controls;
  unsigned count = 0;
  for (size_t i = 0; i < queued.size(); ++count) {
    msghdr& header = messages[count].msg_hdr;
    header = {};
    header.msg_iov = &queued[i];
    header.msg_iovlen = segments_.count(queued.subspan(i));
    if (header.msg_iovlen > 1) set_segment_size(queued[i].iov_len, controls[count], header);
    i += header.msg_iovlen;
  }
  const int taken = sendmmsg(socket_.fd(), messages.data(), count, MSG_DONTWAIT);
  Sent sent{.segmented = messages[0].msg_hdr.msg_iovlen > 1};
  for (int i = 0; i < taken; ++i)
    sent.datagrams += messages[static_cast<size_t>(i)].msg_hdr.msg_iovlen;
  return sent;
}

void UdpSession::send_to_lane(std::span<const iovec> queued) {
  for (const iovec& vector : queued) {
    if (lane_ && lane_->send({static_cast<const char*>(vector.iov_base), vector.iov_len})) {
      note_sent(vector.iov_len);
    } else {
      drop(1);
    }
  }
}

void UdpSession::note_sent(size_t datagrams_bytes) {
  metrics().received.add(datagrams_bytes);
  backend_->received.add(datagrams_bytes);
  if (!well_told_ && !lane_ && loop().now() - attached_at_ > kTimeToRefuse) note_well();
}

// ---- The endpoint.

bool UdpSession::find_endpoint() {
  upstream::Cluster& cluster = service_.context_.cluster;
  std::optional<uint64_t> key;
  if (!cluster.hash_field().empty()) key = upstream::hash_of(flow_.client_address().ip());
  upstream::Endpoint* const avoided[] = {refused_by_};
  upstream::PickResult picked =
      cluster.pick({.avoided = {avoided, refused_by_ != nullptr ? 1u : 0u},
                    .streams = true,
                    .replaceable = true,
                    .key = key});
  if (picked.lease.endpoint() == nullptr) {
    metrics().errors.add();
    return false;
  }
  lease_ = std::move(picked.lease);
  const upstream::Endpoint& endpoint = *lease_.endpoint();
  backend_ = &service_.context_.backends.counters_of(endpoint);
  attached_at_ = loop().now();
  well_told_ = false;
  segments_ = {};
  unanswered_ = 0;
  backend_->connections.add();
  backend_->active.add(1);
  // An endpoint whose name leads nowhere yet.
  if (endpoint.addresses().empty()) {
    refuse({Code::kConnectFailed, Source::kUpstream, 0, "no address"});
    return true;
  }
  const Result<void> opened = open(endpoint);
  if (opened) return true;
  // Our own want of descriptors speaks against nobody.
  if (opened.error().source == Source::kInternal) {
    metrics().errors.add();
    detach();
    return false;
  }
  refuse(opened.error());
  return true;
}

// The kernel gives out the lowest free number, so that tells how many are in use.
bool UdpSession::is_crowded(const net::Socket& socket) const {
  return static_cast<size_t>(socket.fd()) >= service_.context_.descriptors_max;
}

Result<void> UdpSession::open(const upstream::Endpoint& endpoint) {
  if (endpoint.kind().protocol == upstream::Protocol::kTeleport) {
    auto lane = std::make_unique<LinkDatagrams>(static_cast<DatagramLaneHandler&>(*this));
    lane->start(*lease_.endpoint(), {.address = flow_.client_address()});
    lane_ = std::move(lane);
    return {};
  }
  const net::Address& address =
      endpoint.addresses()[service_.next_address_ % endpoint.addresses().size()];
  const bool stream = address.is_unix() || service_.context_.backends.is_stream(endpoint);
  return stream ? open_stream(address) : open_socket(address);
}

Result<void> UdpSession::open_socket(const net::Address& address) {
  Result<net::Socket> socket = connect_udp(address);
  if (!socket) return socket.error();
  if (is_crowded(*socket)) return kNoDescriptor;
  socket_ = *std::move(socket);
  const Result<void> watched = loop().watch_level(socket_.fd(), *this);
  if (!watched) socket_.reset();
  return watched;
}

Result<void> UdpSession::open_stream(const net::Address& address) {
  Result<net::Socket> socket = net::start_connect(address);
  if (!socket) return socket.error();
  if (is_crowded(*socket)) return kNoDescriptor;
  auto stream = std::make_unique<DatagramStream>(loop(), *std::move(socket),
                                                 service_.context_.worker_metrics.upstream_sockets,
                                                 static_cast<DatagramLaneHandler&>(*this));
  const Result<void> started = stream->start(service_.options_.connect_timeout);
  lane_ = std::move(stream);
  return started;
}

void UdpSession::note_well() {
  well_told_ = true;
  refused_by_ = nullptr;
  lease_.report_answer(200);
}

void UdpSession::refuse(const Error& error) {
  metrics().errors.add();
  lease_.report_failure(error);
  refused_by_ = lease_.endpoint();
  if (refused_by_->addresses().size() > 1) ++service_.next_address_;
  detach();
}

void UdpSession::leave(const upstream::Endpoint& endpoint) {
  if (refused_by_ == &endpoint) refused_by_ = nullptr;
  if (lease_.endpoint() == &endpoint) detach();
}

void UdpSession::leave_former() {
  const upstream::Endpoint* const endpoint = lease_.endpoint();
  if (endpoint != nullptr && !endpoint->is_member()) leave(*endpoint);
}

void UdpSession::detach() {
  if (socket_.is_open()) {
    loop().unwatch(socket_.fd());
    socket_.reset();
  }
  if (lane_) {
    lane_->close();
    loop().delete_later(std::move(lane_));
  }
  if (backend_ != nullptr) backend_->active.add(-1);
  backend_ = nullptr;
  lease_.release();
}

// ---- From the endpoint.

// Where one datagram was asked, one has come most likely. What else is there shows in the next
// turn, and then all of it is read at once.
void UdpSession::on_ready(event::Readiness) {
  if (!socket_.is_open()) return;
  if (client_ != nullptr) return read_replies();
  ReplyBatch& replies = service_.context_.batches.replies;
  const ReplyBatch::Received received =
      unanswered_ == 1 ? replies.receive_one(socket_.fd(), service_.sender_, flow_)
                       : replies.receive_many(socket_.fd(), service_.sender_, flow_);
  unanswered_ = 0;
  if (received.count < 0) {
    if (is_refusal(errno)) refuse(connect_failure(errno));
    return;
  }
  note_reply(received.bytes);
}

void UdpSession::read_replies() {
  ReceiveBatch& batch = service_.context_.batches.received;
  const size_t count = batch.receive(socket_.fd());
  unanswered_ = 0;
  if (count == 0 && is_refusal(errno)) return refuse(connect_failure(errno));
  for (size_t i = 0; i < count; ++i) {
    if (batch.is_truncated(i)) {
      drop(1);
    } else {
      reply(batch.bytes(i));
    }
  }
}

void UdpSession::reply(std::string_view bytes) {
  if (client_ == nullptr) {
    service_.context_.batches.replies.add(bytes, service_.sender_, flow_);
  } else if (!client_->send_reply(bytes)) {
    return drop(1);
  }
  note_reply(bytes.size());
}

void UdpSession::note_reply(size_t bytes) {
  passed_at_ = loop().now();
  metrics().sent.add(bytes);
  backend_->sent.add(bytes);
  if (!well_told_) note_well();
}

void UdpSession::on_lane_connected() {
  note_well();
}

void UdpSession::on_datagram(std::string_view bytes) {
  reply(bytes);
}

void UdpSession::on_lane_closed(const Error& error) {
  if (error.code == Code::kConnectFailed) return refuse(error);
  if (error.code == Code::kTimeout) return end();
  metrics().errors.add();
  backend_->errors.add();
  end();
}

// ---- The end.

void UdpSession::drop(size_t datagrams) {
  metrics().dropped.add(datagrams);
}

void UdpSession::on_idle_timer() {
  const TimePoint expiry = passed_at_ + service_.options_.idle_timeout;
  if (loop().now() < expiry) return loop().set_timer_at(idle_timer_, expiry);
  end();
}

void UdpSession::end() {
  detach();
  idle_timer_.cancel();
  service_.remove(*this);
  if (client_ != nullptr) client_->on_session_over();
}

}  // namespace httpteleport::relay
