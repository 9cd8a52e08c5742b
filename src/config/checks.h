// Checks of values and of their combinations that need nothing but the values.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "config/end_type.h"
#include "config/httptp_options.h"
#include "config/problems.h"
#include "teleport/link_choice.h"
#include "upstream/balancer/balancer.h"

namespace httpteleport::config {

// Adds to `problems` every value that is out of its range or not among its choices, combinations
// that cannot be, and, as warnings, flags that were given and do nothing.
void check_options(const HttptpOptions& options, Problems& problems);

// The type of -in or -out; that of http for a text that check_options() refuses.
EndType end_type_of(const std::string& text);

// What -inProtocol and -inCompress mean together, and -outProtocol and -outCompress.
teleport::LinkOptions link_in(const HttptpOptions& options);
teleport::LinkOptions link_out(const HttptpOptions& options);

// The elements of a comma-separated list without the blanks around them.
std::vector<std::string> list_elements(const std::string& list);

// -inUnixMode, or nothing.
std::optional<unsigned> parse_unix_mode(const std::string& text);

// -outBalance, or nothing.
std::optional<upstream::BalancerOptions> parse_balance(std::string_view text);

// -logFormat and -logLevel, or nothing.
std::optional<LogFormat> parse_log_format(std::string_view text);
std::optional<LogLevel> parse_log_level(std::string_view text);

// True when certificates for -in are obtained, not read.
bool uses_autocert(const HttptpOptions& options);

}  // namespace httpteleport::config
