#include "admin/metrics_pages.h"

#include "metrics/export.h"
#include "proxy/local_reply.h"

namespace httpteleport::admin {

namespace {

// One request for a page. The answer is made when the request is complete, so that a body, which no
// page asks for, is read past.
class PageRequest final : public http::RequestHandler {
 public:
  PageRequest(MetricsPages& pages, http::DownstreamStream& downstream)
      : pages_(pages), downstream_(downstream) {}

  void on_request_head(http::RequestHead& head, std::string_view) override {
    if (head.refusal) {
      refused_ = true;
      return proxy::send_error_reply(downstream_, *head.refusal);
    }
    page_ = pages_.page_for(head.method, head.target);
  }
  void on_request_body(std::string_view) override {}
  void on_request_end(const http::Fields&) override {
    if (!refused_)
      proxy::send_local_reply(downstream_, page_.status, page_.body, page_.content_type);
  }
  void on_downstream_gone(const Error&) override {}
  void on_response_blocked() override {}
  void on_response_unblocked() override {}

 private:
  MetricsPages& pages_;
  http::DownstreamStream& downstream_;
  MetricsPages::Page page_;
  bool refused_ = false;
};

// The value of `name` in a query string, "" if it is not there.
std::string_view query_value(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const size_t end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    if (pair.starts_with(name) && pair.size() > name.size() && pair[name.size()] == '=')
      return pair.substr(name.size() + 1);
    query.remove_prefix(end == std::string_view::npos ? query.size() : end + 1);
  }
  return {};
}

}  // namespace

std::unique_ptr<http::RequestHandler> MetricsPages::make_handler(http::DownstreamStream& downstream,
                                                                 const proxy::ClientInfo&) {
  return std::make_unique<PageRequest>(*this, downstream);
}

MetricsPages::Page MetricsPages::page_for(http::Method method, std::string_view target) {
  const size_t question = target.find('?');
  const std::string_view path = target.substr(0, question);
  const std::string_view query =
      question == std::string_view::npos ? "" : target.substr(question + 1);
  if (path != "/expvar" && path != "/prometheus") {
    return {.status = 400, .body = "unsupported path; /expvar and /prometheus are there\n"};
  }
  if (method != http::Method::kGet && method != http::Method::kHead) {
    return {.status = 405, .body = "only GET and HEAD are served here\n"};
  }
  if (path == "/prometheus") {
    prometheus_calls_.add();
    std::string text = metrics::to_prometheus(shown_);
    text += "# TYPE prometheusHandlerCalls counter\nprometheusHandlerCalls " +
            std::to_string(prometheus_calls_.value()) + "\n";
    return {.body = std::move(text), .content_type = "text/plain; version=0.0.4; charset=utf-8"};
  }
  return {.body = metrics::to_expvar_json(shown_, query_value(query, "r")),
          .content_type = "application/json; charset=utf-8"};
}

}  // namespace httpteleport::admin
