#include "acme/challenges.h"

namespace httpteleport::acme {

const char* challenge_name(ChallengeKind kind) {
  return kind == ChallengeKind::kHttp01 ? "http-01" : "tls-alpn-01";
}

void Challenges::publish_answer(const std::string& token, std::string key_authorization) {
  const std::lock_guard lock(mutex_);
  answers_[token] = std::move(key_authorization);
}

void Challenges::publish_certificate(const std::string& name, CertificatePtr certificate) {
  const std::lock_guard lock(mutex_);
  certificates_[name] = std::move(certificate);
}

void Challenges::withdraw_answer(const std::string& token) {
  const std::lock_guard lock(mutex_);
  answers_.erase(token);
}

void Challenges::withdraw_certificate(const std::string& name) {
  const std::lock_guard lock(mutex_);
  certificates_.erase(name);
}

std::string Challenges::answer(std::string_view token) const {
  const std::lock_guard lock(mutex_);
  const auto found = answers_.find(token);
  return found != answers_.end() ? found->second : std::string();
}

Challenges::CertificatePtr Challenges::certificate(std::string_view name) const {
  const std::lock_guard lock(mutex_);
  const auto found = certificates_.find(name);
  return found != certificates_.end() ? found->second : nullptr;
}

}  // namespace httpteleport::acme
