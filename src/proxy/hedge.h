// A second attempt of a request whose first one is not answered: both run, and the first answer
// counts.
#pragma once

#include "base/deletable.h"
#include "http/stream.h"
#include "upstream/cluster.h"

namespace httpteleport::proxy {

class Attempts;

// Owned by the attempts of an exchange, which it tells what happens to the second stream. Once that
// answers, or the first one fails, it is adopted: then its events go to the exchange's handler.
class Hedge final : public Deletable, public http::ResponseHandler {
 public:
  Hedge(Attempts& attempts, http::ResponseHandler& handler, upstream::EndpointLease lease)
      : attempts_(attempts), handler_(handler), lease_(std::move(lease)) {}

  // The stream is open until its last event, cancel() or adopt().
  void open(const upstream::StreamOptions& options);
  http::UpstreamStream& stream() { return *stream_; }
  upstream::EndpointLease& lease() { return lease_; }
  // The attempts take over the stream and the lease.
  void adopt(http::UpstreamStream*& stream, upstream::EndpointLease& lease);
  void cancel();

 private:
  void on_response_head(http::ResponseHead& head) override;
  void on_response_body(std::string_view bytes) override;
  int response_pipe() override;
  void on_response_piped(size_t bytes) override;
  void on_response_end(const http::Fields& trailers) override;
  void on_upstream_reset(const Error& error) override;
  void on_request_blocked() override;
  void on_request_unblocked() override;

  Attempts& attempts_;
  http::ResponseHandler& handler_;
  upstream::EndpointLease lease_;
  http::UpstreamStream* stream_ = nullptr;
  bool adopted_ = false;
};

}  // namespace httpteleport::proxy
