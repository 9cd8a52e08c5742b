// Recorded links of v2 with a bit changed, or cut short, at every place, replayed to either end:
// the link ends, clearly and soon; what is answered is right; nobody beside it notices.
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "conformance/raw_client.h"
#include "conformance/replay.h"
#include "integration/topology.h"

namespace httpteleport::test {
namespace {

using namespace std::chrono_literals;

constexpr size_t kStep = kSanitized ? 23 : 1;  // every so many bytes
constexpr uint64_t kMemoryMax = uint64_t{kSanitized ? 1024 : 128} << 20;
const Flags kSmallV2 = {"-workers=1", "-linkMemory=small"};

// All that was counted as failed at one process.
int64_t failures(HttptpProcess& process) {
  const std::string json = process.expvar_json();
  int64_t sum = 0;
  for (const char* name : {"malformed", "bad_version", "connection_lost", "cancelled", "timeout"})
    sum += json_number(json, std::string("failures.") + name).value_or(0);
  return sum;
}

// ---- What a near end has sent, to a far end.

struct FarOutcome {
  IoStatus status = IoStatus::kOk;  // of the connection's end
  size_t right = 0;                 // answers
  std::string wrong{};              // what must not be
};

FarOutcome replay_to_far_end(const Address& far, const std::string& wire) {
  auto socket = Socket::connect(far);
  if (!socket) return {.wrong = "no connection"};
  socket->send_all(wire);
  socket->shutdown_write();
  const Received got = socket->recv_to_end();
  FarOutcome outcome{.status = got.status};
  if (got.status == IoStatus::kTimeout) outcome.wrong = "the link does not end";
  // It speaks to what the replay says that it has room for.
  const Greeting said = read_greeting(got.bytes);
  const Greeting told = read_greeting(wire);
  if (said.bytes == 0 || told.bytes == 0) return outcome;
  LinkReader reader(told.hello);
  if (!reader.read(std::string_view(got.bytes).substr(said.bytes)))
    outcome.wrong = "what the far end sends makes no sense";
  for (const auto& [stream, answer] : reader.messages()) {
    if (!answer.ended || answer.reset) continue;
    if (stream > asked_requests().size() || !answer.head.starts_with("HTTP/1.1 200 ") ||
        !asked_requests()[stream - 1].is_answered_by(answer.body))
      outcome.wrong = "an answer on stream " + std::to_string(stream) + ": " + answer.head;
    ++outcome.right;
  }
  return outcome;
}

TEST(Replays, ToAFarEndEndTheLinkOrAreRight) {
  RecordingOrigin origin;
  const Recording recording = record_link(origin);
  RunningHttptp far(far_flags(origin.address().text()) + kSmallV2 + Flags{"-inCompress=zstd"});
  RunningHttptp near(near_flags(far.address().text()) + kSmallV2 + Flags{"-outCompress=zstd"});
  ASSERT_TRUE(far.started() && near.started());
  Neighbour neighbour(near.address());

  const std::vector<Damage> all = damages(recording.near, kStep);
  std::atomic<size_t> next = 0;
  std::atomic<int64_t> ended = 0;  // links that did not answer all
  std::mutex mutex;
  std::vector<std::string> wrongs;
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      for (size_t at; (at = next++) < all.size();) {
        const FarOutcome outcome = replay_to_far_end(far.address(), all[at].apply(recording.near));
        const bool whole = outcome.right == asked_requests().size();
        if (!whole) ++ended;
        std::string wrong = outcome.wrong;
        if (all[at].kind == Damage::Kind::kNone && !whole) wrong += "not all is answered";
        if (wrong.empty()) continue;
        const std::lock_guard lock(mutex);
        wrongs.push_back(all[at].text() + ": " + wrong);
      }
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  neighbour.stop();
  for (const std::string& wrong : wrongs)
    ADD_FAILURE() << wrong;
  expect_only_asked(origin);
  // A wire that is cut behind a batch ends as a link should; there are a few batches of each
  // request.
  const auto told = failures(*far);
  EXPECT_GE(told + static_cast<int64_t>(asked_requests().size() * 4), ended);
  EXPECT_GT(ended, static_cast<int64_t>(all.size() * 9 / 10));
  EXPECT_LT(far->process().rss_max_bytes(), kMemoryMax);
  std::printf("%zu replays of %zu bytes, %zu links ended, %zu told, %zu KiB at most\n", all.size(),
              recording.near.size(), static_cast<size_t>(ended), static_cast<size_t>(told),
              static_cast<size_t>(far->process().rss_max_bytes() / 1024));
}

// ---- What a far end has sent, to a near end.

// One near end, and this as its endpoint. With `far`, a real far end is another one, and a field of
// each request chooses.
class NearReplay {
 public:
  explicit NearReplay(const std::string& wire, const Address* far = nullptr)
      : wire_(wire),
        near_(near_flags(peer_.address().text() + (far != nullptr ? "," + far->text() : "")) +
              kSmallV2 +
              Flags{"-outCompress=zstd", "-outProtocol=v2", "-outConnsPerAddr=1", "-outRetries=0",
                    "-outBalance=hash:X-To", "-outEjectFailures=0", "-outEjectRatio=0"}) {
    if (started() && far != nullptr) choose_fields();
  }

