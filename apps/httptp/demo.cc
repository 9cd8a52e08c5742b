#include "demo.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "admin/local_server.h"
#include "admin/pages.h"
#include "event/loop.h"
#include "net/address.h"
#include "net/socket.h"

namespace httpteleport {

namespace {

using Clock = std::chrono::steady_clock;

constexpr uint64_t kClients = 16;
constexpr uint64_t kRequestsPerClient = 150;
// Of a child until it listens, of an answer, of a child until it has ended.
constexpr std::chrono::seconds kPatience{10};

// ---- The messages: what services ask each other. Both ends of the demo make them from a number.

uint64_t mix(uint64_t value) {
  value = (value ^ value >> 31) * 0x9e3779b97f4a7c15;
  return (value ^ value >> 29) * 0xbf58476d1ce4e5b9;
}

std::string hex(uint64_t value) {
  std::array<char, 17> text{};
  std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(value));
  return text.data();
}

std::string body_of(std::string_view target) {
  uint64_t seed = 0;
  for (const char c : target)
    seed = mix(seed + static_cast<unsigned char>(c));
  static constexpr std::array<const char*, 4> kStates = {"open", "paid", "sent", "returned"};
  std::string body = "{\"customer\":{\"id\":\"" + hex(seed) + "\",\"country\":\"NL\"},\"orders\":[";
  for (uint64_t i = 0; i < 3 + seed % 6; ++i) {
    const uint64_t order = mix(seed + i);
    if (i > 0) body += ',';
    body += "{\"id\":\"" + hex(order) + "\",\"state\":\"" + kStates[order % kStates.size()] +
            "\",\"amount\":{\"value\":" + std::to_string(order % 100'000) +
            ",\"currency\":\"EUR\"},\"lines\":" + std::to_string(1 + order % 9) +
            ",\"gift\":false,\"note\":null}";
  }
  return body + "],\"next\":null}\n";
}

std::string target_of(uint64_t number) {
  return "/v1/customers/" + std::to_string(1000 + mix(number) % 500) + "/orders?limit=20";
}

std::string request_of(uint64_t number) {
  return "GET " + target_of(number) +
         " HTTP/1.1\r\nHost: orders.demo.example\r\nUser-Agent: demo/1.0 (linux; x86_64)\r\n"
         "Accept: application/json\r\nAccept-Language: en\r\nX-Tenant: demo\r\n"
         "X-Request-Id: " +
         hex(mix(number)) + hex(mix(number + kClients * kRequestsPerClient)) +
         "\r\nCookie: session=" + hex(mix(number % 50)) + "\r\n\r\n";
}

class Origin final : public admin::PageSource {
 public:
  admin::Page page_for(const admin::Request& request) override {
    return {.body = body_of(request.target), .content_type = "application/json"};
  }
};

// It answers on a thread of its own.
class RunningOrigin {
 public:
  explicit RunningOrigin(net::Socket socket) : server_(loop_, std::move(socket), origin_) {
    if (server_.start()) thread_ = std::thread([this] { loop_.run(); });
  }
  ~RunningOrigin() {
    if (!thread_.joinable()) return;
    loop_.post([this] { loop_.stop(); });
    thread_.join();
  }
  bool has_started() const { return thread_.joinable(); }

 private:
  event::Loop loop_;
  Origin origin_;
  admin::LocalServer server_;
  std::thread thread_;
};

// ---- A child.

std::optional<net::Address> address_of(std::string_view text) {
  const Result<net::HostPort> parsed = net::parse_host_port(text);
  if (!parsed) return std::nullopt;
  const Result<net::Address> address = net::resolve_listen(*parsed);
  return address ? std::optional(*address) : std::nullopt;
}

// Variables of httptp would give it flags that are not the demo's.
std::vector<std::string> clean_environment() {
  std::vector<std::string> kept;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    if (!text.starts_with("HTTPTP_") && !text.starts_with("NOTIFY_SOCKET="))
      kept.emplace_back(text);
  }
  return kept;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts)
    pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

// One end of the link: this program with other flags. Ends with this object, or this process.
class Child {
 public:
  // While this process has one thread.
  explicit Child(std::vector<std::string> flags) {
    flags.insert(flags.begin(), "httptp");
    std::vector<std::string> environment = clean_environment();
    const std::vector<char*> argv = pointers_to(flags);
    const std::vector<char*> envp = pointers_to(environment);
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return;
    log_ = net::Socket(ends[0]);
    const net::Socket log_end(ends[1]);
    pid_ = fork();
    if (pid_ != 0) return;
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    dup2(log_end.fd(), STDERR_FILENO);
    execve("/proc/self/exe", argv.data(), envp.data());
    _exit(127);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() { stop(); }

  // What its log says behind `words`, once it has; nothing: it has not, and never will.
  std::optional<net::Address> wait_address(std::string_view words) {
    const Clock::time_point deadline = Clock::now() + kPatience;
    for (;;) {
      const size_t at = text_.find(words);
      const size_t end = at == std::string::npos ? at : text_.find('\n', at);
      if (end != std::string::npos) {
        const std::string_view rest = std::string_view(text_).substr(at + words.size());
        return address_of(rest.substr(0, rest.find_first_of(" \n")));
      }
      if (!read_log(deadline)) return std::nullopt;
    }
  }
  const std::string& log() const { return text_; }

  // False: it was not ended in order.
  bool stop() {
    if (pid_ <= 0) return false;
    kill(pid_, SIGTERM);
    const Clock::time_point deadline = Clock::now() + kPatience;
    // Its log ends when it does.
    while (read_log(deadline)) {
    }
    if (Clock::now() >= deadline) kill(pid_, SIGKILL);
    int status = 0;
    const pid_t ended = waitpid(std::exchange(pid_, -1), &status, 0);
    return ended > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
  }

 private:
  bool read_log(Clock::time_point deadline) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    pollfd readable{.fd = log_.fd(), .events = POLLIN, .revents = 0};
    if (left <= 0 || poll(&readable, 1, static_cast<int>(left)) <= 0) return false;
    std::array<char, 4096> room{};
    const ssize_t count = read(log_.fd(), room.data(), room.size());
    if (count > 0) text_.append(room.data(), static_cast<size_t>(count));
    return count > 0;
  }

