// What automatic certificates are asked for with. `config` fills it from flags.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

namespace httpteleport::acme {

struct Options {
  // Certificates, their keys and the account key; made when it does not exist.
  std::string cache_dir = "autocert-cache";
  // RE2. A name gets a certificate when this matches anywhere in it, so anchors are the operator's.
  std::string host_regexp = "^.*$";
  // https, or http on a loopback address.
  std::string directory_url = "https://acme-v02.api.letsencrypt.org/directory";
  // PEM file of the CAs to trust for the directory instead of the system's; empty: the system's.
  std::string ca_file;
  // Where the CA may write to; empty: nowhere.
  std::string email;
  // Somebody serves Manager::http01_answer() at port 80 of the names.
  bool http01_enabled = false;

  // Part of a certificate's lifetime after which a new one is ordered, and how much later by chance
  // at most, so that certificates obtained together are not renewed together.
  double renewal_fraction = 2.0 / 3;
  double renewal_jitter = 0.05;
  // Between two orders for one name that both succeed, whatever the certificate's dates say.
  std::chrono::seconds renewal_pause_min{60};

  // A name that failed is left alone: first pause, times kBackoffFactor with each further failure,
  // at most the last. Let's Encrypt allows five failures of a name an hour.
  std::chrono::seconds backoff_min{60};
  std::chrono::seconds backoff_max{8 * 3600};
  // At most after a failure that only says that the CA is down, however many there were: when it is
  // back, nobody should be without a certificate for hours.
  std::chrono::seconds outage_pause_max{600};
  // A CA's Retry-After is honoured up to this.
  std::chrono::seconds retry_after_max{24 * 3600};
  // One order, from the first request to the certificate.
  std::chrono::seconds order_timeout{300};
  // One HTTP request.
  std::chrono::seconds request_timeout{30};

  size_t names_max = 10'000;      // with a certificate, wanted, or failed not long ago
  size_t names_queued_max = 100;  // wanted, and no order begun
  size_t orders_active_max = 8;   // at a time; one a name
  size_t orders_per_hour_max = 90;
};

}  // namespace httpteleport::acme
