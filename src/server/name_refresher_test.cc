#include "server/name_refresher.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <memory>
#include <mutex>

#include "net/test_net.h"

namespace httpteleport::server {
namespace {

using namespace std::chrono_literals;
using Addresses = std::vector<net::Address>;

// What the resolver says, shared with a thread that may outlive the test's refresher.
struct Answers {
  std::mutex mutex;
  std::condition_variable changed;
  std::optional<Addresses> addresses;  // nullopt: an error
  int lookups = 0;
  bool hangs = false;
  bool hanging = false;
  bool ended = false;
};

class NameRefresherTest : public testing::Test {
 protected:
  ~NameRefresherTest() override {
    set([](Answers& answers) { answers.hangs = false; });
  }

  void start(Addresses known) {
    std::vector<EndpointName> names{{.cluster_index = 1,
                                     .endpoint_index = 2,
                                     .target = {.host = "name.test", .port = 80},
                                     .addresses = std::move(known)}};
    refresher_ = std::make_unique<NameRefresher>(
        net_.loop, std::move(names), 2ms,
        [answers = answers_](const net::HostPort& target) { return resolve(*answers, target); },
        [this](const EndpointName& name) { changes_.push_back(name); });
  }
  static Result<Addresses> resolve(Answers& answers, const net::HostPort& target) {
    std::unique_lock lock(answers.mutex);
    EXPECT_EQ(target.host, "name.test");
    ++answers.lookups;
    answers.hanging = answers.hangs;
    answers.changed.wait(lock, [&] { return !answers.hangs; });
    answers.ended = true;
    if (!answers.addresses) return Error{Code::kBadConfig, Source::kInternal, 0, "no such name"};
    return *answers.addresses;
  }
  template <class Change>
  void set(Change&& change) {
    {
      const std::lock_guard lock(answers_->mutex);
      change(*answers_);
    }
    answers_->changed.notify_all();
  }
  template <class Condition>
  bool wait_for(Condition&& condition) {
    return net_.run_until([&] {
      const std::lock_guard lock(answers_->mutex);
      return condition(*answers_);
    });
  }
  // Two more lookups have ended, so that what the first one of them found is known.
  bool wait_two_lookups() {
    int before = 0;
    set([&](Answers& answers) { before = answers.lookups; });
    return wait_for([&](const Answers& answers) { return answers.lookups >= before + 3; });
  }

  const net::Address first_ = net::loopback(1);
  const net::Address second_ = net::loopback(2);
  const net::Address third_ = net::loopback(3);
  net::TestNet net_;
  std::shared_ptr<Answers> answers_ = std::make_shared<Answers>();
  std::vector<EndpointName> changes_;
  std::unique_ptr<NameRefresher> refresher_;
};

TEST_F(NameRefresherTest, TellsOnlyOfOtherAddresses) {
  answers_->addresses = Addresses{second_, first_};
  start({first_, second_});
  ASSERT_TRUE(wait_two_lookups());
  EXPECT_TRUE(changes_.empty()) << "another order is no change";
  set([&](Answers& answers) { answers.addresses = Addresses{third_}; });
  ASSERT_TRUE(net_.run_until([&] { return changes_.size() == 1; }));
  EXPECT_EQ(changes_[0].cluster_index, 1u);
  EXPECT_EQ(changes_[0].endpoint_index, 2u);
  EXPECT_EQ(changes_[0].addresses, Addresses{third_});
  ASSERT_TRUE(wait_two_lookups());
  EXPECT_EQ(changes_.size(), 1u);
}

TEST_F(NameRefresherTest, KeepsTheLastAddressesWhenALookupFails) {
  answers_->addresses = std::nullopt;
  start({first_});
  ASSERT_TRUE(wait_two_lookups());
  set([&](Answers& answers) { answers.addresses = Addresses{}; });
  ASSERT_TRUE(wait_two_lookups());
  EXPECT_TRUE(changes_.empty());
  set([&](Answers& answers) { answers.addresses = Addresses{first_, third_}; });
  EXPECT_TRUE(net_.run_until([&] { return changes_.size() == 1; }));
}

TEST_F(NameRefresherTest, EndsWhileTheResolverHangs) {
  answers_->hangs = true;
  answers_->addresses = Addresses{third_};
  start({first_});
  ASSERT_TRUE(wait_for([](const Answers& answers) { return answers.hanging; }));
  refresher_.reset();
  set([](Answers& answers) { answers.hangs = false; });
  ASSERT_TRUE(wait_for([](const Answers& answers) { return answers.ended; }));
  net_.settle();
  EXPECT_TRUE(changes_.empty());
}

TEST_F(NameRefresherTest, EndsWhileItWaits) {
  answers_->addresses = Addresses{first_};
  start({first_});
  refresher_.reset();
}

}  // namespace
}  // namespace httpteleport::server
