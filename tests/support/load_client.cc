#include "support/load_client.h"

#include <sys/epoll.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <numeric>
#include <queue>

#include "support/load_connection.h"

namespace httpteleport::test {
namespace {

constexpr size_t kScratchBytes = 128 * 1024;
constexpr int kEventsPerTurn = 512;

std::string query_of(uint64_t seed, const std::string& more_query) {
  return "?seed=" + std::to_string(seed) + (more_query.empty() ? "" : "&" + more_query);
}

std::chrono::microseconds percentile(std::vector<uint32_t>& values, double part) {
  if (values.empty()) return {};
  const auto rank = static_cast<std::ptrdiff_t>(part * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), values.begin() + rank, values.end());
  return std::chrono::microseconds(values[static_cast<size_t>(rank)]);
}

}  // namespace

LoadRequest get_bytes(uint64_t size, uint64_t seed, const std::string& more_query) {
  LoadRequest request;
  request.target = "/bytes/" + std::to_string(size) + query_of(seed, more_query);
  request.expected = Content::bytes(size, seed);
  return request;
}

LoadRequest get_json(uint64_t size, uint64_t seed, bool chunked) {
  LoadRequest request;
  request.target = (chunked ? "/chunked/" : "/json/") + std::to_string(size) + query_of(seed, "");
  request.expected = Content::json(size, seed);
  return request;
}

LoadRequest post_hash(const Content& body, bool chunked, const std::string& query) {
  LoadRequest request;
  request.method = "POST";
  request.target = query.empty() ? "/hash" : "/hash?" + query;
  request.has_body = true;
  request.chunked = chunked;
  request.body = body;
  request.check = LoadRequest::Check::kSentHash;
  return request;
}

LoadRequest post_echo(const Content& body, bool chunked) {
  LoadRequest request = post_hash(body, chunked);
  request.target = "/echo";
  request.check = LoadRequest::Check::kContent;
  request.expected = body;
  return request;
}

const char* verdict_name(Verdict verdict) {
  constexpr const char* kNames[kVerdictCount] = {
      "good",         "aborted",      "connect_failed", "closed",  "malformed",
      "wrong_status", "wrong_length", "wrong_body",     "mix_ups", "timed_out"};
  return kNames[static_cast<size_t>(verdict)];
}

uint64_t LoadReport::errors() const {
  return std::accumulate(by_verdict.begin(), by_verdict.end(), uint64_t{0}) - good() - aborted();
}

std::string LoadReport::text() const {
  std::string text;
  for (size_t index = 0; index < kVerdictCount; ++index) {
    if (by_verdict[index] == 0) continue;
    text.append(verdict_name(static_cast<Verdict>(index))).append("=");
    text.append(std::to_string(by_verdict[index])).append(" ");
  }
  for (const std::string& error : first_errors)
    text.append("\n  ").append(error);
  return text;
}

// The loop of one run().
class LoadLoop {
 public:
  explicit LoadLoop(LoadClient& client)
      : client_(client),
        options_(client.options_),
        epoll_(::epoll_create1(EPOLL_CLOEXEC)),
        scratch_(kScratchBytes),
        began_at_(Clock::now()),
        deadline_(began_at_ + client.options_.time_limit) {
    if (!epoll_) die("epoll_create1");
    for (size_t index = 0; index < options_.connections; ++index) {
      connections_.push_back(std::make_unique<LoadConnection>(options_.address, scratch_));
    }
    for (size_t index = options_.connections; index > 0; --index)
      idle_.push_back(index - 1);
    latencies_us_.reserve(options_.requests);
  }

