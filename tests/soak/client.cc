// The clients of a soak run: threads with a connection each, in the clear or over TLS, that send
// requests of all kinds one after another and check every byte that comes back.
//
//   soak_client HTTP HTTPS CERTIFICATE SEED SECONDS THREADS BYTES_MAX DEADLINE_SECONDS
//
// HTTP and HTTPS are 127.0.0.1:port; CERTIFICATE is the file of what https shows. A third of the
// threads use https. A third (another one) give up each request at a random point. When the time is
// over, no request is begun any more; those under way end. Then one line of JSON tells the outcome.
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "soak/request.h"
#include "support/http_message.h"
#include "support/temporary_folder.h"
#include "support/tls_client.h"

namespace httpteleport::test {
namespace {

struct Options {
  Address http{};
  Address https{};
  std::string trusted_pem{};
  uint64_t seed = 1;
  Deadline end{};
  size_t threads = 1;
  uint64_t bytes_max = 0;
  std::chrono::seconds patience{};  // a request without an answer or an error by then is lost
};

// How the requests ended. Any thread.
class Report {
 public:
  void count(const std::string& what) {
    const std::lock_guard lock(mutex_);
    ++counts_[what];
  }
  // An error that the client has seen.
  void error(const std::string& kind) {
    const std::lock_guard lock(mutex_);
    ++errors_[kind];
  }
  // What must never be. `kind`: mismatches or lost.
  void fault(const std::string& kind, const SoakRequest& request, const std::string& what) {
    const std::lock_guard lock(mutex_);
    ++counts_[kind];
    if (++faults_ > kFaultsToldMax) return;
    std::fprintf(stderr, "%s: %s: %s\n", kind.c_str(),
                 request.text.substr(0, request.text.find('\r')).c_str(), what.c_str());
  }

  std::string json() const {
    return "{\"counts\": " + object(counts_) + ", \"errors\": " + object(errors_) + "}";
  }

 private:
  using Counts = std::map<std::string, uint64_t>;
  static constexpr size_t kFaultsToldMax = 20;

  static std::string object(const Counts& counts) {
    std::string text = "{";
    for (const auto& [name, value] : counts) {
      if (text.size() > 1) text += ", ";
      text.append("\"").append(name).append("\": ").append(std::to_string(value));
    }
    return text + "}";
  }

  std::mutex mutex_;
  Counts counts_;
  Counts errors_;
  size_t faults_ = 0;
};

// A connection in the clear or over TLS.
class Connection {
 public:
  // An empty value with a reason when there is none.
  static std::optional<Connection> open(const Options& options, bool tls, std::string& why) {
    std::optional<Socket> socket = Socket::connect(tls ? options.https : options.http);
    why = "connect failed";
    if (!socket) return {};
    if (!tls) return Connection(*std::move(socket));
    TlsClient client(*std::move(socket),
                     {.server_name = "localhost", .trusted_pem = options.trusted_pem});
    why = "TLS handshake failed";
    if (!client.is_complete()) return {};
    return Connection(std::move(client));
  }

  IoStatus send_all(std::string_view bytes, Deadline deadline) {
    return std::visit([&](auto& stream) { return stream.send_all(bytes, deadline); }, stream_);
  }
  Received recv_some(Deadline deadline) {
    return std::visit([&](auto& stream) { return stream.recv_some(64 * 1024, deadline); }, stream_);
  }
  void reset() {
    std::visit([](auto& stream) { stream.reset(); }, stream_);
  }

  std::string rest;  // received and not used yet

 private:
  explicit Connection(Socket stream) : stream_(std::move(stream)) {}
  explicit Connection(TlsClient stream) : stream_(std::move(stream)) {}

  std::variant<Socket, TlsClient> stream_;
};

// Where a request is given up.
struct Leaving {
  enum class Point : uint8_t { kNever, kSending, kWaiting, kReceiving };
  Point point = Point::kNever;
  uint64_t at = 0;  // bytes sent, ms waited, bytes received
};

class Client {
 public:
  Client(const Options& options, size_t index, Report& report, std::atomic<uint64_t>& ids)
      : options_(options),
        report_(report),
        ids_(ids),
        tls_(index % 3 == 2),
        leaves_(index / 3 % 3 == 1),
        dice_(mix64(options.seed ^ (index << 32))) {}

