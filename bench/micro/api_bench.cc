// The library: messages, and what goes from thread to thread.
#include <string>
#include <vector>

#include "api/encode_request.h"
#include "api/inbox.h"
#include "httpteleport/message.h"
#include "micro/costs.h"

namespace httpteleport::bench {
namespace {

constexpr std::string_view kHost = "events.test";

void fill(Request& request, std::string_view body) {
  request.clear();
  request.set_method("POST");
  request.set_target("/v1/events?source=app");
  request.add_field("Accept", "application/json");
  request.add_field("User-Agent", "events/1.0");
  request.add_field("X-Request-Id", "0af7651916cd43dd8448eb211c80319c");
  request.set_body(body, "application/json");
}

// One object, filled again and again.
void BM_FillRequest(benchmark::State& state) {
  const std::string body(static_cast<size_t>(state.range(0)), 'x');
  Request request;
  Costs costs(state);
  for (auto _ : state) {
    fill(request, body);
    benchmark::DoNotOptimize(request.body());
  }
  check(request.is_valid(), "a request is not valid");
  costs.done(body.size());
}
BENCHMARK(BM_FillRequest)->ArgName("body")->Arg(0)->Arg(300)->Arg(1500);

// A new one each time.
void BM_MakeRequest(benchmark::State& state) {
  const std::string body(300, 'x');
  Costs costs(state);
  for (auto _ : state) {
    Request request;
    fill(request, body);
    benchmark::DoNotOptimize(request.body());
  }
  costs.done(body.size());
}
BENCHMARK(BM_MakeRequest);

void BM_FillResponse(benchmark::State& state) {
  const std::string body(static_cast<size_t>(state.range(0)), 'x');
  Response response;
  Costs costs(state);
  for (auto _ : state) {
    response.clear();
    response.set_body(body, "text/plain; charset=utf-8");
    benchmark::DoNotOptimize(response.body());
  }
  costs.done(body.size());
}
BENCHMARK(BM_FillResponse)->ArgName("body")->Arg(261);

void BM_FindField(benchmark::State& state) {
  Request request;
  fill(request, "");
  Costs costs(state);
  for (auto _ : state)
    benchmark::DoNotOptimize(request.field("x-request-id"));
  costs.done();
}
BENCHMARK(BM_FindField);

void BM_EncodeRequest(benchmark::State& state) {
  const std::string body(static_cast<size_t>(state.range(0)), 'x');
  Request request;
  if (body.empty()) {
    request = Request("GET", "/foo/bar/baz?param=value&other=1");
  } else {
    fill(request, body);
  }
  api::EncodedRequest encoded;
  Costs costs(state);
  for (auto _ : state) {
    const Status status = api::encode_request(internal::Access::data(request), kHost, encoded);
    check(status.ok(), "a request was not encoded");
    benchmark::DoNotOptimize(encoded.text.data());
  }
  costs.done(encoded.text.size());
}
BENCHMARK(BM_EncodeRequest)->ArgName("body")->Arg(0)->Arg(300)->Arg(1500);

struct Item {
  Item* next_in_inbox = nullptr;
};

// An operation is one object, so many for one wake-up.
void BM_Inbox(benchmark::State& state) {
  api::Inbox<Item> inbox;
  std::vector<Item> items(static_cast<size_t>(state.range(0)));
  size_t taken = 0;
  Costs costs(state);
  while (state.KeepRunningBatch(static_cast<benchmark::IterationCount>(items.size()))) {
    for (Item& item : items)
      benchmark::DoNotOptimize(inbox.push(item));
    inbox.take_all([&taken](Item&) { ++taken; });
  }
  costs.done();
  check(taken == static_cast<size_t>(state.iterations()), "an object was lost");
}
BENCHMARK(BM_Inbox)->ArgName("objects")->Arg(1)->Arg(16)->Arg(1000);

}  // namespace
}  // namespace httpteleport::bench
