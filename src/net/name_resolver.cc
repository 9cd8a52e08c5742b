#include "net/name_resolver.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/assert.h"
#include "base/log.h"

namespace httpteleport::net {

namespace {

constexpr Duration kWarnInterval = std::chrono::minutes(10);

// Resolvers turn the order with each answer; that is no change.
bool is_same_set(const std::vector<Address>& a, const std::vector<Address>& b) {
  return a.size() == b.size() && std::is_permutation(a.begin(), a.end(), b.begin());
}

std::vector<Address> with_port(const std::vector<Address>& addresses, uint16_t port) {
  std::vector<Address> others;
  others.reserve(addresses.size());
  for (const Address& address : addresses)
    others.push_back(address.with_port(port));
  return others;
}

}  // namespace

// One host. Letters are read while its owner lives only; the job itself may outlive it.
class NameResolver::Job final : public event::RefreshJob {
 public:
  Job(NameResolver& owner, std::string host, std::vector<Address> known)
      : owner_(&owner),
        host_(std::move(host)),
        lookup_(owner.options_.lookup),
        retry_interval_(owner.options_.retry_interval),
        addresses_(std::move(known)) {}

  Outcome run() override {
    Result<std::vector<Address>> found = lookup_({.host = host_, .port = 0});
    if (!found) return fail(found.error());
    if (std::exchange(warned_at_, std::nullopt))
      log_line(LogLevel::kInfo, "a name is found again", {{"name", host_}});
    std::vector<Address> addresses = with_port(*found, 0);
    if (addresses.empty() || is_same_set(addresses, addresses_)) return {};
    addresses_ = addresses;
    return {.letter = [owner = owner_, host = host_, addresses = std::move(addresses)] {
      owner->on_found(host, addresses);
    }};
  }

 private:
  Outcome fail(const Error& error) {
    Outcome outcome{.again_after = addresses_.empty() ? retry_interval_ : Duration::zero()};
    const bool is_first = !warned_at_;
    const TimePoint now = std::chrono::steady_clock::now();
    if (!is_first && now - *warned_at_ < kWarnInterval) return outcome;
    warned_at_ = now;
    log_line(LogLevel::kWarn, "cannot look up a name; its last addresses stay in use",
             {{"name", host_}, {"detail", error.detail}});
    if (is_first)
      outcome.letter = [owner = owner_, host = host_, error] { owner->on_failure(host, error); };
    return outcome;
  }

  NameResolver* const owner_;  // for letters
  const std::string host_;
  const Lookup lookup_;
  const Duration retry_interval_;
  std::vector<Address> addresses_;        // with port 0
  std::optional<TimePoint> warned_at_{};  // set while lookups fail
};

NameResolver::NameResolver(event::Loop& loop, const Options& options, NameHandler& handler)
    : options_(options),
      handler_(handler),
      refresher_(loop, {.interval = options.interval, .threads_max = options.threads_max}) {}

NameResolver::NameId NameResolver::add(const HostPort& name, const std::vector<Address>& known) {
  const NameId id = ++last_id_;
  Host& host = hosts_[name.host];
  host.users.push_back(id);
  std::vector<Address> told = with_port(known, 0);
  const bool is_news = !told.empty() && !is_same_set(told, host.addresses);
  if (host.job == 0) {
    host.addresses = told;
    look_up(name.host, told.empty());
  } else if (is_news) {
    // Who is right? The next lookup tells all.
    host.addresses.clear();
    refresher_.remove(host.job);
    look_up(name.host, true);
  } else {
    told = host.addresses;
  }
  users_.emplace(id, User{.host = name.host, .port = name.port, .told = std::move(told)});
  return id;
}

void NameResolver::look_up(const std::string& host, bool at_once) {
  Host& entry = hosts_.at(host);
  entry.job = refresher_.add(std::make_shared<Job>(*this, host, entry.addresses), at_once);
}

void NameResolver::remove(NameId id) {
  const auto user = users_.find(id);
  if (user == users_.end()) return;
  const auto host = hosts_.find(user->second.host);
  std::erase(host->second.users, id);
  if (host->second.users.empty()) {
    refresher_.remove(host->second.job);
    hosts_.erase(host);
  }
  users_.erase(user);
}

std::vector<Address> NameResolver::find(NameId id) const {
  const User& user = users_.at(id);
  return with_port(user.told, user.port);
}

void NameResolver::on_found(const std::string& host, const std::vector<Address>& addresses) {
  hosts_.at(host).addresses = addresses;
  // The handler may add and remove names.
  const std::vector<NameId> ids = hosts_.at(host).users;
  for (const NameId id : ids) {
    const auto user = users_.find(id);
    if (user == users_.end() || is_same_set(user->second.told, addresses)) continue;
    user->second.told = addresses;
    handler_.on_addresses(id, with_port(addresses, user->second.port));
  }
}

void NameResolver::on_failure(const std::string& host, const Error& error) {
  const std::vector<NameId> ids = hosts_.at(host).users;
  for (const NameId id : ids) {
    if (users_.contains(id)) handler_.on_lookup_failure(id, error);
  }
}

}  // namespace httpteleport::net
