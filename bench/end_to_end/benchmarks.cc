#include "benchmarks.h"

#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <memory>
#include <optional>

#include "httpteleport/httpteleport.h"
#include "support/allocations.h"

namespace ht = httpteleport;
using Clock = std::chrono::steady_clock;

namespace {

constexpr auto kWarmUp = std::chrono::milliseconds(200);  // or the duration, if that is shorter
constexpr size_t kLatenciesMax = 1'000'000;

[[noreturn]] void die(const std::string& line) {
  std::fprintf(stderr, "end_to_end_bench: %s\n", line.c_str());
  std::exit(1);
}

double cpu_ns_of_process() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto ns = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_usec) * 1e3;
  };
  return ns(usage.ru_utime) + ns(usage.ru_stime);
}

// Client, server, and what is between them.
class Link {
 public:
  Link(const Benchmark& benchmark, const RunOptions& options)
      : server_(make_server(benchmark, options)), client_(make_client(benchmark, options)) {}
  ~Link() {
    client_.reset();
    server_->stop();
  }

  ht::Client& client() { return *client_; }

 private:
  static std::optional<ht::Server> make_server(const Benchmark& benchmark,
                                               const RunOptions& options) {
    ht::ServerOptions to;
    to.compression = benchmark.compression;
    to.protocol = benchmark.protocol;
    // As the Go package's benchmarks have it.
    if (benchmark.batch_delay.count() > 0) to.max_batch_delay = std::chrono::microseconds(100);
    to.concurrency = 2 * benchmark.in_flight + 1000;
    to.pipeline_requests = benchmark.pipelined;
    if (benchmark.tls) to.tls = {options.certificate_file, options.key_file, {}, true};
    auto server = ht::Server::create(
        [](const ht::Request&, ht::Response& response) {
          response.set_body(body(), "text/plain; charset=utf-8");
        },
        to);
    if (!server) die(server.status().to_string());
    if (options.transport == Transport::kTcp) {
      if (const ht::Status status = server->listen("127.0.0.1:0"); !status.ok())
        die(status.to_string());
    }
    return *std::move(server);
  }
  std::optional<ht::Client> make_client(const Benchmark& benchmark, const RunOptions& options) {
    ht::ClientOptions to;
    to.compression = benchmark.compression;
    to.protocol = benchmark.protocol;
    to.max_batch_delay = benchmark.batch_delay;
    to.max_pending = benchmark.in_flight;
    to.tls.enabled = benchmark.tls;
    to.tls.insecure = true;
    if (options.transport == Transport::kTcp) {
      to.address = server_->addresses()[0];
    } else {
      to.address = "localhost";
      to.dial = [this] {
        int ends[2];
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return -1;
        if (!server_->serve_connection(ends[0]).ok()) return -1;
        return ends[1];
      };
    }
    auto client = ht::Client::create(to);
    if (!client) die(client.status().to_string());
    return *std::move(client);
  }

  std::optional<ht::Server> server_;
  std::optional<ht::Client> client_;
};

// Keeps so many requests under way: each answer sends the next request.
class Load {
 public:
  Load(ht::Client& client, size_t in_flight) : client_(client), lanes_(in_flight) {
    latencies_.reserve(in_flight == 1 ? kLatenciesMax : 0);
  }

  uint64_t run_for(Clock::duration duration) {
    latencies_.clear();
    answers_ = 0;
    open_ = lanes_.size();
    until_ = Clock::now() + duration;
    done_ = {};
    auto all_over = done_.get_future();
    for (Lane& lane : lanes_) {
      lane.load = this;
      send(lane);
    }
    all_over.wait();
    return answers_;
  }

  double latency_us(double share) { return at_share(latencies_, share); }

 private:
  static ht::Request make_request() {
    ht::Request request("GET", "/foo/bar");
    request.set_host("foobar");
    return request;
  }
  struct Lane {
    Load* load = nullptr;
    Clock::time_point sent{};
  };

  void send(Lane& lane) {
    if (lanes_.size() == 1) lane.sent = Clock::now();
    const ht::Status taken =
        client_.call_async(request_, [&lane](const ht::Status& status, ht::Response& response) {
          lane.load->on_answer(lane, status, response);
        });
    if (!taken.ok()) die(taken.to_string());
  }
  void on_answer(Lane& lane, const ht::Status& status, ht::Response& response) {
    if (!status.ok()) die(status.to_string());
    if (response.status() != 200 || response.body().size() != kBodyBytes) die("a wrong answer");
    ++answers_;
    if (lanes_.size() == 1 && latencies_.size() < kLatenciesMax) {
      const std::chrono::duration<double, std::micro> taken = Clock::now() - lane.sent;
      latencies_.push_back(taken.count());
    }
    // Asking the time for each answer would be a part of what is measured.
    if (is_over_ || (answers_ % 64 == 0 && Clock::now() >= until_)) is_over_ = true;
    if (!is_over_ && lanes_.size() > 1) return send(lane);
    if (!is_over_ && Clock::now() < until_) return send(lane);
    if (--open_ > 0) return;
    is_over_ = false;
    done_.set_value();
  }

