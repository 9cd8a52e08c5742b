// The JSON of RFC 8555: what is sent, and what is read out of the CA's answers. No I/O.
//
// Every parser gives an empty value for what is not JSON or lacks a member it needs, and ignores
// what it does not know.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace httpteleport::acme {

// Of orders, authorizations and challenges (section 7.1.6).
enum class Status : uint8_t { kPending, kProcessing, kReady, kValid, kInvalid, kOther };

// A problem document (section 6.7). Empty strings: there is none.
struct Problem {
  std::string type;  // without "urn:ietf:params:acme:error:"
  std::string detail;

  // Both in one line fit for a log: no control characters, not longer than some 400 bytes.
  std::string text() const;
};

struct Directory {
  std::string new_nonce;
  std::string new_account;
  std::string new_order;
};

struct OrderObject {
  Status status = Status::kOther;
  std::vector<std::string> authorizations;
  std::string finalize;
  std::string certificate;  // empty before it is issued
  Problem error;
};

struct ChallengeObject {
  std::string type;
  std::string url;
  std::string token;  // base64url
  Problem error;
};

struct AuthorizationObject {
  Status status = Status::kOther;
  std::vector<ChallengeObject> challenges;
};

std::optional<Directory> parse_directory(std::string_view text);
std::optional<OrderObject> parse_order(std::string_view text);
// Challenges without a proper token or address are left out: they are of kinds unknown here.
std::optional<AuthorizationObject> parse_authorization(std::string_view text);
// Without members when `text` is something else.
Problem parse_problem(std::string_view text);

// `email` may be empty.
std::string new_account_payload(const std::string& email);
std::string new_order_payload(const std::string& name);
// `request`: PKCS #10 in DER.
std::string finalize_payload(std::string_view request);

}  // namespace httpteleport::acme
