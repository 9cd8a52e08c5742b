// The teleport links of one worker to one endpoint.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "net/proxy_protocol.h"
#include "teleport/link_options.h"
#include "upstream/transport.h"

namespace httpteleport::upstream {

class TeleportLink;
class TeleportStream;

// What a peer speaks, as far as it is known.
struct PeerVersion {
  enum class Known : uint8_t { kNothing, kV0, kV2 };

  Known known = Known::kNothing;
  TimePoint v0_until{};  // with kV0: when to ask again
};

struct TeleportOptions : teleport::LinkOptions {
  Duration batch_delay{};                // 0: a batch is what one loop turn brings
  size_t batch_bytes = 64 * 1024;        // a batch that has grown to this waits no longer
  size_t links = 1;                      // connections of this worker to the endpoint
  size_t request_head_bytes_max = 4096;  // the peer's limit: over it that request fails
  size_t response_head_bytes_max = 4096;
  size_t request_bytes_max = 64 * 1024 * 1024;         // of a request that v0 must have whole
  size_t response_bytes_max = 64 * 1024 * 1024;        // of a response held for a slow client
  size_t pending_max = 100'000;                        // requests without an answer, on one link
  Duration connect_timeout = std::chrono::seconds(3);  // TCP, and then again the handshake
  Duration idle_timeout = std::chrono::seconds(90);    // below the peer's 120 s
  // A peer from which nothing comes, while requests go to it, is given up: as long as a Go end
  // waits.
  Duration silence_timeout = std::chrono::seconds(120);
  Duration reconnect_delay_min = std::chrono::milliseconds(20);
  Duration reconnect_delay_max = std::chrono::seconds(1);
  Duration dead_peer_timeout = std::chrono::seconds(60);  // sent bytes nobody acknowledges
  // How long a peer that was found to speak only v0 is not asked for v2 again.
  Duration v0_memory = std::chrono::minutes(1);
  // Each link begins with a PROXY header that names nobody: its requests are many clients'.
  std::optional<net::ProxyVersion> proxy_header;
};

// Owned by an endpoint. An exchange goes to the open link that has the fewest bytes to get rid of,
// and of those to the one with the fewest pending ones; to a link whose peer takes nothing, only
// where there is no other; only while none is open, to one that is being opened.
class TeleportLinks final : public Transport {
 public:
  // `options` outlive it, and may change: what begins from then on has the new ones.
  TeleportLinks(const TransportContext& context, const TeleportOptions& options);
  ~TeleportLinks() override;

  // What the peer speaks decides how requests are sent (carries_whole_messages()): connects before
  // there is one, as soon as there is an address. Without it, the first request connects.
  void learn_version();

  http::UpstreamStream& open_stream(http::ResponseHandler& handler,
                                    const StreamOptions& options) override;
  // The same, for messages that are made as a whole (TeleportStream::send_message()).
  TeleportStream& open_link_stream(http::ResponseHandler& handler);
  void on_addresses_changed() override;
  void drain() override;
  bool is_idle() const override;
  bool carries_whole_messages() const override;

 private:
  TeleportLink& choose_link();
  // A link that wants no new streams is replaced.
  void replace_leaving();
  void retire(std::unique_ptr<TeleportLink>& link);

  TransportContext context_;
  const TeleportOptions& options_;
  PeerVersion peer_version_;
  bool learns_early_ = false;
  std::vector<std::unique_ptr<TeleportLink>> links_;
  // To addresses that are gone, or to peers that go away; kept until their last answers have come.
  std::vector<std::unique_ptr<TeleportLink>> retired_;
};

}  // namespace httpteleport::upstream
