#include "tls/ticket_keys.h"

#include <openssl/core_names.h>
#include <openssl/rand.h>

#include <algorithm>
#include <cstring>

#include "base/assert.h"

namespace httpteleport::tls {

namespace {

using Bytes = std::array<unsigned char, 64>;

Bytes sha512(std::string_view label, std::string_view secret) {
  const std::string text = std::string(label) + std::string(secret);
  Bytes digest{};
  const int done =
      EVP_Digest(text.data(), text.size(), digest.data(), nullptr, EVP_sha512(), nullptr);
  HT_ASSERT(done == 1);
  return digest;
}

TicketKeys::Key key_from(std::string_view secret) {
  const Bytes names = sha512("httpteleport ticket name ", secret);
  const Bytes keys = sha512("httpteleport ticket keys ", secret);
  TicketKeys::Key key{};
  std::copy_n(names.begin(), key.name.size(), key.name.begin());
  std::copy_n(keys.begin(), key.encryption.size(), key.encryption.begin());
  std::copy_n(keys.begin() + 32, key.authentication.size(), key.authentication.begin());
  return key;
}

TicketKeys::Key random_key() {
  std::array<unsigned char, 32> secret{};
  const int done = RAND_bytes(secret.data(), secret.size());
  HT_ASSERT(done == 1);
  return key_from({reinterpret_cast<const char*>(secret.data()), secret.size()});
}

int keys_index() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

// Fetched once: OpenSSL 3.0 takes a lock for every lookup by name.
const EVP_CIPHER* ticket_cipher() {
  static const EVP_CIPHER* const cipher = EVP_CIPHER_fetch(nullptr, "AES-256-CBC", nullptr);
  return cipher;
}

bool set_mac_key(EVP_MAC_CTX* mac, const TicketKeys::Key& key) {
  char digest[] = "SHA256";
  const OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY,
                                        const_cast<unsigned char*>(key.authentication.data()),
                                        key.authentication.size()),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
      OSSL_PARAM_construct_end(),
  };
  return EVP_MAC_CTX_set_params(mac, parameters) == 1;
}

}  // namespace

TicketKeys::TicketKeys(const std::vector<std::string>& secrets) : random_(secrets.empty()) {
  Keys keys;
  for (const std::string& secret : secrets)
    keys.push_back(key_from(secret));
  if (random_) keys.push_back(random_key());
  keys_ = std::make_shared<const Keys>(std::move(keys));
}

void TicketKeys::rotate() {
  if (!random_) return;
  auto next = std::make_shared<const Keys>(Keys{random_key(), keys()->front()});
  const std::lock_guard lock(mutex_);
  keys_ = std::move(next);
}

std::shared_ptr<const TicketKeys::Keys> TicketKeys::keys() const {
  const std::lock_guard lock(mutex_);
  return keys_;
}

bool TicketKeys::has_secrets_of(const TicketKeys& other) const {
  if (random_ || other.random_) return random_ == other.random_;
  const auto mine = keys();
  const auto theirs = other.keys();
  return std::equal(mine->begin(), mine->end(), theirs->begin(), theirs->end(),
                    [](const Key& a, const Key& b) { return a.name == b.name; });
}

void TicketKeys::attach_to(SSL_CTX* context) {
  SSL_CTX_set_ex_data(context, keys_index(), this);
  SSL_CTX_set_tlsext_ticket_key_evp_cb(context, on_ticket);
}

// Return values are those of SSL_CTX_set_tlsext_ticket_key_evp_cb(3): 0 unknown key, 1 good, 2 good
// but to be replaced by a ticket of the newest key.
int TicketKeys::on_ticket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
                          EVP_MAC_CTX* mac, int encrypting) {
  const auto& self =
      *static_cast<TicketKeys*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), keys_index()));
  const std::shared_ptr<const Keys> keys = self.keys();
  if (encrypting != 0) {
    const Key& key = keys->front();
    std::copy(key.name.begin(), key.name.end(), name);
    if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(ticket_cipher())) != 1) return -1;
    const bool good =
        EVP_EncryptInit_ex2(cipher, ticket_cipher(), key.encryption.data(), iv, nullptr) == 1 &&
        set_mac_key(mac, key);
    return good ? 1 : -1;
  }
  for (size_t i = 0; i < keys->size(); ++i) {
    const Key& key = (*keys)[i];
    if (std::memcmp(key.name.data(), name, key.name.size()) != 0) continue;
    const bool good =
        EVP_DecryptInit_ex2(cipher, ticket_cipher(), key.encryption.data(), iv, nullptr) == 1 &&
        set_mac_key(mac, key);
    if (!good) return -1;
    // TLS 1.3 clients use a ticket once, so each gets a new one anyway.
    return i == 0 && SSL_version(ssl) < TLS1_3_VERSION ? 1 : 2;
  }
  return 0;
}

}  // namespace httpteleport::tls
