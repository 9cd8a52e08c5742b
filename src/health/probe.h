// One check of one address of a target.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/deletable.h"
#include "event/loop.h"
#include "health/answer.h"
#include "health/target.h"
#include "health/unverified_tls.h"
#include "net/connection.h"

namespace httpteleport::health {

class ProbeOwner {
 public:
  // Once, and not after cancel(). The probe's last statement; it goes through delete_later().
  virtual void on_probe_end(const Verdict& verdict) = 0;

 protected:
  ~ProbeOwner() = default;
};

// What is shared by the probes of a loop; outlives their ends.
struct ProbeContext {
  event::Loop& loop;
  UnverifiedTls tls{};
  metrics::SocketMetrics sockets{};
};

class Probe final : public Deletable, private net::ConnectionHandler {
 public:
  Probe(ProbeContext& context, std::shared_ptr<const CheckOptions> options, ProbeOwner& owner);
  ~Probe() override { cancel(); }

  // The verdict, if there is one at once: then on_probe_end() is not called.
  std::optional<Verdict> start(const net::Address& address, const std::string& host,
                               Duration timeout);
  // Idempotent.
  void cancel();

 private:
  enum class Stage : uint8_t { kConnecting, kSecuring, kAnswering };

  void on_connected() override;
  void on_secured() override;
  size_t on_data(std::string_view bytes) override;
  void on_end() override;
  void on_closed(const Error& error) override;

  void on_timeout();
  void finish(const Verdict& verdict);

  ProbeContext& context_;
  std::shared_ptr<const CheckOptions> options_;
  ProbeOwner& owner_;
  std::unique_ptr<Answer> answer_;
  std::optional<net::Connection> connection_;
  Duration timeout_{};
  Stage stage_ = Stage::kConnecting;
  event::MemberTimer<Probe, &Probe::on_timeout> timer_{*this};
};

}  // namespace httpteleport::health
