#include "admin/challenge_pages.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "support/temporary_folder.h"

namespace httpteleport::admin {
namespace {

class ChallengePagesTest : public testing::Test {
 protected:
  ChallengePagesTest() {
    acme::Options options;
    options.cache_dir = folder_.file("cache");
    std::string error;
    manager_ = acme::Manager::create(options, error);
  }
  // Where a request for `authority` is sent to.
  std::string location(std::string_view authority, uint16_t https_port) {
    Request request;
    request.target = "/a?b";
    request.authority = authority;
    return ChallengePages(*manager_, https_port).page_for(request).location;
  }

  test::TemporaryFolder folder_;
  std::unique_ptr<acme::Manager> manager_;
};

TEST_F(ChallengePagesTest, LeadToThePortOfHttps) {
  EXPECT_EQ(location("a.example:80", 443), "https://a.example/a?b");
  EXPECT_EQ(location("[::1]", 8443), "https://[::1]:8443/a?b");
}

// What is in front of it has a port; that of https, one may hope.
TEST_F(ChallengePagesTest, NameNoPortWhereAUnixSocketHasNone) {
  EXPECT_EQ(location("a.example:80", 0), "https://a.example/a?b");
}

}  // namespace
}  // namespace httpteleport::admin
