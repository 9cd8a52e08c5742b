#include "admin/pages.h"

#include "proxy/local_reply.h"

namespace httpteleport::admin {

// Between an answer and the request's handler, either of which may end first.
class AnswerLane {
 public:
  explicit AnswerLane(http::DownstreamStream& downstream) : downstream_(&downstream) {}

  bool is_open() const { return downstream_ != nullptr; }

  void send(const Page& page) {
    if (!is_open()) return;
    http::DownstreamStream& downstream = *std::exchange(downstream_, nullptr);
    if (!page.location.empty()) return proxy::send_redirect(downstream, page.status, page.location);
    http::ResponseHead head = head_of(page);
    head.body = http::BodyLength::known(page.body.size());
    head.declared_length = page.body.size();
    downstream.send_response_head(head);
    downstream.send_response_body(page.body);
    downstream.end_response({});
  }

  void begin_stream(const Page& page, StreamOwner& owner) {
    if (!is_open()) return;
    owner_ = &owner;
    http::ResponseHead head = head_of(page);
    head.body = http::BodyLength::unknown();
    downstream_->send_response_head(head);
    send_bytes(page.body);
  }

  void send_bytes(std::string_view bytes) {
    if (is_open()) downstream_->send_response_body(bytes);
  }

  void end_stream() {
    owner_ = nullptr;
    if (is_open()) std::exchange(downstream_, nullptr)->end_response({});
  }

  void reset() {
    owner_ = nullptr;
    if (!is_open()) return;
    std::exchange(downstream_, nullptr)
        ->reset({Code::kCancelled, Source::kInternal, 0, "the answer is broken off"});
  }

  void on_gone() {
    downstream_ = nullptr;
    if (owner_ != nullptr) std::exchange(owner_, nullptr)->on_stream_gone();
  }
  void on_blocked() {
    if (owner_ != nullptr) owner_->on_stream_blocked();
  }
  void on_unblocked() {
    if (owner_ != nullptr) owner_->on_stream_unblocked();
  }

 private:
  static http::ResponseHead head_of(const Page& page) {
    http::ResponseHead head;
    head.status = page.status;
    head.abandons_request = true;
    head.reason = http::reason_of(page.status);
    if (!page.content_type.empty())
      head.fields.add("Content-Type", page.content_type, http::FieldId::kContentType);
    // No page elsewhere gets at it by calling it a script.
    head.fields.add("X-Content-Type-Options", "nosniff");
    for (const auto& [name, value] : page.fields)
      head.fields.add(name, value);
    return head;
  }

  http::DownstreamStream* downstream_;  // nullptr: answered, or nobody is there any more
  StreamOwner* owner_ = nullptr;
};

namespace {

// The answer is made when the request is complete, so that a body that no page asks for is read
// past.
class SiteRequest final : public http::RequestHandler {
 public:
  SiteRequest(Site& site, HeldBytes& held, http::DownstreamStream& downstream,
              const net::Address& local)
      : site_(site),
        held_(held),
        downstream_(downstream),
        local_(local),
        lane_(std::make_shared<AnswerLane>(downstream)) {}

  void on_request_head(http::RequestHead& head, std::string_view) override {
    if (head.refusal) {
      is_refused_ = true;
      return proxy::send_error_reply(downstream_, *head.refusal);
    }
    request_ = Request::of(head, local_);
    if (const std::optional<Page> refusal = site_.refuse(request_)) return refuse(*refusal);
    const size_t most = site_.body_bytes_max();
    if (most != 0 && head.body.is_known() && head.body.bytes > most) return refuse_large();
    if (!head.expects_continue) return;
    http::ResponseHead go_on;
    go_on.status = 100;
    go_on.reason = http::reason_of(100);
    downstream_.send_response_head(go_on);
  }

  void on_request_body(std::string_view bytes) override {
    const size_t most = site_.body_bytes_max();
    if (most == 0 || is_refused_) return;
    if (bytes.size() > most - request_.body.size()) return refuse_large();
    if (bytes.size() > held_.max - held_.now)
      return refuse(error_page(503, "too much is being uploaded; try again"));
    held_.now += bytes.size();
    request_.body += bytes;
  }

  void on_request_end(const http::Fields&) override {
    if (is_refused_) return;
    site_.serve(request_, Answer(lane_));
    forget_body();
  }

  void on_downstream_gone(const Error&) override {
    forget_body();
    lane_->on_gone();
  }
  void on_response_blocked() override { lane_->on_blocked(); }
  void on_response_unblocked() override { lane_->on_unblocked(); }

 private:
  void refuse(const Page& page) {
    is_refused_ = true;
    forget_body();
    lane_->send(page);
  }
  void refuse_large() {
    refuse({.status = 413,
            .body = "a body may have " + std::to_string(site_.body_bytes_max()) + " bytes\n"});
  }
  // Not left to the destructor, which may come when the server has gone.
  void forget_body() {
    held_.now -= request_.body.size();
    request_.body = {};
  }

  Site& site_;
  HeldBytes& held_;
  http::DownstreamStream& downstream_;
  const net::Address local_;
  std::shared_ptr<AnswerLane> lane_;
  Request request_;
  bool is_refused_ = false;
};

}  // namespace

Page error_page(int status, std::string line) {
  return {.status = status, .body = std::move(line) + "\n"};
}

Page method_not_allowed(std::string allow) {
  std::string line = "only " + allow + " are served here\n";
  return {.status = 405, .body = std::move(line), .fields = {{"Allow", std::move(allow)}}};
}

AnswerStream& AnswerStream::operator=(AnswerStream&& other) noexcept {
  if (this != &other) {
    reset();
    lane_ = std::move(other.lane_);
  }
  return *this;
}

AnswerStream::~AnswerStream() {
  reset();
}

void AnswerStream::send(std::string_view bytes) {
  if (lane_) lane_->send_bytes(bytes);
}

bool AnswerStream::is_open() const {
  return lane_ != nullptr && lane_->is_open();
}

void AnswerStream::end() {
  if (const auto lane = std::exchange(lane_, nullptr)) lane->end_stream();
}

void AnswerStream::reset() {
  if (const auto lane = std::exchange(lane_, nullptr)) lane->reset();
}

Answer::~Answer() {
  if (lane_) lane_->send({.status = 500, .body = "there is no answer to this request\n"});
}

void Answer::send(const Page& page) {
  if (const auto lane = std::exchange(lane_, nullptr)) lane->send(page);
}

AnswerStream Answer::stream(const Page& head, StreamOwner& owner) {
  const auto lane = std::exchange(lane_, nullptr);
  lane->begin_stream(head, owner);
  return AnswerStream(lane);
}

std::unique_ptr<http::RequestHandler> SiteHandlers::make_handler(http::DownstreamStream& downstream,
                                                                 const proxy::ClientInfo& client) {
  return std::make_unique<SiteRequest>(site_, held_, downstream, client.local_address);
}

}  // namespace httpteleport::admin
