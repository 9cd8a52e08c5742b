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

http::UpstreamStream& TeleportLinks::open_stream(http::ResponseHandler& handler, bool) {
  TeleportLink* best = nullptr;
  for (const auto& link : links_) {
    link->wake();
    const bool better = best == nullptr || link->is_open() > best->is_open() ||
                        (link->is_open() == best->is_open() && link->pending() < best->pending());
    if (better) best = link.get();
  }
  return best->open_stream(handler);
}

void TeleportLinks::drain() {
  for (const auto& link : links_)
    link->drain();
}

}  // namespace httpteleport::upstream
