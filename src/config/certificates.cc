#include "config/certificates.h"

#include <algorithm>
#include <ctime>

#include "base/text.h"
#include "config/checks.h"
#include "tls/certificate_store.h"

namespace httpteleport::config {

namespace {

using tls::Certificate;
using tls::TrustStore;

// nullptr with a problem, or when `file` is empty.
std::shared_ptr<const TrustStore> load_cas(std::string_view flag, const std::string& file,
                                           Problems& problems) {
  if (file.empty()) return nullptr;
  Result<std::shared_ptr<const TrustStore>> cas = TrustStore::load(file);
  if (cas) return *std::move(cas);
  problems.fail(flag, file, in_words(cas.error()));
  return nullptr;
}

// It is used all the same: clocks differ, and peers may not look.
void warn_about_dates(std::string_view flag, const std::string& file,
                      const Certificate& certificate, Problems& problems) {
  const std::time_t now = std::time(nullptr);
  const std::string which = "the certificate in " + file;
  if (certificate.not_after() < now)
    problems.warn(flag, which + " expired on " + utc_date(certificate.not_after()));
  if (certificate.not_before() > now)
    problems.warn(flag, which + " is not valid before " + utc_date(certificate.not_before()));
}

// nullptr with a problem.
std::shared_ptr<const Certificate> load_certificate(std::string_view flag, const std::string& chain,
                                                    const std::string& key, Problems& problems) {
  Result<std::shared_ptr<const Certificate>> certificate = Certificate::load(chain, key);
  if (certificate) {
    warn_about_dates(flag, chain, **certificate, problems);
    return *std::move(certificate);
  }
  problems.fail(flag, chain, in_words(certificate.error()) + " (key file \"" + key + "\")");
  return nullptr;
}

}  // namespace

std::optional<tls::ServerOptions> server_tls(
    const HttptpOptions& options, std::shared_ptr<const tls::CertificateProvider> autocert,
    Problems& problems) {
  const std::vector<std::string> chains = list_elements(options.in_tls_cert);
  const std::vector<std::string> keys = list_elements(options.in_tls_key);
  if (!end_type_of(options.in_type).has_tls || (chains.empty() && !autocert)) return {};
  const size_t errors_before = problems.errors().size();
  std::vector<std::shared_ptr<const Certificate>> certificates;
  for (size_t i = 0; i < std::min(chains.size(), keys.size()); ++i)
    certificates.push_back(load_certificate("inTLSCert", chains[i], keys[i], problems));
  tls::ServerOptions made;
  made.client_cas = load_cas("inTLSClientCA", options.in_tls_client_ca, problems);
  if ((certificates.empty() && !autocert) || problems.errors().size() != errors_before) return {};
  made.certificates = std::move(autocert);
  if (!certificates.empty())
    made.certificates = std::make_shared<tls::CertificateStore>(std::move(certificates));
  made.ticket_keys = std::make_shared<tls::TicketKeys>(list_elements(options.in_tls_ticket_key));
  return made;
}

std::optional<tls::ClientOptions> client_tls(const HttptpOptions& options, Problems& problems) {
  if (!end_type_of(options.out_type).has_tls) return {};
  const size_t errors_before = problems.errors().size();
  tls::ClientOptions made;
  made.server_name = options.out_tls_server_name;
  if (!options.out_tls_insecure && !options.out_tls_ca.empty()) {
    made.trusted = load_cas("outTLSCA", options.out_tls_ca, problems);
  } else if (!options.out_tls_insecure) {
    Result<std::shared_ptr<const TrustStore>> cas = TrustStore::system();
    if (cas) {
      made.trusted = *std::move(cas);
    } else {
      problems.fail("outTLSCA", options.out_tls_ca, in_words(cas.error()));
    }
  }
  if (!options.out_tls_cert.empty() && !options.out_tls_key.empty()) {
    made.certificate =
        load_certificate("outTLSCert", options.out_tls_cert, options.out_tls_key, problems);
  }
  if (problems.errors().size() != errors_before) return {};
  return made;
}

void check_autocert_files(const HttptpOptions& options, Problems& problems) {
  load_cas("autocertCAFile", options.autocert_ca_file, problems);
}

}  // namespace httpteleport::config
