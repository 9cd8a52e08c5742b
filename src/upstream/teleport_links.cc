#include "upstream/teleport_links.h"

#include <algorithm>

#include "upstream/teleport_link.h"

namespace httpteleport::upstream {

TeleportLinks::TeleportLinks(const TransportContext& context, const TeleportOptions& options)
    : context_(context), options_(options) {
  for (size_t i = 0; i < options.links; ++i)
    links_.push_back(std::make_unique<TeleportLink>(context_, options_));
}

TeleportLinks::~TeleportLinks() = default;

http::UpstreamStream& TeleportLinks::open_stream(http::ResponseHandler& handler,
                                                 const StreamOptions&) {
  return open_link_stream(handler);
}

TeleportStream& TeleportLinks::open_link_stream(http::ResponseHandler& handler) {
  TeleportLink* best = nullptr;
  for (const auto& link : links_) {
    link->wake();
    const bool better = best == nullptr || link->is_open() > best->is_open() ||
                        (link->is_open() == best->is_open() && link->pending() < best->pending());
    if (better) best = link.get();
  }
  return best->open_stream(handler);
}

void TeleportLinks::on_addresses_changed() {
  if (context_.dialer != nullptr) return;
  std::erase_if(retired_, [](const auto& link) { return !link->is_up() && link->pending() == 0; });
  for (auto& link : links_) {
    if (!link->is_up() || context_.has_address(link->address())) continue;
    link->drain();
    retired_.push_back(std::exchange(link, std::make_unique<TeleportLink>(context_, options_)));
  }
}

void TeleportLinks::drain() {
  for (const auto* links : {&links_, &retired_}) {
    for (const auto& link : *links)
      link->drain();
  }
}

bool TeleportLinks::is_idle() const {
  const auto is_idle = [](const auto& link) { return link->pending() == 0; };
  return std::all_of(links_.begin(), links_.end(), is_idle) &&
         std::all_of(retired_.begin(), retired_.end(), is_idle);
}

}  // namespace httpteleport::upstream
