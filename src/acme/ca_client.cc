#include "acme/ca_client.h"

#include <utility>

namespace httpteleport::acme {

namespace {

constexpr std::chrono::hours kDirectoryAgeMax{1};

// What stands before a CA that does not answer says so.
bool is_outage(long status) {
  return status >= 502 && status <= 504;
}

bool is_success(const HttpReply& reply) {
  return reply.status >= 200 && reply.status < 300;
}

void set_transport_failure(Failure& failure, const std::string& url, const Error& error) {
  failure = {};
  failure.ca_is_down = true;
  // What is no address may hold anything.
  failure.text = (HttpClient::accepts(url) ? url : "an address of the CA") + ": " + error.detail;
}

void set_refusal(Failure& failure, const std::string& url, const HttpReply& reply) {
  const Problem problem = parse_problem(reply.body);
  const std::string why = problem.text();
  failure = {.text = url + " answers " + std::to_string(reply.status) +
                     (why.empty() ? std::string() : " " + why),
             .type = problem.type,
             .retry_after = reply.retry_after,
             .ca_is_down = is_outage(reply.status)};
}

}  // namespace

CaClient::CaClient(const Options& options, AccountKey key, HttpClient& http)
    : options_(options), key_(std::move(key)), http_(http) {}

std::optional<HttpReply> CaClient::new_order(const std::string& payload, Failure& failure) {
  if (std::chrono::steady_clock::now() - directory_time_ > kDirectoryAgeMax) directory_.reset();
  if (!ensure_directory(failure)) return {};
  const std::string url = directory_->new_order;
  return post(url, payload, failure);
}

std::optional<HttpReply> CaClient::post(const std::string& url, const std::string& payload,
                                        Failure& failure) {
  if (!ensure_account(failure)) return {};
  std::optional<HttpReply> reply = signed_post(url, account_url_, payload, failure);
  if (reply || failure.type != "accountDoesNotExist") return reply;
  account_url_.clear();  // the CA has forgotten us
  if (!ensure_account(failure)) return {};
  return signed_post(url, account_url_, payload, failure);
}

bool CaClient::ensure_directory(Failure& failure) {
  if (directory_) return true;
  const std::string& url = options_.directory_url;
  const Result<HttpReply> reply = http_.get(url);
  if (!reply) return set_transport_failure(failure, url, reply.error()), false;
  if (!is_success(*reply)) return set_refusal(failure, url, *reply), false;
  directory_ = parse_directory(reply->body);
  if (!directory_) failure = {.text = url + " is no ACME directory", .type = {}};
  directory_time_ = std::chrono::steady_clock::now();
  return directory_.has_value();
}

bool CaClient::ensure_account(Failure& failure) {
  if (!account_url_.empty()) return true;
  if (!ensure_directory(failure)) return false;
  const std::string url = directory_->new_account;
  const auto reply = signed_post(url, "", new_account_payload(options_.email), failure);
  if (!reply) return false;
  if (!HttpClient::accepts(reply->location)) {
    failure = {.text = url + " gives the account no address", .type = {}};
    return false;
  }
  account_url_ = reply->location;
  return true;
}

std::string CaClient::take_nonce(Failure& failure) {
  if (!nonce_.empty()) return std::exchange(nonce_, {});
  if (!ensure_directory(failure)) return {};
  const std::string& url = directory_->new_nonce;
  const Result<HttpReply> reply = http_.head(url);
  if (!reply) return set_transport_failure(failure, url, reply.error()), std::string();
  if (!is_success(*reply)) return set_refusal(failure, url, *reply), std::string();
  if (reply->replay_nonce.empty()) failure = {.text = url + " gives no nonce", .type = {}};
  return reply->replay_nonce;
}

std::optional<HttpReply> CaClient::signed_post(const std::string& url,
                                               const std::string& account_url,
                                               const std::string& payload, Failure& failure) {
  if (!HttpClient::accepts(url)) {
    failure = {.text = "the CA names an address that is not https", .type = {}};
    return {};
  }
  for (int attempt = 0; attempt < kNonceAttemptsMax; ++attempt) {
    const std::string nonce = take_nonce(failure);
    if (nonce.empty()) return {};
    const std::string body =
        jws(key_, {.url = url, .nonce = nonce, .account_url = account_url}, payload);
    if (body.empty()) return failure = {.text = "OpenSSL cannot sign", .type = {}}, std::nullopt;
    Result<HttpReply> reply = http_.post(url, body);
    if (!reply) return set_transport_failure(failure, url, reply.error()), std::nullopt;
    nonce_ = reply->replay_nonce;
    if (is_success(*reply)) return std::move(*reply);
    set_refusal(failure, url, *reply);
    if (failure.type != "badNonce") return {};
  }
  return {};
}

}  // namespace httpteleport::acme
