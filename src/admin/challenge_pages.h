// What is served at -autocertHTTPAddr: the answers to http-01 challenges (RFC 8555 section 8.3),
// and for everything else the way to https.
#pragma once

#include "acme/manager.h"
#include "admin/pages.h"

namespace httpteleport::admin {

class ChallengePages final : public PageSource {
 public:
  // `manager` outlives this; `https_port` is where the names are served; 0: at a port that only
  // others know, taken to be that of https.
  ChallengePages(const acme::Manager& manager, uint16_t https_port)
      : manager_(manager), https_port_(https_port) {}

  Page page_for(const Request& request) override;

 private:
  const acme::Manager& manager_;
  const uint16_t https_port_;
};

}  // namespace httpteleport::admin
