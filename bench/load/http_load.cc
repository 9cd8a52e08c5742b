// Puts load on an HTTP server or proxy at 127.0.0.1, in one thread, and prints what came of it as
// JSON. Every answer is checked: status, length, and the body where it is known.
//
// Closed loop: each connection asks again when it has its answer. With --rate requests are due at
// a constant pace whatever the answers do, and latency counts from when a request was due; it
// takes a free connection, or waits for one. With --requests the run ends when so many have been
// answered; where its time ends first, those that are left are said to be unfinished.
#include <sys/prctl.h>
#include <sys/resource.h>

#include <csignal>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "client.h"
#include "counters.h"
#include "latencies.h"
#include "load_options.h"
#include "pace.h"
#include "pairs.h"
#include "relay/sockets.h"

namespace httpteleport::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr uint64_t kFailuresMax = 1000;  // then the run ends: nothing is measured any more
constexpr auto kDrainTime = std::chrono::seconds(2);
constexpr auto kHoldTimeMax = std::chrono::minutes(10);
constexpr size_t kStartingMax = 64;  // first requests at one time, with --hold

constexpr size_t kStatusAt = 9;  // "HTTP/1.1 200"

volatile std::sig_atomic_t g_ended = 0;

// The requests, one after the other and again from the start.
class Requests {
 public:
  explicit Requests(const LoadOptions& options) {
    if (options.pairs.empty()) {
      text_ = "GET " + options.target + " HTTP/1.1\r\nHost: bench.test\r\n" +
              (options.close_each ? "Connection: close\r\n" : "") + "\r\n";
      works_.push_back({.request = text_, .body_bytes = options.body_bytes});
      return;
    }
    std::string error;
    auto pairs = read_pairs(options.pairs, error);
    if (!pairs) {
      std::fprintf(stderr, "http_load: %s: %s\n", options.pairs.c_str(), error.c_str());
      std::exit(1);
    }
    pairs_ = std::move(*pairs);
    for (const Pair& pair : pairs_)
      answers_[pair.key].push_back(
          {.status = std::stoi(pair.response.substr(kStatusAt, 3)), .body = pair.response_body()});
    for (const Pair& pair : pairs_)
      works_.push_back(work_of(pair));
  }

  const Work& next() {
    const Work& work = works_[next_];
    next_ = next_ + 1 == works_.size() ? 0 : next_ + 1;
    return work;
  }

 private:
  Work work_of(const Pair& pair) const {
    const std::string_view method =
        std::string_view(pair.request).substr(0, pair.request.find(' '));
    return {.request = pair.request,
            .method = http::method_of(method),
            .response_bytes = pair.response.size(),
            .answers = &answers_.at(pair.key)};
  }

  std::string text_;
  std::vector<Pair> pairs_;
  std::unordered_map<std::string, std::vector<Expected>> answers_;
  std::vector<Work> works_;
  size_t next_ = 0;
};

class Load {
 public:
  explicit Load(const LoadOptions& options)
      : options_(options), requests_(options), counters_(map_counters(options.counters)) {
    if (options.tls != 0)
      tls_ = make_client_context(options.tls == 12 ? TLS1_2_VERSION : TLS1_3_VERSION);
    client_options_ = {.port = static_cast<uint16_t>(options.port),
                       .tls = tls_.get(),
                       .resume = options.resume,
                       .close_each = options.close_each,
                       .handshake_only = options.handshake_only};
    for (uint64_t i = 0; i < options.connections; ++i) {
      clients_.push_back(std::make_unique<Client>(client_options_));
      free_.push_back(clients_.back().get());
    }
  }

  int run() {
    start_ = Clock::now();
    end_ = start_ + std::chrono::seconds(options_.seconds);
    if (options_.hold) {
      hold();
    } else if (options_.rate != 0) {
      run_paced();
    } else {
      run_closed();
    }
    print();
    return failures_.empty() ? 0 : 1;
  }

 private:
  void run_closed() {
    while (!free_.empty() && may_start())
      start_next(Clock::now());
    while (Clock::now() < end_ && !given_up() && !has_had_all())
      wait(end_);
    if (options_.requests != 0) unfinished_ = options_.requests - started_ + in_flight_;
  }

  void run_paced() {
    pace_.emplace(start_, options_.rate);
    while (Clock::now() < end_ && !given_up()) {
      send_due(Clock::now());
      wait(std::min(pace_->next(), end_));
    }
    // What was due is still to be answered, and counts with all of its delay.
    const auto last = end_ + kDrainTime;
    while ((!waiting_.empty() || in_flight_ > 0) && Clock::now() < last && !given_up())
      wait(last);
    for (const auto& client : clients_) {
      if (client->in_exchange()) record(client->due());
    }
    for (const Clock::time_point due : waiting_)
      record(due);
    unfinished_ = waiting_.size() + in_flight_;
  }

  void hold() {
    const auto last = start_ + kHoldTimeMax;
    while (!g_ended && Clock::now() < last && !given_up()) {
      while (!free_.empty() && in_flight_ < kStartingMax)
        start_next(Clock::now());
      counters_->open = answers_ - failure_count_;
      wait(std::min(last, Clock::now() + std::chrono::milliseconds(100)));
    }
  }

  bool given_up() const { return failure_count_ > kFailuresMax; }

  bool may_start() const { return options_.requests == 0 || started_ < options_.requests; }
  bool has_had_all() const { return !may_start() && in_flight_ == 0; }

  // Makes all due requests that have a free connection; the others queue.
  void send_due(Clock::time_point now) {
    while (pace_->is_due(now))
      waiting_.push_back(pace_->take());
    while (!waiting_.empty() && !free_.empty())
      start_waiting();
  }

