// The keys that session tickets (RFC 5077, RFC 8446 section 4.6.1) are encrypted with, so that a
// returning client, whichever worker or machine it comes to, needs no full handshake.
#pragma once

#include <array>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "tls/openssl.h"

namespace httpteleport::tls {

// Shared by all workers. Any thread.
class TicketKeys {
 public:
  struct Key {
    std::array<unsigned char, 16> name;
    std::array<unsigned char, 32> encryption;
    std::array<unsigned char, 32> authentication;
  };

  // Keys made from `secrets`, so that machines that share the secrets share sessions: the first
  // encrypts, all of them decrypt. No secrets: a random key, which rotate() replaces.
  explicit TicketKeys(const std::vector<std::string>& secrets);

  // Random keys only: makes a new key; the one before it still decrypts. Nothing else happens to
  // keys made from secrets.
  void rotate();

  // Sessions made with the one can be resumed with the other: the same secrets, or none at all, in
  // which case the older object is to be kept.
  bool has_secrets_of(const TicketKeys& other) const;

  // Makes `context` use the keys; `this` outlives it.
  void attach_to(SSL_CTX* context);

 private:
  using Keys = std::vector<Key>;

  static int on_ticket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
                       EVP_MAC_CTX* mac, int encrypting);

  std::shared_ptr<const Keys> keys() const;

  mutable std::mutex mutex_;  // guards the pointer
  std::shared_ptr<const Keys> keys_;
  const bool random_;
};

}  // namespace httpteleport::tls
