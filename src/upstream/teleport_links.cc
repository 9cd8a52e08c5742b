#include "upstream/teleport_links.h"

#include "upstream/teleport_link.h"

namespace httpteleport::upstream {

TeleportLinks::TeleportLinks(const TransportContext& context, const TeleportOptions& options)
    : context_(context), options_(options) {
  HT_ASSERT(options.links > 0);
  for (size_t i = 0; i < options.links; ++i)
    links_.push_back(std::make_unique<TeleportLink>(context_, options_));
}

TeleportLinks::~TeleportLinks() = default;

http::UpstreamStream& TeleportLinks::open_stream(http::ResponseHandler& handler) {
  TeleportLink* best = links_.front().get();
  for (const auto& link : links_) {
    if (link->pending() < best->pending()) best = link.get();
  }
  return best->open_stream(handler);
}

void TeleportLinks::drain() {
  for (const auto& link : links_)
    link->drain();
}

}  // namespace httpteleport::upstream
