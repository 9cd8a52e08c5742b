#include "acme/http_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "support/scripted_peer.h"

namespace httpteleport::acme {
namespace {

using namespace std::chrono_literals;
using test::ScriptedPeer;

std::string url_of(const ScriptedPeer& peer) {
  return "http://" + peer.address().text() + "/path";
}

TEST(HttpClient, AcceptsHttpsAndLoopbackOnly) {
  for (const char* url : {"https://ca.example/dir", "https://ca.example:14000/dir?a=b",
                          "http://127.0.0.1:80/x", "http://localhost/x", "http://[::1]:1/x"})
    EXPECT_TRUE(HttpClient::accepts(url)) << url;
  for (const char* url :
       {"", "dir", "/dir", "http://ca.example/dir", "http://127.0.0.1.evil.example/",
        "http://localhost@evil.example/", "ftp://127.0.0.1/", "file:///etc/passwd",
        "https://ca.example/a\"b", "https://ca.example/a b", "https://ca.example/a\nb",
        "https://ca.example/a\\b"})
    EXPECT_FALSE(HttpClient::accepts(url)) << url;
  EXPECT_FALSE(HttpClient::accepts("https://ca.example/" + std::string(3000, 'a')));
}

TEST(HttpClient, ReadsWhatAcmeNeedsOfAnAnswer) {
  ScriptedPeer peer;
  peer.add_script([](ScriptedPeer::Connection& connection) {
    const test::Message request = connection.expect_request();
    EXPECT_EQ(request.head.method, "POST");
    EXPECT_EQ(request.head.find("content-type"), "application/jose+json");
    EXPECT_EQ(request.body, "{}");
    connection.send(
        "HTTP/1.1 429 Slow\r\nLocation: http://127.0.0.1/1\r\nReplay-Nonce: a-_9\r\n"
        "Retry-After: 120\r\nContent-Length: 4\r\n\r\nbody");
  });
  HttpClient client({});
  const auto reply = client.post(url_of(peer), "{}");
  ASSERT_TRUE(reply) << reply.error().detail;
  EXPECT_EQ(reply->status, 429);
  EXPECT_EQ(reply->location, "http://127.0.0.1/1");
  EXPECT_EQ(reply->replay_nonce, "a-_9");
  EXPECT_EQ(reply->retry_after, 120s);
  EXPECT_EQ(reply->body, "body");
  peer.join();
}

TEST(HttpClient, DropsANonceThatIsNone) {
  ScriptedPeer peer;
  peer.add_script([](ScriptedPeer::Connection& connection) {
    EXPECT_EQ(connection.expect_request().head.method, "HEAD");
    connection.send("HTTP/1.1 200 OK\r\nReplay-Nonce: a\",\"b\r\n\r\n");
  });
  HttpClient client({});
  const auto reply = client.head(url_of(peer));
  ASSERT_TRUE(reply) << reply.error().detail;
  EXPECT_EQ(reply->replay_nonce, "");
}

TEST(HttpClient, DoesNotFollowRedirects) {
  ScriptedPeer peer;
  peer.add_script([](ScriptedPeer::Connection& connection) {
    connection.expect_request();
    connection.send("HTTP/1.1 302 Found\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n");
  });
  HttpClient client({});
  const auto reply = client.get(url_of(peer));
  ASSERT_TRUE(reply) << reply.error().detail;
  EXPECT_EQ(reply->status, 302);
  EXPECT_EQ(peer.extra_connections(), 0u);
}

TEST(HttpClient, BoundsTheAnswer) {
  ScriptedPeer peer;
  peer.add_script([](ScriptedPeer::Connection& connection) {
    connection.expect_request();
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 262145\r\n\r\n" +
                    std::string(HttpClient::kBodyBytesMax + 1, 'x'));
  });
  HttpClient client({});
  const auto reply = client.get(url_of(peer));
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, Code::kBodyTooLarge);
}

TEST(HttpClient, GivesUpAServerThatIsSilent) {
  ScriptedPeer peer;
  peer.add_script([](ScriptedPeer::Connection& connection) { connection.stall(); });
  HttpClient client({.ca_file = "", .request_timeout = 50ms});
  const auto reply = client.get(url_of(peer));
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, Code::kTimeout);
}

TEST(HttpClient, SaysWhenNobodyListens) {
  HttpClient client({});
  const auto reply = client.get("http://" + test::dead_address().text() + "/");
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, Code::kConnectFailed);
}

TEST(HttpClient, EndsTheRequestUnderWayWhenCancelled) {
  std::promise<void> requested;
  ScriptedPeer peer;
  peer.add_script([&](ScriptedPeer::Connection& connection) {
    connection.expect_request();
    requested.set_value();
    connection.stall();
  });
  HttpClient client({});
  auto reply = std::async(std::launch::async, [&] { return client.get(url_of(peer)); });
  ASSERT_EQ(requested.get_future().wait_for(test::kPatience), std::future_status::ready);
  client.cancel();
  ASSERT_EQ(reply.wait_for(test::kPatience), std::future_status::ready);
  EXPECT_EQ(reply.get().error().code, Code::kCancelled);
  EXPECT_EQ(client.get(url_of(peer)).error().code, Code::kCancelled);
}

}  // namespace
}  // namespace httpteleport::acme
