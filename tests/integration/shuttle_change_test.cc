// shuttle while it is changed under load: who is not changed notices nothing, who is loses nothing,
// and what was acknowledged survives a kill at any moment.
//
// HT_CHANGES says how many changes are made, 500 a minute.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <iostream>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "running_shuttle.h"
#include "steady_traffic.h"
#include "support/origin.h"
#include "support/temporary_folder.h"
#include "support/wrk.h"

namespace httpteleport::test {
namespace {

constexpr uint64_t kChanges = kSanitized ? 50 : 100;
constexpr std::chrono::milliseconds kChangeInterval{120};  // 500 a minute
constexpr int kKills = kSanitized ? 10 : 50;

uint64_t changes_wanted() {
  const char* const text = std::getenv("HT_CHANGES");
  return text == nullptr ? kChanges : std::strtoull(text, nullptr, 10);
}

// Reads the state file over and over; every text that stands there must be JSON.
class StateReader {
 public:
  explicit StateReader(std::string path) : path_(std::move(path)), thread_([this] { run(); }) {}
  ~StateReader() { stop(); }

  uint64_t reads() const { return reads_; }
  // What was no JSON.
  std::vector<std::string> stop() {
    stopping_ = true;
    if (thread_.joinable()) thread_.join();
    return std::exchange(broken_, {});
  }

 private:
  void run() {
    while (!stopping_) {
      const std::string text = read_file(path_);
      if (!nlohmann::json::accept(text)) broken_.push_back(text.substr(0, 200));
      ++reads_;
      ::poll(nullptr, 0, 1);
    }
  }

  const std::string path_;
  std::atomic<bool> stopping_ = false;
  std::atomic<uint64_t> reads_ = 0;
  std::vector<std::string> broken_;
  std::thread thread_;
};

std::string number_json(const std::string& name, uint64_t number) {
  return "{\"" + name + "\": " + std::to_string(number) + "}";
}

// One change after another, of all kinds, none of them to the services called "stable".
class Changer {
 public:
  Changer(RunningShuttle& shuttle, const Origin& first, const Origin& second)
      : shuttle_(shuttle), first_(first), second_(second) {}

  // One after another, evenly over the time, as long as the test has not failed.
  void make(uint64_t count) {
    const Deadline begun = Clock::now();
    for (uint64_t i = 0; i < count && !testing::Test::HasFailure(); ++i) {
      make_one();
      wait_until([&] { return false; }, begun + static_cast<int>(i + 1) * kChangeInterval);
    }
  }

 private:
  void make_one() {
    const uint64_t round = made_ / 8;
    switch (made_++ % 8) {
      case 0:
        return shuttle_.change("/new-" + std::to_string(round),
                               R"({"address": "127.0.0.1:0", "virtual_hosts": ["new-)" +
                                   std::to_string(round) + R"("], "backends": [)" +
                                   backend_json("b", first_.address()) + "]}");
      case 1:
        return swap("/swapped", round);
      case 2:
        return shuttle_.change("/swapped/other", number_json("weight", 1 + round % 5));
      case 3:
        return shuttle_.change("/moving", number_json("client_timeout", 1000 + round));
      case 4:
        return move(round);
      case 5:
        return shuttle_.change(
            "/moving", R"({"error_pages": {"text:page )" + std::to_string(round) + R"(": [503]}})");
      case 6:
        return swap("/swapped-tcp", round);
      default:
        return shuttle_.change("/new-" + std::to_string(round), "", "DELETE");
    }
  }
  // The backend that is there makes way for one at the other origin, without a moment without.
  void swap(const std::string& service, uint64_t round) {
    const std::string name = std::to_string(round);
    const std::string before = round == 0 ? "first" : std::to_string(round - 1);
    shuttle_.change(service + "/" + name,
                    backend_json(name, (round % 2 == 0 ? second_ : first_).address()));
    shuttle_.change(service + "/" + before + "/_state", round % 3 == 0 ? "drain" : "maint");
    shuttle_.change(service + "/" + before, "", "DELETE");
  }
  void move(uint64_t round) {
    // Nobody else listens there: it is bound with a host of its own.
    shuttle_.change("/moving", R"({"address": "127.0.0.)" + std::to_string(2 + round % 200) +
                                   R"(:0", "network": "tcp"})");
  }

  RunningShuttle& shuttle_;
  const Origin& first_;
  const Origin& second_;
  uint64_t made_ = 0;
};

void expect_no_failures(const std::string& who, const std::vector<std::string>& failures) {
  EXPECT_EQ(failures.size(), 0u) << who << ": " << (failures.empty() ? "" : failures.front());
}

