#include "live/virtual_hosts.h"

#include <gtest/gtest.h>

#include <deque>

#include "net/test_net.h"

namespace httpteleport::live {
namespace {

class FakeService final : public HostedService {
 public:
  explicit FakeService(net::TestNet& net)
      : cluster_(net.loop, net.metrics, options_),
        queue_(net.loop, net.metrics, {}),
        route_{cluster_, nullptr, queue_, proxy::RetryBudget({})} {}

  proxy::Route& route() override { return route_; }
  bool is_available() const override { return available; }

  bool available = true;

 private:
  upstream::ClusterOptions options_;
  upstream::Cluster cluster_;
  proxy::WaitingQueue queue_;
  proxy::Route route_;
};

class VirtualHostsTest : public testing::Test {
 protected:
  // Index of the service that gets the request; -1: none.
  int find(std::string_view host, std::string_view target = "/") {
    http::RequestHead head;
    head.authority = host;
    head.target = target;
    const proxy::Route* const route = hosts_.route(head);
    for (size_t i = 0; i < services_.size(); ++i) {
      if (route == &services_[i].route()) return static_cast<int>(i);
    }
    return -1;
  }
  void add(const std::string& host) {
    services_.emplace_back(net_);
    hosts_.add(host, services_.back());
  }

  net::TestNet net_;
  std::deque<FakeService> services_;
  VirtualHosts hosts_;
};

TEST_F(VirtualHostsTest, ComparesNamesWithoutCaseAndPort) {
  add("Web.test");
  EXPECT_EQ(find("web.test"), 0);
  EXPECT_EQ(find("WEB.TEST:8080"), 0);
  EXPECT_EQ(find("web.test."), 0);
  EXPECT_EQ(find("www.web.test"), -1);
  EXPECT_EQ(find("eb.test"), -1);
  EXPECT_EQ(find(""), -1);
}

TEST_F(VirtualHostsTest, TakesTheMostParticularName) {
  add("*");
  add("*.test");
  add("*.a.test");
  add("b.a.test");
  EXPECT_EQ(find("b.a.test"), 3);
  EXPECT_EQ(find("c.a.test"), 2);
  EXPECT_EQ(find("d.c.a.test"), 2);
  EXPECT_EQ(find("a.test"), 1);
  EXPECT_EQ(find("test"), 0);
  EXPECT_EQ(find(""), 0) << "a client of HTTP/1.0 may name nobody";
  EXPECT_EQ(find("[::1]:80"), 0);
}

TEST_F(VirtualHostsTest, TakesTheLongestPathThatEndsAtASlash) {
  add("web.test");
  add("web.test/api");
  add("web.test/api/v2/");
  EXPECT_EQ(find("web.test", "/"), 0);
  EXPECT_EQ(find("web.test", "/apis"), 0);
  EXPECT_EQ(find("web.test", "/api"), 1);
  EXPECT_EQ(find("web.test", "/api?x=/v2"), 1);
  EXPECT_EQ(find("web.test", "/api/v2"), 2);
  EXPECT_EQ(find("web.test", "/api/v2/x"), 2);
  EXPECT_EQ(find("web.test", "/api/v22"), 1);
}

TEST_F(VirtualHostsTest, GoesOnToALessParticularNameWherePathsDoNotFit) {
  add("*");
  add("web.test/api");
  EXPECT_EQ(find("web.test", "/api/x"), 1);
  EXPECT_EQ(find("web.test", "/other"), 0);
}

TEST_F(VirtualHostsTest, GivesTurnsToThoseThatAreAvailable) {
  add("web.test");
  add("web.test");
  add("web.test");
  EXPECT_EQ(find("web.test"), 0);
  EXPECT_EQ(find("web.test"), 1);
  EXPECT_EQ(find("web.test"), 2);
  services_[1].available = false;
  EXPECT_EQ(find("web.test"), 0);
  EXPECT_EQ(find("web.test"), 2);
  services_[0].available = services_[2].available = false;
  EXPECT_NE(find("web.test"), -1) << "somebody must say that nobody is there";
}

TEST_F(VirtualHostsTest, ForgetsWhoIsRemoved) {
  add("web.test");
  add("web.test");
  hosts_.add("web.test", services_[0]);  // twice is once
  hosts_.remove("WEB.test", services_[0]);
  EXPECT_EQ(find("web.test"), 1);
  EXPECT_EQ(find("web.test"), 1);
  hosts_.remove("web.test", services_[1]);
  EXPECT_EQ(find("web.test"), -1);
  hosts_.remove("web.test", services_[1]);
  hosts_.remove("other.test", services_[1]);
}

TEST_F(VirtualHostsTest, FindsNobodyForANameThatIsTooLong) {
  add("*");
  EXPECT_EQ(find(std::string(300, 'a')), -1);
}

}  // namespace
}  // namespace httpteleport::live
