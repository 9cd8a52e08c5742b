// The limits of docs/limits.md, each reached from outside: the answer that its row names, and the
// counter. The cases bear the names of their rows; tests/limits_check.py sees that no row is left
// out.
#include <gmock/gmock.h>

#include <algorithm>
#include <cctype>
#include <ostream>
#include <string>
#include <vector>

#include "integration/flags.h"
#include "support/independent_codecs.h"
#include "support/scripted_peer.h"

namespace httpteleport::test {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;

// Whether a counter has grown, or will.
testing::AssertionResult grows(HttptpProcess& process, const std::string& name) {
  if (wait_until([&] { return process.expvar(name).value_or(0) > 0; }))
    return testing::AssertionSuccess();
  return testing::AssertionFailure() << name << " is " << process.expvar(name).value_or(-1);
}

template <class Case>
std::string case_name(const testing::TestParamInfo<Case>& info) {
  std::string name = info.param.row;
  std::erase_if(name, [](unsigned char c) { return std::isalnum(c) == 0 && c != ' '; });
  std::replace(name.begin(), name.end(), ' ', '_');
  return name + "_" + std::to_string(info.index);
}

std::string repeated(const std::string& text, size_t times) {
  std::string all;
  for (size_t i = 0; i < times; ++i)
    all += text;
  return all;
}

const std::string kGet = "GET /bytes/10 HTTP/1.1\r\nHost: a\r\n";
const std::string kPost = "POST /hash HTTP/1.1\r\nHost: a\r\n";
const std::string kChunked = kPost + "Transfer-Encoding: chunked\r\n\r\n";
const std::string kLongField = "X: " + std::string(5000, 'x') + "\r\n";
const std::string kManyFields = repeated("X: y\r\n", 200);
const std::string kManyNames = "Connection: a" + repeated(", a", 100) + "\r\n";
constexpr const char* kHugeBodies = "-inMaxBodySize=9000000000000";

// ---- What an HTTP client sends, to an HTTP endpoint and over a link.

struct ClientCase {
  std::string row;
  std::string request;
  int status;
  std::string counter;
  bool closes = true;
  Flags flags{};
  bool over_link_only = false;
};
void PrintTo(const ClientCase& limit, std::ostream* stream) {
  *stream << limit.row;
}

class LimitsOfClients : public testing::TestWithParam<ClientCase> {};

TEST_P(LimitsOfClients, AreAnsweredAndCounted) {
  const ClientCase& limit = GetParam();
  Origin origin;
  for (const Topology topology : {Topology::kHttp, Topology::kChain}) {
    if (limit.over_link_only && topology != Topology::kChain) continue;
    SCOPED_TRACE(topology == Topology::kHttp ? "http" : "chain");
    Arrangement proxy(topology, origin.address().text(), limit.flags + Flags{"-workers=1"});
    ASSERT_TRUE(proxy.started());
    HttpConnection client(proxy.address());
    client.send(limit.request);
    const Message answer = client.read_response();
    EXPECT_EQ(answer.head.status, limit.status) << answer.body;
    EXPECT_TRUE(!limit.closes || client.wait_closed());
    EXPECT_TRUE(grows(*proxy.near(), limit.counter));
    EXPECT_EQ(get(proxy.address(), "/bytes/1").head.status, 200) << "others go on";
  }
}

INSTANTIATE_TEST_SUITE_P(
    Rows, LimitsOfClients,
    testing::Values(
        ClientCase{"request head of an HTTP client, bytes", kGet + kLongField + "\r\n", 431,
                   "failures.head_too_large"},
        ClientCase{"request head of an HTTP client, bytes",
                   "GET /" + std::string(5000, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n", 414,
                   "failures.target_too_long"},
        ClientCase{"a request head's fields", kGet + kManyFields + "\r\n", 431,
                   "failures.head_too_large"},
        ClientCase{"empty lines before it", "\r\n\r\n\r\n" + kGet + "\r\n", 400,
                   "failures.malformed"},
        ClientCase{"digits of `Content-Length`",
                   kPost + "Content-Length: 00000000000000000001\r\n\r\na", 400,
                   "failures.malformed"},
        ClientCase{"digits of `Content-Length`",
                   kPost + "Content-Length: 9223372036854775808\r\n\r\na", 400,
                   "failures.malformed"},
        ClientCase{"fields that its Connection names", kGet + kManyNames + "\r\n", 400,
                   "failures.malformed", false},
        ClientCase{"request body, bytes", kPost + "Content-Length: 4194305\r\n\r\n", 413,
                   "failures.body_too_large"},
        ClientCase{"request body, bytes",
                   kChunked + "400001\r\n" + std::string(0x400001, 'x') + "\r\n0\r\n\r\n", 413,
                   "failures.body_too_large"},
        ClientCase{"request body held whole for a link, bytes",
                   kPost + "Content-Length: 1073741825\r\n\r\n",
                   413,
                   "failures.body_too_large",
                   true,
                   {kHugeBodies},
                   true},
        ClientCase{"one chunk, bytes",
                   kChunked + "10000000001\r\n",
                   413,
                   "failures.body_too_large",
                   true,
                   {kHugeBodies}},
        ClientCase{"digits of a chunk's size", kChunked + "00000000000000001\r\n", 400,
                   "failures.malformed"},
        ClientCase{"chunk extensions of one body, bytes",
                   kChunked + "1;x=" + std::string(17 * 1024, 'x'), 431, "failures.head_too_large"},
        ClientCase{"trailers, bytes and fields", kChunked + "1\r\na\r\n0\r\n" + kLongField + "\r\n",
                   431, "failures.head_too_large"},
        ClientCase{"trailers, bytes and fields",
                   kChunked + "1\r\na\r\n0\r\nX: y\r\n" + kManyFields + "\r\n", 431,
                   "failures.head_too_large"}),
    case_name<ClientCase>);

// ---- What an HTTP endpoint answers.

struct EndpointCase {
  std::string row;
  std::string answer;
  std::string counter;
};
void PrintTo(const EndpointCase& limit, std::ostream* stream) {
  *stream << limit.row;
}

class LimitsOfEndpoints : public testing::TestWithParam<EndpointCase> {};

TEST_P(LimitsOfEndpoints, AreAnsweredAndCounted) {
  const EndpointCase& limit = GetParam();
  ScriptedPeer origin;
  origin.add_script([&](ScriptedPeer::Connection& connection) {
    connection.expect_request();
    connection.send(limit.answer);
    connection.expect_end();
  });
  RunningHttptp proxy(http_flags(origin.address().text()));
  ASSERT_TRUE(proxy.started());
  EXPECT_EQ(get(proxy.address(), "/").head.status, 502);
  EXPECT_TRUE(grows(*proxy, limit.counter));
  origin.join();
}

INSTANTIATE_TEST_SUITE_P(
    Rows, LimitsOfEndpoints,
    testing::Values(
        EndpointCase{"response head of an HTTP endpoint, bytes; informational ones too, each",
                     "HTTP/1.1 200 OK\r\n" + kLongField, "failures.head_too_large"},
        EndpointCase{"response head of an HTTP endpoint, bytes; informational ones too, each",
                     "HTTP/1.1 103 Early Hints\r\n" + kLongField, "failures.head_too_large"},
        EndpointCase{"a response head's fields",
                     "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n" + kManyFields + "\r\n",
                     "failures.head_too_large"},
        EndpointCase{"digits of `Content-Length`",
                     "HTTP/1.1 200 OK\r\nContent-Length: 00000000000000000001\r\n\r\na",
                     "failures.malformed"},
        EndpointCase{"fields that its Connection names",
                     "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n" + kManyNames + "\r\n",
                     "failures.malformed"}),
    case_name<EndpointCase>);

// ---- What a peer sends over a link, in each compression.

struct LinkCase {
  std::string row;
  std::string message;
  int status;  // 0: the link is closed
  std::string counter;
  Flags flags{};
};
void PrintTo(const LinkCase& limit, std::ostream* stream) {
  *stream << limit.row;
}

class LimitsOfLinks : public testing::TestWithParam<LinkCase> {};

// Answers come uncompressed.
Message read_answer(Socket& link, uint32_t id) {
  const Received frame_id = link.recv_exactly(4);
  EXPECT_EQ(frame_id.bytes, link_frame(id, "")) << frame_id.status;
  Message answer;
  answer.head.raw = link.recv_until("\r\n\r\n").bytes;
  if (answer.head.raw.size() < 12) return answer;
  answer.head.status = std::stoi(answer.head.raw.substr(9, 3));
  constexpr std::string_view kLength = "Content-Length: ";
  const size_t at = answer.head.raw.find(kLength);
  if (at == std::string::npos) return answer;
  const size_t size = std::stoul(answer.head.raw.substr(at + kLength.size()));
  if (size > 0) answer.body = link.recv_exactly(size).bytes;
  return answer;
}

TEST_P(LimitsOfLinks, AreAnsweredAndCounted) {
  const LinkCase& limit = GetParam();
  Origin origin;
  for (const LinkCoding coding : kLinkCodings) {
    SCOPED_TRACE(link_coding_name(coding));
    RunningHttptp far(far_flags(origin.address().text()) + Flags{"-inCompress=none", "-workers=1"} +
                      limit.flags);
    ASSERT_TRUE(far.started());
    auto link = Socket::connect(far.address());
    ASSERT_TRUE(link);
    const std::string good = link_frame(2, "GET /bytes/1 HTTP/1.1\r\nHost: a\r\n\r\n");
    link->send_all(link_handshake(coding));
    ASSERT_EQ(link->recv_exactly(kLinkHandshakeBytes).bytes, link_handshake(LinkCoding::kNone));
    link->send_all(pack(coding, link_frame(1, limit.message) + good));
    if (limit.status == 0) {
      EXPECT_NE(link->recv_to_end().status, IoStatus::kTimeout);
    } else {
      EXPECT_EQ(read_answer(*link, 1).head.status, limit.status);
      EXPECT_EQ(read_answer(*link, 2).head.status, 200) << "the others on the link go on";
    }
    EXPECT_TRUE(grows(*far, limit.counter));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Rows, LimitsOfLinks,
    testing::Values(
        LinkCase{"any head on a link, bytes", kGet + "X: " + std::string(300 * 1024, 'x'), 0,
                 "failures.head_too_large"},
        LinkCase{"fields of a head on a link", kGet + repeated("X: y\r\n", 2000) + "\r\n", 0,
                 "failures.head_too_large"},
        LinkCase{"request head accepted from a link, bytes", kGet + kLongField + "\r\n", 431,
                 "responses4xx"},
        LinkCase{"request body, bytes",
                 kPost + "Content-Length: 4194305\r\n\r\n" + std::string(4'194'305, 'x'), 413,
                 "failures.body_too_large"},
        LinkCase{"response body held whole for a link, bytes",
                 "GET /bytes/2000 HTTP/1.1\r\nHost: a\r\n\r\n",
                 502,
                 "failures.body_too_large",
                 {"-outMaxBodySize=1000"}},
        LinkCase{"one chunk, bytes",
                 kChunked + "10000000001\r\n",
                 0,
                 "failures.body_too_large",
                 {kHugeBodies}},
        LinkCase{"chunk extensions of one body, bytes",
                 kChunked + "1;x=" + std::string(17 * 1024, 'x'), 0, "failures.head_too_large"}),
    case_name<LinkCase>);

// ---- What takes more than one message.

struct Behaviour {
  std::string row;
  void (*reach)(Origin& origin);
};
void PrintTo(const Behaviour& limit, std::ostream* stream) {
  *stream << limit.row;
}

RunningHttptp in_front_of(Origin& origin, const Flags& flags) {
  return RunningHttptp(http_flags(origin.address().text()) + Flags{"-workers=1"} + flags);
}

// A request that the origin holds, by a client that waits.
HttpConnection hold_one(const Address& proxy, Origin& origin) {
  HttpConnection client(proxy);
  client.send(get_text("/bytes/10?hold=1"));
  EXPECT_TRUE(origin.wait_for([](const OriginCounters& c) { return c.held > 0; }));
  return client;
}

void reach_waiting(Origin& origin, const char* flag) {
  RunningHttptp proxy = in_front_of(origin, {flag, "-queueTimeout=60s", "-outTimeout=60s"});
  HttpConnection first = hold_one(proxy.address(), origin);
  HttpConnection second(proxy.address());
  second.send(get_text("/bytes/10"));
  EXPECT_TRUE(becomes(*proxy, "queueWaits", 1));
  EXPECT_TRUE(becomes(*proxy, "queueLength", 1));
  EXPECT_EQ(origin.counters().requests, 1u);
  origin.open_gate();
  EXPECT_EQ(second.read_response().head.status, 200);
  EXPECT_EQ(first.read_response().head.status, 200);
}

void reach_exchanges(Origin& origin) {
  reach_waiting(origin, "-concurrency=1");
}

void reach_exchanges_at_an_endpoint(Origin& origin) {
  reach_waiting(origin, "-outMaxConnsPerAddr=1");
}

void reach_queue_length(Origin& origin) {
  RunningHttptp proxy = in_front_of(
      origin, {"-concurrency=1", "-queueSize=1", "-queueTimeout=60s", "-outTimeout=60s"});
  HttpConnection first = hold_one(proxy.address(), origin);
  HttpConnection second(proxy.address());
  second.send(get_text("/bytes/10"));
  EXPECT_TRUE(becomes(*proxy, "queueLength", 1));
  EXPECT_EQ(exchange(proxy.address(), get_text("/bytes/10")).head.status, 429);
  EXPECT_TRUE(becomes(*proxy, "queueRefused", 1));
  EXPECT_TRUE(becomes(*proxy, "failures.overloaded", 1));
  origin.open_gate();
  EXPECT_EQ(second.read_response().head.status, 200);
}

void reach_queue_timeout(Origin& origin) {
  RunningHttptp proxy =
      in_front_of(origin, {"-concurrency=1", "-queueTimeout=300ms", "-outTimeout=60s"});
  HttpConnection first = hold_one(proxy.address(), origin);
  const Stopwatch watch;
  EXPECT_EQ(exchange(proxy.address(), get_text("/bytes/10")).head.status, 429);
  EXPECT_TRUE(watch.has_run(300ms));
  EXPECT_TRUE(becomes(*proxy, "queueRefused", 1));
  EXPECT_TRUE(becomes(*proxy, "failures.overloaded", 1));
  origin.open_gate();
}

// With answers of a little more than 4,096 bytes to requests of a little less.
std::string get_with_tag() {
  return kGet + "X-Tag: " + std::string(4000, 'x') + "\r\n\r\n";
}

void reach_request_heads_sent(Origin& origin) {
  Chain chain(origin.address().text(), {"-inMaxHeaderSize=100000"}, {});
  EXPECT_EQ(exchange(chain.address(), kGet + kLongField + "\r\n").head.status, 431);
  EXPECT_TRUE(grows(chain.near(), "failures.head_too_large"));
}

void reach_response_heads_sent(Origin& origin) {
  Chain chain(origin.address().text(), {"-outMaxHeaderSize=100000"}, {"-outMaxHeaderSize=100000"});
  EXPECT_EQ(exchange(chain.address(), get_with_tag()).head.status, 502);
  EXPECT_TRUE(grows(chain.far(), "responses5xx"));
}

void reach_response_heads_accepted(Origin& origin) {
  Chain chain(origin.address().text(), {}, {"-inMaxHeaderSize=100000", "-outMaxHeaderSize=100000"});
  EXPECT_EQ(exchange(chain.address(), get_with_tag()).head.status, 502);
  EXPECT_TRUE(grows(chain.near(), "failures.head_too_large"));
}

void reach_memory(Origin& origin) {
  Chain chain(origin.address().text(), {"-maxMemory=1048576"}, {});
  EXPECT_EQ(exchange(chain.address(), post_text(std::string(3'000'000, 'x'))).head.status, 503);
  EXPECT_TRUE(grows(chain.near(), "failures.overloaded"));
  EXPECT_EQ(exchange(chain.address(), post_text("x")).head.status, 200);
}

void reach_streams_of_a_link(Origin& origin) {
  RunningHttptp far(far_flags(origin.address().text()) +
                    Flags{"-inCompress=none", "-concurrency=2", "-workers=1"});
  auto link = Socket::connect(far.address());
  ASSERT_TRUE(link);
  std::string wire = link_handshake(LinkCoding::kNone);
  for (uint32_t id = 1; id <= 3; ++id)
    wire += link_frame(id, get_text("/bytes/10?hold=1"));
  link->send_all(wire);
  link->recv_exactly(kLinkHandshakeBytes);
  EXPECT_EQ(read_answer(*link, 3).head.status, 429);
  EXPECT_TRUE(becomes(*far, "responses4xx", 1));
  origin.open_gate();
  EXPECT_TRUE(becomes(*far, "responses2xx", 2));
}

void reach_requests_of_a_connection(Origin& origin) {
  RunningHttptp proxy = in_front_of(origin, {"-outTimeout=60s"});
  HttpConnection client = hold_one(proxy.address(), origin);
  client.send(get_text("/bytes/20") + get_text("/bytes/30"));
  EXPECT_EQ(exchange(proxy.address(), get_text("/bytes/1")).head.status, 200);
  EXPECT_EQ(origin.counters().requests, 2u) << "what is pipelined waits";
  origin.open_gate();
  for (const size_t size : {10u, 20u, 30u})
    EXPECT_EQ(client.read_response().body.size(), size);
}

void reach_connects(Origin&) {
  RunningHttptp proxy(http_flags(dead_address().text()));
  EXPECT_EQ(exchange(proxy.address(), get_text("/")).head.status, 502);
  EXPECT_TRUE(becomes(*proxy, "failures.connect_failed", 1));
  EXPECT_TRUE(becomes(*proxy, "outDialError", 1));
}

const Flags kProxyHeaders = {"-inProxyProtocol=any", "-inProxyProtocolFrom=127.0.0.1",
                             "-inHandshakeTimeout=300ms"};

void expect_refused(Origin& origin, const std::string& bytes, const char* counter) {
  RunningHttptp proxy = in_front_of(origin, kProxyHeaders);
  HttpConnection client(proxy.address());
  client.send(bytes);
  EXPECT_TRUE(client.wait_closed());
  EXPECT_TRUE(becomes(*proxy, counter, 1));
  EXPECT_EQ(origin.counters().requests, 0u);
}

void reach_proxy_header_1(Origin& origin) {
  expect_refused(origin, "PROXY UNKNOWN " + std::string(94, 'x'), "refusedProxyHeader");
}

void reach_proxy_header_2(Origin& origin) {
  // 16 bytes in front of 4,081.
  expect_refused(origin, "\r\n\r\n\0\r\nQUIT\n\x21\x11\x0f\xf1"s, "refusedProxyHeader");
}

void reach_proxy_header_time(Origin& origin) {
  const Stopwatch watch;
  expect_refused(origin, "PROXY ", "refusedProxyTimeout");
  EXPECT_TRUE(watch.has_run(300ms));
}

void reach_connections_to_the_metrics(Origin& origin) {
  RunningHttptp proxy = in_front_of(origin, {});
  std::vector<HttpConnection> clients;
  for (int i = 0; i < 513; ++i)
    clients.emplace_back(proxy->metrics_address());
  EXPECT_TRUE(clients.front().wait_closed());
  EXPECT_EQ(ask(clients.back(), get_text("/expvar")).head.status, 200);
}

// They are told the end and have a second to close, but not more than 256 of them.
void reach_refused_connections(Origin& origin) {
  RunningHttptp proxy = in_front_of(origin, {"-inAllowIP=10.0.0.1"});
  std::vector<HttpConnection> clients;
  for (int i = 0; i < 300; ++i) {
    clients.emplace_back(proxy.address());
    EXPECT_LE(proxy->expvar("inConns").value_or(0), 257);
  }
  EXPECT_TRUE(becomes(*proxy, "refusedAddress", 300));
  EXPECT_TRUE(becomes(*proxy, "inConns", 0));
}

class LimitsReached : public testing::TestWithParam<Behaviour> {};

TEST_P(LimitsReached, Hold) {
  Origin origin;
  GetParam().reach(origin);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, LimitsReached,
    testing::Values(
        Behaviour{"request head sent over a link, bytes", reach_request_heads_sent},
        Behaviour{"response head sent over a link, bytes", reach_response_heads_sent},
        Behaviour{"response head accepted from a link, bytes", reach_response_heads_accepted},
        Behaviour{"messages held and bytes unsent, all together, a worker", reach_memory},
        Behaviour{"exchanges, tunnels included, a worker", reach_exchanges},
        Behaviour{"exchanges at one endpoint, a worker", reach_exchanges_at_an_endpoint},
        Behaviour{"exchanges that wait, a worker", reach_queue_length},
        Behaviour{"their wait", reach_queue_timeout},
        Behaviour{"requests of one link at its far end that are not answered yet",
                  reach_streams_of_a_link},
        Behaviour{"requests of one HTTP connection", reach_requests_of_a_connection},
        Behaviour{"attempts at one endpoint that cannot be connected to, a request",
                  reach_connects},
        Behaviour{"a PROXY header of version 1, bytes", reach_proxy_header_1},
        Behaviour{"a PROXY header of version 2, bytes", reach_proxy_header_2},
        Behaviour{"accepting a connection to its whole PROXY header", reach_proxy_header_time},
        Behaviour{"refused connections that are being closed, a worker", reach_refused_connections},
        Behaviour{"connections to `-autocertHTTPAddr`, and to `-expvarAddr`",
                  reach_connections_to_the_metrics}),
    case_name<Behaviour>);

}  // namespace
}  // namespace httpteleport::test
