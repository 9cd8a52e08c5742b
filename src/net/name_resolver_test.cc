#include "net/name_resolver.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include "net/test_net.h"

namespace httpteleport::net {
namespace {

using namespace std::chrono_literals;
using Addresses = std::vector<Address>;

Address at(uint8_t last, uint16_t port = 0) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(0x0a000000u | last);
  return {reinterpret_cast<const sockaddr*>(&address), sizeof address};
}

// What the resolver says, shared with threads that may outlive the test's resolver.
struct Answers {
  std::mutex mutex;
  std::condition_variable changed;
  std::map<std::string, Addresses> addresses;  // of others there are none
  std::map<std::string, int> lookups;
  std::string hanging_host;
  int hanging = 0;
  int ended = 0;
};

class NameResolverTest : public testing::Test, public NameHandler {
 protected:
  ~NameResolverTest() override {
    set([](Answers& answers) { answers.hanging_host.clear(); });
  }

  void start(Duration interval = 2ms) {
    resolver_.emplace(net_.loop,
                      NameResolver::Options{
                          .interval = interval,
                          .retry_interval = 2ms,
                          .lookup = [answers = answers_](
                                        const HostPort& name) { return look_up(*answers, name); }},
                      static_cast<NameHandler&>(*this));
  }
  static Result<Addresses> look_up(Answers& answers, const HostPort& name) {
    std::unique_lock lock(answers.mutex);
    EXPECT_EQ(name.port, 0);
    ++answers.lookups[name.host];
    ++answers.hanging;
    answers.changed.wait(lock, [&] { return name.host != answers.hanging_host; });
    --answers.hanging;
    ++answers.ended;
    const auto found = answers.addresses.find(name.host);
    if (found != answers.addresses.end()) return found->second;
    return Error{Code::kBadConfig, Source::kInternal, 0, "no such name"};
  }
  void on_addresses(NameId id, const Addresses& addresses) override {
    std::string text = std::to_string(id) + ":";
    for (const Address& address : addresses)
      text += " " + address.to_string();
    told_.push_back(text);
    if (inside_) inside_(id);
  }
  void on_lookup_failure(NameId id, const Error& error) override {
    told_.push_back(std::to_string(id) + "! " + error.detail);
  }
  template <class Change>
  void set(Change&& change) {
    {
      const std::lock_guard lock(answers_->mutex);
      change(*answers_);
    }
    answers_->changed.notify_all();
  }
  void set_addresses(const std::string& host, Addresses addresses) {
    set([&](Answers& answers) { answers.addresses[host] = std::move(addresses); });
  }
  template <class Condition>
  bool wait_for(Condition&& condition) {
    return net_.run_until([&] {
      const std::lock_guard lock(answers_->mutex);
      return condition(*answers_);
    });
  }
  // Two more lookups have ended, so that what the first one of them found is known.
  bool wait_two_lookups(const std::string& host) {
    int before = 0;
    set([&](Answers& answers) { before = answers.lookups[host]; });
    return wait_for([&](Answers& answers) { return answers.lookups[host] >= before + 3; });
  }
  std::string next() {
    const size_t before = seen_;
    if (!net_.run_until([&] { return told_.size() > before; })) return "nothing";
    return told_[seen_++];
  }