  bool started() const { return near_.started(); }
  RunningHttptp& near() { return near_; }
  const std::string& neighbours_field() const { return neighbours_field_; }

  // Empty, or what is wrong. `right` is how many requests were answered.
  std::string replay(const Damage& damage, size_t& right) {
    std::string wrong = "the near end does not connect";
    (void)wait_until([&] { return try_replay(damage, asked_requests().size(), right, wrong); });
    return wrong;
  }
  // An endpoint to which no link came about is left alone for a while, and then gets one request to
  // show what it is worth. A link that was worth its while is opened anew at once.
  bool revive() {
    size_t right = 0;
    std::string wrong;
    return wait_until([&] { return try_replay({}, 1, right, wrong) && right == 1; },
                      after(3 * kPatience));
  }

 private:
  void choose_fields() {
    std::string own;
    for (int value = 0; value < 64 && (own.empty() || neighbours_field_.empty()); ++value) {
      field_ = "X-To: " + std::to_string(value) + "\r\n";
      size_t right = 0;
      std::string wrong;
      (try_replay({}, 1, right, wrong) ? own : neighbours_field_) = field_;
    }
    field_ = own;
  }

  // False: the requests have not come here.
  bool try_replay(const Damage& damage, size_t requests, size_t& right, std::string& wrong) {
    // What was surely not sent has been tried again, on a link that nobody has served.
    while (peer_.accept(Clock::now())) {
    }
    std::vector<RawClient> clients;
    ask(clients);
    auto link = accept(clients.front());
    if (link) serve(*std::move(link), damage, requests, clients);
    wrong = read_answers(clients, right);
    return link.has_value();
  }

  // A request more, on a connection of its own.
  void ask(std::vector<RawClient>& clients) {
    Asked asked = asked_requests()[clients.size()];
    asked.fields += field_;
    clients.emplace_back(near_.address());
    clients.back().send(asked.text());
  }

  // The next link; nothing if that client is answered before.
  std::optional<Socket> accept(RawClient& client) {
    std::optional<Socket> link;
    wait_until([&] {
      link = peer_.accept(Clock::now());
      return link || !client.is_quiet();
    });
    return link;
  }

  // A far end that says what was recorded, once all has been asked: whatever is wrong is then wrong
  // about streams that there are.
  void serve(Socket link, const Damage& damage, size_t requests, std::vector<RawClient>& clients) {
    const std::string wire = damage.apply(wire_);
    const Greeting intact = read_greeting(wire_);
    const std::string_view greeting = std::string_view(wire).substr(0, intact.bytes);
    link.send_all(greeting);
    // One that is changed may not be understood at all.
    if (greeting == std::string_view(wire_).substr(0, intact.bytes))
      await_requests(link, intact.hello, requests, clients);
    link.send_all(std::string_view(wire).substr(greeting.size()));
    link.shutdown_write();
    link.recv_to_end();
  }

  void await_requests(Socket& link, const teleport::v2::Hello& hello, size_t requests,
                      std::vector<RawClient>& clients) {
    std::string head;
    Greeting said;
    while ((said = read_greeting(head)).bytes == 0) {
      const Received got = link.recv_some();
      if (got.status != IoStatus::kOk) return;
      head += got.bytes;
    }
    LinkReader reader(hello);
    reader.read(std::string_view(head).substr(said.bytes));
    for (;;) {
      while (reader.messages().size() < clients.size()) {
        const Received got = link.recv_some();
        if (got.status != IoStatus::kOk || !reader.read(got.bytes)) return;
      }
      if (clients.size() == requests) return;
      ask(clients);
    }
  }

