#include "acme/messages.h"

#include <nlohmann/json.hpp>

#include "acme/base64url.h"

namespace httpteleport::acme {

namespace {

using Json = nlohmann::json;

constexpr std::string_view kTypePrefix = "urn:ietf:params:acme:error:";
constexpr size_t kDetailBytesMax = 300;
constexpr size_t kTypeBytesMax = 100;
constexpr size_t kTokenBytesMax = 256;

// Null instead of an exception when it is not an object.
Json parse_object(std::string_view text) {
  Json value = Json::parse(text, nullptr, false);
  return value.is_object() ? value : Json();
}

std::string text_member(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// What goes on with bytes that are no UTF-8, which only the operator's flags can hold.
std::string to_text(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Status status_member(const Json& object) {
  const std::string text = text_member(object, "status");
  if (text == "pending") return Status::kPending;
  if (text == "processing") return Status::kProcessing;
  if (text == "ready") return Status::kReady;
  if (text == "valid") return Status::kValid;
  if (text == "invalid") return Status::kInvalid;
  return Status::kOther;
}

Problem problem_of(const Json& object) {
  Problem problem;
  if (!object.is_object()) return problem;
  problem.type = text_member(object, "type");
  if (problem.type.starts_with(kTypePrefix)) problem.type.erase(0, kTypePrefix.size());
  problem.detail = text_member(object, "detail");
  return problem;
}

Problem error_member(const Json& object) {
  const auto found = object.find("error");
  return found != object.end() ? problem_of(*found) : Problem();
}

std::string printable(std::string_view text, size_t bytes_max) {
  std::string line(text.substr(0, bytes_max));
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return line;
}

}  // namespace

std::string Problem::text() const {
  const std::string kind = printable(type, kTypeBytesMax);
  const std::string why = printable(detail, kDetailBytesMax);
  if (kind.empty() || why.empty()) return kind + why;
  return kind + ": " + why;
}

std::optional<Directory> parse_directory(std::string_view text) {
  const Json object = parse_object(text);
  if (object.is_null()) return {};
  Directory directory{.new_nonce = text_member(object, "newNonce"),
                      .new_account = text_member(object, "newAccount"),
                      .new_order = text_member(object, "newOrder")};
  if (directory.new_nonce.empty() || directory.new_account.empty() || directory.new_order.empty())
    return {};
  return directory;
}

std::optional<OrderObject> parse_order(std::string_view text) {
  const Json object = parse_object(text);
  if (object.is_null()) return {};
  OrderObject order{.status = status_member(object),
                    .authorizations = {},
                    .finalize = text_member(object, "finalize"),
                    .certificate = text_member(object, "certificate"),
                    .error = error_member(object)};
  const auto authorizations = object.find("authorizations");
  if (authorizations == object.end() || !authorizations->is_array()) return {};
  for (const Json& url : *authorizations) {
    if (!url.is_string()) return {};
    order.authorizations.push_back(url.get<std::string>());
  }
  if (order.finalize.empty()) return {};
  return order;
}

std::optional<AuthorizationObject> parse_authorization(std::string_view text) {
  const Json object = parse_object(text);
  if (object.is_null()) return {};
  AuthorizationObject authorization{.status = status_member(object), .challenges = {}};
  const auto challenges = object.find("challenges");
  if (challenges == object.end() || !challenges->is_array()) return {};
  for (const Json& entry : *challenges) {
    if (!entry.is_object()) continue;
    ChallengeObject challenge{.type = text_member(entry, "type"),
                              .url = text_member(entry, "url"),
                              .token = text_member(entry, "token"),
                              .error = error_member(entry)};
    if (challenge.url.empty() || challenge.token.size() > kTokenBytesMax) continue;
    if (is_base64url(challenge.token)) authorization.challenges.push_back(std::move(challenge));
  }
  return authorization;
}

Problem parse_problem(std::string_view text) {
  return problem_of(parse_object(text));
}

std::string new_account_payload(const std::string& email) {
  Json object;
  object["termsOfServiceAgreed"] = true;
  if (!email.empty()) object["contact"].push_back("mailto:" + email);
  return to_text(object);
}

std::string new_order_payload(const std::string& name) {
  Json identifier;
  identifier["type"] = "dns";
  identifier["value"] = name;
  Json object;
  object["identifiers"].push_back(identifier);
  return to_text(object);
}

std::string finalize_payload(std::string_view request) {
  Json object;
  object["csr"] = base64url(request);
  return to_text(object);
}

}  // namespace httpteleport::acme
