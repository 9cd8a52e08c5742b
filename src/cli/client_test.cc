#include "cli/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "integration/fake_admin.h"

namespace httpteleport::cli {
namespace {

using test::FakeAdmin;
using test::FakeAnswer;
using test::Message;
using namespace std::chrono_literals;

Client::Options at(const FakeAdmin& admin) {
  return {.address = *AdminAddress::parse(admin.address()), .timeout = 10s};
}

TEST(Client, RefusesAnAnswerThatIsTooLarge) {
  const FakeAdmin admin([](const Message&) {
    return FakeAnswer{.raw = "HTTP/1.1 200 OK\r\nContent-Length: " +
                             std::to_string(Client::kBodyBytesMax + 1) + "\r\n\r\n",
                      .hold = true};
  });
  Client client(at(admin));
  const Reply reply = client.get("/_config");
  EXPECT_FALSE(reply.ok());
  EXPECT_TRUE(reply.too_large);
}

TEST(Client, LeavesAStreamThatIsSilentForTooLong) {
  const FakeAdmin admin([](const Message&) {
    return FakeAnswer{.raw = "HTTP/1.1 200 OK\r\n\r\n: hello\n\n", .hold = true};
  });
  Client::Options options = at(admin);
  options.silence_max = 1s;
  Client client(options);
  std::string bytes;
  const Reply reply = client.follow("/_events", "", [&](std::string_view more) { bytes += more; });
  EXPECT_EQ(bytes, ": hello\n\n");
  EXPECT_TRUE(reply.reached);
  EXPECT_TRUE(reply.timed_out);
}

TEST(Client, GoesOnBehindAChangeThatFailed) {
  const FakeAdmin admin([](const Message& request) {
    return request.head.method == "PUT" ? FakeAnswer{.raw = "\r\n"} : FakeAnswer{.body = "[]"};
  });
  Client client(at(admin));
  EXPECT_TRUE(client.get("/").ok());
  EXPECT_FALSE(client.change("PUT", "/web", "{}").ok());
  EXPECT_EQ(client.get("/").body, "[]");
  EXPECT_EQ(admin.requests().size(), 3u);
}

}  // namespace
}  // namespace httpteleport::cli
