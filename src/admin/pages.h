// Whole answers made from a request's head.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "proxy/request_handler_factory.h"

namespace httpteleport::admin {

struct Page {
  int status = 200;
  std::string body{};
  std::string_view content_type = "text/plain; charset=utf-8";
  std::string location{};  // with 308
};

class PageSource {
 public:
  virtual Page page_for(const http::RequestHead& head) = 0;

 protected:
  ~PageSource() = default;
};

// Answers every request with a page of `source`, which outlives it.
class PageHandlers final : public proxy::RequestHandlerFactory {
 public:
  explicit PageHandlers(PageSource& source) : source_(source) {}

  std::unique_ptr<http::RequestHandler> make_handler(http::DownstreamStream& downstream,
                                                     const proxy::ClientInfo& client) override;

 private:
  PageSource& source_;
};

// The path of a request's target, without its query.
std::string_view path_of(const http::RequestHead& head);

}  // namespace httpteleport::admin
