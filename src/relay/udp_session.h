// One client of a UDP service, and its way to an endpoint.
#pragma once

#include <memory>

#include "relay/datagram_lane.h"
#include "relay/udp_service.h"

namespace httpteleport::relay {

// A client in the place of an address and port: what comes back is given to it.
class DatagramClient {
 public:
  // False: it was dropped. Calls nobody back.
  virtual bool send_reply(std::string_view bytes) = 0;
  // The last callback.
  virtual void on_session_over() = 0;

 protected:
  ~DatagramClient() = default;
};

// Owned by its service.
//
// It has no endpoint until a datagram is sent, and none again when that one refuses or is removed;
// the next datagram finds another. It ends when it is idle, and when the connection to an endpoint
// that is a stream breaks.
class UdpSession final : public Deletable, private event::IoHandler, private DatagramLaneHandler {
 public:
  // `ticket` is of the service's gate.
  UdpSession(UdpService& service, const Flow& flow, uint64_t hash, uint32_t ticket);
  // Of a client that is no flow of the service's socket; `flow` says who it is.
  UdpSession(UdpService& service, const Flow& flow, DatagramClient& client, uint32_t ticket);

  const Flow& flow() const { return flow_; }
  uint64_t hash() const { return hash_; }
  uint32_t ticket() const { return ticket_; }

  // Datagram `index` of the batch is to be sent by send_queued(). True for the first one.
  bool queue(ReceiveBatch& batch, size_t index);
  // Sends the queued datagrams of the batch. May end the session.
  void send_queued(const ReceiveBatch& batch);

  // One datagram of a client that is no flow. May end the session.
  void send(std::string_view datagram);
  bool is_of_flow() const { return client_ == nullptr; }

  // Gives up the endpoint, if it is this one.
  void leave(const upstream::Endpoint& endpoint);
  // The same if it is no member of the cluster any more.
  void leave_former();
  // Nothing of it runs any more.
  void end();

 private:
  // Endpoints that may refuse one datagram after another before it is dropped.
  static constexpr int kMovesMax = 3;
  // How long an endpoint that answers nothing may take to refuse: then it counts as well.
  static constexpr Duration kTimeToRefuse = std::chrono::seconds(1);

  void on_ready(event::Readiness readiness) override;
  void on_lane_connected() override;
  void on_datagram(std::string_view bytes) override;
  void on_lane_closed(const Error& error) override;

  bool has_endpoint() const { return lease_.endpoint() != nullptr; }
  // False when there is none to be tried; true does not mean that there is one.
  bool find_endpoint();
  Result<void> open(const upstream::Endpoint& endpoint);
  Result<void> open_socket(const net::Address& address);
  Result<void> open_stream(const net::Address& address);
  bool is_crowded(const net::Socket& socket) const;
  void send_all(std::span<iovec> queued);
  // Sends what of `queued` is left; returns false when the endpoint has refused.
  bool send_some(std::span<iovec>& queued);
  struct Sent {
    size_t datagrams = 0;    // 0: errno says why
    bool segmented = false;  // the first message was of several
  };
  Sent send_once(std::span<iovec> queued);
  void send_to_lane(std::span<const iovec> queued);
  // What the endpoint's socket has for a client that is no flow.
  void read_replies();
  void reply(std::string_view bytes);
  void note_sent(size_t datagrams_bytes);
  void note_reply(size_t bytes);
  void note_well();
  // The endpoint cannot be reached.
  void refuse(const Error& error);
  void detach();
  void drop(size_t datagrams);
  void on_idle_timer();
  event::Loop& loop() { return service_.context_.loop; }
  metrics::ServiceMetrics& metrics() { return service_.context_.metrics; }

  UdpService& service_;
  const Flow flow_;
  const uint64_t hash_;
  const uint32_t ticket_;
  DatagramClient* const client_ = nullptr;  // nullptr: `flow_` is where replies go
  TimePoint passed_at_;                     // the last datagram
  TimePoint attached_at_{};                 // the endpoint was found
  net::Socket socket_;
  std::unique_ptr<DatagramLane> lane_;  // or nullptr
  upstream::EndpointLease lease_;
  metrics::BackendMetrics* backend_ = nullptr;
  upstream::Endpoint* refused_by_ = nullptr;  // only to be compared
  SegmentLimit segments_;
  uint32_t unanswered_ = 0;  // datagrams that were sent since the last reply
  bool well_told_ = false;   // the lease has heard that the endpoint is well
  // Of the batch at hand.
  int8_t first_queued_ = -1;
  int8_t last_queued_ = -1;
  event::MemberTimer<UdpSession, &UdpSession::on_idle_timer> idle_timer_{*this};
};

}  // namespace httpteleport::relay