  void start_waiting() {
    const Clock::time_point due = waiting_.front();
    waiting_.pop_front();
    start_next(due);
  }

  void start_next(Clock::time_point due) {
    Client* client = free_.front();
    free_.pop_front();
    ++in_flight_;
    ++started_;
    after(*client, client->start(epoll_fd_, requests_.next(), due));
  }

  // Waits for events until `deadline` and serves them.
  void wait(Clock::time_point deadline) {
    std::array<epoll_event, 256> events;
    const auto left = std::max(Clock::duration::zero(), deadline - Clock::now());
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
    const timespec timeout{.tv_sec = seconds.count(),
                           .tv_nsec = std::chrono::nanoseconds(left - seconds).count()};
    const int count = epoll_pwait2(epoll_fd_, events.data(), events.size(), &timeout, nullptr);
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events[static_cast<size_t>(i)];
      auto& client = *static_cast<Client*>(event.data.ptr);
      if (!client.is_open()) continue;
      const bool idle = !client.in_exchange();
      const Client::Step step = client.on_events(event.events);
      if (idle && step == Client::Step::kFailed) {
        count_failure(client.failure());
      } else {
        after(client, step);
      }
    }
  }

  void after(Client& client, Client::Step step) {
    if (step == Client::Step::kGoing) return;
    --in_flight_;
    if (step == Client::Step::kFailed) {
      count_failure(client.failure());
    } else {
      count_answer(client);
    }
    if (options_.hold) return;
    free_.push_back(&client);
    if (given_up()) return;
    if (pace_) {
      if (!waiting_.empty()) start_waiting();
    } else if (const auto now = Clock::now(); now < end_ && may_start()) {
      start_next(now);
    }
  }

  void count_failure(const char* why) {
    ++failures_[why];
    counters_->failures = ++failure_count_;
  }

  void count_answer(const Client& client) {
    counters_->answers = ++answers_;
    body_bytes_ += client.body_bytes();
    counters_->body_bytes = body_bytes_;
    request_bytes_ += client.work().request.size();
    response_bytes_ += client.work().response_bytes;
    received_bytes_ += client.received_bytes();
    last_answer_ = Clock::now();
    if (client.was_resumed()) counters_->resumed = ++resumed_;
    record(client.due());
  }

  void record(Clock::time_point due) {
    const auto margin = std::chrono::milliseconds(options_.margin_ms);
    if (due < start_ + margin || due >= end_ - margin) return;
    const auto late = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - due);
    latencies_.add(static_cast<uint64_t>(std::max<int64_t>(0, late.count())));
  }

  void print() const {
    const std::pair<const char*, uint64_t> counts[] = {
        {"answers", answers_},
        {"body_bytes", body_bytes_},
        {"request_bytes", request_bytes_},
        {"response_bytes", response_bytes_},
        {"received_bytes", received_bytes_},
        {"resumed", resumed_},
        {"unfinished", unfinished_},
    };
    std::printf("{");
    for (const auto& [name, value] : counts)
      std::printf("\"%s\": %llu, ", name, static_cast<unsigned long long>(value));
    const std::chrono::duration<double> taken = last_answer_ - start_;
    std::printf("\"seconds\": %.6f", taken.count());
    constexpr std::pair<const char*, double> kParts[] = {
        {"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p999", 0.999}, {"max", 1}};
    std::printf(", \"latency_us\": {\"count\": %llu",
                static_cast<unsigned long long>(latencies_.count()));
    for (const auto& [name, part] : kParts)
      std::printf(", \"%s\": %llu", name, static_cast<unsigned long long>(latencies_.at(part)));
    std::printf("}, \"failures\": {");
    const char* comma = "";
    for (const auto& [why, count] : failures_)
      std::printf("%s\"%s\": %llu", std::exchange(comma, ", "), why.c_str(),
                  static_cast<unsigned long long>(count));
    std::printf("}}\n");
  }

  const LoadOptions options_;
  Requests requests_;
  volatile Counters* const counters_;
  SslContext tls_;
  ClientOptions client_options_;
  const int epoll_fd_ = epoll_create1(EPOLL_CLOEXEC);
  std::vector<std::unique_ptr<Client>> clients_;
  std::deque<Client*> free_;
  std::deque<Clock::time_point> waiting_;  // due, and without a connection
  std::optional<Pace> pace_;
  Clock::time_point start_{};
  Clock::time_point end_{};
  Clock::time_point last_answer_{};
  Latencies latencies_;
  std::map<std::string, uint64_t> failures_;
  uint64_t failure_count_ = 0;
  uint64_t in_flight_ = 0;
  uint64_t started_ = 0;
  uint64_t answers_ = 0;
  uint64_t body_bytes_ = 0;
  uint64_t request_bytes_ = 0;   // of what was answered, as it was sent
  uint64_t response_bytes_ = 0;  // of the answers as they were recorded
  uint64_t received_bytes_ = 0;  // of the answers as they came
  uint64_t resumed_ = 0;
  uint64_t unfinished_ = 0;
};

}  // namespace
}  // namespace httpteleport::bench

int main(int argc, char** argv) {
  const auto options = httpteleport::bench::parse_load_options(argc, argv);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGTERM, [](int) { httpteleport::bench::g_ended = 1; });
  // Timers to the microsecond: by default the kernel may be 50 late, which every request would be
  // charged for.
  prctl(PR_SET_TIMERSLACK, 1);
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
  return httpteleport::bench::Load(options).run();
}
