// The UDP side of a service on one worker: datagrams of each client go to one endpoint of the
// cluster, and its answers to that client alone.
#pragma once

#include <memory>
#include <unordered_set>
#include <vector>

#include "relay/backends.h"
#include "relay/flow_table.h"
#include "relay/session_gate.h"
#include "relay/udp_batch.h"

namespace httpteleport::relay {

class DatagramClient;

struct UdpOptions {
  // A session ends when no datagram has passed, either way, for so long. Takes effect for those
  // that are there when they are looked at next.
  Duration idle_timeout = std::chrono::seconds(60);
  size_t sessions_max = 10'000;  // of this worker; over it new ones get nothing
  Duration connect_timeout = std::chrono::seconds(3);  // of endpoints that are streams
};

// What the sessions of one service and worker share. All references outlive the service.
struct UdpContext {
  event::Loop& loop;
  metrics::WorkerMetrics& worker_metrics;
  UdpBatches& batches;
  upstream::Cluster& cluster;
  metrics::ServiceMetrics& metrics;
  Backends& backends;
  SessionGate* gate = nullptr;  // nullptr: everybody may
  // Sessions begin only while the process has fewer open; the rest is for others.
  size_t descriptors_max = SIZE_MAX;
};

// Owned by a worker. A session is a client's address and port, and the address of ours that it
// sends to. It has a socket of its own toward its endpoint, so that answers find their client.
//
// Datagrams are passed on whole or not at all. Where a buffer is full they are dropped, as by any
// router, and counted.
class UdpService final : private event::IoHandler, private event::TurnEndTask {
 public:
  // Batches of one service in a row, so that one flood does not starve the others.
  static constexpr int kBatchesPerTurn = 4;

  // `socket` is one of open_udp(); nullptr: all clients are given to start().
  UdpService(const UdpContext& context, std::shared_ptr<const net::Socket> socket,
             const UdpOptions& options);
  // Aborts what is left.
  ~UdpService();
  UdpService(const UdpService&) = delete;
  UdpService& operator=(const UdpService&) = delete;

  // Begins to receive. Errors: kSystem.
  Result<void> start();

  void set_options(const UdpOptions& options) { options_ = options; }
  // No new sessions: datagrams of others are dropped. Those that are there go on until they are
  // idle.
  void drain() { draining_ = true; }
  // A session for a client that is no flow of the socket, from `address`, which may be invalid;
  // nullptr: it may not have one. It ends when it is idle, and tells the client.
  UdpSession* start(DatagramClient& client, const net::Address& address);
  // Ends all sessions. Datagrams begin new ones, unless it drains.
  void abort();
  // `endpoint` is about to be removed: sessions at it lose it, and their leases, now, and get
  // another one with their next datagram.
  void leave(const upstream::Endpoint& endpoint);
  // The same for endpoints that are no members of the cluster any more.
  void leave_former();
  bool is_idle() const { return session_count() == 0; }
  size_t session_count() const { return flows_.size() + others_.size(); }

  net::Address address() const { return net::local_address(socket_->fd()); }

 private:
  friend class UdpSession;

  void on_ready(event::Readiness readiness) override;
  void on_turn_end() override { read_batches(); }
  void read_batches();
  // The session of datagram `index`, perhaps a new one; nullptr: it is dropped.
  UdpSession* session_for(size_t index);
  UdpSession* open_session(const Flow& flow, uint64_t hash);
  // The ticket of a new session; nothing: there may be none.
  std::optional<uint32_t> admit(const net::Address& client);
  void note_begun();
  std::vector<UdpSession*> sessions() const;
  void remove(UdpSession& session);

  UdpContext context_;
  std::shared_ptr<const net::Socket> socket_;
  UdpOptions options_;
  ReplyBatch::Sender sender_;
  FlowTable flows_;
  std::unordered_set<UdpSession*> others_;  // of clients that are no flows
  size_t next_address_ = 0;                 // where to begin with endpoints that have several
  bool draining_ = false;
};

}  // namespace httpteleport::relay
