#include "admin/pages.h"

#include "proxy/local_reply.h"

namespace httpteleport::admin {

namespace {

// The answer is made when the request is complete, so that a body, which no page asks for, is read
// past.
class PageRequest final : public http::RequestHandler {
 public:
  PageRequest(PageSource& source, http::DownstreamStream& downstream)
      : source_(source), downstream_(downstream) {}

  void on_request_head(http::RequestHead& head, std::string_view) override {
    if (head.refusal) {
      refused_ = true;
      return proxy::send_error_reply(downstream_, *head.refusal);
    }
    page_ = source_.page_for(head);
  }
  void on_request_body(std::string_view) override {}
  void on_request_end(const http::Fields&) override {
    if (refused_) return;
    if (!page_.location.empty())
      return proxy::send_redirect(downstream_, page_.status, page_.location);
    proxy::send_local_reply(downstream_, page_.status, page_.body, page_.content_type);
  }
  void on_downstream_gone(const Error&) override {}
  void on_response_blocked() override {}
  void on_response_unblocked() override {}

 private:
  PageSource& source_;
  http::DownstreamStream& downstream_;
  Page page_;
  bool refused_ = false;
};

}  // namespace

std::unique_ptr<http::RequestHandler> PageHandlers::make_handler(http::DownstreamStream& downstream,
                                                                 const proxy::ClientInfo&) {
  return std::make_unique<PageRequest>(source_, downstream);
}

std::string_view path_of(const http::RequestHead& head) {
  return head.target.substr(0, head.target.find('?'));
}

}  // namespace httpteleport::admin
