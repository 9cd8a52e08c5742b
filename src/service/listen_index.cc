#include "service/listen_index.h"

#include <arpa/inet.h>

#include <algorithm>

#include "base/text.h"
#include "net/address.h"
#include "service/listening.h"
#include "service/value_forms.h"

namespace httpteleport::service {

namespace {

constexpr int kV4 = 1;
constexpr int kV6 = 2;

struct Host {
  std::string text;
  int families = kV4 | kV6;
  bool wildcard = false;
};

int families_of(std::string_view network) {
  if (network.ends_with('4')) return kV4;
  if (network.ends_with('6')) return kV6;
  return kV4 | kV6;
}

std::string canonical(int family, const void* address) {
  char text[INET6_ADDRSTRLEN] = {};
  inet_ntop(family, address, text, sizeof text);
  return text;
}

Host v4_host(const in_addr& address) {
  return {canonical(AF_INET, &address), kV4, address.s_addr == INADDR_ANY};
}

// An IPv6 wildcard takes IPv4 as well, unless the network is one of IPv6 alone.
Host v6_host(const in6_addr& address, std::string_view zone, int families) {
  if (IN6_IS_ADDR_V4MAPPED(&address)) {
    in_addr mapped{};
    std::copy_n(&address.s6_addr[12], 4, reinterpret_cast<uint8_t*>(&mapped));
    return v4_host(mapped);
  }
  const bool wildcard = IN6_IS_ADDR_UNSPECIFIED(&address);
  return {canonical(AF_INET6, &address) + std::string(zone), wildcard ? families | kV6 : kV6,
          wildcard};
}

Host host_of(const std::string& text, std::string_view network) {
  const int families = families_of(network);
  if (text.empty()) return {{}, families, true};
  std::string name = lower_case(text);
  if (name == "localhost") name = families == kV6 ? "::1" : "127.0.0.1";
  in_addr v4{};
  if (inet_pton(AF_INET, name.c_str(), &v4) == 1) return v4_host(v4);
  const size_t percent = std::min(name.find('%'), name.size());
  in6_addr v6{};
  if (inet_pton(AF_INET6, name.substr(0, percent).c_str(), &v6) == 1)
    return v6_host(v6, std::string_view(name).substr(percent), families);
  return {name, families, false};
}

std::string message(const std::string& service, const std::string& field,
                    const std::string& address, const std::string& taken) {
  return "service " + shown_name(service) + ": " + field + "=" + quoted_value(address) + ": " +
         taken;
}

}  // namespace

std::optional<ListenIndex::Place> ListenIndex::place(const ListenerConfig& listener) {
  Place place;
  place.holder.address = listener.address;
  if (const auto path = unix_path_of(listener.address, listener.network)) {
    place.key = "unix " + std::string(*path);
    place.holder.meets_all = true;
    return place;
  }
  const Result<net::HostPort> parts = net::parse_host_port(listener.address);
  if (!parts || parts->port == 0) return std::nullopt;
  place.key = (is_datagram(listener.network) ? "udp " : "tcp ") + std::to_string(parts->port);
  Host host = host_of(parts->host, listener.network);
  place.holder.host = std::move(host.text);
  place.holder.families = host.families;
  place.holder.wildcard = host.wildcard;
  return place;
}

std::vector<ListenIndex::Place> ListenIndex::places(const ServiceConfig& service) {
  std::vector<Place> all;
  const auto take = [&](const ListenerConfig& listener, std::string field) {
    std::optional<Place> found = place(listener);
    if (!found) return;
    found->holder.owner = service.name;
    found->holder.field = std::move(field);
    all.push_back(std::move(*found));
  };
  if (!service.address.empty()) take({service.address, service.network}, "address");
  for (size_t i = 0; i < service.listeners.size(); ++i)
    take(service.listeners[i], "listeners[" + std::to_string(i) + "].address");
  return all;
}

const ListenIndex::Holder* ListenIndex::conflict(const Place& place) const {
  const auto found = held_.find(place.key);
  if (found == held_.end()) return nullptr;
  const Holder& wanted = place.holder;
  for (const Holder& holder : found->second) {
    if (holder.meets_all) return &holder;
    if ((holder.families & wanted.families) == 0) continue;
    if (holder.wildcard || wanted.wildcard || holder.host == wanted.host) return &holder;
  }
  return nullptr;
}

ListenIndex::ListenIndex(const std::vector<ReservedAddress>& reserved) {
  for (const ReservedAddress& one : reserved) {
    std::optional<Place> found = place({one.address, one.network});
    if (!found) continue;
    found->holder.owner = one.flag;
    held_[found->key].push_back(std::move(found->holder));
  }
}

std::optional<std::string> ListenIndex::add(const ServiceConfig& service) {
  std::vector<Place> all = places(service);
  for (size_t i = 0; i < all.size(); ++i) {
    if (const Holder* holder = conflict(all[i])) {
      const bool own = holder->owner == service.name && !holder->field.empty();
      const std::string who =
          holder->field.empty() ? holder->owner : "service " + shown_name(holder->owner);
      std::string line = message(
          service.name, all[i].holder.field, all[i].holder.address,
          (own ? "its " + holder->field + " is the same or takes it: " : who + " listens on ") +
              holder->address + (own ? "" : " already"));
      for (size_t added = 0; added < i; ++added)
        erase(all[added].key, service.name);
      return line;
    }
    held_[all[i].key].push_back(all[i].holder);
  }
  return std::nullopt;
}

void ListenIndex::erase(const Key& key, const std::string& owner) {
  const auto found = held_.find(key);
  if (found == held_.end()) return;
  std::erase_if(found->second, [&](const Holder& holder) {
    return holder.owner == owner && !holder.field.empty();
  });
  if (found->second.empty()) held_.erase(found);
}

void ListenIndex::remove(const ServiceConfig& service) {
  for (const Place& one : places(service))
    erase(one.key, service.name);
}

}  // namespace httpteleport::service
