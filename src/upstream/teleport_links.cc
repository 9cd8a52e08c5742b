#include "upstream/teleport_links.h"

#include <algorithm>

#include "upstream/teleport_link.h"

namespace httpteleport::upstream {

TeleportLinks::TeleportLinks(const TransportContext& context, const TeleportOptions& options)
    : context_(context), options_(options) {
  for (size_t i = 0; i < options.links; ++i)
    links_.push_back(std::make_unique<TeleportLink>(context_, options_, peer_version_));
}

void TeleportLinks::learn_version() {
  learns_early_ = options_.versions.v0 && options_.versions.v2;
  const bool has_target = context_.dialer != nullptr || !context_.addresses.empty();
  if (learns_early_ && has_target) links_.front()->wake();
}

TeleportLinks::~TeleportLinks() = default;

http::UpstreamStream& TeleportLinks::open_stream(http::ResponseHandler& handler,
                                                 const StreamOptions&) {
  return open_link_stream(handler);
}

TeleportStream& TeleportLinks::open_link_stream(http::ResponseHandler& handler) {
  replace_leaving();
  return choose_link().open_stream(handler);
}

TeleportLink& TeleportLinks::choose_link() {
  if (links_.size() == 1) return *links_.front();
  TeleportLink* best = nullptr;
  TeleportLink::Load least;
  for (const auto& link : links_) {
    link->wake();
    const TeleportLink::Load load = link->load();
    if (best != nullptr && !(load < least)) continue;
    best = link.get();
    least = load;
  }
  return *best;
}

void TeleportLinks::replace_leaving() {
  for (auto& link : links_) {
    if (link->is_leaving()) retire(link);
  }
}

void TeleportLinks::retire(std::unique_ptr<TeleportLink>& link) {
  std::erase_if(retired_, [](const auto& old) { return !old->is_up() && old->pending() == 0; });
  link->drain();
  retired_.push_back(
      std::exchange(link, std::make_unique<TeleportLink>(context_, options_, peer_version_)));
}

void TeleportLinks::on_addresses_changed() {
  if (context_.dialer != nullptr) return;
  for (auto& link : links_) {
    if (link->is_up() && !context_.has_address(link->address())) retire(link);
  }
  if (learns_early_ && peer_version_.known == PeerVersion::Known::kNothing) learn_version();
}

bool TeleportLinks::carries_whole_messages() const {
  if (!options_.versions.v2) return true;
  return options_.versions.v0 && peer_version_.known != PeerVersion::Known::kV2;
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
