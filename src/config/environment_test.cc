#include "config/environment.h"

#include <gtest/gtest.h>

namespace httpteleport::config {
namespace {

TEST(EnvironmentName, SeparatesWords) {
  struct {
    std::string_view flag;
    std::string_view variable;
  } const kCases[] = {
      {"in", "HTTPTP_IN"},
      {"inMaxHeaderSize", "HTTPTP_IN_MAX_HEADER_SIZE"},
      {"inTLSCert", "HTTPTP_IN_TLS_CERT"},
      {"inTLSClientCA", "HTTPTP_IN_TLS_CLIENT_CA"},
      {"clientIPHeader", "HTTPTP_CLIENT_IP_HEADER"},
      {"outTLSCA", "HTTPTP_OUT_TLS_CA"},
      {"inAllowIP", "HTTPTP_IN_ALLOW_IP"},
      {"autocertURL", "HTTPTP_AUTOCERT_URL"},
      {"autocertCAFile", "HTTPTP_AUTOCERT_CA_FILE"},
      {"autocertHTTPAddr", "HTTPTP_AUTOCERT_HTTP_ADDR"},
      {"requestIDHeader", "HTTPTP_REQUEST_ID_HEADER"},
      {"xForwarded", "HTTPTP_X_FORWARDED"},
      {"via", "HTTPTP_VIA"},
  };
  for (const auto& c : kCases)
    EXPECT_EQ(environment_name(c.flag), c.variable);
}

}  // namespace
}  // namespace httpteleport::config
