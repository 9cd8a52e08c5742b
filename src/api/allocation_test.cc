// No request takes memory from the allocator once client and server have warmed up.
#include <gtest/gtest.h>

#include <future>
#include <string>

#include "httpteleport/httpteleport.h"
#include "support/allocations.h"

namespace httpteleport {
namespace {

// So many requests under way, each answer sends the next, until so many have been answered; then
// how many allocations there were while the second half of them passed.
class Lanes {
 public:
  Lanes(Client& client, size_t answers)
      : client_(client), answers_left_(answers), half_(answers / 2) {
    request_.set_method("POST");
    request_.add_field("Accept", "text/plain");
    request_.set_body("what is asked", "text/plain");
  }
  uint64_t run(size_t in_flight) {
    open_ = in_flight;
    for (size_t i = 0; i < in_flight; ++i)
      send();
    done_.get_future().wait();
    return after_ - before_;
  }

 private:
  void send() {
    const Status taken = client_.call_async(
        request_,
        [this](const Status& status, Response& response) { on_answer(status, response); });
    ASSERT_TRUE(taken.ok()) << taken.to_string();
  }
  void on_answer(const Status& status, Response& response) {
    EXPECT_TRUE(status.ok() && response.body() == "an answer");
    if (answers_left_ > 0) --answers_left_;
    if (answers_left_ == half_) before_ = test::allocations();
    if (answers_left_ > 0) return send();
    if (open_-- == 1) {
      done_.set_value();
    } else if (after_ == 0) {
      after_ = test::allocations();
    }
  }

  Client& client_;
  Request request_;
  std::promise<void> done_;
  size_t answers_left_;
  const size_t half_;
  size_t open_ = 0;
  uint64_t before_ = 0;
  uint64_t after_ = 0;
};

struct Wire {
  const char* name;
  Protocol protocol;
  Compression compression;
};

class SteadyState : public testing::TestWithParam<Wire> {};

TEST_P(SteadyState, TakesNoMemory) {
  if (!test::kCountsAllocations) return;  // a sanitizer's allocator: nothing to be counted
  ServerOptions server_options;
  server_options.compression = GetParam().compression;
  server_options.protocol = GetParam().protocol;
  auto server = *Server::create(
      [](const Request&, Response& response) { response.set_body("an answer", "text/plain"); },
      server_options);
  ASSERT_TRUE(server.listen("127.0.0.1:0").ok());
  ClientOptions client_options{.address = server.addresses()[0]};
  client_options.compression = GetParam().compression;
  client_options.protocol = GetParam().protocol;
  auto client = *Client::create(client_options);
  // What is kept grows until it suffices for the busiest moment, which may come late.
  EXPECT_LE(Lanes(client, 40'000).run(50), 8u);
}

INSTANTIATE_TEST_SUITE_P(Wires, SteadyState,
                         testing::Values(Wire{"V0", Protocol::kV0, Compression::kNone},
                                         Wire{"V0Flate", Protocol::kV0, Compression::kFlate},
                                         Wire{"V2", Protocol::kV2, Compression::kNone},
                                         Wire{"V2Zstd", Protocol::kV2, Compression::kZstd}),
                         [](const auto& tested) { return tested.param.name; });

// snappy itself takes a table for each block that it compresses.
TEST(SteadyState, TakesLessThanOneAllocationABatchWithSnappy) {
  if (!test::kCountsAllocations) return;
  ServerOptions server_options;
  server_options.compression = Compression::kSnappy;
  auto server = *Server::create(
      [](const Request&, Response& response) { response.set_body("an answer", "text/plain"); },
      server_options);
  ASSERT_TRUE(server.listen("127.0.0.1:0").ok());
  ClientOptions client_options{.address = server.addresses()[0]};
  client_options.compression = Compression::kSnappy;
  auto client = *Client::create(client_options);
  const uint64_t allocations = Lanes(client, 40'000).run(50);
  EXPECT_LE(allocations, client.stats().links.batches_sent + server.stats().links.batches_sent);
}

}  // namespace
}  // namespace httpteleport