  pid_t pid_ = -1;
  net::Socket log_;
  std::string text_;
};

// ---- A client.

class Client {
 public:
  explicit Client(const net::Address& address) {
    socket_ = net::Socket(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
    const timeval patience{.tv_sec = kPatience.count(), .tv_usec = 0};
    setsockopt(socket_.fd(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (connect(socket_.fd(), address.get(), address.length()) != 0) socket_.reset();
    if (socket_.is_open()) net::set_no_delay(socket_.fd());
  }

  // The body of the answer; nothing: there is none with status 200.
  std::optional<std::string> ask(std::string_view request) {
    received_.clear();
    if (!socket_.is_open() || ::send(socket_.fd(), request.data(), request.size(), MSG_NOSIGNAL) !=
                                  static_cast<ssize_t>(request.size()))
      return std::nullopt;
    size_t head_bytes = std::string::npos;
    while ((head_bytes = received_.find("\r\n\r\n")) == std::string::npos) {
      if (!receive()) return std::nullopt;
    }
    head_bytes += 4;
    constexpr std::string_view kLength = "\r\nContent-Length: ";
    const size_t at = received_.find(kLength);
    if (!received_.starts_with("HTTP/1.1 200 ") || at > head_bytes) return std::nullopt;
    size_t body_bytes = 0;
    std::from_chars(received_.data() + at + kLength.size(), received_.data() + head_bytes,
                    body_bytes);
    while (received_.size() < head_bytes + body_bytes) {
      if (!receive()) return std::nullopt;
    }
    return received_.substr(head_bytes);
  }

 private:
  bool receive() {
    std::array<char, 16 * 1024> room{};
    const ssize_t count = recv(socket_.fd(), room.data(), room.size(), 0);
    if (count > 0) received_.append(room.data(), static_cast<size_t>(count));
    return count > 0;
  }

  net::Socket socket_;
  std::string received_;
};

struct Outcome {
  std::vector<Clock::duration> latencies;  // of right answers
  uint64_t failed = 0;
};

Outcome run_client(const net::Address& address, uint64_t client_index) {
  Outcome outcome;
  Client client(address);
  for (uint64_t i = 0; i < kRequestsPerClient; ++i) {
    const uint64_t number = client_index * kRequestsPerClient + i;
    const std::string request = request_of(number);
    const Clock::time_point begun = Clock::now();
    const std::optional<std::string> body = client.ask(request);
    if (body != body_of(target_of(number))) {
      outcome.failed += kRequestsPerClient - i;
      break;
    }
    outcome.latencies.push_back(Clock::now() - begun);
  }
  return outcome;
}

Outcome run_load(const net::Address& address) {
  std::vector<Outcome> outcomes(kClients);
  std::vector<std::thread> threads;
  for (uint64_t i = 0; i < kClients; ++i)
    threads.emplace_back([&, i] { outcomes[i] = run_client(address, i); });
  for (std::thread& thread : threads)
    thread.join();
  Outcome all;
  for (const Outcome& one : outcomes) {
    all.failed += one.failed;
    all.latencies.insert(all.latencies.end(), one.latencies.begin(), one.latencies.end());
  }
  std::sort(all.latencies.begin(), all.latencies.end());
  return all;
}

// ---- What it cost.

struct LinkBytes {
  uint64_t raw = 0;   // both directions
  uint64_t wire = 0;  // the same
};

uint64_t number_of(std::string_view json, std::string_view name) {
  const size_t at = json.find("\"" + std::string(name) + "\"");
  const size_t digits =
      json.find_first_of("0123456789", std::min(at, json.size()) + name.size() + 2);
  uint64_t value = 0;
  if (digits < json.size()) std::from_chars(json.data() + digits, json.data() + json.size(), value);
  return value;
}

std::optional<LinkBytes> read_link_bytes(const net::Address& metrics) {
  const auto json = Client(metrics).ask("GET /expvar HTTP/1.1\r\nHost: demo\r\n\r\n");
  if (!json) return std::nullopt;
  LinkBytes bytes{
      .raw = number_of(*json, "linkBytesRawSent") + number_of(*json, "linkBytesRawReceived"),
      .wire = number_of(*json, "linkBytesWireSent") + number_of(*json, "linkBytesWireReceived")};
  return bytes.raw > 0 && bytes.wire > 0 ? std::optional(bytes) : std::nullopt;
}

double milliseconds(const std::vector<Clock::duration>& sorted, double part) {
  if (sorted.empty()) return 0;
  const auto last = static_cast<double>(sorted.size() - 1);
  return std::chrono::duration<double, std::milli>(sorted[static_cast<size_t>(part * last)])
      .count();
}

void print(const Outcome& outcome, const LinkBytes& bytes, Clock::duration duration) {
  const auto raw = static_cast<double>(bytes.raw);
  const auto wire = static_cast<double>(bytes.wire);
  std::printf("requests   %zu answered, %llu failed, %llu at a time, in %.2f s\n",
              outcome.latencies.size(), static_cast<unsigned long long>(outcome.failed),
              static_cast<unsigned long long>(kClients),
              std::chrono::duration<double>(duration).count());
  std::printf("latency    p50 %.2f ms, p99 %.2f ms\n", milliseconds(outcome.latencies, 0.5),
              milliseconds(outcome.latencies, 0.99));
  std::printf("raw bytes  %llu\nwire bytes %llu\n", static_cast<unsigned long long>(bytes.raw),
              static_cast<unsigned long long>(bytes.wire));
  std::printf("saved      %.1f %%, ratio %.2f\n", 100 * (1 - wire / raw), raw / wire);
}

int fail(const char* what, const Child* child = nullptr) {
  std::fprintf(stderr, "httptp -demo: %s\n%s", what, child != nullptr ? child->log().c_str() : "");
  return 1;
}

}  // namespace

int run_demo() {
  Result<net::Socket> listening = net::listen_on(*address_of("127.0.0.1:0"), {});
  if (!listening) return fail("no port to listen on");
  const std::string origin_address = net::local_address(listening->fd()).to_string();
  Child far({"-in=127.0.0.1:0", "-inType=teleport", "-out=" + origin_address, "-outType=http",
             "-expvarAddr=", "-workers=1"});
  const auto link = far.wait_address("listening on ");
  if (!link) return fail("the far end does not start", &far);
  Child near({"-in=127.0.0.1:0", "-inType=http", "-out=" + link->to_string(), "-outType=teleport",
              "-expvarAddr=127.0.0.1:0", "-workers=1"});
  const auto metrics = near.wait_address("metrics on ");
  const auto address = near.wait_address("listening on ");
  if (!metrics || !address) return fail("the near end does not start", &near);
  // No more children: from here on there are threads.
  const RunningOrigin origin(*std::move(listening));
  if (!origin.has_started()) return fail("the origin does not start");
  std::printf("clients -> httptp %s -> link %s -> httptp -> origin %s\n",
              address->to_string().c_str(), link->to_string().c_str(), origin_address.c_str());
  const Clock::time_point begun = Clock::now();
  const Outcome outcome = run_load(*address);
  const Clock::duration duration = Clock::now() - begun;
  const auto bytes = read_link_bytes(*metrics);
  if (!bytes) return fail("the near end tells no numbers", &near);
  print(outcome, *bytes, duration);
  if (outcome.failed > 0) return fail("requests have failed", &near);
  if (!near.stop()) return fail("the near end ended badly", &near);
  if (!far.stop()) return fail("the far end ended badly", &far);
  return 0;
}

}  // namespace httpteleport
