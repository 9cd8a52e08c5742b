// A server of the library to a peer that speaks v2.
#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "httpteleport/httpteleport.h"
#include "support/socket.h"
#include "teleport/v2/multiplexer.h"

namespace httpteleport {
namespace {

using namespace teleport::v2;

// The near end of a link with one request at a time.
class NearLink final : private MultiplexerEvents, private StreamOwner {
 public:
  explicit NearLink(test::Socket socket) : socket_(std::move(socket)) {
    socket_.send_all(std::string("httpteleport\2\1\0", 15) + encode_hello(options().own));
    EXPECT_EQ(socket_.recv_exactly(15).bytes.substr(0, 13), "httpteleport\2");
    std::string bytes;
    for (size_t consumed = 0; consumed == 0;) {
      const test::Received received = socket_.recv_exactly(1);
      if (received.status != test::IoStatus::kOk) return;
      bytes += received.bytes;
      if (const auto hello = parse_hello(bytes, Source::kUpstream, consumed); consumed > 0)
        multiplexer_.emplace(options(), *hello, static_cast<MultiplexerEvents&>(*this), pool_);
    }
  }

  std::string head;
  std::string body;
  std::string broken;  // why it ended early

  void ask(std::string_view request, std::string_view request_body) {
    head.clear();
    body.clear();
    ended_ = false;
    stream_ = &multiplexer_->open(*this);
    BufferChain chain(pool_);
    chain.append(request);
    multiplexer_->send_head(*stream_, std::move(chain));
    multiplexer_->send_body(*stream_, request_body);
    multiplexer_->send_end(*stream_, {});
    while (!ended_ && broken.empty())
      turn();
    if (broken.empty()) multiplexer_->release(*stream_);
  }

 private:
  static Multiplexer::Options options() {
    Multiplexer::Options options;
    options.method = EncoderOptions::Method::kNone;
    return options;
  }

  void turn() {
    while (multiplexer_->has_work()) {
      BufferChain wire(pool_);
      multiplexer_->make_batch(wire);
      socket_.send_all(wire.to_string());
    }
    const test::Received received = socket_.recv_some();
    if (received.status != test::IoStatus::kOk) broken = io_status_name(received.status);
    wire_ += received.bytes;
    for (;;) {
      const auto step = multiplexer_->receive(wire_);
      if (!step) broken = step.error().detail;
      if (!step || step->consumed == 0) return;
      wire_.erase(0, step->consumed);
    }
  }

  void on_request(std::string_view, bool) override { broken = "a request"; }
  void on_goaway(EndCode) override {}
  void on_stream_head(std::string_view text, bool end) override {
    head = text;
    ended_ = end;
  }
  void on_stream_body(std::string_view bytes, bool end) override {
    body += bytes;
    multiplexer_->consumed(*stream_, bytes.size());
    ended_ = end;
  }
  void on_stream_trailers(std::string_view) override { ended_ = true; }
  void on_stream_reset(EndCode) override {
    if (!ended_) broken = "a reset";
  }
  void on_stream_room() override {}

  test::Socket socket_;
  BlockPool pool_;
  std::optional<Multiplexer> multiplexer_;
  Stream* stream_ = nullptr;
  std::string wire_;
  bool ended_ = false;
};

// Far over what one stream may have waiting: the response goes as the peer makes room.
TEST(ServerOverV2, AnswersSmallAndLargeRequests) {
  auto server = *Server::create([](const Request& request, Response& response) {
    response.set_body(request.body(), "text/plain");
    response.append_body(request.target());
  });
  ASSERT_TRUE(server.listen("127.0.0.1:0").ok());
  auto socket = test::Socket::connect(*test::Address::parse(server.addresses()[0]));
  ASSERT_TRUE(socket);
  NearLink link(std::move(*socket));
  for (const size_t bytes : {size_t{0}, size_t{10}, size_t{3'000'000}, size_t{100}}) {
    const std::string sent(bytes, 'x');
    link.ask(
        "POST /target HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(bytes) + "\r\n\r\n",
        sent);
    ASSERT_EQ(link.broken, "");
    EXPECT_EQ(link.head.substr(0, 15), "HTTP/1.1 200 OK");
    EXPECT_TRUE(link.body == sent + "/target") << link.body.size();
  }
}

}  // namespace
}  // namespace httpteleport
