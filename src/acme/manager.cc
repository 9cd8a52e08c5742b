#include "acme/manager.h"

#include <signal.h>

#include <algorithm>
#include <ctime>
#include <random>
#include <utility>

#include "base/assert.h"
#include "base/log.h"
#include "base/text.h"
#include "tls/trust_store.h"

namespace httpteleport::acme {

namespace {

// The wall clock may be set meanwhile, so that a renewal is due sooner than was thought.
constexpr std::chrono::minutes kWaitMax{10};

Moment moment() {
  return {.steady = std::chrono::steady_clock::now(), .wall = std::time(nullptr)};
}

std::string duration_in_words(std::chrono::seconds pause) {
  const auto seconds = pause.count();
  if (seconds < 120) return std::to_string(seconds) + " s";
  if (seconds < 7200) return std::to_string(seconds / 60) + " min";
  return std::to_string(seconds / 3600) + " h";
}

// The process's signals are for others, and a CA that goes away must not end it by SIGPIPE.
void block_signals() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

}  // namespace

std::unique_ptr<Manager> Manager::create(const Options& options, std::string& error) {
  if (!HttpClient::accepts(options.directory_url)) {
    error = "the directory " + options.directory_url + " is not an https address";
    return nullptr;
  }
  std::string reason;
  auto pattern = HostPattern::compile(options.host_regexp, reason);
  if (!pattern) {
    error = "the host expression " + options.host_regexp + ": " + reason;
    return nullptr;
  }
  return std::unique_ptr<Manager>(new Manager(options, std::move(pattern)));
}

Manager::Manager(const Options& options, std::unique_ptr<const HostPattern> pattern)
    : options_(options),
      pattern_(std::move(pattern)),
      store_(options.cache_dir),
      http_({.ca_file = options.ca_file, .request_timeout = options.request_timeout}),
      names_(options_, std::random_device()()) {}

Manager::~Manager() {
  stop();
}

Result<void> Manager::start() {
  HT_ASSERT(!thread_.joinable());
  if (const auto opened = store_.open(); !opened) return opened.error();
  // A file that is missing should not show only when the first order fails.
  if (!options_.ca_file.empty()) {
    if (const auto trusted = tls::TrustStore::load(options_.ca_file); !trusted)
      return trusted.error();
  }
  auto key = store_.account_key();
  if (!key) return key.error();
  std::optional<AccountKey> account = AccountKey::adopt(std::move(*key));
  if (!account) return Error{Code::kBadConfig, Source::kInternal, 0, "the account key is unusable"};
  ca_.emplace(options_, std::move(*account), http_);
  if (store_.is_exposed())
    log_line(LogLevel::kWarn, "acme: others than the owner can look into " + options_.cache_dir +
                                  ", where private keys are");
  load();
  thread_ = std::thread([this] { run(); });
  return {};
}

void Manager::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  http_.cancel();
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

Found Manager::find(std::string_view server_name) const {
  const std::optional<std::string> name = canonical_host_name(server_name);
  if (!name) return {};
  const Moment now = moment();
  {
    const std::lock_guard lock(mutex_);
    const size_t queued = names_.queued();
    std::optional<Found> found = names_.find(*name, now);
    if (names_.queued() != queued) changed_.notify_all();
    // Nobody should wait for an order that nobody is at work on.
    if (found && stopping_ && found->answer == Answer::kPending) return {};
    if (found) return *std::move(found);
  }
  if (!pattern_->admits(*name)) return {};
  const std::lock_guard lock(mutex_);
  if (stopping_) return {};
  // Another thread may have been quicker.
  std::optional<Found> found = names_.find(*name, now);
  if (!found) found = names_.add(*name, now);
  changed_.notify_all();
  return *std::move(found);
}

Manager::CertificatePtr Manager::challenge(std::string_view server_name) const {
  const std::optional<std::string> name = canonical_host_name(server_name);
  return name ? challenges_.certificate(*name) : nullptr;
}

void Manager::load() {
  const Moment now = moment();
  for (const std::string& name : store_.names(options_.names_max)) {
    if (!pattern_->admits(name)) continue;
    CertificatePtr certificate = store_.load(name);
    const std::lock_guard lock(mutex_);
    if (certificate) names_.adopt(name, std::move(certificate), now);
  }
}

void Manager::run() {
  block_signals();
  while (!is_stopping()) {
    begin_orders();
    Order* order = next_order();
    if (order != nullptr && order->next_step() <= std::chrono::steady_clock::now())
      advance(*order);
    else
      wait_until(order != nullptr ? order->next_step() : TimePoint::max());
  }
  orders_.clear();
}

void Manager::begin_orders() {
  for (;;) {
    std::optional<NameTable::Job> job;
    {
      const std::lock_guard lock(mutex_);
      job = names_.begin(moment());
    }
    if (!job) return;
    if (adopt_stored(job->name)) continue;
    std::vector<ChallengeKind> kinds = {ChallengeKind::kTlsAlpn01};
    if (options_.http01_enabled) kinds.insert(kinds.begin(), ChallengeKind::kHttp01);
    if (job->other_challenge) std::reverse(kinds.begin(), kinds.end());
    const Order::Context context{options_, *ca_, challenges_};
    orders_.emplace_back(context, std::move(job->name), std::move(kinds));
  }
}

// Another process that shares the folder may have been quicker.
bool Manager::adopt_stored(const std::string& name) {
  CertificatePtr certificate = store_.load(name);
  if (!certificate) return false;
  const Moment now = moment();
  const std::lock_guard lock(mutex_);
  if (names_.is_due(*certificate, now)) return false;
  names_.on_found(name, std::move(certificate), now);
  return true;
}

Order* Manager::next_order() {
  const auto next = std::min_element(
      orders_.begin(), orders_.end(),
      [](const Order& a, const Order& b) { return a.next_step() < b.next_step(); });
  return next != orders_.end() ? &*next : nullptr;
}

void Manager::advance(Order& order) {
  order.step();
  if (!order.is_over() || is_stopping()) return;
  conclude(order);
  orders_.remove_if([&](const Order& other) { return &other == &order; });
}

void Manager::conclude(Order& order) {
  if (order.state() == Order::State::kObtained) return on_obtained(order);
  const Failure& failure = order.failure();
  const Setback setback{.retry_after = failure.retry_after,
                        .ca_is_down = failure.ca_is_down,
                        .challenge_failed = order.challenge_failed()};
  std::chrono::seconds pause;
  {
    const std::lock_guard lock(mutex_);
    pause = names_.on_failure(order.name(), setback, moment());
  }
  log_line(LogLevel::kWarn, "acme: no certificate for " + order.name() + ": " + failure.text +
                                "; not tried again before " + duration_in_words(pause));
}

// A certificate that cannot be stored is used all the same: to lose it costs an order at the next
// start, to drop it costs the site.
void Manager::on_obtained(const Order& order) {
  const auto saved = store_.save(order.name(), order.chain_pem(), order.key_pem());
  if (!saved)
    log_line(LogLevel::kError, "acme: the certificate for " + order.name() +
                                   " is lost at the next start: " + in_words(saved.error()));
  bool renewed = false;
  {
    const std::lock_guard lock(mutex_);
    renewed = names_.on_obtained(order.name(), order.certificate(), moment());
  }
  log_line(LogLevel::kInfo, std::string("acme: ") + (renewed ? "renewed" : "obtained") +
                                " the certificate for " + order.name() + ", good until " +
                                utc_date(order.certificate()->not_after()));
}

void Manager::wait_until(TimePoint when) {
  std::unique_lock lock(mutex_);
  const Moment now = moment();
  when = std::min({when, names_.next_begin(now), now.steady + kWaitMax});
  if (!stopping_ && when > now.steady) changed_.wait_until(lock, when);
}

bool Manager::is_stopping() const {
  const std::lock_guard lock(mutex_);
  return stopping_;
}

}  // namespace httpteleport::acme
