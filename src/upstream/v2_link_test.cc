#include "upstream/test_v2_link.h"

namespace httpteleport::upstream {
namespace {

using namespace std::chrono_literals;

TEST_F(V2LinkTest, CarriesARequestAndItsResponse) {
  RecordingHandler handler;
  send_request(link_->open_stream(handler), {.method = "POST", .target = "/a", .body = "hello"});
  ASSERT_TRUE(accept_link());
  FarRequest* request = wait_for_request();
  ASSERT_NE(request, nullptr);
  ASSERT_TRUE(run_until([&] { return request->ended; }));
  EXPECT_EQ(request->head, "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n");
  EXPECT_EQ(request->body, "hello");
  far_end_->answer(*request, "world");
  ASSERT_TRUE(run_until([&] { return handler.is_over(); }));
  EXPECT_EQ(handler.status, 200);
  EXPECT_EQ(handler.body, "world");
  EXPECT_TRUE(handler.ended);
  EXPECT_TRUE(run_until([&] { return far_end_->multiplexer().open_streams() == 0; }));
  expect_usable();
}

TEST_F(V2LinkTest, TellsWhatIsLeftOfARequestsTime) {
  RecordingHandler handler;
  const TestRequest what;
  http::RequestHead head = head_of(what);
  head.answer_limit = 3s;
  head.plain_body = true;
  head.deadline = net_.loop.now() + 1h;
  http::UpstreamStream& stream = link_->open_stream(handler);
  stream.send_request_head(head);
  stream.end_request({});
  ASSERT_TRUE(accept_link());
  const FarRequest* request = wait_for_request();
  ASSERT_NE(request, nullptr);
  EXPECT_EQ(request->terms.answer_ms, 3072u);
  EXPECT_EQ(request->terms.total_ms, v2::told_limit(1h));
  EXPECT_TRUE(request->terms.plain_bodies);
  stream.cancel();
  send_request(link_->open_stream(handler), {});
  request = wait_for_request(2);
  ASSERT_NE(request, nullptr);
  EXPECT_EQ(request->terms, v2::Terms{});
}

TEST_F(V2LinkTest, TakesAPeerThatGivesUpInTimeForATimeout) {
  RecordingHandler handler;
  send_request(link_->open_stream(handler), {});
  ASSERT_TRUE(accept_link());
  FarRequest* request = wait_for_request();
  ASSERT_NE(request, nullptr);
  far_end_->reset(*request, v2::EndCode::kLate);
  ASSERT_TRUE(run_until([&] { return handler.is_over(); }));
  EXPECT_EQ(handler.failure->code, Code::kTimeout);
}

TEST_F(V2LinkTest, KeepsResponsesOfManyStreamsApart) {
  std::list<RecordingHandler> handlers(50);
  int number = 0;
  for (RecordingHandler& handler : handlers)
    send_request(link_->open_stream(handler), {.target = "/" + std::to_string(number++)});
  ASSERT_TRUE(accept_link());
  ASSERT_NE(wait_for_request(handlers.size()), nullptr);
  for (auto at = far_end_->requests.rbegin(); at != far_end_->requests.rend(); ++at)
    far_end_->answer(*at, at->head.substr(0, at->head.find(" HTTP")));
  number = 0;
  for (RecordingHandler& handler : handlers) {
    ASSERT_TRUE(run_until([&] { return handler.is_over(); }));
    EXPECT_EQ(handler.body, "GET /" + std::to_string(number++));
  }
}

TEST_F(V2LinkTest, SendsBodiesAsTheyComeAndWithinTheWindow) {
  RecordingHandler handler;
  http::UpstreamStream& stream = link_->open_stream(handler);
  const TestRequest what{.method = "POST"};
  http::RequestHead head = head_of(what);
  head.body = http::BodyLength::unknown();
  stream.send_request_head(head);
  ASSERT_TRUE(accept_link());
  far_end_->consumes = false;
  FarRequest* request = wait_for_request();
  ASSERT_NE(request, nullptr);
  EXPECT_NE(request->head.find("Transfer-Encoding: chunked\r\n"), std::string::npos);
  const std::string body(2'000'000, 'b');
  stream.send_request_body(body);
  EXPECT_EQ(handler.blocked, 1);
  ASSERT_TRUE(run_until([&] { return request->body.size() == hello_.stream_window; }));
  expect_usable();
  EXPECT_EQ(request->body.size(), hello_.stream_window);
  request->consumes = true;
  request->consume();
  ASSERT_TRUE(run_until([&] { return request->body.size() == body.size(); }));
  EXPECT_EQ(handler.unblocked, 1);
  EXPECT_FALSE(request->ended);
  stream.end_request({});
  ASSERT_TRUE(run_until([&] { return request->ended; }));
  far_end_->answer(*request, "");
  ASSERT_TRUE(run_until([&] { return handler.is_over(); }));
}

TEST_F(V2LinkTest, APausedResponseHoldsUpItsOwnSenderAlone) {
  RecordingHandler handler;
  http::UpstreamStream& stream = link_->open_stream(handler);
  send_request(stream);
  ASSERT_TRUE(accept_link());
  FarRequest* request = wait_for_request();
  ASSERT_NE(request, nullptr);
  far_end_->head(*request, "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
  stream.pause_response();
  v2::Stream* wire = request->stream;
  far_end_->body(*request, std::string(1'000'000, 'r'));
  expect_usable();
  EXPECT_EQ(handler.body, "");
  EXPECT_TRUE(wire->is_full());
  far_end_->end(*request);
  stream.resume_response();
  ASSERT_TRUE(run_until([&] { return handler.is_over(); }));
  EXPECT_EQ(handler.body.size(), 1'000'000u);
}

TEST_F(V2LinkTest, PassesTrailersBothWaysAlsoBehindAHeldBody) {
  RecordingHandler handler;
  http::UpstreamStream& stream = link_->open_stream(handler);
  const TestRequest what{.method = "POST"};
  http::RequestHead head = head_of(what);
  head.body = http::BodyLength::unknown();
  stream.send_request_head(head);
  stream.send_request_body("x");
  http::Fields trailers;
  trailers.add("Digest", "abc");
  stream.end_request(trailers);
  stream.pause_response();
  ASSERT_TRUE(accept_link());
  FarRequest* request = wait_for_request();
  ASSERT_NE(request, nullptr);
  ASSERT_TRUE(run_until([&] { return request->ended; }));
  EXPECT_EQ(request->trailers, "Digest: abc\r\n\r\n");
  far_end_->head(*request, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  far_end_->body(*request, "body");
  far_end_->end(*request, "Checksum: 7\r\n\r\n");
  expect_usable();
  EXPECT_EQ(handler.body, "");
  stream.resume_response();
  ASSERT_TRUE(run_until([&] { return handler.is_over(); }));
  EXPECT_EQ(handler.body, "body");
  EXPECT_EQ(handler.trailers, "Checksum: 7\n");
}

TEST_F(V2LinkTest, PassesInformationalHeads) {
  RecordingHandler handler;
  send_request(link_->open_stream(handler));
  ASSERT_TRUE(accept_link());
  FarRequest* request = wait_for_request();
  ASSERT_NE(request, nullptr);
  far_end_->head(*request, "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n");
  ASSERT_TRUE(run_until([&] { return handler.informational.size() == 1; }));
  far_end_->head(*request, "HTTP/1.1 103 Early Hints\r\n\r\n");
  far_end_->answer(*request, "done");
  ASSERT_TRUE(run_until([&] { return handler.is_over(); }));
  EXPECT_EQ(handler.informational, (std::vector<int>{103, 103}));
  EXPECT_EQ(handler.body, "done");
}

TEST_F(V2LinkTest, CancelIsToldAndFreesNobodyElse) {
  RecordingHandler handler;
  http::UpstreamStream& stream = link_->open_stream(handler);
  send_request(stream);
  ASSERT_TRUE(accept_link());
  FarRequest* request = wait_for_request();
  ASSERT_NE(request, nullptr);
  stream.cancel();
  ASSERT_TRUE(run_until([&] { return request->reset.has_value(); }));
  EXPECT_EQ(*request->reset, v2::EndCode::kCancelled);
  EXPECT_EQ(far_end_->multiplexer().open_streams(), 0u);
  EXPECT_EQ(link_->pending(), 0u);
  expect_usable();
}

TEST_F(V2LinkTest, AResponseThatIsCompleteEndsAnUploadNobodyWants) {
  RecordingHandler handler;
  http::UpstreamStream& stream = link_->open_stream(handler);
  const TestRequest what{.method = "POST"};
  http::RequestHead head = head_of(what);
  head.body = http::BodyLength::known(10);
  stream.send_request_head(head);
  ASSERT_TRUE(accept_link());
  FarRequest* request = wait_for_request();
  ASSERT_NE(request, nullptr);
  far_end_->answer(*request, "no");
  ASSERT_TRUE(run_until([&] { return handler.is_over(); }));
  EXPECT_TRUE(handler.ended);
  EXPECT_TRUE(run_until([&] { return far_end_->multiplexer().open_streams() == 0; }));
  expect_usable();
}

TEST_F(V2LinkTest, CarriesATunnelThatEndsOneSideAfterTheOther) {
  RecordingHandler handler;
  http::UpstreamStream& stream = link_->open_stream(handler);
  const TestRequest what;
  http::RequestHead head = head_of(what);
  head.upgrade = "websocket";
  stream.send_request_head(head);
  stream.end_request({});
  ASSERT_TRUE(accept_link());
  FarRequest* request = wait_for_request();
  ASSERT_NE(request, nullptr);
  EXPECT_FALSE(request->ended);
  EXPECT_NE(request->head.find("Upgrade: websocket\r\n"), std::string::npos);
  far_end_->head(*request,
                 "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: "
                 "upgrade\r\n\r\n");
  ASSERT_TRUE(run_until([&] { return handler.status == 101; }));
  stream.send_request_body("ping");
  ASSERT_TRUE(run_until([&] { return request->body == "ping"; }));
  far_end_->body(*request, "pong");
  far_end_->multiplexer().send_end(*request->stream, {});
  ASSERT_TRUE(run_until([&] { return handler.ended; }));
  EXPECT_EQ(handler.body, "pong");
  stream.send_request_body(" and more");
  stream.end_request({});
  ASSERT_TRUE(run_until([&] { return request->ended; }));
  EXPECT_EQ(request->body, "ping and more");
  far_end_->multiplexer().release(*request->stream);
  expect_usable();
  EXPECT_EQ(link_->pending(), 0u);
}

TEST_F(V2LinkTest, AnOfferThatIsNotTakenIsAnOrdinaryRequest) {
  RecordingHandler handler;
  http::UpstreamStream& stream = link_->open_stream(handler);
  const TestRequest what;
  http::RequestHead head = head_of(what);
  head.upgrade = "websocket";
  stream.send_request_head(head);
  stream.end_request({});
  ASSERT_TRUE(accept_link());
  FarRequest* request = wait_for_request();
  ASSERT_NE(request, nullptr);
  far_end_->answer(*request, "no");
  ASSERT_TRUE(run_until([&] { return handler.is_over(); }));
  EXPECT_EQ(handler.body, "no");
  EXPECT_TRUE(run_until([&] { return far_end_->multiplexer().open_streams() == 0; }));
}

// Of a request that wants no answer: its end comes alone.
struct EndHandler final : http::ResponseHandler {
  bool ended = false;

  void on_response_head(http::ResponseHead&) override { ADD_FAILURE() << "a head"; }
  void on_response_body(std::string_view) override { ADD_FAILURE() << "a body"; }
  void on_response_end(const http::Fields&) override { ended = true; }
  void on_upstream_reset(const Error& error) override { ADD_FAILURE() << error.detail; }
  void on_request_blocked() override {}
  void on_request_unblocked() override {}
};

TEST_F(V2LinkTest, AnAnswerThatNobodyWantsIsDropped) {
  for (const bool has_body : {false, true}) {
    EndHandler handler;
    TeleportStream& stream = link_->open_stream(handler);
    stream.expect_no_answer();
    const std::string text = "GET /event HTTP/1.1\r\nHost: h\r\n\r\n";
    stream.send_message(text, text.size(), http::Method::kGet);
    if (!has_body) {
      ASSERT_TRUE(accept_link());
    }
    FarRequest* request = wait_for_request(has_body ? 2 : 1);
    ASSERT_NE(request, nullptr);
    ASSERT_TRUE(run_until([&] { return handler.ended; }));
    EXPECT_EQ(link_->pending(), 0u);
    far_end_->multiplexer().send_head(*request->stream, far_end_->chain("HTTP/1.1 200 OK\r\n\r\n"));
    if (has_body) far_end_->multiplexer().send_body(*request->stream, "unread");
    far_end_->end(*request);
    EXPECT_TRUE(run_until([&] { return far_end_->multiplexer().open_streams() == 0; }));
  }
  expect_usable();
  far_end_->multiplexer().go_away(v2::EndCode::kNone);
  far_end_->flush();
  EXPECT_TRUE(run_until([&] { return link_->is_leaving(); }));
}

// ---- What goes wrong.

struct BadResponse {
  const char* name;
  const char* head;
  const char* body;
  const char* trailers;
  Code code;
};

class V2LinkBadResponse : public V2LinkTest, public testing::WithParamInterface<BadResponse> {};

TEST_P(V2LinkBadResponse, FailsAlone) {
  RecordingHandler handler;
  send_request(link_->open_stream(handler));
  ASSERT_TRUE(accept_link());
  FarRequest* request = wait_for_request();
  ASSERT_NE(request, nullptr);
  far_end_->head(*request, GetParam().head);
  far_end_->body(*request, GetParam().body);
  far_end_->end(*request, GetParam().trailers);
  ASSERT_TRUE(run_until([&] { return handler.is_over(); }));
  EXPECT_EQ(handler.failure_code(), GetParam().code)
      << (handler.failure ? handler.failure->detail : "");
  EXPECT_FALSE(handler.ended);
  expect_usable();
}

constexpr const char* kFive = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
INSTANTIATE_TEST_SUITE_P(
    All, V2LinkBadResponse,
    testing::Values(
        BadResponse{"Garbage", "no head\r\n\r\n", "", "", Code::kMalformed},
        BadResponse{"BytesBehindTheHead", "HTTP/1.1 204 No\r\n\r\nmore\r\n\r\n", "", "",
                    Code::kMalformed},
        BadResponse{"BadStatus", "HTTP/1.1 000 No\r\n\r\n", "", "", Code::kMalformed},
        BadResponse{"BodyTooShort", kFive, "1234", "", Code::kConnectionLost},
        BadResponse{"BodyTooLong", kFive, "123456", "", Code::kMalformed},
        BadResponse{"NoBodyAtAll", kFive, "", "", Code::kConnectionLost},
        BadResponse{"BodyOf204", "HTTP/1.1 204 No\r\n\r\n", "x", "", Code::kMalformed},
        BadResponse{"InformationalOnly", "HTTP/1.1 100 Go\r\n\r\n", "", "", Code::kMalformed},
        BadResponse{"BrokenTrailers", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "x",
                    "no field\r\n\r\n", Code::kMalformed},
        BadResponse{"UnaskedSwitch", "HTTP/1.1 101 Go\r\nUpgrade: a\r\n\r\n", "", "",
                    Code::kMalformed}),
    [](const auto& about) { return about.param.name; });

TEST_F(V2LinkTest, ARefusedRequestMayBeRepeated) {
  RecordingHandler handler;
  send_request(link_->open_stream(handler));
  ASSERT_TRUE(accept_link());
  far_end_->accepts = false;
  ASSERT_TRUE(run_until([&] { return handler.is_over(); }));
  EXPECT_EQ(handler.failure_code(), Code::kNotSent);
  far_end_->accepts = true;
  expect_usable();
}

TEST_F(V2LinkTest, AResetIsAFailureThatSaysHowFarItCame) {
  RecordingHandler early;
  RecordingHandler late;
  send_request(link_->open_stream(early), {.target = "/early"});
  send_request(link_->open_stream(late), {.target = "/late"});
  ASSERT_TRUE(accept_link());
  ASSERT_NE(wait_for_request(2), nullptr);
  far_end_->head(far_end_->requests.back(), "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
  far_end_->body(far_end_->requests.back(), "12");
  for (FarRequest& request : far_end_->requests)
    far_end_->reset(request, v2::EndCode::kBroken);
  ASSERT_TRUE(run_until([&] { return early.is_over() && late.is_over(); }));
  EXPECT_EQ(early.failure_code(), Code::kConnectionLost);
  EXPECT_EQ(late.failure_code(), Code::kTruncated);
}

TEST_F(V2LinkTest, ALostConnectionTellsWhatWasBegun) {
  hello_.streams = 1;
  RecordingHandler begun;
  RecordingHandler waiting;
  send_request(link_->open_stream(begun));
  send_request(link_->open_stream(waiting));
  ASSERT_TRUE(accept_link());
  ASSERT_NE(wait_for_request(1), nullptr);
  far_end_.reset();
  far_->reset();
  ASSERT_TRUE(net_.run_until([&] { return begun.is_over() && waiting.is_over(); }));
  EXPECT_EQ(begun.failure_code(), Code::kConnectionLost);
  EXPECT_EQ(waiting.failure_code(), Code::kNotSent);
}

TEST_F(V2LinkTest, StreamsOverThePeersLimitWaitForTheirTurn) {
  hello_.streams = 2;
  std::list<RecordingHandler> handlers(5);
  for (RecordingHandler& handler : handlers)
    send_request(link_->open_stream(handler));
  ASSERT_TRUE(accept_link());
  for (size_t i = 1; i <= handlers.size(); ++i) {
    ASSERT_TRUE(run_until([&] { return far_end_->requests.size() >= i; }));
    EXPECT_LE(far_end_->multiplexer().open_streams(), 2u);
    far_end_->answer(*std::next(far_end_->requests.begin(), static_cast<ptrdiff_t>(i) - 1), "ok");
  }
  for (RecordingHandler& handler : handlers)
    ASSERT_TRUE(run_until([&] { return handler.ended; }));
}

TEST_F(V2LinkTest, GoawayFailsWhatIsNotServedAndKeepsTheRest) {
  RecordingHandler served;
  send_request(link_->open_stream(served));
  ASSERT_TRUE(accept_link());
  FarRequest* request = wait_for_request();
  ASSERT_NE(request, nullptr);
  far_end_->multiplexer().go_away(v2::EndCode::kNone);
  far_end_->flush();
  RecordingHandler unserved;
  send_request(link_->open_stream(unserved));
  ASSERT_TRUE(run_until([&] { return unserved.is_over(); }));
  EXPECT_EQ(unserved.failure_code(), Code::kNotSent);
  EXPECT_TRUE(link_->is_leaving());
  far_end_->answer(*request, "still");
  ASSERT_TRUE(run_until([&] { return served.is_over(); }));
  EXPECT_EQ(served.body, "still");
}

TEST_F(V2LinkTest, GarbageEndsTheConnectionAndFailsItsStreams) {
  RecordingHandler handler;
  send_request(link_->open_stream(handler));
  ASSERT_TRUE(accept_link());
  ASSERT_NE(wait_for_request(), nullptr);
  far_->send(std::string(1000, '\xff'));
  ASSERT_TRUE(net_.run_until([&] { return handler.is_over(); }));
  EXPECT_EQ(handler.failure_code(), Code::kMalformed);
  EXPECT_TRUE(net_.run_until([&] { return far_->ended || far_->broken; }));
}

TEST_F(V2LinkTest, APeerThatOnlyAnswersPingsIsNotSilent) {
  options_.silence_timeout = 400ms;
  make_link();
  RecordingHandler handler;
  send_request(link_->open_stream(handler));
  ASSERT_TRUE(accept_link());
  FarRequest* request = wait_for_request();
  ASSERT_NE(request, nullptr);
  const TimePoint until = net_.loop.now() + 1s;
  ASSERT_TRUE(run_until([&] { return net_.loop.now() > until; }));
  far_end_->answer(*request, "late");
  ASSERT_TRUE(run_until([&] { return handler.is_over(); }));
  EXPECT_EQ(handler.body, "late");
}

TEST_F(V2LinkTest, ASilentPeerIsGivenUp) {
  options_.silence_timeout = 200ms;
  make_link();
  RecordingHandler handler;
  send_request(link_->open_stream(handler));
  ASSERT_TRUE(accept_link());
  ASSERT_NE(wait_for_request(), nullptr);
  ASSERT_TRUE(net_.run_until([&] { return handler.is_over(); }));
  EXPECT_EQ(handler.failure_code(), Code::kConnectionLost);
}

TEST_F(V2LinkTest, APeerWithoutAHelloIsGivenUp) {
  options_.connect_timeout = 100ms;
  make_link();
  RecordingHandler handler;
  send_request(link_->open_stream(handler));
  const std::string both = handshake(teleport::Version::kV2, teleport::Coding::kZstd);
  ASSERT_TRUE(accept_connection(both));
  far_->send(both);
  ASSERT_TRUE(net_.run_until([&] { return handler.is_over(); }));
  EXPECT_EQ(handler.failure_code(), Code::kConnectFailed);
}

// ---- Versions.

class V2Fallback : public V2LinkTest {
 protected:
  V2Fallback() {
    options_.versions = {.v0 = true, .v2 = true};
    options_.compression.method = compress::Method::kNone;
  }
  // Takes a connection that asks for v0 and serves one request there.
  void expect_v0(RecordingHandler& handler) {
    const std::string v0 = handshake(teleport::Version::kV0, teleport::Coding::kNone);
    ASSERT_TRUE(accept_connection(v0));
    far_->send(v0);
    ASSERT_TRUE(net_.run_until([&] { return far_->received.ends_with("\r\n\r\n"); }));
    const std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nv0";
    far_->send(far_->received.substr(0, 4) + answer);
    ASSERT_TRUE(net_.run_until([&] { return handler.is_over(); }));
    EXPECT_EQ(handler.body, "v0");
  }
  const std::string v2_ = handshake(teleport::Version::kV2, teleport::Coding::kZstd);
};

TEST_F(V2Fallback, APeerThatClosesIsAskedForV0AtOnceAndForAWhile) {
  RecordingHandler first;
  send_request(link_->open_stream(first));
  ASSERT_TRUE(accept_connection(v2_));
  EXPECT_EQ(far_->received, "") << "a peer of v0 sees nothing of v2 behind the handshake";
  far_->close();
  expect_v0(first);
  EXPECT_EQ(peer_version_.known, PeerVersion::Known::kV0);
  far_->close();
  RecordingHandler second;
  ASSERT_TRUE(net_.run_until([&] { return !link_->is_up(); }));
  send_request(link_->open_stream(second));
  expect_v0(second);
  peer_version_.v0_until = net_.loop.now();
  far_->close();
  ASSERT_TRUE(net_.run_until([&] { return !link_->is_up(); }));
  RecordingHandler third;
  send_request(link_->open_stream(third));
  ASSERT_TRUE(accept_link());
  ASSERT_NE(wait_for_request(), nullptr);
  EXPECT_EQ(peer_version_.known, PeerVersion::Known::kV2);
}

TEST_F(V2Fallback, APeerThatAnswersWithV0IsAskedForV0) {
  RecordingHandler handler;
  send_request(link_->open_stream(handler));
  ASSERT_TRUE(accept_connection(v2_));
  far_->send(handshake(teleport::Version::kV0, teleport::Coding::kNone));
  expect_v0(handler);
}

TEST_F(V2Fallback, APeerThatIsGoneIsNotTakenForOneOfV0) {
  RecordingHandler handler;
  send_request(link_->open_stream(handler));
  ASSERT_TRUE(accept_connection(v2_));
  far_->close();
  ASSERT_TRUE(accept_connection(handshake(teleport::Version::kV0, teleport::Coding::kNone)));
  far_->close();
  ASSERT_TRUE(net_.run_until([&] { return handler.is_over(); }));
  EXPECT_EQ(handler.failure_code(), Code::kConnectFailed);
  EXPECT_EQ(peer_version_.known, PeerVersion::Known::kNothing);
  RecordingHandler next;
  send_request(link_->open_stream(next));
  ASSERT_TRUE(accept_link());
}

TEST_F(V2Fallback, OnlyV2IsAnErrorWithAPeerOfV0) {
  options_.versions = {.v2 = true};
  make_link();
  RecordingHandler handler;
  send_request(link_->open_stream(handler));
  ASSERT_TRUE(accept_connection(v2_));
  far_->send(handshake(teleport::Version::kV0, teleport::Coding::kNone));
  ASSERT_TRUE(net_.run_until([&] { return handler.is_over(); }));
  EXPECT_EQ(handler.failure_code(), Code::kConnectFailed);
}

}  // namespace
}  // namespace httpteleport::upstream