  ht::Client& client_;
  ht::Request request_ = make_request();
  std::vector<Lane> lanes_;
  std::vector<double> latencies_;
  std::promise<void> done_;
  Clock::time_point until_;
  uint64_t answers_ = 0;
  size_t open_ = 0;
  bool is_over_ = false;
};

}  // namespace

double at_share(std::vector<double>& values, double share) {
  if (values.empty()) return 0;
  const auto place =
      values.begin() + static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), place, values.end());
  return *place;
}

std::string_view body() {
  static const std::string text = [] {
    std::string made;
    while (made.size() < kBodyBytes)
      made += "The quick brown fox " + std::to_string(made.size() * 7919 % 1000) +
              " jumps over the lazy dog; ";
    made.resize(kBodyBytes);
    return made;
  }();
  return text;
}

const std::vector<Benchmark>& all_benchmarks() {
  using ht::Compression;
  using ht::Protocol;
  using std::chrono::milliseconds;
  static const std::vector<Benchmark> all = {
      {.name = "EndToEndGetNoDelay1", .in_flight = 1},
      {.name = "EndToEndGetNoDelay10", .in_flight = 10},
      {.name = "EndToEndGetNoDelay100", .in_flight = 100},
      {.name = "EndToEndGetNoDelay1000", .in_flight = 1000},
      {.name = "EndToEndGetNoDelay10K", .in_flight = 10'000},
      {.name = "EndToEndGetDelay1ms", .batch_delay = milliseconds(1)},
      {.name = "EndToEndGetDelay2ms", .batch_delay = milliseconds(2)},
      {.name = "EndToEndGetDelay4ms", .batch_delay = milliseconds(4)},
      {.name = "EndToEndGetDelay8ms", .batch_delay = milliseconds(8)},
      {.name = "EndToEndGetDelay16ms", .batch_delay = milliseconds(16)},
      {.name = "EndToEndGetCompressNone", .batch_delay = milliseconds(1)},
      {.name = "EndToEndGetCompressFlate",
       .compression = Compression::kFlate,
       .batch_delay = milliseconds(1)},
      {.name = "EndToEndGetCompressSnappy",
       .compression = Compression::kSnappy,
       .batch_delay = milliseconds(1)},
      {.name = "EndToEndGetTLSCompressNone", .batch_delay = milliseconds(1), .tls = true},
      {.name = "EndToEndGetTLSCompressFlate",
       .compression = Compression::kFlate,
       .batch_delay = milliseconds(1),
       .tls = true},
      {.name = "EndToEndGetTLSCompressSnappy",
       .compression = Compression::kSnappy,
       .batch_delay = milliseconds(1),
       .tls = true},
      {.name = "EndToEndGetPipeline1", .in_flight = 1, .pipelined = true},
      {.name = "EndToEndGetPipeline10", .in_flight = 10, .pipelined = true},
      {.name = "EndToEndGetPipeline100", .in_flight = 100, .pipelined = true},
      {.name = "EndToEndGetPipeline1000", .in_flight = 1000, .pipelined = true},
      {.name = "EndToEndGetV2NoDelay1", .in_flight = 1, .protocol = Protocol::kV2},
      {.name = "EndToEndGetV2NoDelay1000", .protocol = Protocol::kV2},
      {.name = "EndToEndGetV2CompressNone",
       .batch_delay = milliseconds(1),
       .protocol = Protocol::kV2},
      {.name = "EndToEndGetV2CompressZstd",
       .compression = Compression::kZstd,
       .batch_delay = milliseconds(1),
       .protocol = Protocol::kV2},
  };
  return all;
}

Measurement run(const Benchmark& benchmark, const RunOptions& options) {
  Link link(benchmark, options);
  Load load(link.client(), benchmark.in_flight);
  // Twice: calls that callbacks make and calls that this thread makes are kept apart.
  const auto warm_up = std::min<Clock::duration>(kWarmUp, options.duration) / 2;
  load.run_for(warm_up);
  load.run_for(warm_up);
  const ht::ClientStats before = link.client().stats();
  const uint64_t allocations_before = ht::test::allocations();
  const double cpu_before = cpu_ns_of_process();
  const auto begun = Clock::now();
  const uint64_t requests = load.run_for(options.duration);
  const std::chrono::duration<double, std::nano> wall = Clock::now() - begun;
  const double cpu = cpu_ns_of_process() - cpu_before;
  const uint64_t allocated = ht::test::allocations() - allocations_before;
  const ht::ClientStats after = link.client().stats();
  const auto each = [&](double total) { return total / static_cast<double>(requests); };
  const uint64_t wire = after.links.wire_bytes_sent + after.links.wire_bytes_received -
                        before.links.wire_bytes_sent - before.links.wire_bytes_received;
  return {.requests = requests,
          .wall_ns = each(wall.count()),
          .cpu_ns = each(cpu),
          .allocations = each(static_cast<double>(allocated)),
          .wire_bytes = each(static_cast<double>(wire)),
          .p50_us = load.latency_us(0.5),
          .p99_us = load.latency_us(0.99)};
}
