// A fixed set of certificates, chosen by name.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "tls/certificate_provider.h"

namespace httpteleport::tls {

// Immutable once made.
class CertificateStore final : public CertificateProvider {
 public:
  // `certificates`: at least one. The first is also for clients that ask for no name or for one
  // that nobody has.
  explicit CertificateStore(std::vector<std::shared_ptr<const Certificate>> certificates);

  // An exact name goes before a wildcard of the level above; of several certificates for one name
  // the first given is taken.
  Found find(std::string_view server_name) const override;

 private:
  std::shared_ptr<const Certificate> default_;
  std::unordered_map<std::string, std::shared_ptr<const Certificate>> by_name_;
};

}  // namespace httpteleport::tls
