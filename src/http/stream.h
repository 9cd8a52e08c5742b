// The events in which every protocol speaks of one exchange.
//
//     session (h1, teleport)                         upstream connection (h1, teleport)
//       DownstreamStream  <-- response --  exchange  <-- response --  (calls ResponseHandler)
//       (calls RequestHandler) -- request -->        -- request -->   UpstreamStream
//
// A protocol is an adapter: a session implements DownstreamStream, an upstream connection
// implements UpstreamStream, and neither knows of the other. Whoever answers requests implements
// RequestHandler (proxy::Exchange passes them on, admin answers them itself).
//
// A message is: head, body bytes any number of times, end. Or it breaks off with a reset, after
// which nothing more comes.
//
// A response with status 101 makes the exchange a tunnel. The request, whose head has offered that
// (RequestHead::upgrade), has no body and has ended before; from here on body bytes flow both ways,
// as request body and as response body, and each direction ends by itself, in any order, with the
// same calls as a message: on_request_end() comes, and end_request() is called, a second time.
// Trailers are empty. Whatever else is said below to be the last call of an end is so only when the
// other direction has ended too; until then the lanes live on. A reset breaks off both directions.
//
// A tunnel may carry datagrams in the place of bytes (RFC 9297 has the idea): each passes whole or
// is dropped, no pausing holds them up, and they may come before the 101. Who does not know what to
// do with them drops them.
//
// All calls are on one worker. Heads, bytes and trailers given to a call
// are good until it returns. Flow control is by pausing: a stream that cannot take more says so to
// its handler (on_..._blocked), who pauses the source; pausing is advice and what is on its way is
// still delivered.
#pragma once

#include <string_view>

#include "base/deletable.h"
#include "base/error.h"
#include "http/message.h"

namespace httpteleport::http {

// The answering side of one exchange, called by a session. Owned by the session, which drops it
// after DownstreamStream::end_response() or reset() has been called on it, or after
// on_downstream_gone(); at the end of the turn, so that it may finish what it is doing.
class RequestHandler : public Deletable {
 public:
  // Once, first. `raw` is the text that the views of `head` point into: copying it and rebasing the
  // head is how to keep it. The handler may move the head's contents away.
  virtual void on_request_head(RequestHead& head, std::string_view raw) = 0;
  virtual void on_request_body(std::string_view bytes) = 0;
  virtual void on_request_datagram(std::string_view /*bytes*/) {}
  // `trailers` may be empty.
  virtual void on_request_end(const Fields& trailers) = 0;
  // The client is gone or has broken the protocol; nobody reads an answer. Last call.
  virtual void on_downstream_gone(const Error& error) = 0;
  // The session gives the client the answer for `error` in place of this handler's. Comes just
  // before on_downstream_gone(), or while end_response() or reset() is being called.
  virtual void on_answer_replaced(const Error& /*error*/) {}

  // The session cannot take more of the response for now / again.
  virtual void on_response_blocked() = 0;
  virtual void on_response_unblocked() = 0;
};

// One lane toward a client, given to a RequestHandler. Lives until end_response(), reset() or
// on_downstream_gone(), whichever is first; not to be touched after that.
class DownstreamStream {
 public:
  // Any number of informational heads (1xx but 101), then one final one. `head.body` tells whether
  // a body follows. 101 only with a protocol that the request has offered.
  virtual void send_response_head(ResponseHead& head) = 0;
  virtual void send_response_body(std::string_view bytes) = 0;
  // False: it was dropped.
  virtual bool send_response_datagram(std::string_view /*bytes*/) { return false; }
  // Of body bytes that need not be looked at: the end of an empty pipe(7) to put them into instead,
  // and how many have been put there (perhaps 0), which comes next, unless that is the last call.
  // -1: they must be given as bytes; but if on_response_blocked() was called meanwhile, this is to
  // be asked again when it is unblocked.
  virtual int response_pipe() { return -1; }
  virtual void send_response_piped(size_t /*bytes*/) {}
  // The response is complete. Last call.
  virtual void end_response(const Fields& trailers) = 0;
  // The response cannot be completed: the client must see that. Last call.
  virtual void reset(const Error& error) = 0;

  virtual void pause_request() = 0;
  virtual void resume_request() = 0;

 protected:
  ~DownstreamStream() = default;
};

// The asking side of one exchange, called by an upstream connection.
class ResponseHandler {
 public:
  // Informational heads, then the final one.
  virtual void on_response_head(ResponseHead& head) = 0;
  virtual void on_response_body(std::string_view bytes) = 0;
  virtual void on_response_datagram(std::string_view /*bytes*/) {}
  // See DownstreamStream::response_pipe().
  virtual int response_pipe() { return -1; }
  virtual void on_response_piped(size_t /*bytes*/) {}
  // Last call.
  virtual void on_response_end(const Fields& trailers) = 0;
  // No response, or no more of it. Codes kConnectFailed and kNotSent promise that the endpoint has
  // seen nothing of the request. Last call.
  virtual void on_upstream_reset(const Error& error) = 0;

  // The stream cannot take more of the request for now / again.
  virtual void on_request_blocked() = 0;
  virtual void on_request_unblocked() = 0;

 protected:
  ~ResponseHandler() = default;
};

// One lane toward an endpoint, given to whoever opened it. Lives until on_response_end(),
// on_upstream_reset() or cancel(), whichever is first; not to be touched after that.
//
// None of the calls below calls the ResponseHandler back before it returns, but for
// on_request_blocked().
class UpstreamStream {
 public:
  // First, once.
  virtual void send_request_head(const RequestHead& head) = 0;
  virtual void send_request_body(std::string_view bytes) = 0;
  // False: it was dropped.
  virtual bool send_request_datagram(std::string_view /*bytes*/) { return false; }
  virtual void end_request(const Fields& trailers) = 0;
  // The answer is not wanted any more. Last call.
  virtual void cancel() = 0;

  virtual void pause_response() = 0;
  virtual void resume_response() = 0;

 protected:
  ~UpstreamStream() = default;
};

}  // namespace httpteleport::http
