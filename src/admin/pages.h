// What is served at an address of the program's own: a whole request in, an answer out, at once or
// later. Control thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "admin/request.h"
#include "proxy/request_handler_factory.h"

namespace httpteleport::admin {

inline constexpr std::string_view kPlainText = "text/plain; charset=utf-8";

// A whole answer, or the head of a stream.
struct Page {
  int status = 200;
  std::string body{};
  std::string_view content_type = kPlainText;  // of static storage; empty: not said
  std::string location{};                      // with 308
  std::vector<std::pair<std::string_view, std::string>> fields{};  // others; names are static
};

// One line that says what is wrong, in the shape that the clients of the older program know.
Page error_page(int status, std::string line);

// 405 that names the methods that are there, a list: "GET, HEAD".
Page method_not_allowed(std::string allow);

// Who feeds a stream. None of these is called from within a call of the stream's but on_blocked().
class StreamOwner {
 public:
  // The client does not take what it is sent for now, which the connection holds / takes it again.
  virtual void on_stream_blocked() = 0;
  virtual void on_stream_unblocked() = 0;
  // The client has gone. Last call; the stream is dead.
  virtual void on_stream_gone() = 0;

 protected:
  ~StreamOwner() = default;
};

class AnswerLane;

// An answer without a known end. Dropping it breaks the answer off.
class AnswerStream {
 public:
  AnswerStream() = default;
  explicit AnswerStream(std::shared_ptr<AnswerLane> lane) : lane_(std::move(lane)) {}
  AnswerStream(AnswerStream&&) = default;
  AnswerStream& operator=(AnswerStream&& other) noexcept;
  ~AnswerStream();

  // Nothing on a stream that is dead.
  void send(std::string_view bytes);
  bool is_open() const;
  // In good order. Last call.
  void end();
  // So that the client sees that something is missing. Last call.
  void reset();

 private:
  std::shared_ptr<AnswerLane> lane_;
};

// The right to answer one request, once. Moved to whoever does it; may outlive the client, whose
// answer is dropped then. When nobody has answered, its end is a 500.
class Answer {
 public:
  explicit Answer(std::shared_ptr<AnswerLane> lane) : lane_(std::move(lane)) {}
  Answer(Answer&&) = default;
  Answer& operator=(Answer&&) = delete;
  ~Answer();

  void send(const Page& page);
  // `head.body` is the first of the stream. `owner` outlives the stream.
  AnswerStream stream(const Page& head, StreamOwner& owner);

 private:
  std::shared_ptr<AnswerLane> lane_;
};

class Site {
 public:
  // Asked before the body of `head` is read; what it returns is the answer.
  virtual std::optional<Page> refuse(const Request& /*head*/) { return std::nullopt; }
  // How long a body may be; a longer one is answered with 413. 0: bodies are read past.
  virtual size_t body_bytes_max() const { return 0; }
  virtual void serve(const Request& request, Answer answer) = 0;

 protected:
  ~Site() = default;
};

// A site whose every answer is there at once.
class PageSource : public Site {
 public:
  virtual Page page_for(const Request& request) = 0;

  void serve(const Request& request, Answer answer) final { answer.send(page_for(request)); }

 protected:
  ~PageSource() = default;
};

// What the bodies of requests take up.
struct HeldBytes {
  size_t now = 0;
  size_t max = 0;
};

// Answers every request at `site`, which outlives it.
class SiteHandlers final : public proxy::RequestHandlerFactory {
 public:
  // `held_bytes_max`: of bodies that are being read, together; over it the one that grows gets 503.
  SiteHandlers(Site& site, size_t held_bytes_max) : site_(site), held_{0, held_bytes_max} {}

  std::unique_ptr<http::RequestHandler> make_handler(http::DownstreamStream& downstream,
                                                     const proxy::ClientInfo& client) override;

 private:
  Site& site_;
  HeldBytes held_;
};

}  // namespace httpteleport::admin