TEST(ShuttleUnderChange, LosesNoRequestOfAnybody) {
  const TemporaryFolder folder;
  const Origin first, second;
  const std::string state = folder.file("state.json");
  RunningShuttle shuttle({"-workers=2", "-state=" + state});
  ASSERT_TRUE(shuttle.started());
  const std::string backends = R"("backends": [)" + backend_json("first", first.address()) + "]";
  shuttle.change("/stable-host", R"({"virtual_hosts": ["a"], )" + backends + "}");
  const Address stable_tcp =
      shuttle.listen("/stable-tcp", R"({"address": "127.0.0.1:0", )" + backends + "}");
  const Address swapped = shuttle.listen(
      "/swapped", R"({"address": "127.0.0.1:0", "network": "http", )" + backends + "}");
  const Address swapped_tcp =
      shuttle.listen("/swapped-tcp", R"({"address": "127.0.0.1:0", )" + backends + "}");
  shuttle.change("/swapped/other", backend_json("other", second.address()));
  shuttle.change("/moving", R"({"address": "127.0.0.2:0", )" + backends + "}");

  StateReader reader(state);
  Wrk full_load("http://" + shuttle.http().text() + "/bytes/200", {"Host: a"});
  SteadyRequests host_kept(shuttle.http(), "", 2);
  SteadyRequests host_new(shuttle.http(), "", 1, SteadyRequests::Connections::kNew);
  SteadyRequests tcp_kept(stable_tcp, "", 1);
  SteadyRequests tcp_new(stable_tcp, "", 1, SteadyRequests::Connections::kNew);
  SteadyRequests swapped_kept(swapped, "", 1);
  SteadyRequests swapped_new(swapped, "", 1, SteadyRequests::Connections::kNew);
  SteadyRequests swapped_tcp_new(swapped_tcp, "", 1, SteadyRequests::Connections::kNew);

  Changer(shuttle, first, second).make(changes_wanted());
  EXPECT_TRUE(host_kept.wait_for_more(10));
  EXPECT_TRUE(swapped_kept.wait_for_more(10));
  EXPECT_TRUE(swapped_tcp_new.wait_for_more(10));

  std::cout << full_load.stop();
  expect_no_failures("a virtual host", host_kept.stop());
  expect_no_failures("a virtual host, new connections", host_new.stop());
  expect_no_failures("TCP", tcp_kept.stop());
  expect_no_failures("TCP, new connections", tcp_new.stop());
  expect_no_failures("swapped backends", swapped_kept.stop());
  expect_no_failures("swapped backends, new connections", swapped_new.stop());
  expect_no_failures("swapped backends of TCP, new connections", swapped_tcp_new.stop());
  EXPECT_GT(reader.reads(), 10u);
  expect_no_failures("the state file", reader.stop());
  // Their counters are those of the beginning, not of the last change.
  EXPECT_GE(shuttle.number("/stable-host", "http_connections"),
            static_cast<int64_t>(host_kept.answered() + host_new.answered()));
}

// Counts a value of a service up, as fast as it is acknowledged.
class Counting {
 public:
  Counting(const RunningShuttle& shuttle, int64_t from)
      : acknowledged_(from), thread_([this, &shuttle] { run(shuttle); }) {}
  // Call when nobody answers any more. The last number that was acknowledged.
  int64_t finish() {
    thread_.join();
    return acknowledged_;
  }

 private:
  void run(const RunningShuttle& shuttle) {
    for (;;) {
      const int64_t next = acknowledged_ + 1;
      const Message answer =
          shuttle.put("/counted", number_json("client_timeout", static_cast<uint64_t>(next)));
      // Whether one without an answer was made, nobody knows.
      if (answer.outcome != Outcome::kComplete || answer.head.status != 200) return;
      acknowledged_ = next;
    }
  }

  int64_t acknowledged_;  // of the thread
  std::thread thread_;
};

TEST(ShuttleUnderChange, KeepsWhatWasAcknowledgedWhenKilledAtAnyMoment) {
  const TemporaryFolder folder;
  const Flags flags = {"-state=" + folder.file("state.json")};
  {
    RunningShuttle shuttle(flags);
    ASSERT_TRUE(shuttle.started());
    shuttle.change("/counted", R"({"virtual_hosts": ["a"], "client_timeout": 1})");
  }
  std::mt19937 random(20);  // NOLINT(cert-msc51-cpp): the same times in every run
  std::uniform_int_distribution<int> microseconds(0, kSanitized ? 200'000 : 50'000);
  int64_t least = 1;
  for (int i = 0; i < kKills; ++i) {
    RunningShuttle shuttle(flags);
    ASSERT_TRUE(shuttle.started());
    const int64_t kept = shuttle.number("/counted/_config", "client_timeout");
    ASSERT_GE(kept, least) << "after " << i << " kills";
    // The one that was on its way may have been made.
    ASSERT_LE(kept, least + 1) << "after " << i << " kills";
    Counting counting(shuttle, kept);
    wait_until([] { return false; }, after(std::chrono::microseconds(microseconds(random))));
    shuttle.kill();
    least = counting.finish();
  }
  EXPECT_GT(least, kKills / 2);
}

}  // namespace
}  // namespace httpteleport::test
