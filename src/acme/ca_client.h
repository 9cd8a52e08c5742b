// A CA that speaks RFC 8555: its directory, our account with it, signed requests.
//
// Blocks; lives on the thread of the manager. What each request needs (directory, account, nonce)
// is fetched when it is missing, and again when the CA no longer knows it.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "acme/http_client.h"
#include "acme/jws.h"
#include "acme/messages.h"
#include "acme/options.h"
#include "base/clock.h"

namespace httpteleport::acme {

// Why there is no certificate, for a line in the log and for when to try again.
struct Failure {
  std::string text;
  std::string type;                     // of the CA's problem document; empty: no such
  std::chrono::seconds retry_after{0};  // what the CA asks for; 0: nothing
  bool ca_is_down = false;              // it could not be asked
};

class CaClient {
 public:
  // A CA may refuse any nonce; RFC 8555 section 6.5 asks to repeat then.
  static constexpr int kNonceAttemptsMax = 20;

  // `options` and `http` outlive it.
  CaClient(const Options& options, AccountKey key, HttpClient& http);

  const AccountKey& key() const { return key_; }

  // An answer of 2xx, or an empty value and `failure`. `payload` is JSON.
  std::optional<HttpReply> new_order(const std::string& payload, Failure& failure);
  std::optional<HttpReply> post(const std::string& url, const std::string& payload,
                                Failure& failure);
  // POST-as-GET.
  std::optional<HttpReply> read(const std::string& url, Failure& failure) {
    return post(url, "", failure);
  }

 private:
  bool ensure_directory(Failure& failure);
  bool ensure_account(Failure& failure);
  // The nonce of the last answer, or a new one; empty with `failure`.
  std::string take_nonce(Failure& failure);
  // `account_url` is empty for the request that makes the account.
  std::optional<HttpReply> signed_post(const std::string& url, const std::string& account_url,
                                       const std::string& payload, Failure& failure);

  const Options& options_;
  AccountKey key_;
  HttpClient& http_;
  std::optional<Directory> directory_;
  TimePoint directory_time_{};
  std::string account_url_;
  std::string nonce_;
};

}  // namespace httpteleport::acme
