// Certificates obtained and renewed by themselves (ACME: RFC 8555; http-01 and tls-alpn-01, RFC
// 8737). docs/acme.md says how it works.
//
// One for the process. find(), challenge() and http01_answer() may be called from any thread and
// never wait for the network; a thread of its own talks to the CA.
#pragma once

#include <condition_variable>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "acme/ca_client.h"
#include "acme/challenges.h"
#include "acme/host_name.h"
#include "acme/http_client.h"
#include "acme/name_table.h"
#include "acme/options.h"
#include "acme/order.h"
#include "acme/store.h"
#include "base/result.h"
#include "tls/certificate.h"
#include "tls/certificate_provider.h"

namespace httpteleport::acme {

class Manager final : public tls::CertificateProvider {
 public:
  using CertificatePtr = std::shared_ptr<const tls::Certificate>;

  // What stands before the token in the path the CA asks for (RFC 8555 section 8.3).
  static constexpr std::string_view kHttp01Prefix = "/.well-known/acme-challenge/";

  // Null: an option is not acceptable; `error` names it and says why. Does no I/O.
  static std::unique_ptr<Manager> create(const Options& options, std::string& error);
  // Stops.
  ~Manager() override;

  // Loads what the cache has, makes the account key if need be, and starts the thread. Blocks on
  // the disk. Once. Errors: kSystem and kBadConfig, about the cache folder or the CA file.
  Result<void> start();
  // Gives up what is under way and waits for the thread, which takes milliseconds. Afterwards
  // find() goes on with what there is, and refuses all else. Idempotent; one thread.
  void stop();

  // What a server shows a client that asks for `server_name`, in whatever case. kPending: ask again
  // in some 100 ms, as long as the client's patience allows; orders take seconds. The first call
  // for a name that is allowed and unknown orders its certificate. kRefused: not a name that gets
  // one, it failed not long ago, or a limit is reached.
  Found find(std::string_view server_name) const override;

  // For a handshake that offers the protocol acme-tls/1. Null: no such challenge is under way; the
  // handshake should fail.
  CertificatePtr challenge(std::string_view server_name) const override;

  // The body of the answer, 200, application/octet-stream, to GET kHttp01Prefix + `token` over
  // plain HTTP at port 80. Empty: not ours.
  std::string http01_answer(std::string_view token) const { return challenges_.answer(token); }

 private:
  Manager(const Options& options, std::unique_ptr<const HostPattern> pattern);

  void load();
  void run();
  void begin_orders();
  bool adopt_stored(const std::string& name);
  Order* next_order();
  void advance(Order& order);
  void conclude(Order& order);
  void on_obtained(const Order& order);
  void wait_until(TimePoint when);
  bool is_stopping() const;

  const Options options_;
  std::unique_ptr<const HostPattern> pattern_;
  Challenges challenges_;

  // The thread's own, once it runs.
  Store store_;
  HttpClient http_;
  std::optional<CaClient> ca_;
  std::list<Order> orders_;

  // What find() wants is noted here for the thread.
  mutable std::mutex mutex_;  // guards the two below
  mutable NameTable names_;
  bool stopping_ = false;
  mutable std::condition_variable changed_;
  std::thread thread_;
};

}  // namespace httpteleport::acme
