// Everything at once through one link: a long upload, a long download, WebSockets, and small
// requests at a constant rate, whose latency is measured without the others and with them. Every
// byte that comes back is checked.
//
//   isolation_load PORT BYTES RATE QUIET_SECONDS WEBSOCKETS TRANSFERS SEED
//
// PORT of 127.0.0.1 leads to the origin of tests/support/origin.h. First QUIET_SECONDS with small
// requests only; a line "quiet" is printed behind them, and the rest begins when a line is read.
// Then TRANSFERS uploads and as many downloads, of BYTES each, until all are over. The last line is
// JSON. Exit code 1: something was wrong.
#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "load/pace.h"
#include "support/content.h"
#include "support/http_message.h"
#include "support/load_client.h"

namespace httpteleport::bench {
namespace {

using test::Address;
using test::Content;
using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr size_t kAsking = 64;  // small requests that may be under way at a time
constexpr auto kWebSocketPause = 100ms;
constexpr auto kPatience = 60s;

struct Options {
  Address address{};
  uint64_t bytes = 0;
  uint64_t rate = 0;
  std::chrono::seconds quiet{};
  size_t websockets = 0;
  size_t transfers = 1;
  uint64_t seed = 0;
};

// What went wrong, from any thread.
class Faults {
 public:
  void add(const std::string& what) {
    const std::lock_guard lock(mutex_);
    if (++count_ <= 20) std::fprintf(stderr, "FAULT: %s\n", what.c_str());
  }
  size_t count() const {
    const std::lock_guard lock(mutex_);
    return count_;
  }

 private:
  mutable std::mutex mutex_;
  size_t count_ = 0;
};

struct Figures {
  uint64_t count = 0;
  uint64_t bytes = 0;
  double p50_ms = 0;
  double p99_ms = 0;

