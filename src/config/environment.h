// Flags from the environment: HTTPTP_ and the flag's name in capitals, its words separated.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/go_flags.h"

namespace httpteleport::config {

// A word begins at a capital behind a small letter, at the last of several capitals when a small
// letter follows, and behind TLS: inMaxHeaderSize is HTTPTP_IN_MAX_HEADER_SIZE, inTLSCert
// HTTPTP_IN_TLS_CERT, outTLSCA HTTPTP_OUT_TLS_CA. A dash becomes '_'.
std::string environment_name(std::string_view flag, std::string_view prefix = "HTTPTP_");

// Sets flags from "NAME=value" entries. Values that are not accepted are added to `errors`,
// variables that begin with `prefix` and name no flag to `warnings`.
void read_environment(const std::vector<std::string>& environment, std::string_view prefix,
                      GoFlags& flags, std::vector<std::string>& errors,
                      std::vector<std::string>& warnings);

}  // namespace httpteleport::config
