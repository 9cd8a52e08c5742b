// Ends of clients and servers while others use them, and what must not end them.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <atomic>
#include <cerrno>
#include <future>
#include <optional>
#include <thread>
#include <vector>

#include "api/test_keeper.h"
#include "httpteleport/httpteleport.h"
#include "support/deadline.h"
#include "support/sanitized.h"

namespace httpteleport {
namespace {

using namespace std::chrono_literals;

constexpr Duration kLong = 20s;

TEST(ClientLife, WhoeverWaitsIsWokenWhenTheClientGoes) {
  for (int round = 0; round < 20; ++round) {
    Keeper keeper;
    std::optional<Client> client(*Client::create({.address = keeper.address()}));
    std::vector<std::thread> callers;
    std::atomic<int> cancelled = 0;
    for (int i = 0; i < 4; ++i) {
      callers.emplace_back([&, &used = *client] {
        Response response;
        cancelled += used.call(Request(), response).code() == StatusCode::kCancelled;
      });
    }
    ASSERT_TRUE(keeper.wait_for(4));
    client.reset();
    for (std::thread& caller : callers)
      caller.join();
    EXPECT_EQ(cancelled, 4);
  }
}

TEST(ClientLife, CallbacksOfAClientThatGoesMayCancelOtherCalls) {
  Keeper keeper;
  ClientOptions options{.address = keeper.address()};
  options.connections = options.threads = 4;
  std::optional<Client> client(*Client::create(options));
  std::vector<CallId> ids(40);
  std::atomic<int> over = 0;
  for (CallId& id : ids) {
    ASSERT_TRUE(client
                    ->call_async(
                        Request(),
                        [&, &used = *client](const Status& status, Response&) {
                          EXPECT_EQ(status.code(), StatusCode::kCancelled);
                          ++over;
                          for (const CallId other : ids)
                            used.cancel(other);
                        },
                        {}, &id)
                    .ok());
  }
  ASSERT_TRUE(keeper.wait_for(40));
  client.reset();
  EXPECT_EQ(over, 40);
}

TEST(ClientLife, ACancelledCallThatThePeerHasSeenIsNotSafeToRepeat) {
  Keeper keeper;
  auto client = *Client::create({.address = keeper.address()});
  std::promise<bool> retry_safe;
  CallId id;
  ASSERT_TRUE(client
                  .call_async(
                      Request("POST", "/"),
                      [&](const Status& s, Response&) { retry_safe.set_value(s.is_retry_safe()); },
                      {}, &id)
                  .ok());
  ASSERT_TRUE(keeper.wait_for(1));
  client.cancel(id);
  EXPECT_FALSE(retry_safe.get_future().get());
}

TEST(ClientLife, ALinkThatCarriesPostsAloneIsNotTakenForSilent) {
  Keeper keeper;
  keeper.keeps = false;
  ClientOptions options{.address = keeper.address()};
  options.read_timeout = 150ms;
  auto client = *Client::create(options);
  const auto until = std::chrono::steady_clock::now() + 1s;
  int posts = 0;
  while (std::chrono::steady_clock::now() < until) {
    ASSERT_TRUE(client.post(Request("POST", "/")).ok());
    ++posts;
    EXPECT_TRUE(test::wait_until([&] { return keeper.asked == posts; }));
  }
  EXPECT_EQ(client.stats().connects, 1u);
}

TEST(ClientLife, ASilentPeerIsGivenUpAfterReadTimeout) {
  Keeper keeper;
  ClientOptions options{.address = keeper.address()};
  options.protocol = Protocol::kV0;  // over v2 it is asked for a sign of life, and gives one
  options.read_timeout = 300ms;
  auto client = *Client::create(options);
  Response response;
  const Status status = client.call(Request(), response, kLong);
  EXPECT_EQ(status.code(), StatusCode::kConnectionLost) << status.to_string();
  EXPECT_FALSE(status.is_retry_safe());
}

TEST(ClientLife, RefusesDurationsThatCannotBeAddedToTheTime) {
  ClientOptions options{.address = "127.0.0.1:1"};
  options.connect_timeout = Duration::max();
  EXPECT_EQ(Client::create(options).status().code(), StatusCode::kInvalidArgument);
  ServerOptions server;
  server.max_batch_delay = Duration::max();
  EXPECT_EQ(Server::create([](const Request&, Response&) {}, server).status().code(),
            StatusCode::kInvalidArgument);
}

TEST(ClientLife, AMessageOfTooManyFieldsFailsAlone) {
  auto server = *Server::create([](const Request& request, Response& response) {
    for (int i = 0; request.target() == "/many" && i < 2500; ++i)
      response.add_field("a", "b");
  });
  ASSERT_TRUE(server.listen("127.0.0.1:0").ok());
  auto client = *Client::create({.address = server.addresses()[0]});
  Request request;
  Response response;
  ASSERT_TRUE(client.call(request, response, kLong).ok());
  for (int i = 0; i < 2500; ++i)
    request.add_field("a", "b");
  EXPECT_EQ(client.call(request, response, kLong).code(), StatusCode::kTooLarge);
  ASSERT_TRUE(client.call(Request("GET", "/many"), response, kLong).ok());
  EXPECT_EQ(response.status(), 500);
  EXPECT_EQ(client.stats().connects, 1u);
}

// As few as are open now and some more: not enough for so many loops. UBSan needs descriptors of
// its own to look at an exception, so the two tests below mean nothing with it.
class FewDescriptors {
 public:
  FewDescriptors() {
    getrlimit(RLIMIT_NOFILE, &before_);
    rlimit few = before_;
    few.rlim_cur = 40;
    setrlimit(RLIMIT_NOFILE, &few);
  }
  ~FewDescriptors() { setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

TEST(ClientLife, ThatCannotBeMadeIsAStatus) {
  if (test::kSanitized) return;
  const FewDescriptors few;
  ClientOptions options{.address = "127.0.0.1:1"};
  options.connections = options.threads = 100;
  const Status status = Client::create(options).status();
  EXPECT_EQ(status.code(), StatusCode::kSystem);
  EXPECT_EQ(status.system_errno(), EMFILE);
}

TEST(ServerLife, ThatCannotBeMadeIsAStatus) {
  if (test::kSanitized) return;
  const FewDescriptors few;
  const Status status = Server::create([](const Request&, Response&) {}, {.workers = 100}).status();
  EXPECT_EQ(status.code(), StatusCode::kSystem);
  EXPECT_EQ(status.system_errno(), EMFILE);
}

TEST(ServerLife, ALongLaneOfRequestsThatAreAnsweredAtOnceDoesNotNest) {
  Keeper keeper({.pipeline_requests = true});
  ClientOptions options{.address = keeper.address()};
  options.max_pending = 9000;
  auto client = *Client::create(options);
  std::atomic<int> over = 0;
  for (int i = 0; i < 9000; ++i) {
    ASSERT_TRUE(client.call_async(Request(), [&](const Status&, Response&) { ++over; }).ok());
  }
  ASSERT_TRUE(keeper.wait_for(1));
  EXPECT_TRUE(test::wait_until([&] { return keeper.server.stats().requests_open == 9000; }));
  keeper.keeps = false;
  for (Exchange& first : keeper.take())
    first.respond(200, "late");
  EXPECT_TRUE(test::wait_until([&] { return over == 9000; }));
}

TEST(ServerLife, ALaneOfALinkThatIsGoneHoldsNobodyUp) {
  Keeper keeper({.pipeline_requests = true});
  {
    auto first = *Client::create({.address = keeper.address()});
    ASSERT_TRUE(first.call_async(Request(), [](const Status&, Response&) {}).ok());
    ASSERT_TRUE(first.call_async(Request(), [](const Status&, Response&) {}).ok());
    ASSERT_TRUE(keeper.wait_for(1));
  }
  keeper.keeps = false;
  auto second = *Client::create({.address = keeper.address()});
  Response response;
  EXPECT_TRUE(second.call(Request(), response, kLong).ok());
}

TEST(ServerLife, APeerThatReadsNothingCannotHaveAnswersPiledUp) {
  // Very many requests in few bytes, and a large answer to each.
  auto server = *Server::create(
      [](const Request&, Response& response) { response.set_body(std::string(1 << 18, 'x')); },
      {.compression = Compression::kNone});
  ASSERT_TRUE(server.listen("127.0.0.1:0").ok());
  ClientOptions options{.address = server.addresses()[0]};
  options.max_pending = 5000;
  options.max_batch_delay = 50ms;  // all of them in one read of the server
  options.batch_bytes = size_t{16} * 1024 * 1024;
  auto client = *Client::create(options);
  std::atomic<int> over = 0;
  std::atomic<int> refused = 0;
  for (int i = 0; i < 3000; ++i) {
    ASSERT_TRUE(client
                    .call_async(Request(),
                                [&](const Status& status, Response& response) {
                                  refused += status.ok() && response.status() == 429;
                                  ++over;
                                })
                    .ok());
  }
  EXPECT_TRUE(test::wait_until([&] { return over == 3000; }, test::after(kLong)));
  EXPECT_GT(refused, 1000);
}

}  // namespace
}  // namespace httpteleport
