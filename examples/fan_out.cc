// Many requests at one time: fan_out ADDRESS COUNT asks a hello_server COUNT times with callbacks,
// and then a few times from a coroutine, one answer after the other.
#include <atomic>
#include <chrono>
#include <coroutine>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <latch>
#include <string>

#include "httpteleport/client.h"

namespace {

constexpr httpteleport::CallOptions kPatience{.timeout = std::chrono::seconds(30)};

// All requests go out together, in a batch or a few; the answers come in any order.
bool ask_at_once(httpteleport::Client& client, int count) {
  std::atomic<int> greeted{0};
  std::latch answered(count);
  for (int i = 0; i < count; ++i) {
    const std::string name = std::to_string(i);
    const auto on_answer = [&, expected = "hello, " + name + "\n"](
                               const httpteleport::Status& status,
                               httpteleport::Response& response) {
      if (status.ok() && response.body() == expected) ++greeted;
      answered.count_down();  // the last thing that touches what main() owns
    };
    const httpteleport::Status taken =
        client.call_async(httpteleport::Request("GET", "/" + name), on_answer, kPatience);
    if (!taken.ok()) {  // on_answer will not be called
      std::cerr << "fan_out: " << taken.to_string() << "\n";
      answered.count_down();
    }
  }
  answered.wait();
  std::cout << greeted << " of " << count << " answers by callback\n";
  return greeted == count;
}

// The least that a coroutine needs: starts at once, and nobody waits for its result.
struct Detached {
  struct promise_type {
    Detached get_return_object() noexcept { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
    void unhandled_exception() noexcept { std::terminate(); }
  };
};

// What it refers to must live until `done` is counted down.
Detached ask_in_turn(httpteleport::Client& client, int count, int& greeted, std::latch& done) {
  httpteleport::Request request;
  httpteleport::Response response;
  for (int i = 0; i < count; ++i) {
    request.set_target("/coroutine" + std::to_string(i));
    const httpteleport::Status status =
        co_await client.call_awaitable(request, response, kPatience);
    if (!status.ok()) break;
    if (response.status() == 200) ++greeted;
  }
  done.count_down();
}

bool ask_from_coroutine(httpteleport::Client& client) {
  constexpr int kCount = 3;
  int greeted = 0;
  std::latch done(1);
  ask_in_turn(client, kCount, greeted, done);
  done.wait();
  std::cout << greeted << " of " << kCount << " answers by coroutine\n";
  return greeted == kCount;
}

}  // namespace

int main(int argc, char** argv) {
  const int count = argc == 3 ? std::atoi(argv[2]) : 0;
  if (count < 1) {
    std::cerr << "usage: fan_out ADDRESS COUNT\n";
    return 2;
  }
  httpteleport::StatusOr<httpteleport::Client> client =
      httpteleport::Client::create({.address = argv[1],
                                    .compression = httpteleport::Compression::kSnappy,
                                    .max_pending = static_cast<std::size_t>(count)});
  if (!client.ok()) {
    std::cerr << "fan_out: " << client.status().to_string() << "\n";
    return 1;
  }
  const bool all = ask_at_once(*client, count) && ask_from_coroutine(*client);
  const httpteleport::ClientStats stats = client->stats();
  std::cout << stats.links.messages_sent << " requests in " << stats.links.batches_sent
            << " batches\n";
  return all ? 0 : 1;
}
