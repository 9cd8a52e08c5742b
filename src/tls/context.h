// What server and client contexts have in common.
#pragma once

#include "tls/openssl.h"

namespace httpteleport::tls {

// A context with our versions, ciphers, groups and buffer sizes. `method` is TLS_server_method() or
// TLS_client_method().
SslContextPtr make_context(const SSL_METHOD* method);

}  // namespace httpteleport::tls
