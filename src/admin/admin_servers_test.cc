#include "admin/admin_servers.h"

#include "admin/test_service_api.h"
#include "support/temporary_folder.h"

namespace httpteleport::admin {
namespace {

class AdminServersTest : public testing::Test {
 protected:
  AdminServersTest() { EXPECT_TRUE(registry_.start({}).ok()); }

  AdminServers& make(AdminServers::Options options) {
    servers_ = std::make_unique<AdminServers>(clients_.net.loop, registry_, runtime_, events_,
                                              std::move(options));
    const auto server = servers_->serve(net::TestNet::listen_socket());
    const auto metrics = servers_->serve_metrics(net::TestNet::listen_socket());
    HT_ASSERT(server && metrics);
    clients_.address = (*server)->address();
    metrics_address_ = (*metrics)->address();
    return *servers_;
  }

  FakeRuntime runtime_;
  TestClients clients_;
  EventStream events_{clients_.net.loop};
  service::Registry registry_{runtime_, nullptr, {}};
  std::unique_ptr<AdminServers> servers_;
  net::Address metrics_address_;
};

TEST_F(AdminServersTest, ServeTheApiToThoseWhoMayAsk) {
  test::TemporaryFolder folder;
  AdminServers& servers =
      make({.hosts = {"admin.example"}, .token_file = folder.write("token", "token-one\n")});
  const std::string bearer = "Authorization: Bearer token-one\r\n";
  EXPECT_EQ(clients_.get("/_config", bearer).status, 401);
  EXPECT_EQ(servers.load_token(), "");
  EXPECT_EQ(clients_.get("/_config", bearer).status, 200);
  EXPECT_EQ(clients_.get("/_config", bearer + "Host: admin.example\r\n").status, 200);
  EXPECT_EQ(clients_.get("/_config", bearer + "Host: evil.example\r\n").status, 403);
  folder.write("token", "token-two\n");
  EXPECT_EQ(servers.load_token(), "");
  EXPECT_EQ(clients_.get("/_config", bearer).status, 401);
}

TEST_F(AdminServersTest, AskForNoTokenThatIsNotThere) {
  EXPECT_EQ(make({}).load_token(), "");
  EXPECT_EQ(clients_.get("/_config").status, 200);
}

TEST_F(AdminServersTest, ServeScrapersWithoutAToken) {
  test::TemporaryFolder folder;
  make({.token_file = folder.file("none")});
  clients_.address = metrics_address_;
  EXPECT_EQ(clients_.get("/_metrics", "Host: shuttle.example\r\n").status, 200);
  EXPECT_EQ(clients_.get("/_config").status, 404);
  EXPECT_EQ(clients_.ask("PUT", "/web", "{}").status, 404);
}

TEST_F(AdminServersTest, TakeLongHeads) {
  make({});
  EXPECT_EQ(clients_.get("/_health", "Cookie: " + std::string(60'000, 'x') + "\r\n").status, 200);
  EXPECT_EQ(clients_.get("/_health", "Cookie: " + std::string(66'000, 'x') + "\r\n").status, 431);
}

TEST_F(AdminServersTest, EndStreamsAndConnectionsWhenTheyDrain) {
  AdminServers& servers = make({});
  net::TestPeer& listener = clients_.connect();
  listener.send("GET /_events HTTP/1.1\r\nHost: localhost\r\n\r\n");
  ASSERT_TRUE(clients_.net.run_until([&] { return events_.streams_open() == 1; }));
  EXPECT_EQ(clients_.ask("PUT", "/web", "{}").status, 200);
  servers.drain();
  const TestAnswer answer = clients_.read(listener);
  EXPECT_NE(answer.body.find("event: config_changed\n"), std::string::npos);
  EXPECT_TRUE(clients_.net.run_until([&] {
    if (listener.ended) listener.close();
    return servers.is_idle();
  }));
}

}  // namespace
}  // namespace httpteleport::admin
