#include "admin/event_stream.h"

#include <gtest/gtest.h>

#include <string>

#include "admin/test_local_server.h"

namespace httpteleport::admin {
namespace {

constexpr int64_t kNow = 1'700'000'000'123;

class EventSite final : public Site {
 public:
  explicit EventSite(EventStream*& events) : events_(events) {}
  void serve(const Request& request, Answer answer) override {
    events_->serve(request, std::move(answer));
  }

 private:
  EventStream*& events_;
};

// What a client has got of a stream, its chunks put together.
std::string stream_of(const net::TestPeer& client) {
  test::MessageParser parser;
  parser.expect_response(false);
  std::string body;
  size_t used = 0;
  for (;;) {
    const auto step = parser.step(std::string_view(client.received).substr(used));
    body += step.body;
    used += step.consumed;
    if (step.consumed == 0) return body;
  }
}

class EventStreamTest : public testing::Test {
 protected:
  EventStreamTest() { make({}); }

  void make(EventStream::Options options) {
    options.unix_time_ms = [] { return kNow; };
    stream_.reset();
    stream_ = std::make_unique<EventStream>(server_.net.loop, options);
    events_ = stream_.get();
  }
  net::TestPeer& listen(const std::string& fields = {}) {
    net::TestPeer& client = server_.connect();
    client.send("GET /_events HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n");
    EXPECT_TRUE(has(client, "\r\n\r\n"));
    return client;
  }
  bool has(net::TestPeer& client, std::string_view text) {
    return server_.net.run_until([&] { return client.received.find(text) != std::string::npos; });
  }
  void tell(const std::string& text) { events_->on_event({"backend_up", "web", "a", text}); }
  static std::string id(int number) { return std::to_string(kNow) + "-" + std::to_string(number); }

