// Certificates for tests, made when they are needed: nothing is read from files, no program is run.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace httpteleport::test {

enum class KeyType : uint8_t { kEcdsaP256, kRsa2048 };

// A certificate and its private key, as the text of PEM files.
struct Pem {
  std::string certificate;  // the leaf first, then the intermediates up to the root, without it
  std::string key;          // PKCS #8, not encrypted
};

struct CertificateRequest {
  std::vector<std::string> names{};  // DNS names of subjectAltName; wildcards as "*.example"
  std::vector<std::string> ips{};    // addresses of subjectAltName, in text
  // Of the subject; empty: there is no common name.
  std::string common_name{};
  std::chrono::seconds not_before = std::chrono::hours(-1);  // from now
  std::chrono::seconds valid_for = std::chrono::hours(24);   // from not_before
  KeyType key = KeyType::kEcdsaP256;
  bool client = false;  // for a client that shows itself, instead of a server
};

// The private key of `pem`, encrypted with `passphrase`.
std::string encrypted_key(const Pem& pem, const std::string& passphrase);

// A certificate authority with an ECDSA key. Any thread, one at a time.
class TestCa {
 public:
  // A root.
  explicit TestCa(const std::string& name);
  // An intermediate that `issuer` has signed.
  TestCa(const std::string& name, const TestCa& issuer);
  TestCa(TestCa&&) noexcept;
  TestCa& operator=(TestCa&&) noexcept;
  ~TestCa();

  // Dies on what OpenSSL does not accept.
  Pem issue(const CertificateRequest& request) const;
  // The CA's own certificate, for those who are to trust it.
  const std::string& pem() const { return pem_; }

 private:
  struct Identity;

  std::unique_ptr<Identity> identity_;
  std::string pem_;
  std::string chain_;  // pem_ and those above it but for the root; empty for a root
};

}  // namespace httpteleport::test
