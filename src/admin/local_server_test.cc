#include "admin/local_server.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <functional>
#include <optional>

#include "admin/test_local_server.h"
#include "support/temporary_folder.h"

namespace httpteleport::admin {
namespace {

// Keeps what it is asked, and does what the test says.
class TestSite final : public Site, public StreamOwner {
 public:
  std::optional<Page> refuse(const Request&) override { return refusal; }
  size_t body_bytes_max() const override { return 1000; }
  void serve(const Request& request, Answer answer) override {
    last = request;
    waiting.emplace(std::move(answer));
    if (at_once) send({.body = request.method_text + " " + request.body});
  }
  void send(const Page& page) {
    waiting->send(page);
    waiting.reset();
  }

  void on_stream_blocked() override { ++blocked; }
  void on_stream_unblocked() override { ++unblocked; }
  void on_stream_gone() override { ++gone; }

  bool at_once = true;
  std::optional<Page> refusal;
  Request last;
  std::optional<Answer> waiting;
  int blocked = 0;
  int unblocked = 0;
  int gone = 0;
};

class LocalServerTest : public testing::Test {
 protected:
  TestSite site_;
  TestLocalServer server_{site_};
};

TEST_F(LocalServerTest, GivesTheWholeRequest) {
  const TestAnswer answer = server_.ask("PUT", "/a%20b?x=1", "the body", "X-Own: it\r\n");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "PUT the body");
  EXPECT_EQ(answer.field("Content-Type"), "text/plain; charset=utf-8");
  EXPECT_EQ(site_.last.path(), "/a%20b");
  EXPECT_EQ(site_.last.query(), "x=1");
  EXPECT_EQ(site_.last.authority, server_.authority());
  ASSERT_NE(site_.last.find("x-own"), nullptr);
  EXPECT_EQ(*site_.last.find("x-own"), "it");
  EXPECT_EQ(site_.last.local, server_.address);
}

TEST_F(LocalServerTest, GivesMethodsThatItDoesNotKnow) {
  EXPECT_EQ(server_.ask("BREW", "/").body, "BREW ");
}

TEST_F(LocalServerTest, RefusesABodyThatSaysItIsTooLong) {
  const TestAnswer answer = server_.ask("PUT", "/", std::string(1001, 'x'));
  EXPECT_EQ(answer.status, 413);
  EXPECT_EQ(answer.body, "a body may have 1000 bytes\n");
}

TEST_F(LocalServerTest, RefusesABodyThatGrowsTooLong) {
  net::TestPeer& client = server_.connect();
  client.send("PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\n" +
              std::string(1000, 'x') + "\r\n1\r\nx\r\n");
  EXPECT_EQ(server_.read(client).status, 413);
}

TEST(LocalServerConnections, AreBounded) {
  rlimit descriptors{};  // both ends are in this process
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &descriptors), 0);
  descriptors.rlim_cur = descriptors.rlim_max;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &descriptors), 0);
  TestSite site;
  TestLocalServer server(site);
  net::TestPeer& oldest = server.connect();
  std::vector<net::TestPeer*> others;
  for (int64_t i = 0; i < LocalServer::kConnectionsMax; ++i)
    others.push_back(&server.connect());
  ASSERT_TRUE(server.net.run_until([&] { return oldest.ended || oldest.broken; }));
  for (const net::TestPeer* other : others)
    ASSERT_FALSE(other->ended || other->broken);
}

// Each below its own limit.
TEST(LocalServerBodies, AreBoundedTogether) {
  TestSite site;
  TestLocalServer server(site, "", {.held_bytes_max = 1500});
  const std::string head = "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n";
  net::TestPeer& first = server.connect();
  first.send(head + std::string(900, 'x'));
  net::TestPeer& second = server.connect();
  second.send(head + std::string(500, 'x'));
  server.net.settle();
  second.send(std::string(200, 'x'));
  EXPECT_EQ(server.read(second).status, 503);
  first.send(std::string(100, 'x'));
  EXPECT_EQ(server.read(first).status, 200);
  EXPECT_EQ(server.ask("PUT", "/", std::string(1000, 'x')).status, 200);
}

TEST(LocalServerBodies, AreForgottenWithTheirClients) {
  TestSite site;
  TestLocalServer server(site, "", {.held_bytes_max = 1500});
  for (int i = 0; i < 3; ++i) {
    net::TestPeer& client = server.connect();
    client.send("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n" +
                std::string(900, 'x'));
    server.net.settle();
    EXPECT_EQ(client.received, "");
    client.close();
    ASSERT_TRUE(server.net.run_until([&] { return server.server->is_idle(); }));
  }
}

TEST_F(LocalServerTest, TakesABodyAsLongAsTheLimit) {
  EXPECT_EQ(server_.ask("PUT", "/", std::string(1000, 'x')).status, 200);
}

