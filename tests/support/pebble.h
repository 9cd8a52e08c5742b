// A certification authority for tests: pebble, with the DNS server of pebble-challtestsrv, in which
// every name is 127.0.0.1.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "support/process.h"
#include "support/socket.h"
#include "support/temporary_folder.h"

namespace httpteleport::test {

// Ready when the constructor is done; both processes end with it. Aborts when they do not start.
class Pebble {
 public:
  struct Options {
    // Where it comes to check a name: by http-01, and by tls-alpn-01.
    uint16_t http_port = 0;
    uint16_t tls_port = 0;
    // Part of the requests, in percent, that it refuses as if their nonce were bad.
    int nonce_reject_percent = 50;
    // Names it refuses to make an order for, and what ends with one of them.
    std::vector<std::string> blocked_names = {};
    // Of the certificates it issues.
    std::chrono::seconds lifetime = std::chrono::hours(90 * 24);
  };

  explicit Pebble(const Options& options);

  std::string directory_url() const;
  // What to trust to talk to it: the CA file of its own server.
  std::string ca_file() const { return folder_.file("cert.pem"); }
  // PEM of the root of the certificates it issues: what clients of the site trust.
  std::string issuing_root() const;
  // What it has written so far.
  std::string output() const { return pebble_->output(); }

 private:
  void write_server_certificate();
  void write_configuration(const Options& options);
  bool try_start(const Options& options);

  TemporaryFolder folder_;
  uint16_t acme_port_ = 0;
  uint16_t management_port_ = 0;
  uint16_t dns_port_ = 0;
  std::unique_ptr<Process> dns_;
  std::unique_ptr<Process> pebble_;
};

}  // namespace httpteleport::test
