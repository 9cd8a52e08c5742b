#include "http/h1/encoder.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "http/h1/test_heads.h"

namespace httpteleport::http::h1 {
namespace {

class Encoder : public testing::Test {
 protected:
  std::string request(const RequestHead& head, const OutgoingFraming& framing) {
    encode_request_head(head, framing, out_);
    return take();
  }
  std::string response(const ResponseHead& head, const OutgoingFraming& framing,
                       std::string_view date = {}) {
    encode_response_head(head, framing, date, out_);
    return take();
  }
  std::string last_chunk(const Fields& trailers) {
    encode_last_chunk(trailers, out_);
    return take();
  }

  BlockPool pool_;
  BufferChain out_{pool_};

 private:
  std::string take() {
    std::string all = out_.to_string();
    out_.clear();
    return all;
  }
};

RequestHead request_head(std::string_view method, std::string_view target) {
  RequestHead head;
  head.method_text = method;
  head.method = method_of(method);
  head.target = target;
  head.fields.add("Host", "h");
  return head;
}

ResponseHead response_head(int status) {
  ResponseHead head;
  head.status = status;
  head.reason = reason_of(status);
  return head;
}

TEST_F(Encoder, WritesARequestHead) {
  RequestHead head = request_head("GET", "/a?b");
  head.fields.add("A", "b c");
  head.fields.add("Empty", "");
  EXPECT_EQ(request(head, {}), "GET /a?b HTTP/1.1\r\nHost: h\r\nA: b c\r\nEmpty: \r\n\r\n");
  EXPECT_EQ(request(head, {.content_length = 0, .close = true}),
            "GET /a?b HTTP/1.1\r\nHost: h\r\nA: b c\r\nEmpty: \r\nContent-Length: 0\r\n"
            "Connection: close\r\n\r\n");
  EXPECT_EQ(request(head, {.content_length = {}, .chunked = true, .keep_alive = true}),
            "GET /a?b HTTP/1.1\r\nHost: h\r\nA: b c\r\nEmpty: \r\nTransfer-Encoding: chunked\r\n"
            "Connection: keep-alive\r\n\r\n");
  EXPECT_EQ(request(request_head("OPTIONS", "*"), {.content_length = UINT64_MAX}),
            "OPTIONS * HTTP/1.1\r\nHost: h\r\nContent-Length: 18446744073709551615\r\n\r\n");
}

TEST_F(Encoder, WritesAResponseHead) {
  ResponseHead head = response_head(200);
  head.fields.add("A", "b");
  EXPECT_EQ(response(head, {.content_length = 5}, "now"),
            "HTTP/1.1 200 OK\r\nA: b\r\nDate: now\r\nContent-Length: 5\r\n\r\n");
  EXPECT_EQ(response(head, {.content_length = {}, .chunked = true, .close = true}),
            "HTTP/1.1 200 OK\r\nA: b\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n");
  // Texts that were never set are as good as empty ones.
  ResponseHead bare;
  bare.status = 299;
  bare.fields.add("B", {});
  EXPECT_EQ(response(bare, {}), "HTTP/1.1 299 \r\nB: \r\n\r\n");
}

TEST_F(Encoder, AddsADateWhereThereIsNone) {
  ResponseHead head = response_head(204);
  EXPECT_EQ(response(head, {}, "now"), "HTTP/1.1 204 No Content\r\nDate: now\r\n\r\n");
  head.fields.add("date", "then");
  EXPECT_EQ(response(head, {}, "now"), "HTTP/1.1 204 No Content\r\ndate: then\r\n\r\n");
  head.fields.drop(FieldId::kDate);
  EXPECT_EQ(response(head, {}, "now"), "HTTP/1.1 204 No Content\r\nDate: now\r\n\r\n");
  EXPECT_EQ(response(response_head(100), {}, "now"), "HTTP/1.1 100 Continue\r\n\r\n");
}

// The framing is this end's own: nothing that a peer sent may contradict it.
TEST_F(Encoder, NeverRepeatsDroppedOrFramingFields) {
  RequestHead head = request_head("POST", "/");
  ResponseHead answer = response_head(200);
  for (Fields* fields : {&head.fields, &answer.fields}) {
    fields->add("Content-Length", "1");
    fields->add("content-length", "2");
    fields->add("TRANSFER-ENCODING", "gzip, chunked");
    fields->add("Connection", "x-secret");
    fields->add("Secret", "s");
    for (Field& field : *fields)
      field.dropped = field.name == "Secret";
  }
  EXPECT_EQ(request(head, {.content_length = 7}),
            "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 7\r\n\r\n");
  EXPECT_EQ(response(answer, {.content_length = {}, .chunked = true}),
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
}

TEST_F(Encoder, WritesHeadsOfAnySize) {
  RequestHead head = request_head("GET", "/");
  const std::string value(100'000, 'v');
  head.fields.add("Large", value);
  out_.append("before ");
  EXPECT_EQ(request(head, {}), "before GET / HTTP/1.1\r\nHost: h\r\nLarge: " + value + "\r\n\r\n");
}

TEST(OutgoingFraming, FollowsTheBodyAndTheMethod) {
  RequestHead head = request_head("POST", "/");
  head.body = BodyLength::known(5);
  EXPECT_EQ(framing_of(head).content_length, 5u);
  head.body = BodyLength::unknown();
  EXPECT_TRUE(framing_of(head).chunked);
  EXPECT_EQ(framing_of(head).content_length, std::nullopt);
  for (const std::string_view method : {"POST", "PUT", "PATCH"}) {
    head = request_head(method, "/");
    EXPECT_EQ(framing_of(head).content_length, 0u) << method;
  }
  for (const std::string_view method : {"GET", "HEAD", "DELETE", "OPTIONS", "TRACE", "BREW"}) {
    head = request_head(method, "/");
    EXPECT_EQ(framing_of(head).content_length, std::nullopt) << method;
    EXPECT_FALSE(framing_of(head).chunked);
  }
}

TEST(ChunkHead, IsTheSizeInHexAndCrlf) {
  EXPECT_EQ(make_chunk_head(1).view(), "1\r\n");
  EXPECT_EQ(make_chunk_head(8000).view(), "1f40\r\n");
  EXPECT_EQ(make_chunk_head(UINT64_MAX).view(), "ffffffffffffffff\r\n");
}

TEST_F(Encoder, EndsAChunkedBodyWithTheTrailersThatAreNotDropped) {
  Fields trailers;
  EXPECT_EQ(last_chunk(trailers), "0\r\n\r\n");
  trailers.add("X-Sum", "1");
  trailers.add("Y", "");
  trailers.add("Gone", "2");
  for (Field& field : trailers)
    field.dropped = field.name == "Gone";
  EXPECT_EQ(last_chunk(trailers), "0\r\nX-Sum: 1\r\nY: \r\n\r\n");
}

TEST_F(Encoder, OffersToSwitchProtocolsInItsOwnWords) {
  RequestHead head;
  const std::string_view wire =
      "GET / HTTP/1.1\r\nHost: h\r\nconnection: keep-alive, UPGRADE\r\nupgrade: a ,\t, b/1\r\n\r\n";
  ASSERT_TRUE(parse_request_head(wire, {}, head));
  EXPECT_EQ(request(head, framing_of(head)),
            "GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: a,b/1\r\n\r\n");
  EXPECT_EQ(response(response_head(101), {.upgrade = "b/1"}),
            "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: b/1\r\n\r\n");
}

TEST_F(Encoder, MakesRoomForALongOffer) {
  std::string offer = "a";
  for (int i = 0; i < 5000; ++i)
    offer += ",b";
  EXPECT_TRUE(response(response_head(101), {.upgrade = offer})
                  .ends_with("\r\nUpgrade: " + offer + "\r\n\r\n"));
}

// What is passed on reads back as the same message.
TEST_F(Encoder, RoundTripsRequests) {
  for (const std::string_view wire :
       {"GET / HTTP/1.1\r\nHost: h\r\n\r\n",
        "HEAD http://a:1/b?c HTTP/1.1\r\nHost: z\r\nConnection: close, x\r\nX: y\r\nVia: v\r\n\r\n",
        "GET http://a/b HTTP/1.0\r\nCookie: c\r\n\r\n",
        "POST /p HTTP/1.1\r\nhOsT: h\r\nTransfer-Encoding: chunked\r\nTrailer: T\r\nA:\r\n\r\n",
        "PUT /p HTTP/1.1\r\nHost: h\r\nContent-Length: 9223372036854775807\r\n\r\n",
        "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nConnection: x, Upgrade\r\nUpgrade: a/1,,b\r\nX: 1\r\n\r\n",
        "BREW /\"<> HTTP/1.1\r\nHost: h\r\nA: \xff \t z\r\nA: 2\r\n\r\n"}) {
    RequestHead head;
    ASSERT_TRUE(parse_request_head(wire, {}, head));
    ASSERT_FALSE(head.refusal);
    const std::string sent = request(head, framing_of(head));
    RequestHead back;
    const auto size = parse_request_head(sent, {}, back);
    ASSERT_TRUE(size) << sent;
    EXPECT_EQ(*size, sent.size());
    head.version_minor = 1;
    head.keep_alive = true;
    EXPECT_EQ(describe(back), describe(head));
  }
}

TEST_F(Encoder, RoundTripsResponses) {
  for (const std::string_view wire :
       {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nA: b\r\n\r\n",
        "HTTP/1.1 404 Not Here\r\nTransfer-Encoding: chunked\r\nConnection: x\r\nX: 1\r\n\r\n",
        "HTTP/1.0 200\r\nConnection: keep-alive\r\nContent-Length: 7\r\nServer: s\r\n\r\n"}) {
    ResponseHead head;
    ASSERT_TRUE(parse_response_head(wire, {}, Method::kGet, head));
    const std::string sent =
        response(head, {.content_length = head.declared_length, .chunked = head.body_is_chunked});
    ResponseHead back;
    const auto size = parse_response_head(sent, {}, Method::kGet, back);
    ASSERT_TRUE(size) << sent;
    EXPECT_EQ(*size, sent.size());
    head.version_minor = 1;
    EXPECT_EQ(describe(back), describe(head));
  }
}

}  // namespace
}  // namespace httpteleport::http::h1