TEST_F(LocalServerTest, LetsAClientThatAsksSendItsBody) {
  net::TestPeer& client = server_.connect();
  client.send("PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  ASSERT_TRUE(server_.net.run_until([&] { return client.received.ends_with("\r\n\r\n"); }));
  EXPECT_TRUE(client.take().starts_with("HTTP/1.1 100 "));
  client.send("ab");
  EXPECT_EQ(server_.read(client).body, "PUT ab");
}

TEST_F(LocalServerTest, RefusesBeforeTheBodyIsThere) {
  site_.refusal = Page{.status = 403, .body = "no\n"};
  net::TestPeer& client = server_.connect();
  client.send("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 900\r\n\r\n");
  EXPECT_EQ(server_.read(client).status, 403);
}

TEST_F(LocalServerTest, AnswersLater) {
  site_.at_once = false;
  net::TestPeer& client = server_.connect();
  client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(server_.net.run_until([&] { return site_.waiting.has_value(); }));
  server_.net.settle();
  EXPECT_EQ(client.received, "");
  site_.send({.body = "late", .content_type = "", .fields = {{"ETag", "\"7\""}}});
  const TestAnswer answer = server_.read(client);
  EXPECT_EQ(answer.body, "late");
  EXPECT_EQ(answer.field("ETag"), "\"7\"");
  EXPECT_EQ(answer.head.count("Content-Type"), 0U);
}

TEST_F(LocalServerTest, DropsTheAnswerOfAClientThatHasGone) {
  site_.at_once = false;
  net::TestPeer& client = server_.connect();
  client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(server_.net.run_until([&] { return site_.waiting.has_value(); }));
  client.close();
  ASSERT_TRUE(server_.net.run_until([&] { return server_.server->is_idle(); }));
  site_.send({.body = "late"});
}

TEST_F(LocalServerTest, AnswersARequestThatNobodyHasAnswered) {
  site_.at_once = false;
  net::TestPeer& client = server_.connect();
  client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(server_.net.run_until([&] { return site_.waiting.has_value(); }));
  site_.waiting.reset();
  EXPECT_EQ(server_.read(client).status, 500);
}

TEST_F(LocalServerTest, StreamsUntilTheEnd) {
  site_.at_once = false;
  net::TestPeer& client = server_.connect();
  client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(server_.net.run_until([&] { return site_.waiting.has_value(); }));
  AnswerStream stream = site_.waiting->stream({.body = "a"}, site_);
  ASSERT_TRUE(server_.net.run_until([&] { return client.received.ends_with("a\r\n"); }));
  stream.send("b");
  stream.end();
  EXPECT_EQ(server_.read(client).body, "ab");
}

TEST_F(LocalServerTest, SaysThatAStreamsClientTakesNothing) {
  site_.at_once = false;
  net::TestPeer& client = server_.connect();
  client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(server_.net.run_until([&] { return site_.waiting.has_value(); }));
  AnswerStream stream = site_.waiting->stream({}, site_);
  client.reading = false;
  const std::string piece(64 * 1024, 'x');
  ASSERT_TRUE(server_.net.run_until([&] {
    stream.send(piece);
    return site_.blocked == 1;
  }));
  client.reading = true;
  ASSERT_TRUE(server_.net.run_until([&] { return site_.unblocked == 1; }));
  client.close();
  ASSERT_TRUE(server_.net.run_until([&] { return site_.gone == 1; }));
  stream.send("nobody hears this");
}

TEST_F(LocalServerTest, DrainsWhenItsAnswersAreGiven) {
  site_.at_once = false;
  net::TestPeer& idle = server_.connect();
  net::TestPeer& client = server_.connect();
  client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(server_.net.run_until([&] { return site_.waiting.has_value(); }));
  server_.server->drain();
  site_.send({.body = "last"});
  const TestAnswer answer = server_.read(client);
  EXPECT_EQ(answer.field("Connection"), "close");
  client.close();
  EXPECT_TRUE(server_.net.run_until([&] { return idle.ended && server_.server->is_idle(); }));
}

TEST(LocalServerOnUnix, ServesThere) {
  test::TemporaryFolder folder;
  TestSite site;
  TestLocalServer server(site, folder.file("admin.sock"));
  EXPECT_EQ(server.get("/").status, 200);
  EXPECT_TRUE(site.last.local.is_unix());
}

TEST(LocalServerOnUnix, ReplacesTheFileOfADeadProcess) {
  test::TemporaryFolder folder;
  const std::string path = folder.file("admin.sock");
  TestSite site;
  { TestLocalServer dead(site, path); }
  TestLocalServer server(site, path);
  EXPECT_EQ(server.get("/").status, 200);
}

}  // namespace
}  // namespace httpteleport::admin