  // Each is right, or visibly none.
  static std::string read_answers(std::vector<RawClient>& clients, size_t& right) {
    right = 0;
    for (size_t i = 0; i < clients.size(); ++i) {
      const Message answer = clients[i].read_response();
      const bool whole = answer.outcome == Outcome::kComplete;
      if (whole && answer.head.status == 200 && asked_requests()[i].is_answered_by(answer.body)) {
        ++right;
      } else if (!(whole && (answer.head.status == 502 || answer.head.status == 503)) &&
                 answer.outcome != Outcome::kTruncated) {
        return "request " + std::to_string(i) + ": " + outcome_name(answer.outcome) + " " +
               answer.error + ", status " + std::to_string(answer.head.status) + " " +
               answer.body.substr(0, 200);
      }
    }
    return {};
  }

  const std::string& wire_;
  Listener peer_;
  RunningHttptp near_;
  std::string field_;
  std::string neighbours_field_;
};

// Replays all of them, at several near ends at once. Returns how many links have ended early.
size_t replay_all(const std::vector<std::unique_ptr<NearReplay>>& nears,
                  const std::vector<Damage>& all, bool neighbours) {
  std::atomic<size_t> next = 0;
  std::atomic<size_t> ended = 0;
  std::vector<std::thread> threads;
  for (const auto& near : nears) {
    threads.emplace_back([&] {
      std::optional<Neighbour> neighbour;
      if (neighbours) neighbour.emplace(near->near().address(), near->neighbours_field());
      for (size_t at; (at = next++) < all.size() && !testing::Test::HasFailure();) {
        size_t right = 0;
        const std::string wrong = near->replay(all[at], right);
        const bool whole = right == asked_requests().size();
        if (!whole) ++ended;
        if (!wrong.empty()) ADD_FAILURE() << all[at].text() << ": " << wrong;
        if (right == 0 && !near->revive())
          ADD_FAILURE() << "behind " << all[at].text() << " nothing is answered";
      }
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  return ended;
}

void expect_small(const std::vector<std::unique_ptr<NearReplay>>& nears, const std::string& what) {
  uint64_t memory_max = 0;
  for (const auto& one : nears)
    memory_max = std::max(memory_max, one->near()->process().rss_max_bytes());
  EXPECT_LT(memory_max, kMemoryMax);
  std::printf("%s, %zu KiB at most\n", what.c_str(), static_cast<size_t>(memory_max / 1024));
}

constexpr size_t kNears = kSanitized ? 3 : 6;

TEST(Replays, ToANearEndEndTheLinkOrAreRight) {
  RecordingOrigin origin;
  const Recording recording = record_link(origin);
  RunningHttptp far(far_flags(origin.address().text()) + kSmallV2 + Flags{"-inCompress=zstd"});
  ASSERT_TRUE(far.started());
  std::vector<std::unique_ptr<NearReplay>> nears;
  const Address address = far.address();
  for (size_t i = 0; i < kNears; ++i) {
    nears.push_back(std::make_unique<NearReplay>(recording.far, &address));
    ASSERT_TRUE(nears.back()->started());
  }
  std::vector<Damage> all = damages(recording.far, kStep);
  const size_t greeting = read_greeting(recording.far).bytes;
  std::erase_if(all, [&](const Damage& damage) {
    return damage.kind != Damage::Kind::kNone && damage.at < greeting;
  });
  const size_t ended = replay_all(nears, all, true);
  expect_only_asked(origin);
  EXPECT_GT(ended, all.size() * 9 / 10);
  expect_small(nears, std::to_string(all.size()) + " replays of " +
                          std::to_string(recording.far.size()) + " bytes, " +
                          std::to_string(ended) + " links ended");
}

TEST(Replays, OfAGreetingToANearEndEndTheLinkOrAreRight) {
  RecordingOrigin origin;
  const Recording recording = record_link(origin);
  std::vector<std::unique_ptr<NearReplay>> nears;
  for (size_t i = 0; i < kNears; ++i) {
    nears.push_back(std::make_unique<NearReplay>(recording.far));
    ASSERT_TRUE(nears.back()->started());
  }
  const size_t greeting = read_greeting(recording.far).bytes;
  replay_all(nears,
             damages(std::string_view(recording.far).substr(0, greeting), kSanitized ? 5 : 1),
             false);
  expect_small(nears, "greetings of " + std::to_string(greeting) + " bytes");
}

}  // namespace
}  // namespace httpteleport::test
