#include "server/housekeeping.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <string>
#include <vector>

#include "net/test_net.h"

namespace httpteleport::server {
namespace {

using testing::ElementsAre;

// Two signals of this thread, and what it lets through as before when the test is over.
class HousekeepingTest : public testing::Test, protected SignalHandler {
 protected:
  HousekeepingTest() { pthread_sigmask(SIG_BLOCK, nullptr, &mask_); }
  ~HousekeepingTest() override { pthread_sigmask(SIG_SETMASK, &mask_, nullptr); }
  void on_signal(int signal) override { taken_.push_back(signal); }

  net::TestNet net_;
  std::vector<int> taken_;

 private:
  sigset_t mask_{};
};

TEST_F(HousekeepingTest, TakesTheSignalsThatItIsToldOf) {
  ServiceManager manager;
  Housekeeping housekeeping(net_.loop, manager, *this);
  housekeeping.watch({SIGUSR1, SIGUSR2});
  raise(SIGUSR2);
  ASSERT_TRUE(net_.run_until([&] { return !taken_.empty(); }));
  raise(SIGUSR1);
  ASSERT_TRUE(net_.run_until([&] { return taken_.size() == 2; }));
  EXPECT_THAT(taken_, ElementsAre(SIGUSR2, SIGUSR1));
}

TEST_F(HousekeepingTest, GivesSignsOfLifeUntilTheyAreAnothersBusiness) {
  const std::string path = "@housekeeping-" + std::to_string(getpid());
  const net::Address address = *net::Address::unix_path(path);
  const net::Socket heard(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(bind(heard.fd(), address.get(), address.length()), 0);
  const auto signs = [&] {
    int count = 0;
    for (char room[64]; recv(heard.fd(), room, sizeof room, MSG_DONTWAIT) > 0;)
      ++count;
    return count;
  };
  setenv("NOTIFY_SOCKET", path.c_str(), 1);
  setenv("WATCHDOG_USEC", "2000", 1);
  ServiceManager manager;
  Housekeeping housekeeping(net_.loop, manager, *this);
  housekeeping.start();
  int count = 0;
  ASSERT_TRUE(net_.run_until([&] { return (count += signs()) >= 5; }));
  housekeeping.end_signs_of_life();
  signs();
  const TimePoint later = net_.loop.now() + std::chrono::milliseconds(20);
  ASSERT_TRUE(net_.run_until([&] { return net_.loop.now() >= later; }));
  EXPECT_EQ(signs(), 0);
}

}  // namespace
}  // namespace httpteleport::server