  std::string json() const {
    char text[160];
    std::snprintf(text, sizeof text,
                  R"({"count": %llu, "bytes": %llu, "p50_ms": %.2f, "p99_ms": %.2f})",
                  static_cast<unsigned long long>(count), static_cast<unsigned long long>(bytes),
                  p50_ms, p99_ms);
    return text;
  }
};

Figures figures_of(std::vector<double> latencies_ms, uint64_t bytes) {
  Figures figures{.count = latencies_ms.size(), .bytes = bytes};
  if (latencies_ms.empty()) return figures;
  std::ranges::sort(latencies_ms);
  const auto at = [&](double part) {
    return latencies_ms[static_cast<size_t>(part * static_cast<double>(latencies_ms.size() - 1))];
  };
  figures.p50_ms = at(0.5);
  figures.p99_ms = at(0.99);
  return figures;
}

double ms_since(Clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

// Small requests, each due at its time whatever the others do, from construction to stop().
class SmallRequests {
 public:
  SmallRequests(const Options& options, Faults& faults)
      : options_(options), faults_(faults), pace_(Clock::now(), options.rate) {
    for (size_t i = 0; i < kAsking; ++i)
      threads_.emplace_back([this] { run(); });
  }

  Figures stop() {
    stopping_ = true;
    for (std::thread& thread : threads_)
      thread.join();
    threads_.clear();
    return figures_of(std::move(latencies_), bytes_);
  }

 private:
  void run() {
    test::HttpConnection connection(options_.address);
    std::vector<double> latencies;
    uint64_t bytes = 0;
    while (!stopping_) {
      Clock::time_point due;
      uint64_t number = 0;
      {
        const std::lock_guard lock(mutex_);
        number = pace_.taken();
        due = pace_.take();
      }
      std::this_thread::sleep_until(due);
      const Content body = Content::json(200 + number % 2000, options_.seed + number);
      connection.send("GET /json/" + std::to_string(body.size()) +
                      "?seed=" + std::to_string(body.seed()) + " HTTP/1.1\r\nHost: small\r\n\r\n");
      const test::Message answer = connection.read_response(false, Clock::now() + kPatience);
      latencies.push_back(ms_since(due));
      bytes += answer.body.size();
      if (answer.body.size() == body.size() && body.matches(0, answer.body)) continue;
      faults_.add("a small request: " + std::to_string(answer.head.status) + " " + answer.error);
      connection = test::HttpConnection(options_.address);
    }
    const std::lock_guard lock(mutex_);
    latencies_.insert(latencies_.end(), latencies.begin(), latencies.end());
    bytes_ += bytes;
  }

  const Options& options_;
  Faults& faults_;
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;  // guards what follows
  Pace pace_;
  std::vector<double> latencies_;
  uint64_t bytes_ = 0;
  std::vector<std::thread> threads_;
};

// All of them in one thread: each sends a frame, and gets it back, ten times a second.
class WebSockets {
 public:
  WebSockets(const Options& options, Faults& faults)
      : options_(options), faults_(faults), thread_([this] { run(); }) {}

  Figures stop() {
    stopping_ = true;
    thread_.join();
    return figures_of(std::move(latencies_), bytes_);
  }

 private:
  void run() {
    std::vector<test::Socket> sockets;
    while (sockets.size() < options_.websockets && open(sockets)) {
    }
    for (uint64_t round = 0; !stopping_ && !sockets.empty(); ++round) {
      const auto begin = Clock::now();
      for (size_t i = 0; i < sockets.size(); ++i) {
        sockets[i].send_all(frame(round, i), Clock::now() + kPatience);
      }
      for (size_t i = 0; i < sockets.size(); ++i) {
        const std::string sent = frame(round, i);
        const auto got = sockets[i].recv_exactly(sent.size(), Clock::now() + kPatience);
        if (got.bytes != sent) return faults_.add("a WebSocket gets something else back");
        latencies_.push_back(ms_since(begin));
        bytes_ += sent.size();
      }
      std::this_thread::sleep_until(begin + kWebSocketPause);
    }
  }

  bool open(std::vector<test::Socket>& sockets) {
    auto socket = test::Socket::connect(options_.address);
    const std::string request =
        "GET /tunnel HTTP/1.1\r\nHost: ws\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
    if (socket) socket->send_all(request);
    const auto head = socket ? socket->recv_until("\r\n\r\n", Clock::now() + kPatience).bytes : "";
    if (!head.starts_with("HTTP/1.1 101 ")) {
      faults_.add("a WebSocket is not opened: " + head);
      return false;
    }
    sockets.push_back(std::move(*socket));
    return true;
  }

  // A binary frame with a mask, as a client sends it; who sends it back does not look into it.
  std::string frame(uint64_t round, size_t index) const {
    const uint64_t seed = test::mix64(options_.seed ^ (round << 16) ^ index);
    const uint64_t size = 126 + seed % 2000;
    std::string text = "\x82";
    text += static_cast<char>(0x80 | 126);
    text += static_cast<char>(size >> 8);
    text += static_cast<char>(size);
    text += "mask";
    return text + Content::json(size, seed).to_string();
  }

  const Options& options_;
  Faults& faults_;
  std::atomic<bool> stopping_{false};
  std::vector<double> latencies_;
  uint64_t bytes_ = 0;
  std::thread thread_;
};

test::LoadRequest download(uint64_t bytes, uint64_t seed) {
  test::LoadRequest request;
  request.target = "/mixed/" + std::to_string(bytes) + "?seed=" + std::to_string(seed);
  request.expected = Content::mixed(bytes, seed);
  return request;
}

test::LoadRequest upload(uint64_t bytes, uint64_t seed) {
  return test::post_hash(Content::mixed(bytes, seed), false);
}

// All of one way, side by side.
struct Transfers {
  test::LoadReport report{};
  double seconds = 0;

  void run(const Options& options, test::LoadRequest (*make)(uint64_t, uint64_t), Faults& faults) {
    const auto begin = Clock::now();
    report =
        test::LoadClient({.address = options.address,
                          .connections = options.transfers,
                          .requests = options.transfers,
                          .make = [&](uint64_t i) { return make(options.bytes, options.seed + i); },
                          .time_limit = std::chrono::hours(2)})
            .run();
    seconds = ms_since(begin) / 1000;
    if (report.errors() > 0) faults.add("transfers: " + report.text());
  }
  std::string json(uint64_t bytes) const {
    char text[160];
    std::snprintf(text, sizeof text, R"({"bytes": %llu, "seconds": %.1f, "right": %s})",
                  static_cast<unsigned long long>(bytes), seconds,
                  report.errors() == 0 ? "true" : "false");
    return text;
  }
};

int run(const Options& options) {
  Faults faults;
  SmallRequests quiet(options, faults);
  std::this_thread::sleep_for(options.quiet);
  const Figures alone = quiet.stop();
  std::puts("quiet");
  std::fflush(stdout);
  if (std::getchar() == EOF) return 1;

  Transfers up;
  Transfers down;
  SmallRequests small(options, faults);
  WebSockets websockets(options, faults);
  std::thread uploader([&] { up.run(options, upload, faults); });
  down.run(options, download, faults);
  uploader.join();
  const Figures beside = small.stop();
  const Figures echoes = websockets.stop();
  std::printf(
      R"({"quiet": %s, "beside": %s, "websockets": %s, "upload": %s, "download": %s, "faults": %zu})"
      "\n",
      alone.json().c_str(), beside.json().c_str(), echoes.json().c_str(),
      up.json(up.report.body_bytes_sent).c_str(),
      down.json(down.report.body_bytes_received).c_str(), faults.count());
  return faults.count() == 0 ? 0 : 1;
}

}  // namespace
}  // namespace httpteleport::bench

int main(int argc, char** argv) {
  if (argc != 8) {
    std::fprintf(stderr,
                 "usage: isolation_load PORT BYTES RATE QUIET_SECONDS WEBSOCKETS TRANSFERS SEED\n");
    return 2;
  }
  const auto number = [argv](int index) { return std::strtoull(argv[index], nullptr, 10); };
  return httpteleport::bench::run({.address = {.port = static_cast<uint16_t>(number(1))},
                                   .bytes = number(2),
                                   .rate = std::max<uint64_t>(number(3), 1),
                                   .quiet = std::chrono::seconds(number(4)),
                                   .websockets = number(5),
                                   .transfers = number(6),
                                   .seed = number(7)});
}
