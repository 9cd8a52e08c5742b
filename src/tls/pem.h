// Private keys as text.
#pragma once

#include <string_view>

#include "tls/openssl.h"

namespace httpteleport::tls {

// To read `text`, which outlives it.
BioPtr memory_bio(std::string_view text);

// No prompt for a passphrase on the operator's terminal: what needs one cannot be read. For the
// PEM_read functions of OpenSSL.
int no_passphrase(char*, int, int, void*);

// Null: it holds no key, or only one with a passphrase.
KeyPtr key_from_pem(std::string_view pem);

}  // namespace httpteleport::tls
