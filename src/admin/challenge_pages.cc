#include "admin/challenge_pages.h"

namespace httpteleport::admin {

namespace {

constexpr uint16_t kHttpsPort = 443;

}  // namespace

Page ChallengePages::page_for(const Request& request) {
  const std::string_view path = request.path();
  if (path.starts_with(acme::Manager::kHttp01Prefix)) {
    std::string answer = manager_.http01_answer(path.substr(acme::Manager::kHttp01Prefix.size()));
    if (answer.empty()) return {.status = 404, .body = "no such challenge is under way\n"};
    return {.body = std::move(answer), .content_type = "application/octet-stream"};
  }
  if (request.authority.empty() || !request.target.starts_with('/'))
    return {.status = 404, .body = "everything is served over https\n"};
  std::string host(host_of(request.authority));
  if (host.find(':') != std::string::npos) host = "[" + host + "]";
  std::string location = "https://" + host;
  if (https_port_ != kHttpsPort && https_port_ != 0) location += ":" + std::to_string(https_port_);
  return {.status = 308, .location = location + request.target};
}

}  // namespace httpteleport::admin
