#include "tls/pem.h"

#include <openssl/pem.h>

#include <algorithm>
#include <climits>

namespace httpteleport::tls {

BioPtr memory_bio(std::string_view text) {
  return BioPtr(
      BIO_new_mem_buf(text.data(), static_cast<int>(std::min<size_t>(text.size(), INT_MAX))));
}

int no_passphrase(char*, int, int, void*) {
  return 0;
}

KeyPtr key_from_pem(std::string_view pem) {
  const BioPtr bio = memory_bio(pem);
  KeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr));
  ERR_clear_error();
  return key;
}

}  // namespace httpteleport::tls
