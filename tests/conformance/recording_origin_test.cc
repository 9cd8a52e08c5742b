// The origin of the cases notices what it is there to notice.
#include "conformance/recording_origin.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "conformance/raw_client.h"
#include "conformance/request_case.h"

namespace httpteleport::test {
namespace {

std::vector<std::string> faults_of(const std::string& bytes) {
  RecordingOrigin origin;
  RawClient client(origin.address());
  client.send(bytes);
  client.half_close();
  client.read_to_end();
  return origin.take_faults();
}

TEST(RecordingOrigin, FindsFaultWithWhatIsMalformedOrAmbiguous) {
  const std::string request = "GET / HTTP/1.1\r\n";
  for (const std::string& bytes : {
           std::string("GET / HTTP/1.1\nHost: a\n\r\n\r\n"),
           request + "\r\n",
           request + "Host: a\r\nHost: a\r\n\r\n",
           request + "Host: a\r\nX A: b\r\n\r\n",
           request + "Host: a\r\nX-A: b\r\n c\r\n\r\n",
           std::string("GET / HTTP/1.0\r\nHost: a\r\n\r\n"),
           get("", "http://a/"),
           get("", "*"),
           get("", "/#x"),
           get("", "/\xe4"),
           get("Content-Length: 05\r\n") + "hello",
           get("Content-Length: +5\r\n") + "hello",
           get("Content-Length: 5\r\nContent-Length: 5\r\n") + "hello",
           get("Content-Length: 0\r\nTransfer-Encoding: chunked\r\n") + "0\r\n\r\n",
           get("Transfer-Encoding: gzip, chunked\r\n") + "0\r\n\r\n",
           get("Connection: x-a\r\n"),
           get("Connection: upgrade\r\n"),
           get("Upgrade: websocket\r\n"),
           get("TE: trailers\r\n"),
           get("Keep-Alive: 1\r\n"),
           get("Trailer: x\r\n"),
           get("Proxy-Connection: close\r\n"),
           get("HTTP2-Settings: a\r\n"),
           chunked_post("05\r\nhello\r\n0\r\n\r\n"),
           chunked_post("5;a\r\nhello\r\n0\r\n\r\n"),
           chunked_post("5\r\nhello\r\n00\r\n\r\n"),
           chunked_post("5\r\nhello\r\n0\r\nContent-Length: 1\r\n\r\n"),
           chunked_post("5\r\nhello\r\n0\r\nHost: b\r\n\r\n"),
           get() + get(),
           get() + "x",
       }) {
    EXPECT_THAT(faults_of(bytes), testing::SizeIs(1)) << bytes;
  }
  for (const std::string& bytes :
       {get(), sized_post("hello"), sized_post(""), chunked_post("5\r\nhello\r\n0\r\nX: y\r\n\r\n"),
        get("Connection: keep-alive\r\n"), get("Connection: upgrade\r\nUpgrade: websocket\r\n")})
    EXPECT_THAT(faults_of(bytes), testing::IsEmpty()) << bytes;
}

TEST(RecordingOrigin, CountsWhatIsBrokenOff) {
  RecordingOrigin origin;
  for (const std::string& bytes : {std::string("GET / HT"), post("Content-Length: 5\r\n", "hell"),
                                   chunked_post("5\r\nhello\r\n0\r\n")}) {
    RawClient client(origin.address());
    client.send(bytes);
    client.half_close();
    client.read_to_end();
  }
  EXPECT_TRUE(wait_until([&] { return origin.counts().open == 0; }));
  EXPECT_EQ(origin.counts().broken_off, 3u);
  EXPECT_EQ(origin.counts().requests, 0u);
}

TEST(RecordingOrigin, KeepsRequestsAndNumbersItsAnswers) {
  RecordingOrigin origin;
  RawClient client(origin.address());
  client.send(sized_post("hello", "X-A: b\r\n", "/1"));
  EXPECT_EQ(client.read_response().body, "1 POST /1\nhello");
  client.send("HEAD /2 HTTP/1.1\r\nHost: a\r\n\r\n");
  const Message second = client.read_response(true);
  EXPECT_EQ(second.head.find("x-id"), "2");
  const std::vector<RecordedRequest> requests = origin.take_requests();
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_EQ(requests[0].id, 1u);
  EXPECT_EQ(requests[0].body, "hello");
  EXPECT_EQ(requests[0].head.find("x-a"), "b");
  EXPECT_EQ(requests[1].head.method, "HEAD");
  EXPECT_THAT(origin.take_requests(), testing::IsEmpty());
}

}  // namespace
}  // namespace httpteleport::test
