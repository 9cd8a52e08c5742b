// What must survive a restart, in one folder: the account key, and for each name a file with the
// private key and the certificate chain. The layout is that of Go's autocert, whose folder is taken
// over as it is.
//
// Blocks; one thread. Several processes may share the folder: files are replaced whole.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tls/certificate.h"
#include "tls/openssl.h"

namespace httpteleport::acme {

class Store {
 public:
  using CertificatePtr = std::shared_ptr<const tls::Certificate>;

  static constexpr size_t kFileBytesMax = 256 * 1024;

  explicit Store(std::string folder) : folder_(std::move(folder)) {}

  // Makes the folder, for its owner alone, when it does not exist; removes drafts in it that a
  // crash has left behind. Errors: kSystem.
  Result<void> open();
  // Whether others than the owner may look into the folder.
  bool is_exposed() const;

  // Reads the account key, or makes and writes one. Errors: kSystem; kBadConfig, the file holds
  // something else.
  Result<tls::KeyPtr> account_key();

  // The canonical names that have a file, not more than `names_max`, in no order.
  std::vector<std::string> names(size_t names_max) const;
  // Null: there is none, it cannot be read, or it is for another name.
  CertificatePtr load(const std::string& name) const;
  // Both in PEM. Durable when it returns. Errors: kSystem.
  Result<void> save(const std::string& name, std::string_view chain, std::string_view key);

 private:
  void remove_old_drafts() const;
  Result<std::string> read(const std::string& file) const;
  Result<void> write(const std::string& file, std::string_view bytes);

  std::string folder_;
};

}  // namespace httpteleport::acme
