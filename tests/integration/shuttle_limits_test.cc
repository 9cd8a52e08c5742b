// Limits of the shuttle program that no flag of httptp has.
#include <string>

#include "running_shuttle.h"

namespace httpteleport::test {
namespace {

std::string request_with_head_of(size_t bytes) {
  std::string head = "GET /bytes/1 HTTP/1.1\r\nHost: web.test\r\nConnection: close\r\nX-Long: ";
  return head + std::string(bytes - head.size() - 4, 'x') + "\r\n\r\n";
}

TEST(ShuttleLimits, OfHeadsAre64KiB) {
  const Origin origin;
  const RunningShuttle shuttle;
  ASSERT_TRUE(shuttle.started());
  shuttle.change("/web", host_json("web.test", backend_json("a", origin.address())));
  const size_t most = size_t{64} * 1024;
  EXPECT_EQ(exchange(shuttle.http(), request_with_head_of(most / 2)).head.status, 200);
  EXPECT_EQ(exchange(shuttle.http(), request_with_head_of(most + 1)).head.status, 431);
}

TEST(ShuttleLimits, OfBodiesAreAFlags) {
  const Origin origin;
  const RunningShuttle shuttle({"-max-body-size=1000"});
  ASSERT_TRUE(shuttle.started());
  shuttle.change("/web", host_json("web.test", backend_json("a", origin.address())));
  const auto post = [&](size_t bytes) {
    return exchange(
        shuttle.http(),
        "POST /echo HTTP/1.1\r\nHost: web.test\r\nConnection: close\r\nContent-Length: " +
            std::to_string(bytes) + "\r\n\r\n" + std::string(bytes, 'b'));
  };
  EXPECT_EQ(post(1000).head.status, 200);
  EXPECT_EQ(post(1001).head.status, 413);
}

// No token comes back within the second for which requests wait.
TEST(ShuttleLimits, OfABackendLetRequestsWait) {
  const Origin origin;
  const RunningShuttle shuttle;
  ASSERT_TRUE(shuttle.started());
  const std::string limits = R"(, "limits": {"connections": 1})";
  shuttle.change("/web", host_json("web.test", backend_json("a", origin.address(), limits)));
  HttpConnection first(shuttle.http());
  first.send("GET /stall HTTP/1.1\r\nHost: web.test\r\n\r\n");
  ASSERT_TRUE(wait_until([&] { return shuttle.number("/web/a", "http_active") == 1; }));
  EXPECT_EQ(shuttle.fetch("web.test", "/bytes/1").head.status, 429);
  shuttle.change("/web/a", R"({"limits": {"connections": 0}})");
  EXPECT_EQ(shuttle.fetch("web.test", "/bytes/1").head.status, 200);
}

}  // namespace
}  // namespace httpteleport::test
