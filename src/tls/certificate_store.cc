#include "tls/certificate_store.h"

#include "base/assert.h"

namespace httpteleport::tls {

CertificateStore::CertificateStore(std::vector<std::shared_ptr<const Certificate>> certificates) {
  HT_ASSERT(!certificates.empty());
  default_ = certificates.front();
  for (const auto& certificate : certificates) {
    for (const std::string& name : certificate->names())
      by_name_.emplace(name, certificate);
  }
}

CertificateProvider::Found CertificateStore::find(std::string_view server_name) const {
  if (const auto exact = by_name_.find(std::string(server_name)); exact != by_name_.end())
    return {Answer::kReady, exact->second};
  const size_t dot = server_name.find('.');
  if (dot != std::string_view::npos && dot > 0) {
    const auto wildcard = by_name_.find("*" + std::string(server_name.substr(dot)));
    if (wildcard != by_name_.end()) return {Answer::kReady, wildcard->second};
  }
  return {Answer::kReady, default_};
}

}  // namespace httpteleport::tls
