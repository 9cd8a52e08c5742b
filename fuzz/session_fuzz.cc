// A proxy from its sessions to its pools, between clients and endpoints that do what the input
// says, on a fake kernel (fake_kernel.h). However they cut, break off, reset, stall and lie:
//   - what comes out on either side is HTTP, as an independent and strict parser reads it;
//   - a client gets no more answers than it has asked questions, and none behind the last one;
//   - an endpoint gets no request before it has answered the last one;
//   - when both sides have closed, nothing is left open.
//
// The input: a byte of options, then steps. A step is 0xff, a letter, and bytes up to the next
// 0xff:
//   c  the client sends them                o  the endpoint sends them
//   F  the client ends                      f  the endpoint ends
//   R  the client resets                    r  the endpoint resets
//   P  the client stops reading, or goes on p  the endpoint does
//   k  another client, the last from now on n  the connection opened next is refused
//   a  the endpoint answers properly        e  the endpoint before the last one is "the endpoint",
//   t  a second passes                         and the last one again
//   T  two minutes pass
#include <list>
#include <memory>
#include <string_view>

#include "base/log.h"
#include "far_ends.h"
#include "fuzz_input.h"
#include "proxy/exchange.h"
#include "proxy/http1_session.h"
#include "proxy/table_router.h"

namespace httpteleport::fuzz {
namespace {

constexpr char kMark = '\xff';
constexpr size_t kClientsMax = 4;
constexpr int kTurnsMax = 100;

event::Loop& the_loop() {
  static event::Loop loop;
  return loop;
}

// Making these takes longer than most exchanges.
const proxy::RequestIds& the_ids() {
  static const proxy::RequestIds ids;
  return ids;
}

// An exchange, of which is noted what was asked.
class WatchedHandler final : public http::RequestHandler {
 public:
  WatchedHandler(std::unique_ptr<http::RequestHandler> inner, Client& client)
      : inner_(std::move(inner)), client_(client) {}

  void on_request_head(http::RequestHead& head, std::string_view raw) override {
    may_be_tunnel_ = !head.upgrade.empty();
    client_.requests.push_back(
        {.is_head = head.method == http::Method::kHead, .offers_upgrade = may_be_tunnel_});
    inner_->on_request_head(head, raw);
  }
  void on_request_body(std::string_view bytes) override {
    HT_ASSERT(!over_ && (!ended_ || may_be_tunnel_) && !bytes.empty());
    inner_->on_request_body(bytes);
  }
  void on_request_end(const http::Fields& trailers) override {
    HT_ASSERT(!over_ && (!ended_ || may_be_tunnel_));
    may_be_tunnel_ &= !ended_;
    ended_ = true;
    inner_->on_request_end(trailers);
  }
  void on_downstream_gone(const Error& error) override {
    HT_ASSERT(!over_);
    over_ = true;
    inner_->on_downstream_gone(error);
  }
  void on_answer_replaced(const Error& error) override { inner_->on_answer_replaced(error); }
  void on_response_blocked() override { inner_->on_response_blocked(); }
  void on_response_unblocked() override { inner_->on_response_unblocked(); }

 private:
  std::unique_ptr<http::RequestHandler> inner_;
  Client& client_;
  bool may_be_tunnel_ = false;
  bool ended_ = false;
  bool over_ = false;
};

net::Address address_of(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return {reinterpret_cast<const sockaddr*>(&address), sizeof address};
}

upstream::ClusterOptions cluster_of(uint8_t choice) {
  upstream::ClusterOptions options;
  for (uint16_t port = 1; port <= ((choice & 1) != 0 ? 2 : 1); ++port)
    options.endpoints.push_back(
        {.name = "e" + std::to_string(port), .addresses = {address_of(port)}});
  if ((choice & 2) != 0) options.pending_max = 1;
  return options;
}

// One worker, as far as it is under test. Its parts stand in the order in which they must go away.
class Proxy final : private proxy::RequestHandlerFactory {
 public:
  explicit Proxy(uint8_t choice) : cluster_(cluster_of(choice)) {
    if ((choice & 4) != 0) options_.forwarding.x_forwarded = true;
    if ((choice & 8) != 0) options_.request_body_bytes_max = 100;
    if ((choice & 16) != 0) sessions_.http1.head_limits = {.head_bytes_max = 100, .fields_max = 3};
    router_.add(std::make_unique<upstream::Cluster>(loop_, metrics_, cluster_));
  }
  ~Proxy() { loop_.delete_doomed(); }

  void add_client() {
    int fd = -1;
    FakeSocket& socket = FakeKernel::get().make_accepted(fd);
    clients.emplace_back(socket);
    const auto port = static_cast<uint16_t>(clients.size());
    proxy::Http1Session::start(sessions_, net::Socket(fd), address_of(port), address_of(80));
  }

  // Both ends do what they can do now, and are looked at.
  void settle() {
    for (int turn = 0; turn < kTurnsMax; ++turn) {
      loop_.run_once(2 * event::TimerWheel::kTick);
      if (!answer_connects() && !FakeKernel::get().anything_ready()) break;
    }
    for (Client& client : clients)
      client.check();
    for (Origin& origin : origins)
      origin.check();
  }
  void pass(Duration time) {
    const TimePoint until = loop_.now() + time;
    for (int turn = 0; turn < kTurnsMax && loop_.now() < until; ++turn) {
      loop_.run_once(until - loop_.now());
      answer_connects();
    }
    settle();
  }
  void drain() {
    sessions_.draining = true;
    sessions_.sessions.for_each([](proxy::Session& session) { session.drain(); });
    router_.clusters()[0]->drain();
  }
  bool is_over() {
    return sessions_.sessions.empty() && lingering_.count() == 0 &&
           metrics_.downstream_sockets.open.value() == 0 && exchanges_.exchanges_alive == 0 &&
           router_.clusters()[0]->is_idle() && metrics_.upstream_sockets.open.value() == 0;
  }

