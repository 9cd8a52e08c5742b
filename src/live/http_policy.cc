#include "live/http_policy.h"

namespace httpteleport::live {

namespace {

constexpr std::string_view kPlainText = "text/plain; charset=utf-8";
constexpr std::string_view kHttps = "https";

// What the client has used, or the proxy before us says that it has.
bool came_by_https(const http::RequestHead& head, const proxy::ClientInfo& client) {
  if (client.scheme == kHttps) return true;
  const http::Field* forwarded = head.fields.find("X-Forwarded-Proto");
  if (forwarded == nullptr) return false;
  // Of several proxies the first one has seen the client.
  std::string_view list = forwarded->value;
  const auto first = http::next_list_element(list);
  return first && http::equals_ignoring_case(*first, kHttps);
}

std::string_view without_port(std::string_view authority) {
  if (authority.starts_with('[')) return authority.substr(0, authority.find(']') + 1);
  return authority.substr(0, authority.find(':'));
}

// RFC 9110 section 15.4: after 301 a client may ask with GET what it has asked with another method.
proxy::LocalAnswer redirect_to_https(const http::RequestHead& head) {
  const bool may_become_get =
      head.method == http::Method::kGet || head.method == http::Method::kHead;
  std::string location = "https://";
  location += without_port(head.authority);
  location += head.target;
  return {.status = may_become_get ? 301 : 308,
          .body = std::make_shared<const std::string>("see " + location + "\n"),
          .fields = {{"Location", location}, {"Content-Type", std::string(kPlainText)}}};
}

}  // namespace

std::optional<proxy::LocalAnswer> HttpPolicy::refuse(const http::RequestHead& head,
                                                     const proxy::ClientInfo& client,
                                                     uint32_t& ticket) {
  // An asterisk is no place that can be gone to.
  if (plan_->https_redirect && !came_by_https(head, client) && !head.authority.empty() &&
      head.target.starts_with('/')) {
    return redirect_to_https(head);
  }
  if (plan_->config->maintenance_mode)
    return error(503, "the service is being maintained; please come back later\n");
  const ServiceLimits::Admission admission =
      plan_->shared->limits.enter(client.address, ServiceLimits::Kind::kRequests, loop_.now());
  if (admission.answer != ServiceLimits::Answer::kAdmitted) return limited(admission);
  ticket = admission.ticket;
  return std::nullopt;
}

proxy::LocalAnswer HttpPolicy::limited(const ServiceLimits::Admission& admission) {
  metrics_.limited.add();
  const bool is_client = admission.answer == ServiceLimits::Answer::kClientFull ||
                         admission.answer == ServiceLimits::Answer::kClientRate;
  proxy::LocalAnswer answer = is_client
                                  ? error(429, "too many requests of this client (client_limits)\n")
                                  : error(503, "too many requests for this service (limits)\n");
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(admission.retry_after).count();
  answer.fields.emplace_back("Retry-After", std::to_string(std::max<int64_t>(1, seconds)));
  return answer;
}

proxy::LocalAnswer HttpPolicy::error(int status, std::string_view line) {
  if (const proxy::LocalAnswer* page = page_for(status)) return *page;
  return {.status = status,
          .body = std::make_shared<const std::string>(line),
          .fields = {{"Content-Type", std::string(kPlainText)}}};
}

const proxy::LocalAnswer* HttpPolicy::page_for(int status) {
  if (!pages_) return nullptr;
  const auto page = pages_->find(status);
  return page == pages_->end() ? nullptr : &page->second;
}

void HttpPolicy::on_request_over(uint32_t ticket) {
  plan_->shared->limits.leave(ticket);
}

}  // namespace httpteleport::live