  EventStream* events_ = nullptr;
  EventSite site_{events_};
  TestLocalServer server_{site_};
  std::unique_ptr<EventStream> stream_;
};

TEST_F(EventStreamTest, TellsWhatHappensAsItHappens) {
  net::TestPeer& client = listen();
  EXPECT_NE(client.received.find("Content-Type: text/event-stream\r\n"), std::string::npos);
  EXPECT_NE(client.received.find("Cache-Control: no-store\r\n"), std::string::npos);
  events_->on_event({"backend_down", "web", "a", "refused <twice>"});
  ASSERT_TRUE(has(client, "refused"));
  EXPECT_EQ(stream_of(client),
            "retry: 2000\nid: " + id(0) + "\n\nid: " + id(1) +
                "\nevent: backend_down\ndata: "
                "{\"time\":\"2023-11-14T22:13:20.123Z\",\"service\":\"web\","
                "\"backend\":\"a\",\"text\":\"refused \\u003ctwice\\u003e\"}\n\n");
}

TEST_F(EventStreamTest, TellsOfChangesOfTheConfiguration) {
  net::TestPeer& client = listen();
  events_->on_config_changed({7, "service web", {"web: weight 1 -> 2", "web: b added"}});
  ASSERT_TRUE(has(client, "added"));
  EXPECT_NE(stream_of(client).find("event: config_changed\ndata: "
                                   "{\"time\":\"2023-11-14T22:13:20.123Z\",\"version\":7,"
                                   "\"text\":\"service web\",\"changes\":[\"web: weight 1 -\\u003e "
                                   "2\",\"web: b added\"],\"changes_in_all\":2}\n\n"),
            std::string::npos)
      << stream_of(client);
}

TEST_F(EventStreamTest, BoundsWhatOneEventTells) {
  make({.text_bytes_max = 5, .changes_max = 2});
  net::TestPeer& client = listen();
  events_->on_config_changed({7, "1234\xc3\xa4", {"a", "b", "c"}});
  ASSERT_TRUE(has(client, "changes_in_all"));
  EXPECT_NE(
      client.received.find("\"text\":\"1234\",\"changes\":[\"a\",\"b\"],\"changes_in_all\":3"),
      std::string::npos);
}

TEST_F(EventStreamTest, TellsANewListenerNothingOfBefore) {
  tell("one");
  net::TestPeer& client = listen();
  tell("two");
  ASSERT_TRUE(has(client, "two"));
  EXPECT_EQ(client.received.find("one"), std::string::npos);
}

TEST_F(EventStreamTest, ResumesBehindTheLastEventSeen) {
  for (const char* text : {"one", "two", "three"})
    tell(text);
  net::TestPeer& client = listen("Last-Event-ID: " + id(1) + "\r\n");
  ASSERT_TRUE(has(client, "three"));
  EXPECT_NE(client.received.find("id: " + id(2) + "\n"), std::string::npos);
  EXPECT_EQ(client.received.find("\"one\""), std::string::npos);
  EXPECT_EQ(client.received.find("missed"), std::string::npos);
}

TEST_F(EventStreamTest, ResumesAListenerThatWasCutOffBeforeItsFirstEvent) {
  tell("one");
  net::TestPeer& client = listen();
  ASSERT_TRUE(has(client, "retry: 2000\nid: " + id(1) + "\n\n"));
  client.close();
  tell("two");
  net::TestPeer& again = listen("Last-Event-ID: " + id(1) + "\r\n");
  ASSERT_TRUE(has(again, "\"two\""));
  EXPECT_EQ(again.received.find("\"one\""), std::string::npos);
  EXPECT_EQ(again.received.find("missed"), std::string::npos);
  net::TestPeer& from_none = listen("Last-Event-ID: " + id(0) + "\r\n");
  ASSERT_TRUE(has(from_none, "\"two\""));
  EXPECT_NE(from_none.received.find("\"one\""), std::string::npos);
  EXPECT_EQ(from_none.received.find("missed"), std::string::npos);
}

TEST_F(EventStreamTest, SaysWhenSomeOfItIsNotKept) {
  make({.kept_max = 2});
  for (const char* text : {"one", "two", "three", "four"})
    tell(text);
  net::TestPeer& client = listen("Last-Event-ID: " + id(1) + "\r\n");
  ASSERT_TRUE(has(client, "four"));
  EXPECT_NE(client.received.find("event: missed\n"), std::string::npos);
  EXPECT_EQ(client.received.find("two"), std::string::npos);
  net::TestPeer& other = listen("Last-Event-ID: " + id(2) + "\r\n");
  ASSERT_TRUE(has(other, "four"));
  EXPECT_EQ(other.received.find("missed"), std::string::npos);
}

TEST_F(EventStreamTest, TellsAllThatIsKeptAfterAnIdOfAnotherRun) {
  tell("one");
  for (const char* last : {"5-1", "nonsense", "1700000000123-99", "1700000000123-"}) {
    net::TestPeer& client = listen("Last-Event-ID: " + std::string(last) + "\r\n");
    EXPECT_TRUE(has(client, "\"one\"")) << last;
    EXPECT_NE(client.received.find("event: missed\n"), std::string::npos) << last;
  }
}

TEST_F(EventStreamTest, KeepsASilentStreamAlive) {
  make({.heartbeat = std::chrono::milliseconds(10)});
  net::TestPeer& client = listen();
  EXPECT_TRUE(has(client, "\r\n:\n\n\r\n"));
}

TEST_F(EventStreamTest, DisconnectsAListenerThatDoesNotListen) {
  net::TestPeer& client = listen();
  net::TestPeer& other = listen();
  client.reading = false;
  const std::string text(4000, 'x');
  int told = 0;
  ASSERT_TRUE(server_.net.run_until([&] {
    tell(text);
    other.take();
    ++told;
    return events_->streams_open() == 1;
  }));
  // Not for being slow, but for being slower than what is kept.
  EXPECT_GT(told, 1000);
  client.reading = true;
  EXPECT_TRUE(server_.net.run_until([&] { return client.ended || client.broken; }));
  tell("last");
  EXPECT_TRUE(has(other, "last"));
}

TEST_F(EventStreamTest, GivesASlowListenerTheRestWhenItListensAgain) {
  net::TestPeer& client = listen();
  client.reading = false;
  const std::string text(4000, 'x');
  for (int i = 0; i < 900; ++i)
    tell(text);
  server_.net.settle();
  client.reading = true;
  tell("last");
  ASSERT_TRUE(has(client, "last"));
  EXPECT_NE(client.received.find("id: " + id(450) + "\n"), std::string::npos);
}

TEST_F(EventStreamTest, BoundsTheNumberOfStreams) {
  make({.streams_max = 2});
  net::TestPeer& first = listen();
  listen();
  net::TestPeer& third = listen();
  EXPECT_EQ(server_.read(third).status, 503);
  first.close();
  ASSERT_TRUE(server_.net.run_until([&] { return events_->streams_open() == 1; }));
  EXPECT_TRUE(listen().received.starts_with("HTTP/1.1 200 "));
}

TEST_F(EventStreamTest, EndsStreamsInGoodOrderWhenItDrains) {
  net::TestPeer& client = listen();
  tell("last");
  events_->drain();
  const TestAnswer answer = server_.read(client);
  EXPECT_NE(answer.body.find("last"), std::string::npos);
  EXPECT_EQ(events_->streams_open(), 0U);
  EXPECT_EQ(server_.read(listen()).status, 503);
}

}  // namespace
}  // namespace httpteleport::admin