  void run() {
    while (Clock::now() < options_.end) {
      pause(below(20));
      std::vector<SoakRequest> requests = {next_request(true)};
      // One that closes would make the one behind it fail.
      if (!leaves_ && below(8) == 0) requests = {next_request(false), next_request(true)};
      serve(requests);
    }
  }

 private:
  uint64_t below(uint64_t limit) { return (dice_ = mix64(dice_)) % limit; }
  static void pause(uint64_t ms) { ::poll(nullptr, 0, static_cast<int>(ms)); }

  SoakRequest next_request(bool may_close) {
    const std::string id = std::to_string(options_.seed) + "-" + std::to_string(++ids_);
    return make_soak_request(below(UINT64_MAX), id, options_.bytes_max, may_close);
  }

  void fail(const std::vector<SoakRequest>& requests, size_t from, const std::string& kind) {
    for (size_t i = from; i < requests.size(); ++i)
      report_.error(kind);
    connection_.reset();
  }

  // Sends them at once and reads their answers.
  void serve(const std::vector<SoakRequest>& requests) {
    for (size_t i = 0; i < requests.size(); ++i)
      report_.count("requests");
    const Deadline deadline = after(options_.patience);
    std::string why;
    const bool kept = connection_.has_value();
    if (!connection_) connection_ = Connection::open(options_, tls_, why);
    if (!connection_) {
      fail(requests, 0, why);
      pause(50);
      return;
    }
    std::string text;
    for (const SoakRequest& request : requests)
      text += request.text;
    const Leaving leaving = choose_leaving(requests[0], text.size());
    if (leaving.point == Leaving::Point::kSending) text.resize(leaving.at);
    // A server that refuses may close before all is sent; its answer is read all the same.
    const IoStatus sent = connection_->send_all(text, deadline);
    if (leaving.point == Leaving::Point::kSending) return leave();
    if (sent == IoStatus::kTimeout) return lose(requests, 0, "cannot be sent");
    for (size_t i = 0; connection_ && i < requests.size(); ++i) {
      if (!receive(requests, i, leaving, deadline, kept)) return;
    }
  }

  Leaving choose_leaving(const SoakRequest& request, size_t text_bytes) {
    if (!leaves_) return {};
    switch (below(3)) {
      case 0:
        return {Leaving::Point::kSending, below(text_bytes)};
      case 1:
        return {Leaving::Point::kWaiting, below(30)};
      default:
        return {Leaving::Point::kReceiving, below(request.body.size() + 200)};
    }
  }

  void leave() {
    report_.count("given up");
    if (below(2) == 0) connection_->reset();
    connection_.reset();
  }

  void lose(const std::vector<SoakRequest>& requests, size_t from, const std::string& what) {
    for (size_t i = from; i < requests.size(); ++i)
      report_.fault("lost", requests[i], what);
    connection_.reset();
  }

  // The answer to requests[index]. False when no further one can come.
  bool receive(const std::vector<SoakRequest>& requests, size_t index, const Leaving& leaving,
               Deadline deadline, bool kept) {
    MessageParser parser;
    std::string body;
    parser.expect_response(requests[index].method == "HEAD");
    uint64_t received = connection_->rest.size();
    if (leaving.point == Leaving::Point::kWaiting)
      deadline = after(std::chrono::milliseconds(leaving.at));
    for (;;) {
      parse(parser, body);
      if (parser.done() || parser.failed()) break;
      if (leaving.point == Leaving::Point::kReceiving && received >= leaving.at) {
        leave();
        return false;
      }
      const Received got = connection_->recv_some(deadline);
      received += got.bytes.size();
      connection_->rest += got.bytes;
      if (got.status == IoStatus::kOk) continue;
      if (got.status == IoStatus::kClosed && parser.finish()) break;
      if (got.status == IoStatus::kTimeout && leaving.point == Leaving::Point::kWaiting) {
        leave();
      } else if (got.status == IoStatus::kTimeout) {
        lose(requests, index, parser.started() ? "the answer stopped" : "no answer, no error");
      } else {
        fail(requests, index, name_of_end(parser.started(), kept, got.status));
      }
      return false;
    }
    return judge(requests, index, parser, body);
  }

