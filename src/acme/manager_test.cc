#include "acme/manager.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ctime>
#include <future>

#include "acme/test_certificate.h"
#include "support/scripted_peer.h"
#include "support/temporary_folder.h"

namespace httpteleport::acme {
namespace {

using test::ScriptedPeer;
using testing::HasSubstr;

class ManagerTest : public testing::Test {
 protected:
  ManagerTest() {
    options_.cache_dir = folder_.file("cache");
    options_.host_regexp = R"(\.example\.com$)";
    options_.directory_url = "http://" + peer_.address().text() + "/dir";
  }

  std::unique_ptr<Manager> make() {
    std::string error;
    auto manager = Manager::create(options_, error);
    EXPECT_EQ(error, "");
    return manager;
  }
  void store(const std::string& name) {
    const std::time_t now = std::time(nullptr);
    const TestPem pem = test_pem(name, now - 3600, now + 90 * 24 * 3600);
    Store store(options_.cache_dir);
    ASSERT_TRUE(store.open());
    ASSERT_TRUE(store.save(name, pem.chain, pem.key));
  }

  test::TemporaryFolder folder_;
  ScriptedPeer peer_;
  Options options_;
};

TEST_F(ManagerTest, ExplainsOptionsItDoesNotAccept) {
  std::string error;
  Options options;
  options.host_regexp = "[";
  EXPECT_EQ(Manager::create(options, error), nullptr);
  EXPECT_THAT(error, HasSubstr("the host expression [: missing ]"));
  options = {};
  options.directory_url = "http://ca.example/dir";
  EXPECT_EQ(Manager::create(options, error), nullptr);
  EXPECT_THAT(error, HasSubstr("http://ca.example/dir is not an https address"));
}

TEST_F(ManagerTest, DoesNotStartWithoutItsFolder) {
  options_.cache_dir = folder_.file("absent/cache");
  const auto started = make()->start();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, Code::kSystem);
}

TEST_F(ManagerTest, DoesNotStartWithoutItsCaFile) {
  options_.ca_file = folder_.file("absent.pem");
  const auto started = make()->start();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, Code::kBadConfig);
}

TEST_F(ManagerTest, ServesWhatIsStoredWithoutAskingTheCa) {
  store("www.example.com");
  store("www.example.org");  // not allowed any more
  const auto manager = make();
  ASSERT_TRUE(manager->start());
  const Found found = manager->find("WWW.example.com.");
  EXPECT_EQ(found.answer, Answer::kReady);
  ASSERT_NE(found.certificate, nullptr);
  EXPECT_TRUE(found.certificate->matches("www.example.com"));
  EXPECT_EQ(manager->find("www.example.org").answer, Answer::kRefused);
  manager->stop();
  EXPECT_EQ(manager->find("www.example.com").answer, Answer::kReady);
  EXPECT_EQ(peer_.extra_connections(), 0u);
}

TEST_F(ManagerTest, HasNoAnswersWhileNoChallengeIsUnderWay) {
  const auto manager = make();
  ASSERT_TRUE(manager->start());
  EXPECT_EQ(manager->http01_answer("token"), "");
  EXPECT_EQ(manager->challenge("www.example.com"), nullptr);
  EXPECT_EQ(manager->challenge("not a name"), nullptr);
}

TEST_F(ManagerTest, StopsWhileTheCaIsSilent) {
  std::promise<void> requested;
  peer_.add_script([&](ScriptedPeer::Connection& connection) {
    connection.expect_request();
    requested.set_value();
    connection.stall();
  });
  const auto manager = make();
  ASSERT_TRUE(manager->start());
  EXPECT_EQ(manager->find("www.example.com").answer, Answer::kPending);
  ASSERT_EQ(requested.get_future().wait_for(test::kPatience), std::future_status::ready);
  EXPECT_EQ(manager->find("www.example.com").answer, Answer::kPending);
  const auto before = test::Clock::now();
  manager->stop();
  EXPECT_LT(test::Clock::now() - before, test::kPatience);  // far less than a request may take
  manager->stop();
  EXPECT_EQ(manager->find("www.example.com").answer, Answer::kRefused);
  EXPECT_EQ(manager->find("another.example.com").answer, Answer::kRefused);
}

}  // namespace
}  // namespace httpteleport::acme
