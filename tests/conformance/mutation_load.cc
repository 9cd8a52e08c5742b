#include "conformance/mutation_load.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <map>
#include <memory>
#include <unordered_set>

#include "conformance/case_runner.h"
#include "conformance/mutator.h"
#include "support/http_message.h"

namespace httpteleport::test {
namespace {

constexpr size_t kFailuresKept = 10;
constexpr std::chrono::seconds kEndsWithin{30};

// One connection. The loop owns it.
class MutationClient {
 public:
  MutationClient(Socket socket, const MutationLoad& load, uint32_t number)
      : socket_(std::move(socket)), number_(number), traffic_(make_traffic(load.seed, number)) {
    parser_.expect_response(false);
    ::fcntl(fd(), F_SETFL, O_NONBLOCK);
  }

  int fd() const { return socket_.fd(); }
  uint32_t number() const { return number_; }
  const Traffic& traffic() const { return traffic_; }
  bool has_sent_all() const { return sent_ == traffic_.bytes.size(); }
  bool is_over() const { return over_; }
  bool half_closed() const { return half_closed_; }
  Deadline last_progress() const { return last_progress_; }
  uint64_t answers() const { return answers_; }
  uint64_t good_answers() const { return good_answers_; }
  const std::vector<uint64_t>& ids() const { return ids_; }
  const std::string& received() const { return received_; }
  // Empty: none.
  const std::string& failure() const { return failure_; }

  // Sends a piece, or all that goes.
  void send() {
    if (over_ || has_sent_all()) return;
    std::string_view rest = std::string_view(traffic_.bytes).substr(sent_);
    if (traffic_.piece_bytes > 0) rest = rest.substr(0, traffic_.piece_bytes);
    const ssize_t sent = ::send(fd(), rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      sent_ += static_cast<size_t>(sent);
      last_progress_ = Clock::now();
    } else if (errno != EAGAIN) {
      sent_ = traffic_.bytes.size();  // it has been refused; the answer may still be read
    }
  }

  void receive() {
    std::array<char, 16 * 1024> room;
    for (;;) {
      const ssize_t size = ::recv(fd(), room.data(), room.size(), 0);
      if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
      if (size <= 0) return end(size < 0);
      last_progress_ = Clock::now();
      take({room.data(), static_cast<size_t>(size)});
      if (over_) return;
    }
  }

  void half_close() {
    half_closed_ = true;
    last_progress_ = Clock::now();
    ::shutdown(fd(), SHUT_WR);
  }

  void fail(const std::string& what) {
    if (failure_.empty()) failure_ = what;
    over_ = true;
  }

 private:
  void take(std::string_view bytes) {
    received_.append(bytes);
    while (!bytes.empty()) {
      const auto step = parser_.step(bytes);
      body_.append(step.body);
      bytes.remove_prefix(step.consumed);
      if (parser_.failed()) return fail("malformed answer: " + parser_.error().substr(0, 100));
      if (parser_.done()) on_answer();
      if (over_ || (step.consumed == 0 && !bytes.empty() && parser_.started())) return;
    }
  }

  void on_answer() {
    const MessageHead head = parser_.head();
    const std::string text = head.raw + body_;
    parser_.expect_response(false);
    body_.clear();
    if (head.status < 200) return;
    ++answers_;
    good_answers_ += head.status == 200 ? 1 : 0;
    if (const auto other = find_foreign_token(text, number_))
      return fail("an answer of connection " + std::to_string(*other));
    if (!traffic_.is_mutated && text.find(token_of(number_)) == std::string::npos)
      return fail("an answer without a token to a valid request");
    if (head.status >= 500 && head.status != 501 && head.status != 505)
      return fail("the proxy cannot reach the origin: " + std::to_string(head.status));
    const std::string id = head.find("x-id").value_or("");
    uint64_t value = 0;
    std::from_chars(id.data(), id.data() + id.size(), value);
    if (value > 0) ids_.push_back(value);
  }

  void end(bool reset) {
    over_ = true;
    const bool inside = parser_.started() && !half_closed_;
    if (inside) return fail("it ends inside an answer");
    if (answers_ == 0 && !half_closed_ && !reset) return fail("it ends without an answer");
    if (!traffic_.is_mutated && good_answers_ != traffic_.requests)
      fail(std::to_string(good_answers_) + " answers to " + std::to_string(traffic_.requests) +
           " valid requests");
  }