  TestNet net_;
  std::shared_ptr<Answers> answers_ = std::make_shared<Answers>();
  std::vector<std::string> told_;
  std::function<void(NameId)> inside_;  // called in each on_addresses(), if set
  size_t seen_ = 0;
  std::optional<NameResolver> resolver_;
};

TEST_F(NameResolverTest, LooksANameUpAtOnceAndTellsOfOtherAddresses) {
  set_addresses("a", {at(1), at(2)});
  start();
  const NameId id = resolver_->add({"a", 80});
  EXPECT_TRUE(resolver_->find(id).empty());
  EXPECT_EQ(next(), "1: 10.0.0.1:80 10.0.0.2:80");
  EXPECT_EQ(resolver_->find(id), (Addresses{at(1, 80), at(2, 80)}));
  set_addresses("a", {at(2), at(1)});
  ASSERT_TRUE(wait_two_lookups("a"));
  EXPECT_EQ(told_.size(), 1u) << "another order is no change";
  set_addresses("a", {at(3)});
  EXPECT_EQ(next(), "1: 10.0.0.3:80");
}

TEST_F(NameResolverTest, DoesNotLookUpAtOnceWhatIsKnown) {
  start(10h);
  const NameId id = resolver_->add({"a", 80}, {at(1, 80)});
  EXPECT_EQ(resolver_->find(id), Addresses{at(1, 80)});
  set_addresses("b", {at(2)});
  resolver_->add({"b", 80});
  EXPECT_EQ(next(), "2: 10.0.0.2:80");
  set([](Answers& answers) { EXPECT_EQ(answers.lookups["a"], 0); });
}

TEST_F(NameResolverTest, TellsWhatOthersThanTheKnownOnesAre) {
  set_addresses("a", {at(2), at(1)});
  start();
  resolver_->add({"a", 80}, {at(1, 80), at(2, 80)});
  ASSERT_TRUE(wait_two_lookups("a"));
  EXPECT_TRUE(told_.empty());
  set_addresses("a", {at(3)});
  EXPECT_EQ(next(), "1: 10.0.0.3:80");
}

TEST_F(NameResolverTest, LooksAHostUpOnceForAll) {
  set_addresses("a", {at(1)});
  start(10h);
  resolver_->add({"a", 80});
  resolver_->add({"a", 81});
  EXPECT_EQ(next(), "1: 10.0.0.1:80");
  EXPECT_EQ(next(), "2: 10.0.0.1:81");
  EXPECT_EQ(resolver_->find(resolver_->add({"a", 82})), Addresses{at(1, 82)});
  set([](Answers& answers) { EXPECT_EQ(answers.lookups["a"], 1); });
  resolver_->add({"a", 83}, {at(9, 83)});
  EXPECT_EQ(next(), "4: 10.0.0.1:83") << "who has it wrong is told";
  net_.settle();
  EXPECT_EQ(told_.size(), 3u);
}

TEST_F(NameResolverTest, KeepsTheLastAddressesWhenALookupFails) {
  start();
  const NameId id = resolver_->add({"a", 80}, {at(1, 80)});
  EXPECT_EQ(next(), "1! no such name");
  ASSERT_TRUE(wait_two_lookups("a"));
  set_addresses("a", {});
  ASSERT_TRUE(wait_two_lookups("a"));
  EXPECT_EQ(told_.size(), 1u);
  EXPECT_EQ(resolver_->find(id), Addresses{at(1, 80)});
  set_addresses("a", {at(1), at(3)});
  EXPECT_EQ(next(), "1: 10.0.0.1:80 10.0.0.3:80");
}

TEST_F(NameResolverTest, TriesSoonAgainWhereNothingWasEverFound) {
  start(10h);
  resolver_->add({"a", 80});
  EXPECT_EQ(next(), "1! no such name");
  set_addresses("a", {at(1)});
  EXPECT_EQ(next(), "1: 10.0.0.1:80");
}

TEST_F(NameResolverTest, ForgetsWhatIsRemoved) {
  set_addresses("a", {at(1)});
  start();
  const NameId first = resolver_->add({"a", 80});
  const NameId second = resolver_->add({"a", 81});
  EXPECT_EQ(next(), "1: 10.0.0.1:80");
  EXPECT_EQ(next(), "2: 10.0.0.1:81");
  resolver_->remove(first);
  resolver_->remove(first);
  set_addresses("a", {at(2)});
  EXPECT_EQ(next(), "2: 10.0.0.2:81");
  inside_ = [&](NameId id) { resolver_->remove(id); };
  set_addresses("a", {at(3)});
  EXPECT_EQ(next(), "2: 10.0.0.3:81");
  set_addresses("a", {at(4)});
  net_.settle();
  EXPECT_EQ(told_.size(), 4u);
  resolver_->remove(second);
}

TEST_F(NameResolverTest, IsNotHeldUpByANameThatHangs) {
  set([](Answers& answers) { answers.hanging_host = "dead"; });
  set_addresses("a", {at(1)});
  start();
  resolver_->add({"dead", 80});
  resolver_->add({"a", 80});
  EXPECT_EQ(next(), "2: 10.0.0.1:80");
  EXPECT_TRUE(wait_two_lookups("a"));
}

TEST_F(NameResolverTest, EndsWhileTheResolverHangs) {
  set([](Answers& answers) { answers.hanging_host = "a"; });
  set_addresses("a", {at(1)});
  start();
  resolver_->add({"a", 80});
  ASSERT_TRUE(wait_for([](const Answers& answers) { return answers.hanging == 1; }));
  resolver_.reset();
  set([](Answers& answers) { answers.hanging_host.clear(); });
  ASSERT_TRUE(wait_for([](const Answers& answers) { return answers.ended == 1; }));
  net_.settle();
  EXPECT_TRUE(told_.empty());
}

}  // namespace
}  // namespace httpteleport::net