  std::list<Client> clients;
  std::list<Origin> origins;
  int refusals = 0;  // of connects to come

 private:
  std::unique_ptr<http::RequestHandler> make_handler(http::DownstreamStream& downstream,
                                                     const proxy::ClientInfo& client) override {
    auto place = clients.begin();
    std::advance(place, client.port - 1);
    return std::make_unique<WatchedHandler>(factory_.make_handler(downstream, client), *place);
  }
  // True when there was one.
  bool answer_connects() {
    bool any = false;
    for (FakeSocket& socket : FakeKernel::get().sockets()) {
      if (!socket.is_connecting()) continue;
      any = true;
      if (refusals > 0) {
        --refusals;
        socket.refuse();
      } else {
        origins.emplace_back(socket);
        socket.accept();
      }
    }
    return any;
  }

  event::Loop& loop_ = the_loop();
  metrics::WorkerMetrics metrics_;
  net::LingeringConnections lingering_{loop_, {}};
  http::DateCache date_;
  upstream::ClusterOptions cluster_;
  proxy::ExchangeOptions options_;
  route::Table routes_{{{}}};
  proxy::WaitingQueue queue_{loop_, metrics_, options_.queue};
  proxy::TableRouter router_{routes_, options_, queue_};
  proxy::ExchangeContext exchanges_{loop_, metrics_, options_, router_, queue_, 0, the_ids()};
  proxy::ExchangeFactory factory_{exchanges_};
  proxy::SessionContext sessions_{loop_, metrics_, lingering_, date_, this, {}, {}};
};

class Script {
 public:
  explicit Script(Proxy& proxy) : proxy_(proxy) { proxy_.add_client(); }

  void step(char what, std::string_view bytes) {
    if (what >= 'A' && what <= 'Z') {
      step_client(what);
    } else if (Origin* origin = this->origin()) {
      step_origin(*origin, what, bytes);
    }
    switch (what) {
      case 'c':
        proxy_.clients.back().socket().send(bytes);
        break;
      case 'k':
        if (proxy_.clients.size() < kClientsMax) proxy_.add_client();
        break;
      case 'n':
        ++proxy_.refusals;
        break;
      case 'e':
        before_last_ = !before_last_;
        break;
      case 't':
        return proxy_.pass(std::chrono::seconds(1));
      case 'T':
        return proxy_.pass(std::chrono::seconds(121));
      default:
        break;
    }
    proxy_.settle();
  }

  // Both sides close, and nobody is reached any more.
  void finish() {
    proxy_.refusals = 1'000'000;
    for (Client& client : proxy_.clients) {
      client.socket().set_reading(true);
      client.socket().finish();
    }
    for (Origin& origin : proxy_.origins) {
      origin.socket().set_reading(true);
      origin.socket().finish();
    }
    proxy_.settle();
    proxy_.drain();
    for (int i = 0; i < kTurnsMax && !proxy_.is_over(); ++i)
      proxy_.pass(std::chrono::seconds(1));
    HT_ASSERT(proxy_.is_over());
  }

 private:
  Origin* origin() {
    if (proxy_.origins.empty()) return nullptr;
    auto last = std::prev(proxy_.origins.end());
    if (before_last_ && last != proxy_.origins.begin()) --last;
    return &*last;
  }
  void step_client(char what) {
    FakeSocket& client = proxy_.clients.back().socket();
    if (what == 'F') client.finish();
    if (what == 'R') client.reset();
    if (what == 'P') client.set_reading(client_stalls_);
    if (what == 'P') client_stalls_ = !client_stalls_;
  }
  void step_origin(Origin& origin, char what, std::string_view bytes) {
    if (what == 'o') origin.send(bytes);
    if (what == 'a') origin.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    if (what == 'f') origin.socket().finish();
    if (what == 'r') origin.socket().reset();
    if (what == 'p') origin.socket().set_reading(origin_stalls_);
    if (what == 'p') origin_stalls_ = !origin_stalls_;
  }

  Proxy& proxy_;
  bool before_last_ = false;
  bool client_stalls_ = false;
  bool origin_stalls_ = false;
};

void run(Input input) {
  {
    Proxy proxy(input.choice());
    Script script(proxy);
    std::string_view rest = input.rest();
    while (!rest.empty()) {
      if (rest.front() == kMark) rest.remove_prefix(1);
      if (rest.empty()) break;
      const std::string_view step = rest.substr(0, rest.find(kMark));
      rest.remove_prefix(step.size());
      if (!step.empty()) script.step(step.front(), step.substr(1));
    }
    script.finish();
  }
  FakeKernel::get().reset();
}

}  // namespace
}  // namespace httpteleport::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace httpteleport;  // NOLINT(google-build-using-namespace): a program of one function
  static const bool quiet = program_log().configure({.level = LogLevel::kError}).has_value();
  if (quiet) fuzz::run({data, size});
  return 0;
}