  static std::string name_of_end(bool started, bool kept, IoStatus status) {
    const std::string how = status == IoStatus::kReset ? "reset" : "closed";
    if (started) return how + " inside an answer";
    return how + (kept ? " before an answer, connection kept" : " before an answer");
  }

  void parse(MessageParser& parser, std::string& body) {
    std::string_view rest = connection_->rest;
    while (!rest.empty() && !parser.done() && !parser.failed()) {
      const auto step = parser.step(rest);
      body.append(step.body);
      rest.remove_prefix(step.consumed);
    }
    connection_->rest.erase(0, connection_->rest.size() - rest.size());
  }

  // Counts a complete answer. False when the connection is over.
  bool judge(const std::vector<SoakRequest>& requests, size_t index, const MessageParser& parser,
             const std::string& body) {
    const SoakRequest& request = requests[index];
    const int status = parser.head().status;
    const bool last = index + 1 == requests.size();
    std::string wrong = parser.error();
    if (wrong.empty() && last && !connection_->rest.empty()) wrong = "bytes behind the answer";
    if (wrong.empty() && status == 200) wrong = find_mismatch(request, parser.head(), body);
    // The requests are right: only trouble behind the proxy is a reason to refuse one.
    if (wrong.empty() && status != 200 && status != 429 && (status < 502 || status > 504))
      wrong = "status " + std::to_string(status) + ": " + body.substr(0, 200);
    if (!wrong.empty()) {
      report_.fault("mismatches", request, wrong);
    } else if (status == 200) {
      report_.count("complete");
    } else {
      report_.error("status " + std::to_string(status));
    }
    const bool over = !wrong.empty() || request.closes || !parser.head().keep_alive();
    if (over && !last) fail(requests, index + 1, "closed before an answer, pipelined");
    if (over) connection_.reset();
    return !over;
  }

  const Options& options_;
  Report& report_;
  std::atomic<uint64_t>& ids_;
  const bool tls_;
  const bool leaves_;
  uint64_t dice_;
  std::optional<Connection> connection_;
};

int run(const Options& options) {
  raise_file_limit();
  Report report;
  std::atomic<uint64_t> ids = 0;
  std::vector<std::thread> threads;
  for (size_t i = 0; i < options.threads; ++i)
    threads.emplace_back([&, i] { Client(options, i, report, ids).run(); });
  for (std::thread& thread : threads)
    thread.join();
  std::printf("%s\n", report.json().c_str());
  return 0;
}

}  // namespace
}  // namespace httpteleport::test

int main(int argc, char** argv) {
  // NOLINTNEXTLINE(google-build-using-namespace): the program is all of it.
  using namespace httpteleport::test;
  const auto http = argc == 9 ? Address::parse(argv[1]) : std::nullopt;
  const auto https = argc == 9 ? Address::parse(argv[2]) : std::nullopt;
  if (!http || !https) {
    std::fprintf(stderr,
                 "usage: soak_client HTTP HTTPS CERTIFICATE SEED SECONDS THREADS BYTES_MAX "
                 "DEADLINE_SECONDS\n");
    return 2;
  }
  const auto number = [argv](int index) { return std::strtoull(argv[index], nullptr, 10); };
  return run({.http = *http,
              .https = *https,
              .trusted_pem = read_file(argv[3]),
              .seed = number(4),
              .end = after(std::chrono::seconds(number(5))),
              .threads = number(6),
              .bytes_max = number(7),
              .patience = std::chrono::seconds(number(8))});
}
