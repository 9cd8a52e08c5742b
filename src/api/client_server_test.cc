// Clients and servers of the library together, over real sockets.
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>

#include "api/test_keeper.h"
#include "httpteleport/httpteleport.h"
#include "support/deadline.h"

namespace httpteleport {
namespace {

using namespace std::chrono_literals;

constexpr Duration kLong = 20s;

// Answers with what was asked, in text.
void echo(const Request& request, Response& response) {
  response.add_field("X-Method", request.method());
  response.add_field("X-Host", request.host());
  response.set_body(std::string(request.target()) + "|" + std::string(request.field("X-Ask")) +
                        "|" + std::string(request.body()),
                    "text/plain");
}

class Pair {
 public:
  explicit Pair(Server::Handler handler = echo, const ServerOptions& server_options = {},
                ClientOptions client_options = {})
      : server(*Server::create(std::move(handler), server_options)) {
    EXPECT_TRUE(server.listen("127.0.0.1:0").ok());
    client_options.address = server.addresses().at(0);
    auto made = Client::create(client_options);
    EXPECT_TRUE(made.ok()) << made.status().to_string();
    client.emplace(*std::move(made));
  }

  Server server;
  std::optional<Client> client;
};

TEST(ClientAndServer, CarryARequestAndItsAnswer) {
  Pair pair;
  Request request("POST", "/path?x=1");
  request.set_host("example.org");
  request.add_field("X-Ask", " why ");
  request.set_body("because");
  Response response;
  const Status status = pair.client->call(request, response, kLong);
  ASSERT_TRUE(status.ok()) << status.to_string();
  EXPECT_EQ(response.status(), 200);
  EXPECT_EQ(response.reason(), "OK");
  EXPECT_EQ(response.body(), "/path?x=1|why|because");
  EXPECT_EQ(response.field("x-method"), "POST");
  EXPECT_EQ(response.field("X-HOST"), "example.org");
  EXPECT_EQ(response.field("content-type"), "text/plain");
  EXPECT_FALSE(response.has_field("content-length"));
}

TEST(ClientAndServer, ReuseMessagesFromCallToCall) {
  Pair pair;
  Request request;
  Response response;
  for (int i = 0; i < 100; ++i) {
    request.clear();
    request.set_target("/" + std::to_string(i));
    ASSERT_TRUE(pair.client->call(request, response, kLong).ok());
    EXPECT_EQ(response.body(), "/" + std::to_string(i) + "||");
    EXPECT_EQ(response.field_count(), 4u);  // Date and those of echo()
  }
}

class EachCompression : public testing::TestWithParam<std::tuple<Compression, Compression>> {};

TEST_P(EachCompression, CarriesBodiesOfAllSizes) {
  ServerOptions server_options;
  server_options.compression = std::get<0>(GetParam());
  ClientOptions client_options;
  client_options.compression = std::get<1>(GetParam());
  Pair pair([](const Request& request, Response& response) { response.set_body(request.body()); },
            server_options, client_options);
  Request request("PUT", "/");
  Response response;
  for (const size_t size :
       {size_t{0}, size_t{1}, size_t{5000}, size_t{70'000}, size_t{3'000'000}}) {
    std::string body(size, 'x');
    for (size_t i = 0; i < size; i += 7)
      body[i] = static_cast<char>(i * 131 >> 3);
    request.set_body(body);
    const Status status = pair.client->call(request, response, kLong);
    ASSERT_TRUE(status.ok()) << status.to_string();
    EXPECT_TRUE(response.body() == body) << size;
  }
}

constexpr Compression kCompressions[] = {Compression::kNone, Compression::kFlate,
                                         Compression::kSnappy, Compression::kZstd,
                                         Compression::kAuto};
INSTANTIATE_TEST_SUITE_P(All, EachCompression,
                         testing::Combine(testing::ValuesIn(kCompressions),
                                          testing::ValuesIn(kCompressions)));

// One answer over a link of ends with these protocols.
Status ask_over(Protocol of_client, Protocol of_server) {
  Pair pair(echo, {.protocol = of_server}, {.protocol = of_client});
  Response response;
  return pair.client->call(Request("GET", "/"), response, kLong);
}

TEST(ClientAndServer, SpeakAVersionThatBothHave) {
  for (const Protocol any : {Protocol::kAuto, Protocol::kV2, Protocol::kV0}) {
    EXPECT_TRUE(ask_over(any, Protocol::kAuto).ok());
    EXPECT_TRUE(ask_over(Protocol::kAuto, any).ok());
    EXPECT_TRUE(ask_over(any, any).ok());
  }
  EXPECT_EQ(ask_over(Protocol::kV2, Protocol::kV0).code(), StatusCode::kConnectFailed);
  EXPECT_EQ(ask_over(Protocol::kV0, Protocol::kV2).code(), StatusCode::kConnectFailed);
}

TEST(ClientAndServer, ATimeoutOverEitherVersionIsNotSafeToRepeatOnceTheRequestIsUnderWay) {
  for (const Protocol protocol : {Protocol::kV2, Protocol::kV0}) {
    std::mutex mutex;
    std::vector<Exchange> kept;
    auto server = *Server::create_async([&](Exchange exchange) {
      const std::lock_guard lock(mutex);
      kept.push_back(std::move(exchange));
    });
    ASSERT_TRUE(server.listen("127.0.0.1:0").ok());
    auto client = *Client::create({.address = server.addresses()[0], .protocol = protocol});
    Response response;
    const Status status = client.call(Request("POST", "/"), response, 100ms);
    EXPECT_EQ(status.code(), StatusCode::kTimeout);
    const std::lock_guard lock(mutex);
    EXPECT_EQ(status.is_retry_safe(), kept.empty());
    kept.clear();
  }
}

TEST(ClientAndServer, RefuseLinksThatCannotBe) {
  const auto why = [](ClientOptions options) {
    options.address = "127.0.0.1:1";
    const auto client = Client::create(options);
    return client.ok() ? std::string() : std::string(client.status().message());
  };
  const std::string version = "compression: the version of protocol does not have it";
  EXPECT_EQ(why({.compression = Compression::kFlate, .protocol = Protocol::kV2}), version);
  EXPECT_EQ(why({.compression = Compression::kSnappy, .protocol = Protocol::kV2}), version);
  EXPECT_EQ(why({.compression = Compression::kZstd, .protocol = Protocol::kV0}), version);
  EXPECT_EQ(why({.compression = Compression::kZstd, .zstd_level = 19}), "");
  EXPECT_EQ(why({.zstd_level = 20}), "zstd_level is not between 1 and 19");
  EXPECT_EQ(why({.secret_headers = {"a b"}}), "secret_headers: not the name of a header");
  const auto server =
      Server::create(echo, {.compression = Compression::kFlate, .protocol = Protocol::kV2});
  EXPECT_EQ(server.status().message(), version);
}

TEST(ClientAndServer, AnswerManyCallbacksOverSeveralConnectionsAndWorkers) {
  ServerOptions server_options;
  server_options.workers = 2;
  ClientOptions client_options;
  client_options.connections = 4;
  client_options.threads = 2;
  client_options.max_pending = 5000;
  Pair pair(echo, server_options, client_options);
  constexpr int kCalls = 5000;
  std::atomic<int> good = 0;
  std::atomic<int> over = 0;
  Request request;
  for (int i = 0; i < kCalls; ++i) {
    request.set_target("/" + std::to_string(i));
    const Status taken = pair.client->call_async(
        request,
        [&good, &over, i](const Status& status, Response& response) {
          if (status.ok() && response.body() == "/" + std::to_string(i) + "||") ++good;
          ++over;
        },
        {.timeout = kLong});
    ASSERT_TRUE(taken.ok()) << taken.to_string();
  }
  EXPECT_TRUE(test::wait_until([&] { return over == kCalls; }));
  EXPECT_EQ(good, kCalls);
  EXPECT_EQ(pair.client->pending(), 0u);
  const ClientStats stats = pair.client->stats();
  EXPECT_EQ(stats.answers, uint64_t{kCalls});
  EXPECT_EQ(stats.links.links_open, 4u);
  EXPECT_LT(stats.links.wire_bytes_sent, stats.links.raw_bytes_sent);
  EXPECT_EQ(pair.server.stats().requests, uint64_t{kCalls});
}

TEST(ClientAndServer, AreSharedByThreads) {
  Pair pair;
  std::vector<std::thread> threads;
  std::atomic<int> good = 0;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      Request request;
      Response response;
      for (int i = 0; i < 200; ++i) {
        const std::string target = "/" + std::to_string(t) + "/" + std::to_string(i);
        request.set_target(target);
        if (pair.client->call(request, response, kLong).ok() && response.body() == target + "||")
          ++good;
      }
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(good, 8 * 200);
}

TEST(ClientAndServer, MakeFurtherCallsInCallbacks) {
  Pair pair;
  std::promise<int> done;
  Request request;
  int left = 1000;
  std::function<void(const Status&, Response&)> next = [&](const Status& status, Response&) {
    if (!status.ok() || --left == 0) return done.set_value(left);
    const Status taken = pair.client->call_async(
        request, [&](const Status& s, Response& r) { next(s, r); }, {.timeout = kLong});
    if (!taken.ok()) done.set_value(-1);
  };
  ASSERT_TRUE(pair.client->call_async(request, next).ok());
  EXPECT_EQ(done.get_future().get(), 0);
}

struct Task {
  struct promise_type {
    Task get_return_object() { return {}; }
    std::suspend_never initial_suspend() { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
};

Task call_three_times(Client& client, std::promise<std::string>& done) {
  Request request;
  Response response;
  std::string bodies;
  for (int i = 0; i < 3; ++i) {
    request.set_target("/" + std::to_string(i));
    const Status status = co_await client.call_awaitable(request, response);
    bodies += status.ok() ? std::string(response.body()) : status.to_string();
  }
  done.set_value(bodies);
}

TEST(ClientAndServer, ServeCoroutines) {
  Pair pair;
  std::promise<std::string> done;
  call_three_times(*pair.client, done);
  EXPECT_EQ(done.get_future().get(), "/0||/1||/2||");
}

TEST(ClientAndServer, PostsNeedNoAnswer) {
  std::atomic<int> seen = 0;
  Pair pair([&](const Request& request, Response&) { seen += request.target() == "/post"; });
  const Request request("POST", "/post");
  for (int i = 0; i < 50; ++i)
    ASSERT_TRUE(pair.client->post(request).ok());
  EXPECT_TRUE(test::wait_until([&] { return seen == 50; }));
  EXPECT_TRUE(test::wait_until([&] { return pair.client->pending() == 0; }));
  Response response;
  EXPECT_TRUE(pair.client->call(Request(), response, kLong).ok());
  EXPECT_EQ(pair.client->stats().late_answers, 0u);
}

TEST(ClientAndServer, TimeoutsEndACallAloneAndItsLateAnswerIsDropped) {
  std::mutex mutex;
  std::vector<Exchange> kept;
  auto server = *Server::create_async([&](Exchange exchange) {
    if (exchange.request().target() != "/slow") return exchange.respond(200, "fast");
    const std::lock_guard lock(mutex);
    kept.push_back(std::move(exchange));
  });
  ASSERT_TRUE(server.listen("127.0.0.1:0").ok());
  // v2 tells the server to stop, so that nothing comes late.
  auto client = *Client::create({.address = server.addresses()[0], .protocol = Protocol::kV0});
  Response response;
  const Status slow = client.call(Request("GET", "/slow"), response, 50ms);
  EXPECT_EQ(slow.code(), StatusCode::kTimeout);
  EXPECT_FALSE(slow.is_retry_safe());
  EXPECT_TRUE(client.call(Request("GET", "/fast"), response, kLong).ok());
  EXPECT_EQ(response.body(), "fast");
  {
    const std::lock_guard lock(mutex);
    ASSERT_EQ(kept.size(), 1u);
    kept[0].respond(200, "too late");
  }
  EXPECT_TRUE(test::wait_until([&] { return client.stats().late_answers == 1; }));
  EXPECT_TRUE(client.call(Request("GET", "/fast"), response, kLong).ok());
  EXPECT_EQ(response.body(), "fast");
  EXPECT_EQ(client.call_until(Request(), response, std::chrono::steady_clock::now() - 1s).code(),
            StatusCode::kTimeout);
}

TEST(ClientAndServer, CancelEndsOneCall) {
  Keeper keeper;
  auto client = *Client::create({.address = keeper.address()});
  std::promise<StatusCode> first;
  std::promise<StatusCode> second;
  CallId id;
  ASSERT_TRUE(
      client
          .call_async(
              Request(), [&](const Status& s, Response&) { first.set_value(s.code()); }, {}, &id)
          .ok());
  ASSERT_TRUE(
      client.call_async(Request(), [&](const Status& s, Response&) { second.set_value(s.code()); })
          .ok());
  ASSERT_TRUE(keeper.wait_for(2));
  client.cancel(id);
  EXPECT_EQ(first.get_future().get(), StatusCode::kCancelled);
  client.cancel(id);  // over: harmless
  for (Exchange& exchange : keeper.take())
    exchange.respond(204, "");
  EXPECT_EQ(second.get_future().get(), StatusCode::kOk);
}

TEST(ClientAndServer, RefuseMoreThanMaxPendingAtOnce) {
  Keeper keeper;
  auto client = *Client::create({.address = keeper.address(), .max_pending = 2});
  std::atomic<int> over = 0;
  const auto count = [&](const Status&, Response&) { ++over; };
  ASSERT_TRUE(client.call_async(Request(), count).ok());
  ASSERT_TRUE(client.call_async(Request(), count).ok());
  const Status third = client.call_async(Request(), count);
  EXPECT_EQ(third.code(), StatusCode::kOverloaded);
  EXPECT_TRUE(third.is_retry_safe());
  EXPECT_EQ(client.pending(), 2u);
  ASSERT_TRUE(keeper.wait_for(2));
  keeper.take().clear();  // unanswered: 500
  EXPECT_TRUE(test::wait_until([&] { return over == 2; }));
  EXPECT_EQ(keeper.server.stats().handler_failures, 2u);
}

TEST(ClientAndServer, DestroyingAClientEndsWhatIsPending) {
  Keeper keeper;
  std::atomic<int> cancelled = 0;
  {
    auto client = *Client::create({.address = keeper.address()});
    for (int i = 0; i < 10; ++i) {
      ASSERT_TRUE(client
                      .call_async(Request(),
                                  [&](const Status& status, Response&) {
                                    cancelled += status.code() == StatusCode::kCancelled;
                                  })
                      .ok());
    }
    ASSERT_TRUE(keeper.wait_for(10));
  }
  EXPECT_EQ(cancelled, 10);
  // An answer finds out that nobody is there any more.
  std::vector<Exchange> kept = keeper.take();
  kept[0].respond(200, "to nobody");
  EXPECT_TRUE(test::wait_until([&] { return kept[1].is_abandoned(); }));
}

TEST(Client, SaysWhyItCannotConnect) {
  auto server = *Server::create(echo);
  ASSERT_TRUE(server.listen("127.0.0.1:0").ok());
  const std::string address = server.addresses()[0];
  server.stop();
  auto client = *Client::create({.address = address});
  Response response;
  const Status status = client.call(Request(), response, kLong);
  EXPECT_EQ(status.code(), StatusCode::kConnectFailed) << status.to_string();
  EXPECT_TRUE(status.is_retry_safe());
}

TEST(Client, LooksNamesUp) {
  auto server = *Server::create(echo);
  ASSERT_TRUE(server.listen("127.0.0.1:0").ok());
  const std::string address = server.addresses()[0];
  auto client = *Client::create({.address = "localhost" + address.substr(address.rfind(':'))});
  Response response;
  const Status status = client.call(Request(), response, kLong);
  ASSERT_TRUE(status.ok()) << status.to_string();
  EXPECT_TRUE(response.field("X-Host").starts_with("localhost:"));
}

TEST(Client, ReportsANameThatNobodyHas) {
  std::mutex mutex;
  std::string logged;
  set_log_handler([&](LogSeverity severity, std::string_view line) {
    EXPECT_EQ(severity, LogSeverity::kWarning);
    const std::lock_guard lock(mutex);
    logged += line;
  });
  auto client = *Client::create({.address = "nobody.invalid:80"});
  Response response;
  EXPECT_EQ(client.call(Request(), response, kLong).code(), StatusCode::kConnectFailed);
  EXPECT_EQ(client.call(Request(), response, kLong).code(), StatusCode::kConnectFailed);
  set_log_handler({});
  const std::lock_guard lock(mutex);
  EXPECT_NE(logged.find("nobody.invalid"), std::string::npos) << logged;
}

TEST(Client, RefusesWhatCannotBeSent) {
  Pair pair;
  Response response;
  Request bad_field;
  bad_field.add_field("X-A", "1\r\nX-B: 2");
  EXPECT_EQ(pair.client->call(bad_field, response, kLong).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(pair.client->call(Request("GET", "no slash"), response, kLong).code(),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(pair.client->call(Request("G T", "/"), response, kLong).code(),
            StatusCode::kInvalidArgument);
  Request get_with_body;
  get_with_body.set_body("x");
  EXPECT_EQ(pair.client->call(get_with_body, response, kLong).code(), StatusCode::kInvalidArgument);
  Request large_head;
  large_head.add_field("X-Large", std::string(70'000, 'x'));
  const Status too_large = pair.client->call(large_head, response, kLong);
  EXPECT_EQ(too_large.code(), StatusCode::kTooLarge);
  EXPECT_TRUE(too_large.is_retry_safe());
  EXPECT_EQ(pair.client->pending(), 0u);
}

TEST(Client, SaysWhichOptionIsWrong) {
  EXPECT_EQ(Client::create({.address = "nonsense"}).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Client::create({.address = "127.0.0.1:0"}).status().code(),
            StatusCode::kInvalidArgument);
  ClientOptions options{.address = "127.0.0.1:1"};
  options.connections = 0;
  EXPECT_STREQ(Client::create(options).status().message(), "connections is not between 1 and 1024");
}

TEST(Server, AnswersOverItsConcurrencyWith429) {
  Keeper keeper({.concurrency = 3});
  auto client = *Client::create({.address = keeper.address()});
  std::atomic<int> over = 0;
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(client.call_async(Request(), [&](const Status&, Response&) { ++over; }).ok());
  }
  EXPECT_TRUE(test::wait_until([&] { return keeper.server.stats().requests_open == 3; }));
  Response response;
  ASSERT_TRUE(client.call(Request(), response, kLong).ok());
  EXPECT_EQ(response.status(), 429);
  EXPECT_EQ(keeper.server.stats().concurrency_refused, 1u);
  ASSERT_TRUE(keeper.wait_for(3));
  for (Exchange& exchange : keeper.take())
    exchange.respond();
  EXPECT_TRUE(test::wait_until([&] { return over == 3; }));
}

TEST(Server, HandlesRequestsOfALinkInTurnWhenPipelined) {
  std::vector<std::string> order;
  Keeper keeper({.pipeline_requests = true});
  auto client = *Client::create({.address = keeper.address()});
  std::vector<std::string> answers;
  std::atomic<int> over = 0;
  for (int i = 0; i < 4; ++i) {
    const Request request("GET", "/" + std::to_string(i));
    ASSERT_TRUE(client
                    .call_async(request,
                                [&](const Status&, Response& response) {
                                  answers.emplace_back(response.body());
                                  ++over;
                                })
                    .ok());
  }
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(keeper.wait_for(1));
    EXPECT_EQ(keeper.server.stats().requests, static_cast<uint64_t>(i) + 1);
    std::vector<Exchange> kept = keeper.take();
    ASSERT_EQ(kept.size(), 1u);
    order.emplace_back(kept[0].request().target());
    kept[0].respond(200, order.back());
  }
  EXPECT_TRUE(test::wait_until([&] { return over == 4; }));
  EXPECT_EQ(order, (std::vector<std::string>{"/0", "/1", "/2", "/3"}));
  EXPECT_EQ(answers, order);
}

TEST(Server, AnswersForHandlersThatThrow) {
  Pair pair([](const Request&, Response& response) {
    response.set_body("half an answer");
    throw std::runtime_error("no");
  });
  Response response;
  ASSERT_TRUE(pair.client->call(Request(), response, kLong).ok());
  EXPECT_EQ(response.status(), 500);
  EXPECT_EQ(response.body(), "the handler of this request gave no answer\n");
}

TEST(Server, RefusesLargeRequestsAlone) {
  ServerOptions options;
  options.max_request_body_bytes = 1000;
  options.max_request_head_bytes = 2000;
  Pair pair(echo, options);
  Response response;
  Request request("POST", "/");
  request.set_body(std::string(1001, 'x'));
  ASSERT_TRUE(pair.client->call(request, response, kLong).ok());
  EXPECT_EQ(response.status(), 413);
  request.set_body("x");
  request.add_field("X-Large", std::string(3000, 'y'));
  ASSERT_TRUE(pair.client->call(request, response, kLong).ok());
  EXPECT_EQ(response.status(), 431);
  request.clear();
  ASSERT_TRUE(pair.client->call(request, response, kLong).ok());
  EXPECT_EQ(response.status(), 200);
}

TEST(Server, StopsWhenWhatItHasBegunIsAnswered) {
  Keeper keeper;
  auto client = *Client::create({.address = keeper.address()});
  std::promise<std::string> answer;
  ASSERT_TRUE(client
                  .call_async(Request(),
                              [&](const Status& status, Response& response) {
                                answer.set_value(status.ok() ? std::string(response.body())
                                                             : status.to_string());
                              })
                  .ok());
  ASSERT_TRUE(keeper.wait_for(1));
  std::thread stopping([&] { keeper.server.stop(kLong); });
  std::thread waiting([&] { keeper.server.wait(); });
  keeper.take()[0].respond(200, "in time");
  EXPECT_EQ(answer.get_future().get(), "in time");
  stopping.join();
  waiting.join();
  EXPECT_EQ(keeper.server.listen("127.0.0.1:0").code(), StatusCode::kClosed);
}

TEST(Server, AnExchangeMayOutliveItsLink) {
  std::vector<Exchange> kept;
  {
    Keeper keeper;
    auto client = *Client::create({.address = keeper.address()});
    ASSERT_TRUE(client.call_async(Request("GET", "/x"), [](const Status&, Response&) {}).ok());
    ASSERT_TRUE(keeper.wait_for(1));
    kept = keeper.take();
  }
  EXPECT_TRUE(kept[0].is_abandoned());
  EXPECT_EQ(kept[0].request().target(), "/x");
  kept[0].respond(200, "to nobody");
}

}  // namespace
}  // namespace httpteleport
