// One I/O thread of a client: a loop, and some of the links to the peer.
#pragma once

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "api/call.h"
#include "api/inbox.h"
#include "api/settings.h"
#include "net/name_resolver.h"
#include "tls/client_context.h"
#include "upstream/teleport_links.h"

namespace httpteleport::api {

// What all workers of a client share.
struct ClientShared {
  ClientSettings settings;
  CallPool pool{};
  std::atomic<size_t> pending{0};
  std::atomic<bool> closing{false};
};

class ClientWorker final : private net::NameHandler, private upstream::Dialer {
 public:
  // `shared` outlives it. The thread runs from here to stop().
  ClientWorker(ClientShared& shared, size_t links);
  // As stop() and join(), if they were not called.
  ~ClientWorker();
  // Any thread but its own: ends all calls, and the thread.
  void stop();
  void join();
  // After join(): ends calls that came too late.
  void fail_all();

  // ---- Any thread.
  // Takes the call over.
  void submit(Call& call);
  void cancel(Call& call, uint32_t generation);
  // The caller is this worker's thread.
  bool is_current() const;
  // A call to be filled in, from those at hand on this thread or from the pool.
  Call& acquire();
  const metrics::WorkerMetrics& metrics() const { return metrics_; }
  uint64_t answers() const { return answers_.value(); }
  uint64_t failures() const { return failures_.value(); }

  // ---- Its own thread, for calls.
  event::Loop& loop() { return loop_; }
  upstream::TeleportLinks& links() { return *links_; }
  const ClientOptions& options() const { return shared_.settings.options; }
  void on_over(const Status& status);
  // The call is over, and nobody looks at it any more.
  void release(Call& call);

 private:
  void run();
  void start(Call& call);
  void start_new();
  void begin_lookups();
  // Calls that wait for addresses.
  void send_waiting();

  void on_addresses(NameId id, const std::vector<net::Address>& addresses) override;
  void on_lookup_failure(NameId id, const Error& error) override;
  Result<net::Socket> dial() override;

  ClientShared& shared_;
  event::Loop loop_;
  metrics::WorkerMetrics metrics_;
  metrics::Counter answers_;
  metrics::Counter failures_;
  std::vector<net::Address> addresses_;
  upstream::TeleportOptions link_options_;
  std::unique_ptr<tls::ClientContext> tls_;
  std::unique_ptr<upstream::TeleportLinks> links_;
  std::unique_ptr<net::NameResolver> resolver_;
  bool lookup_failed_ = false;
  Inbox<Call> inbox_;
  IntrusiveList<Call> calls_;  // that are not over
  std::vector<Call*> free_;    // kept from the pool, whose lock costs
  std::thread thread_;         // last: it uses all of this
};

}  // namespace httpteleport::api
