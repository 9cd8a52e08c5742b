#include "httpteleport/client.h"

#include <deque>
#include <system_error>
#include <thread>
#include <utility>

#include "api/client_worker.h"
#include "api/log_handler.h"
#include "api/message_data.h"

namespace httpteleport {
inline namespace abi0 {

using internal::Access;

class Client::Impl {
 public:
  explicit Impl(api::ClientSettings settings) : shared_{.settings = std::move(settings)} {
    const ClientOptions& options = shared_.settings.options;
    for (size_t i = 0; i < options.threads; ++i) {
      const bool has_one_more = i < options.connections % options.threads;
      workers_.emplace_back(shared_, options.connections / options.threads + has_one_more);
    }
  }
  ~Impl();

  Status call(const Request& request, Response& response, TimePoint deadline);
  Status call_async(const Request& request, Callback callback, const CallOptions& options,
                    CallId* id);
  Status post(const Request& request);
  void cancel(CallId id);
  size_t pending() const { return shared_.pending.load(std::memory_order_relaxed); }
  ClientStats stats() const;

 private:
  Status call_and_wait(const Request& request, Response& response, TimePoint deadline);
  // A call that holds `request`, for one of the workers, or why it cannot be taken.
  Status begin(const Request& request, size_t worker, api::Call*& call);
  void give_back(api::Call& call);
  size_t choose_worker();

  api::ClientShared shared_;
  std::deque<api::ClientWorker> workers_;
  std::atomic<size_t> waiters_{0};  // inside call()
  std::atomic<size_t> next_worker_{0};
};

namespace {

// A CallId: which worker (10 bits), which Call (22 bits), which use of that (32 bits).
constexpr int kGenerationBits = 32;
constexpr int kIndexBits = 22;
static_assert(api::kClientPendingMax < (1u << kIndexBits));

CallId make_id(size_t worker, const api::Call& call) {
  return {uint64_t{worker} << (kIndexBits + kGenerationBits) |
          uint64_t{call.index()} << kGenerationBits | call.generation()};
}

// Saturates instead of wrapping: a huge timeout is no timeout.
TimePoint deadline_after(Duration timeout) {
  if (timeout == Duration::zero()) return TimePoint::max();
  const TimePoint now = std::chrono::steady_clock::now();
  return timeout > TimePoint::max() - now ? TimePoint::max() : now + timeout;
}

}  // namespace

// Callbacks of one worker may call all others, so none goes before all threads have ended. Whoever
// waits in call() is woken, and must be out of it.
Client::Impl::~Impl() {
  shared_.closing.store(true);
  for (api::ClientWorker& worker : workers_)
    worker.stop();
  for (api::ClientWorker& worker : workers_)
    worker.join();
  while (waiters_.load() > 0) {
    for (api::ClientWorker& worker : workers_)
      worker.fail_all();
    std::this_thread::yield();
  }
}

Status Client::Impl::begin(const Request& request, size_t worker, api::Call*& call) {
  if (shared_.closing.load(std::memory_order_relaxed))
    return {StatusCode::kClosed, "the client is being destroyed"};
  if (shared_.pending.fetch_add(1, std::memory_order_relaxed) >=
      shared_.settings.options.max_pending) {
    shared_.pending.fetch_sub(1, std::memory_order_relaxed);
    return {StatusCode::kOverloaded, "max_pending requests are pending"};
  }
  call = &workers_[worker].acquire();
  const Status status =
      api::encode_request(Access::data(request), shared_.settings.default_host, call->request);
  if (!status.ok()) {
    give_back(*call);
    shared_.pending.fetch_sub(1, std::memory_order_relaxed);
  }
  return status;
}

void Client::Impl::give_back(api::Call& call) {
  call.reset();
  shared_.pool.release(call);
}

// On an I/O thread, that one.
size_t Client::Impl::choose_worker() {
  if (workers_.size() == 1) return 0;
  for (size_t i = 0; i < workers_.size(); ++i) {
    if (workers_[i].is_current()) return i;
  }
  return next_worker_.fetch_add(1, std::memory_order_relaxed) % workers_.size();
}

Status Client::Impl::call(const Request& request, Response& response, TimePoint deadline) {
  waiters_.fetch_add(1);
  const Status status = call_and_wait(request, response, deadline);
  waiters_.fetch_sub(1);  // the last access: the destructor may wait for it
  return status;
}

Status Client::Impl::call_and_wait(const Request& request, Response& response, TimePoint deadline) {
  for (const api::ClientWorker& worker : workers_) {
    if (worker.is_current())
      return {StatusCode::kInvalidArgument, "call() inside a callback would wait for itself"};
  }
  const size_t worker = choose_worker();
  api::Call* call = nullptr;
  if (const Status status = begin(request, worker, call); !status.ok()) return status;
  call->deadline = deadline;
  workers_[worker].submit(*call);
  const Status status = call->wait();
  if (status.ok()) Access::swap(response, call->response);
  give_back(*call);
  return status;
}

Status Client::Impl::call_async(const Request& request, Callback callback,
                                const CallOptions& options, CallId* id) {
  if (!callback) return {StatusCode::kInvalidArgument, "the callback is empty"};
  if (options.timeout < Duration::zero()) return {StatusCode::kTimeout, "the timeout is negative"};
  const size_t worker = choose_worker();
  api::Call* call = nullptr;
  if (const Status status = begin(request, worker, call); !status.ok()) return status;
  call->callback = std::move(callback);
  call->deadline = deadline_after(options.timeout);
  if (id != nullptr) *id = make_id(worker, *call);
  workers_[worker].submit(*call);
  return {};
}

Status Client::Impl::post(const Request& request) {
  const size_t worker = choose_worker();
  api::Call* call = nullptr;
  if (const Status status = begin(request, worker, call); !status.ok()) return status;
  call->wants_answer = false;
  workers_[worker].submit(*call);
  return {};
}

void Client::Impl::cancel(CallId id) {
  const size_t worker = id.value >> (kIndexBits + kGenerationBits);
  const auto index = static_cast<uint32_t>(id.value >> kGenerationBits & ((1u << kIndexBits) - 1));
  if (worker >= workers_.size()) return;
  if (api::Call* call = shared_.pool.find(index))
    workers_[worker].cancel(*call, static_cast<uint32_t>(id.value));
}

ClientStats Client::Impl::stats() const {
  ClientStats stats;
  stats.pending = pending();
  for (const api::ClientWorker& worker : workers_) {
    const metrics::WorkerMetrics& metrics = worker.metrics();
    api::add_to(stats.links, metrics.link);
    stats.calls += worker.answers() + worker.failures();
    stats.answers += worker.answers();
    stats.failures += worker.failures();
    stats.late_answers += metrics.link.late_answers.value();
    stats.connects += metrics.connects.value();
    stats.connect_failures += metrics.connect_errors.value();
  }
  stats.calls += stats.pending;
  return stats;
}

// ---- Client.

Client::Client(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Client::Client(Client&& other) noexcept = default;
Client& Client::operator=(Client&& other) noexcept = default;
Client::~Client() = default;

StatusOr<Client> Client::create(const ClientOptions& options) {
  api::take_over_log();
  StatusOr<api::ClientSettings> settings = api::make_settings(options);
  if (!settings) return settings.status();
  try {
    return Client(std::make_unique<Impl>(*std::move(settings)));
  } catch (const std::system_error& error) {  // of std::thread and event::Loop
    return Status(StatusCode::kSystem, "no thread or descriptor is left for a worker", false,
                  error.code().value());
  }
}

Status Client::call(const Request& request, Response& response, Duration timeout) {
  if (timeout < Duration::zero()) return {StatusCode::kTimeout, "the timeout is negative"};
  return impl_->call(request, response, deadline_after(timeout));
}

StatusOr<Response> Client::call(const Request& request, Duration timeout) {
  Response response;
  if (const Status status = call(request, response, timeout); !status.ok()) return status;
  return response;
}

Status Client::call_until(const Request& request, Response& response,
                          std::chrono::steady_clock::time_point deadline) {
  if (deadline <= std::chrono::steady_clock::now())
    return {StatusCode::kTimeout, "the deadline is past"};
  return impl_->call(request, response, deadline);
}

Status Client::call_async(const Request& request, Callback callback, const CallOptions& options,
                          CallId* id) {
  return impl_->call_async(request, std::move(callback), options, id);
}

Status Client::post(const Request& request) {
  return impl_->post(request);
}

void Client::cancel(CallId id) {
  impl_->cancel(id);
}

size_t Client::pending() const noexcept {
  return impl_->pending();
}

ClientStats Client::stats() const {
  return impl_->stats();
}

}  // namespace abi0
}  // namespace httpteleport
