// The files of TLS flags: read, checked and made into what connections use.
#pragma once

#include <memory>
#include <optional>

#include "config/httptp_options.h"
#include "config/problems.h"
#include "tls/client_context.h"
#include "tls/server_context.h"

namespace httpteleport::config {

// Both read files and block. A file that cannot be read or does not fit is a problem; then, and
// when the type has no TLS, the result has no value. The flags themselves are checked already.

// For -in. `autocert`: what obtains the certificates; null: they are read.
std::optional<tls::ServerOptions> server_tls(
    const HttptpOptions& options, std::shared_ptr<const tls::CertificateProvider> autocert,
    Problems& problems);

// For -out.
std::optional<tls::ClientOptions> client_tls(const HttptpOptions& options, Problems& problems);

// -autocertCAFile, which is only read here: libcurl takes the file.
void check_autocert_files(const HttptpOptions& options, Problems& problems);

}  // namespace httpteleport::config
