#include "admin/challenge_pages.h"

namespace httpteleport::admin {

namespace {

constexpr uint16_t kHttpsPort = 443;

// `authority` without its port.
std::string_view host_of(std::string_view authority) {
  const size_t end = authority.rfind(':');
  const bool is_port =
      end != std::string_view::npos && authority.find(']', end) == std::string_view::npos;
  return authority.substr(0, is_port ? end : authority.size());
}

}  // namespace

Page ChallengePages::page_for(const http::RequestHead& head) {
  const std::string_view path = path_of(head);
  if (path.starts_with(acme::Manager::kHttp01Prefix)) {
    std::string answer = manager_.http01_answer(path.substr(acme::Manager::kHttp01Prefix.size()));
    if (answer.empty()) return {.status = 404, .body = "no such challenge is under way\n"};
    return {.body = std::move(answer), .content_type = "application/octet-stream"};
  }
  if (head.authority.empty() || !head.target.starts_with('/'))
    return {.status = 404, .body = "everything is served over https\n"};
  std::string location = "https://" + std::string(host_of(head.authority));
  if (https_port_ != kHttpsPort && https_port_ != 0) location += ":" + std::to_string(https_port_);
  return {.status = 308, .location = location + std::string(head.target)};
}

}  // namespace httpteleport::admin