  Socket socket_;
  const uint32_t number_;
  const Traffic traffic_;
  size_t sent_ = 0;
  MessageParser parser_;
  std::string body_;
  std::string received_;
  uint64_t answers_ = 0;
  uint64_t good_answers_ = 0;
  std::vector<uint64_t> ids_;
  std::string failure_;
  Deadline last_progress_ = Clock::now();
  bool half_closed_ = false;
  bool over_ = false;
};

class Loop {
 public:
  explicit Loop(const MutationLoad& load) : load_(load), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    if (!epoll_) die("epoll");
  }

  MutationResult run() {
    std::array<epoll_event, 128> events;
    while (begin_more() || !clients_.empty()) {
      const int count = ::epoll_wait(epoll_.get(), events.data(), events.size(), 5);
      for (int index = 0; index < count; ++index)
        on_event(events[static_cast<size_t>(index)]);
      look_around();
    }
    return std::move(result_);
  }

 private:
  // False when there are no more to begin.
  bool begin_more() {
    while (result_.connections < load_.count && clients_.size() < load_.at_once) {
      const uint32_t number = load_.first + static_cast<uint32_t>(result_.connections++);
      auto socket = Socket::connect(load_.target);
      if (!socket) {
        note("connection " + std::to_string(number) + " is refused");
        continue;
      }
      auto client = std::make_unique<MutationClient>(*std::move(socket), load_, number);
      result_.mutated += client->traffic().is_mutated ? 1 : 0;
      epoll_event event{};
      event.events = EPOLLIN | EPOLLOUT;
      event.data.u32 = number;
      if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, client->fd(), &event) != 0) die("epoll_ctl");
      clients_.emplace(number, std::move(client));
    }
    return result_.connections < load_.count;
  }

  void on_event(const epoll_event& event) {
    const auto found = clients_.find(event.data.u32);
    if (found == clients_.end()) return;
    MutationClient& client = *found->second;
    if ((event.events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) client.receive();
    if (client.is_over()) return finish(client);
    if (client.has_sent_all()) return;
    client.send();
    if (!client.has_sent_all()) return;
    epoll_event reading{};
    reading.events = EPOLLIN;
    reading.data.u32 = client.number();
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, client.fd(), &reading);
  }

  void look_around() {
    const Deadline now = Clock::now();
    if (now - looked_ < load_.quiet / 4) return;
    looked_ = now;
    for (auto at = clients_.begin(); at != clients_.end();) {
      MutationClient& client = *(at++)->second;
      const auto idle = now - client.last_progress();
      if (idle > kEndsWithin) {
        client.fail("it does not end");
        finish(client);
      } else if (idle > load_.quiet && client.has_sent_all() && !client.half_closed() &&
                 client.traffic().is_mutated) {
        client.half_close();
      }
    }
  }

  void finish(MutationClient& client) {
    result_.answers += client.answers();
    result_.good_answers += client.good_answers();
    result_.half_closed += client.half_closed() ? 1 : 0;
    std::string failure = client.failure();
    for (const uint64_t id : client.ids()) {
      if (!ids_.insert(id).second) failure = "the answer " + std::to_string(id) + " comes twice";
    }
    if (!failure.empty())
      note("connection " + std::to_string(client.number()) + ", seed " +
           std::to_string(load_.seed) + ": " + failure + "\nsent: " +
           readable(client.traffic().bytes) + "\nreceived: " + readable(client.received()));
    clients_.erase(client.number());
  }

  void note(const std::string& failure) {
    if (result_.failures.size() < kFailuresKept) result_.failures.push_back(failure);
  }

  const MutationLoad& load_;
  Fd epoll_;
  std::map<uint32_t, std::unique_ptr<MutationClient>> clients_;
  std::unordered_set<uint64_t> ids_;
  MutationResult result_;
  Deadline looked_ = Clock::now();
};

}  // namespace

MutationResult run_mutations(const MutationLoad& load) {
  return Loop(load).run();
}

}  // namespace httpteleport::test
