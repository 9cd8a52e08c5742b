#include "acme/order.h"

#include <algorithm>
#include <ctime>
#include <optional>
#include <utility>

#include "acme/crypto.h"

namespace httpteleport::acme {

namespace {

constexpr Duration kPauseMin = std::chrono::milliseconds(250);
constexpr Duration kPauseMax = std::chrono::seconds(5);

TimePoint now() {
  return std::chrono::steady_clock::now();
}

}  // namespace

Order::Order(const Context& context, std::string name, std::vector<ChallengeKind> kinds)
    : context_(context),
      name_(std::move(name)),
      kinds_(std::move(kinds)),
      deadline_(now() + context.options.order_timeout),
      next_step_(now()),
      pause_(kPauseMin) {}

Order::~Order() {
  withdraw();
}

void Order::step() {
  if (now() >= deadline_ && !is_over()) {
    challenge_failed_ = state_ == State::kPollAuthorization;
    return fail("the CA has not finished the order in time");
  }
  switch (state_) {
    case State::kCreate:
      return create();
    case State::kReadAuthorization:
      return read_authorization();
    case State::kAnswerChallenge:
      return answer_challenge();
    case State::kPollAuthorization:
      return poll_authorization();
    case State::kFinalize:
      return finalize();
    case State::kPollOrder:
      return poll_order();
    case State::kDownload:
      return download();
    case State::kObtained:
    case State::kFailed:
      return;
  }
}

void Order::create() {
  const auto reply = context_.ca.new_order(new_order_payload(name_), failure_);
  if (!reply) return fail(std::move(failure_));
  const std::optional<OrderObject> order = parse_order(reply->body);
  // One name has one authorization.
  if (!order || order->authorizations.size() != 1 || reply->location.empty())
    return fail("the CA's answer is no order for one name");
  order_url_ = reply->location;
  authorization_url_ = order->authorizations.front();
  finalize_url_ = order->finalize;
  enter(order->status == Status::kReady ? State::kFinalize : State::kReadAuthorization);
}

void Order::read_authorization() {
  const auto reply = context_.ca.read(authorization_url_, failure_);
  if (!reply) return fail(std::move(failure_));
  const auto authorization = parse_authorization(reply->body);
  if (!authorization) return fail("the CA's answer is no authorization");
  if (authorization->status == Status::kValid) return enter(State::kFinalize);
  if (authorization->status != Status::kPending)
    return fail("the CA's authorization is neither pending nor valid");
  if (!choose_challenge(*authorization))
    return fail("the CA offers no challenge that can be answered here");
  if (!publish()) return fail("OpenSSL cannot make the answer to the challenge");
  enter(State::kAnswerChallenge);
}

void Order::answer_challenge() {
  if (!context_.ca.post(challenge_.url, "{}", failure_)) return fail(std::move(failure_));
  enter(State::kPollAuthorization);
}

void Order::poll_authorization() {
  const auto reply = context_.ca.read(authorization_url_, failure_);
  if (!reply) return fail(std::move(failure_));
  const auto authorization = parse_authorization(reply->body);
  if (!authorization) return fail("the CA's answer is no authorization");
  on_authorization(*authorization, *reply);
}

void Order::on_authorization(const AuthorizationObject& authorization, const HttpReply& reply) {
  if (authorization.status == Status::kPending) return wait(reply.retry_after);
  if (authorization.status == Status::kValid) {
    withdraw();
    return enter(State::kFinalize);
  }
  std::string text = std::string(challenge_name(kind_)) + " failed";
  for (const ChallengeObject& challenge : authorization.challenges) {
    if (challenge.url == challenge_.url) text += ": " + challenge.error.text();
  }
  challenge_failed_ = true;
  fail(std::move(text));
}

void Order::finalize() {
  if (request_.empty()) {
    const tls::KeyPtr key = make_key();
    if (!key) return fail("OpenSSL cannot make a key");
    key_pem_ = key_to_pem(key.get());
    request_ = certificate_request(key.get(), name_);
    if (key_pem_.empty() || request_.empty()) return fail("OpenSSL cannot make a request");
  }
  const auto reply = context_.ca.post(finalize_url_, finalize_payload(request_), failure_);
  // Valid authorizations, and the CA's order lags behind them.
  if (!reply && failure_.type == "orderNotReady") return wait(failure_.retry_after);
  if (!reply) return fail(std::move(failure_));
  const std::optional<OrderObject> order = parse_order(reply->body);
  if (!order) return fail("the CA's answer is no order");
  state_ = State::kPollOrder;
  on_order(*order, *reply);
}

void Order::poll_order() {
  const auto reply = context_.ca.read(order_url_, failure_);
  if (!reply) return fail(std::move(failure_));
  const std::optional<OrderObject> order = parse_order(reply->body);
  if (!order) return fail("the CA's answer is no order");
  on_order(*order, *reply);
}

void Order::on_order(const OrderObject& order, const HttpReply& reply) {
  if (order.status == Status::kInvalid)
    return fail("the CA has refused the order: " + order.error.text());
  if (order.status != Status::kValid) return wait(reply.retry_after);
  if (order.certificate.empty()) return fail("the CA's order is valid, but has no certificate");
  certificate_url_ = order.certificate;
  enter(State::kDownload);
}

void Order::download() {
  auto reply = context_.ca.read(certificate_url_, failure_);
  if (!reply) return fail(std::move(failure_));
  const auto certificate = tls::Certificate::parse(reply->body, key_pem_);
  if (!certificate) return fail(std::string("the CA's certificate: ") + certificate.error().detail);
  if (!(*certificate)->matches(name_)) return fail("the CA's certificate is for another name");
  if ((*certificate)->not_after() <= std::time(nullptr))
    return fail("the CA's certificate has expired by the clock of this machine");
  certificate_ = *certificate;
  chain_pem_ = std::move(reply->body);
  enter(State::kObtained);
}

void Order::enter(State state) {
  state_ = state;
  pause_ = kPauseMin;
  next_step_ = now();
}

void Order::wait(std::chrono::seconds asked) {
  const Duration pause =
      std::max<Duration>(pause_, std::min(asked, context_.options.order_timeout));
  next_step_ = std::min(now() + pause, deadline_);
  pause_ = std::min(pause_ * 2, kPauseMax);
}

void Order::fail(Failure failure) {
  failure_ = std::move(failure);
  enter(State::kFailed);
  withdraw();
}

void Order::fail(std::string text) {
  fail(Failure{.text = std::move(text), .type = {}});
}

bool Order::choose_challenge(const AuthorizationObject& authorization) {
  for (const ChallengeKind kind : kinds_) {
    for (const ChallengeObject& offered : authorization.challenges) {
      if (offered.type != challenge_name(kind)) continue;
      kind_ = kind;
      challenge_ = offered;
      return true;
    }
  }
  return false;
}

bool Order::publish() {
  std::string key_authorization = context_.ca.key().key_authorization(challenge_.token);
  published_ = true;
  if (kind_ == ChallengeKind::kHttp01) {
    context_.challenges.publish_answer(challenge_.token, std::move(key_authorization));
    return true;
  }
  const std::string pem = challenge_certificate_pem(name_, key_authorization);
  const auto certificate = tls::Certificate::parse(pem, pem);
  if (!certificate) return false;
  context_.challenges.publish_certificate(name_, *certificate);
  return true;
}

void Order::withdraw() {
  if (!std::exchange(published_, false)) return;
  if (kind_ == ChallengeKind::kHttp01)
    context_.challenges.withdraw_answer(challenge_.token);
  else
    context_.challenges.withdraw_certificate(name_);
}

}  // namespace httpteleport::acme