  LoadReport run() {
    std::vector<epoll_event> events(kEventsPerTurn);
    while (ended_ < options_.requests && Clock::now() < deadline_) {
      start_more();
      if (ended_ == options_.requests) break;
      const Deadline next = timers_.empty() ? deadline_ : std::min(deadline_, timers_.top().due);
      const int count =
          ::epoll_wait(epoll_.get(), events.data(), kEventsPerTurn, poll_timeout_ms(next));
      if (count < 0 && errno != EINTR) die("epoll_wait");
      for (int index = 0; index < count; ++index) {
        const epoll_event& event = events[static_cast<size_t>(index)];
        LoadConnection& connection = *connections_[event.data.u64];
        if (!connection.in_exchange()) {  // the server has ended an idle connection
          connection.close();
          continue;
        }
        const bool was_connecting = connection.is_connecting();
        const auto progress = connection.on_events(event.events);
        if (was_connecting) --connecting_;
        settle(event.data.u64, progress);
      }
      run_timers();
    }
    time_out_rest();
    report_.elapsed =
        std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - began_at_);
    report_.p50 = percentile(latencies_us_, 0.50);
    report_.p99 = percentile(latencies_us_, 0.99);
    return std::move(report_);
  }

 private:
  struct Timer {
    Deadline due;
    size_t connection;
    uint64_t exchange;
    bool operator>(const Timer& other) const { return due > other.due; }
  };

  void start_more() {
    while (!idle_.empty() && started_ < options_.requests &&
           connecting_ < options_.connecting_max) {
      const size_t index = idle_.back();
      idle_.pop_back();
      const uint64_t number = started_++;
      LoadRequest request = options_.make(number);
      const uint64_t dice = mix64(options_.seed) ^ mix64(number * 8);
      const AbortPlan plan = AbortPlan::choose(options_.abort_fraction, dice, request);
      names_.resize(connections_.size());
      names_[index] = request.method + " " + request.target + " #" + std::to_string(number);
      LoadConnection& connection = *connections_[index];
      const auto progress = connection.start(std::move(request), number, plan);
      if (connection.is_connecting()) ++connecting_;
      settle(index, progress);
    }
  }

  // After each call into a connection: counts what ended, or tells epoll what it waits for.
  void settle(size_t index, LoadConnection::Progress progress) {
    LoadConnection& connection = *connections_[index];
    if (progress == LoadConnection::Progress::kEnded) return on_ended(index);
    if (progress == LoadConnection::Progress::kSent) {
      ++client_.sent_;
      const AbortPlan& plan = connection.plan();
      if (plan.point == AbortPlan::Point::kWaiting) {
        const Deadline due = Clock::now() + std::chrono::milliseconds(plan.at);
        timers_.push({due, index, connection.exchange_count()});
      }
    }
    const uint32_t wanted = connection.events_wanted();
    if (wanted == connection.events_registered) return;
    epoll_event event{};
    event.events = wanted;
    event.data.u64 = index;
    const int action = connection.events_registered == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    connection.events_registered = wanted;
    if (::epoll_ctl(epoll_.get(), action, connection.fd(), &event) != 0) die("epoll_ctl");
  }

  void on_ended(size_t index) {
    LoadConnection& connection = *connections_[index];
    count(connection.verdict(), names_[index] + ": " + connection.detail());
    report_.body_bytes_sent += connection.body_bytes_sent();
    report_.body_bytes_received += connection.body_bytes_received();
    if (connection.verdict() == Verdict::kGood) {
      const auto taken = std::chrono::duration_cast<std::chrono::microseconds>(
          Clock::now() - connection.started_at());
      latencies_us_.push_back(static_cast<uint32_t>(taken.count()));
    }
    if (started_ == options_.requests) connection.close();
    idle_.push_back(index);
  }

  void count(Verdict verdict, const std::string& detail) {
    ++ended_;
    ++report_.by_verdict[static_cast<size_t>(verdict)];
    ++client_.finished_;
    if (verdict == Verdict::kAborted) ++client_.aborted_;
    const bool good = verdict == Verdict::kGood || verdict == Verdict::kAborted;
    if (good || report_.first_errors.size() >= LoadReport::kFirstErrorsMax) return;
    report_.first_errors.push_back(std::string(verdict_name(verdict)) + ": " + detail);
  }

  void run_timers() {
    const Deadline now = Clock::now();
    while (!timers_.empty() && timers_.top().due <= now) {
      const Timer timer = timers_.top();
      timers_.pop();
      LoadConnection& connection = *connections_[timer.connection];
      if (!connection.in_exchange() || connection.exchange_count() != timer.exchange) continue;
      settle(timer.connection, connection.abort_now());
    }
  }

  void time_out_rest() {
    for (size_t index = 0; index < connections_.size(); ++index) {
      if (!connections_[index]->in_exchange()) continue;
      connections_[index]->time_out();
      on_ended(index);
    }
    while (ended_ < options_.requests)
      count(Verdict::kTimedOut, "not started");
  }

  LoadClient& client_;
  const LoadClient::Options& options_;
  Fd epoll_;
  std::vector<char> scratch_;
  const Deadline began_at_;
  const Deadline deadline_;
  std::vector<std::unique_ptr<LoadConnection>> connections_;
  std::vector<std::string> names_;  // of the requests, by connection
  std::vector<size_t> idle_;
  std::priority_queue<Timer, std::vector<Timer>, std::greater<>> timers_;
  size_t connecting_ = 0;
  uint64_t started_ = 0;
  uint64_t ended_ = 0;
  std::vector<uint32_t> latencies_us_;
  LoadReport report_;
};

LoadReport LoadClient::run() {
  return LoadLoop(*this).run();
}

}  // namespace httpteleport::test
