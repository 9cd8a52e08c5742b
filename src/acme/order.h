// One attempt to get a certificate for one name (RFC 8555 section 7.4), a request to the CA at a
// time, so that several orders share one thread and none waits for another's CA to make up its
// mind.
//
// Lives on the thread of the manager; step() blocks as long as one request does.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "acme/ca_client.h"
#include "acme/challenges.h"
#include "acme/messages.h"
#include "acme/options.h"
#include "base/clock.h"
#include "tls/certificate.h"

namespace httpteleport::acme {

class Order {
 public:
  enum class State : uint8_t {
    kCreate,
    kReadAuthorization,
    kAnswerChallenge,
    kPollAuthorization,
    kFinalize,
    kPollOrder,
    kDownload,
    kObtained,
    kFailed,
  };

  // Outlive the order.
  struct Context {
    const Options& options;
    CaClient& ca;
    Challenges& challenges;
  };

  // `name` is canonical. `kinds`: the challenges that can be answered, the preferred one first.
  Order(const Context& context, std::string name, std::vector<ChallengeKind> kinds);
  // Withdraws what it has published.
  ~Order();
  Order(const Order&) = delete;
  Order& operator=(const Order&) = delete;

  const std::string& name() const { return name_; }
  State state() const { return state_; }
  bool is_over() const { return state_ == State::kObtained || state_ == State::kFailed; }
  // When step() is to be called next.
  TimePoint next_step() const { return next_step_; }
  void step();

  // Of kObtained.
  const std::shared_ptr<const tls::Certificate>& certificate() const { return certificate_; }
  const std::string& chain_pem() const { return chain_pem_; }
  const std::string& key_pem() const { return key_pem_; }
  // Of kFailed.
  const Failure& failure() const { return failure_; }
  // The CA came and did not find the answer it wants; another kind of challenge may work.
  bool challenge_failed() const { return challenge_failed_; }

 private:
  void create();
  void read_authorization();
  void answer_challenge();
  void poll_authorization();
  void finalize();
  void poll_order();
  void download();

  // Goes on with `state` at once.
  void enter(State state);
  // Comes back to this state after a pause, which grows; the CA may ask for a longer one.
  void wait(std::chrono::seconds asked);
  void fail(Failure failure);
  void fail(std::string text);
  void on_authorization(const AuthorizationObject& authorization, const HttpReply& reply);
  void on_order(const OrderObject& order, const HttpReply& reply);
  bool choose_challenge(const AuthorizationObject& authorization);
  bool publish();
  void withdraw();

  Context context_;
  std::string name_;
  std::vector<ChallengeKind> kinds_;
  State state_ = State::kCreate;
  TimePoint deadline_;
  TimePoint next_step_;
  Duration pause_;

  std::string order_url_;
  std::string authorization_url_;
  std::string finalize_url_;
  std::string certificate_url_;
  ChallengeKind kind_ = ChallengeKind::kHttp01;
  ChallengeObject challenge_;
  bool published_ = false;

  std::string request_;  // PKCS #10, DER
  std::string key_pem_;
  std::string chain_pem_;
  std::shared_ptr<const tls::Certificate> certificate_;
  Failure failure_;
  bool challenge_failed_ = false;
};

}  // namespace httpteleport::acme
