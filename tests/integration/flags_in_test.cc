// The effects of the flags of -in, seen by clients and by the origin.
#include <sys/stat.h>

#include <algorithm>
#include <string>

#include "integration/flags.h"
#include "support/paths.h"
#include "support/scripted_peer.h"
#include "support/temporary_folder.h"

namespace httpteleport::test {
namespace {

using namespace std::chrono_literals;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

// The origin's view of a request.
std::string seen_by_origin(const Address& proxy, const std::string& fields = "") {
  return test::exchange(proxy, get_text("/headers", fields)).body;
}

void expect_get_only(const Address& proxy) {
  HttpConnection client(proxy);
  const Message refused = ask(client, post_text("abc"));
  EXPECT_EQ(refused.head.status, 405) << refused.body;
  EXPECT_TRUE(refused.head.has_token("Allow", "GET"));
  EXPECT_TRUE(refused.head.has_token("Allow", "HEAD"));
  EXPECT_FALSE(refused.head.has_token("Allow", "POST"));
  EXPECT_EQ(test::exchange(proxy, "DELETE /bytes/1 HTTP/1.1\r\nHost: a\r\n\r\n").head.status, 405);
  HttpConnection good(proxy);
  EXPECT_EQ(ask(good, get_text("/bytes/10")).head.status, 200);
  EXPECT_EQ(ask(good, "HEAD /bytes/10 HTTP/1.1\r\nHost: a\r\n\r\n").head.status, 200);
}

TEST(FlagsIn, InGetOnlyRefusesOtherMethods) {
  Origin origin;
  RunningHttptp proxy(http_flags(origin.address().text()) + Flags{"-inGetOnly"});
  expect_get_only(proxy.address());
  Chain chain(origin.address().text(), {}, {"-inGetOnly"});
  ASSERT_TRUE(chain.started());
  expect_get_only(chain.address());
  EXPECT_EQ(chain.near().expvar("outDialSuccess"), 1) << "the link lives";
  EXPECT_TRUE(sees(origin, 4));
}

TEST(FlagsIn, InMaxHeaderSizeRefusesLongerHeads) {
  Origin origin;
  const std::string at_most_300 = get_text("/bytes/1", "X-Long: " + std::string(200, 'x') + "\r\n");
  const std::string over_300 = get_text("/bytes/1", "X-Long: " + std::string(300, 'x') + "\r\n");
  RunningHttptp proxy(http_flags(origin.address().text()) + Flags{"-inMaxHeaderSize=300"});
  EXPECT_EQ(exchange(proxy.address(), at_most_300).head.status, 200);
  EXPECT_EQ(exchange(proxy.address(), over_300).head.status, 431);
  Chain chain(origin.address().text(), {}, {"-inMaxHeaderSize=300"});
  ASSERT_TRUE(chain.started());
  EXPECT_EQ(exchange(chain.address(), at_most_300).head.status, 200);
  EXPECT_EQ(exchange(chain.address(), over_300).head.status, 431);
  EXPECT_EQ(exchange(chain.address(), at_most_300).head.status, 200);
  EXPECT_EQ(chain.near().expvar("outDialSuccess"), 1) << "the link lives";
  EXPECT_TRUE(sees(origin, 3));
}

TEST(FlagsIn, InMaxHeaderSizeRefusesLongerHeadsOfResponsesToALink) {
  ScriptedPeer origin;
  origin.add_script([](ScriptedPeer::Connection& connection) {
    connection.expect_request();
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Long: " + std::string(300, 'x') +
                    "\r\n\r\n");
  });
  Chain chain(origin.address().text(), {}, {"-inMaxHeaderSize=300"});
  ASSERT_TRUE(chain.started());
  EXPECT_EQ(exchange(chain.address(), post_text("")).head.status, 502);
}

TEST(FlagsIn, InMaxBodySizeRefusesLongerBodies) {
  Origin origin;
  const std::string small = post_text(std::string(1000, 'x'));
  const std::string large = post_text(std::string(1001, 'x'));
  RunningHttptp proxy(http_flags(origin.address().text()) + Flags{"-inMaxBodySize=1000"});
  EXPECT_EQ(exchange(proxy.address(), small).head.status, 200);
  EXPECT_EQ(exchange(proxy.address(), large).head.status, 413);
  Chain chain(origin.address().text(), {}, {"-inMaxBodySize=1000"});
  ASSERT_TRUE(chain.started());
  EXPECT_EQ(exchange(chain.address(), small).head.status, 200);
  EXPECT_EQ(exchange(chain.address(), large).head.status, 413);
  EXPECT_EQ(exchange(chain.address(), small).head.status, 200);
  EXPECT_EQ(chain.near().expvar("outDialSuccess"), 1) << "the link lives";
}

TEST(FlagsIn, InAllowIPClosesTheConnectionsOfOthers) {
  Origin origin;
  RunningHttptp proxy(http_flags(origin.address().text()) +
                      Flags{"-inAllowIP=192.0.2.1, 127.0.0.2/31"});
  ASSERT_TRUE(proxy.started());
  HttpConnection other = connect_from("127.0.0.1", proxy.address());
  EXPECT_TRUE(other.wait_closed());
  for (const char* source : {"127.0.0.2", "127.0.0.3"}) {
    HttpConnection client = connect_from(source, proxy.address());
    EXPECT_EQ(ask(client, get_text("/bytes/1")).head.status, 200) << source;
  }
  HttpConnection beyond = connect_from("127.0.0.4", proxy.address());
  EXPECT_TRUE(beyond.wait_closed());
  EXPECT_TRUE(becomes(*proxy, "refusedAddress", 2));
}

TEST(FlagsIn, InAllowIPHoldsForIpv6AndForLinks) {
  Origin origin;
  RunningHttptp open(http_flags(origin.address().text(), "[::1]:0") +
                     Flags{"-inAllowIP=127.0.0.1,::1"});
  EXPECT_EQ(exchange(open.address(), get_text("/bytes/1")).head.status, 200);
  RunningHttptp shut(http_flags(origin.address().text(), "[::1]:0") +
                     Flags{"-inAllowIP=127.0.0.1,::2/127"});
  HttpConnection client(shut.address());
  EXPECT_TRUE(client.wait_closed());
  Chain chain(origin.address().text(), {}, {"-inAllowIP=127.0.0.2"});
  ASSERT_TRUE(chain.started());
  EXPECT_EQ(exchange(chain.address(), get_text("/bytes/1")).head.status, 502);
}

constexpr const char* kProxyV1 = "PROXY TCP4 192.0.2.9 127.0.0.1 4711 80\r\n";
// The same ends in version 2 (its specification, section 2.2).
std::string proxy_v2() {
  return std::string("\r\n\r\n\0\r\nQUIT\n", 12) + std::string("\x21\x11\x00\x0c", 4) +
         std::string("\xc0\x00\x02\x09\x7f\x00\x00\x01\x12\x67\x00\x50", 12);
}

TEST(FlagsIn, InProxyProtocolTakesTheClientsAddressFromItsHeader) {
  Origin origin;
  const Flags flags = http_flags(origin.address().text()) +
                      Flags{"-inProxyProtocolFrom=127.0.0.1", "-clientIPHeader=X-Client"};
  struct {
    std::string version;
    bool takes_v1, takes_v2;
  } const cases[] = {{"v1", true, false}, {"v2", false, true}, {"any", true, true}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.version);
    RunningHttptp proxy(flags + Flags{"-inProxyProtocol=" + c.version});
    ASSERT_TRUE(proxy.started());
    for (const bool is_v1 : {true, false}) {
      HttpConnection client(proxy.address());
      client.send((is_v1 ? kProxyV1 : proxy_v2()) + get_text("/headers"));
      if (is_v1 ? c.takes_v1 : c.takes_v2) {
        EXPECT_THAT(client.read_response().body, HasSubstr("X-Client: 192.0.2.9\r\n"));
      } else {
        EXPECT_TRUE(client.wait_closed());
      }
    }
    HttpConnection without(proxy.address());
    without.send(get_text("/headers"));
    EXPECT_TRUE(without.wait_closed());
    EXPECT_TRUE(becomes(*proxy, "refusedProxyHeader", c.version == "any" ? 1 : 2));
  }
}

TEST(FlagsIn, InProxyProtocolFromSaysWhoMaySendTheHeader) {
  Origin origin;
  RunningHttptp proxy(http_flags(origin.address().text()) + Flags{"-inProxyProtocol=v1",
                                                                  "-inProxyProtocolFrom=127.0.0.2",
                                                                  "-clientIPHeader=X-Client"});
  ASSERT_TRUE(proxy.started());
  HttpConnection other = connect_from("127.0.0.1", proxy.address());
  other.send(kProxyV1);
  EXPECT_TRUE(other.wait_closed());
  EXPECT_TRUE(becomes(*proxy, "refusedProxySender", 1));
  HttpConnection sender = connect_from("127.0.0.2", proxy.address());
  EXPECT_THAT(ask(sender, kProxyV1 + get_text("/headers")).body,
              HasSubstr("X-Client: 192.0.2.9\r\n"));
}

TEST(FlagsIn, ClientIPHeaderNamesTheClient) {
  Origin origin;
  for (const bool ipv6 : {false, true}) {
    RunningHttptp proxy(http_flags(origin.address().text(), ipv6 ? "[::1]:0" : "127.0.0.1:0") +
                        Flags{"-clientIPHeader=X-Client"});
    const std::string seen = seen_by_origin(proxy.address(), "x-client: 6.6.6.6\r\n");
    EXPECT_THAT(seen, HasSubstr(ipv6 ? "X-Client: ::1\r\n" : "X-Client: 127.0.0.1\r\n"));
    EXPECT_THAT(seen, Not(HasSubstr("6.6.6.6")));
  }
  RunningHttptp list(http_flags(origin.address().text()) +
                     Flags{"-clientIPHeader=X-Forwarded-For"});
  EXPECT_THAT(seen_by_origin(list.address(), "X-Forwarded-For: 192.0.2.1\r\n"),
              ContainsRegex("X-Forwarded-For: 192.0.2.1, ?127.0.0.1\r\n"));
}

TEST(FlagsIn, XForwardedTellsOfTheClientsConnection) {
  Origin origin;
  RunningHttptp with(http_flags(origin.address().text()) + Flags{"-xForwarded"});
  const std::string seen =
      seen_by_origin(with.address(), "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: x\r\n");
  EXPECT_THAT(seen, ContainsRegex("X-Forwarded-For: 192.0.2.1, ?127.0.0.1\r\n"));
  EXPECT_THAT(seen, HasSubstr("X-Forwarded-Proto: http\r\n"));
  EXPECT_THAT(seen, HasSubstr("X-Forwarded-Host: a\r\n"));
  EXPECT_THAT(seen, Not(HasSubstr("X-Forwarded-Proto: x")));
  RunningHttptp without(http_flags(origin.address().text()));
  EXPECT_THAT(seen_by_origin(without.address()), Not(HasSubstr("X-Forwarded")));
}

TEST(FlagsIn, ViaNamesTheProxyInBothDirections) {
  Origin origin;
  RunningHttptp with(http_flags(origin.address().text()) + Flags{"-via=edge"});
  const Message answer = exchange(with.address(), get_text("/headers", "Via: 1.0 first\r\n"));
  EXPECT_TRUE(answer.head.has_token("Via", "1.1 edge"));
  EXPECT_THAT(answer.body, ContainsRegex("1.0 first(, ?|\r\nVia: )1.1 edge\r\n"));
  RunningHttptp without(http_flags(origin.address().text()));
  const Message plain = exchange(without.address(), get_text("/headers"));
  EXPECT_EQ(plain.head.count("Via"), 0u);
  EXPECT_THAT(plain.body, Not(HasSubstr("Via:")));
}

TEST(FlagsIn, RequestIDHeaderIsAddedOrPassedOn) {
  Origin origin;
  RunningHttptp proxy(http_flags(origin.address().text()) + Flags{"-requestIDHeader=X-Id"});
  EXPECT_THAT(seen_by_origin(proxy.address()), ContainsRegex("X-Id: [0-9a-f]{32}\r\n"));
  EXPECT_THAT(seen_by_origin(proxy.address(), "X-Id: mine\r\n"), HasSubstr("X-Id: mine\r\n"));
}

TEST(FlagsIn, InUnixModeIsThatOfTheFile) {
  Origin origin;
  const TemporaryFolder folder;
  for (const auto& [text, mode] : {std::pair<std::string, unsigned>{"0600", 0600}, {"640", 0640}}) {
    RunningHttptp proxy({"-inType=unix", "-in=" + folder.file("s"), "-inUnixMode=" + text,
                         "-outType=http", "-out=" + origin.address().text()});
    ASSERT_TRUE(proxy.started());
    struct stat status {};
    ASSERT_EQ(::stat(folder.file("s").c_str(), &status), 0);
    EXPECT_TRUE(S_ISSOCK(status.st_mode));
    EXPECT_EQ(status.st_mode & 0777u, mode);
    EXPECT_EQ(exchange({.unix_path = folder.file("s")}, get_text("/bytes/1")).head.status, 200);
  }
}

TEST(FlagsIn, ReusePortLetsAnotherProcessListen) {
  Origin origin;
  RunningHttptp first(http_flags(origin.address().text()) + Flags{"-reusePort", "-workers=1"});
  ASSERT_TRUE(first.started());
  const std::string in = first.address().text();
  RunningHttptp second(http_flags(origin.address().text(), in) + Flags{"-reusePort", "-workers=1"});
  ASSERT_TRUE(second.started());
  EXPECT_EQ(second.address().port, first.address().port);
  EXPECT_TRUE(wait_until([&] {
    EXPECT_EQ(exchange(first.address(), get_text("/bytes/1")).head.status, 200);
    return first->expvar("inAcceptSuccess") > 0 && second->expvar("inAcceptSuccess") > 0;
  })) << "the kernel gives connections to both";
  Process third(Flags{bin_dir() + "/httptp", "-expvarAddr="} +
                http_flags(origin.address().text(), in));
  const auto status = third.wait_exit();
  ASSERT_TRUE(status);
  EXPECT_EQ(status->code, 1);
  EXPECT_THAT(third.output(), HasSubstr("cannot listen on -in=\"" + in + "\""));
}

TEST(FlagsIn, InTypeAndOutTypeHaveAliasesForLinks) {
  Origin origin;
  const std::string out = origin.address().text();
  RunningHttptp far({"-in=127.0.0.1:0", "-inType=httptp", "-outType=http", "-out=" + out});
  RunningHttptp near({"-in=127.0.0.1:0", "-outType=httptp", "-out=" + far.address().text()});
  EXPECT_EQ(exchange(near.address(), get_text("/bytes/1")).head.status, 200);
  EXPECT_TRUE(becomes(*near, "linkMessagesSent", 1));
}

TEST(FlagsIn, InAndOutTakeUnixSocketsOfEveryType) {
  Origin origin;
  const TemporaryFolder folder;
  const std::string name = "unix:@flags-in-test-" + std::to_string(::getpid());
  RunningHttptp far(
      {"-in=" + name, "-inType=teleport", "-outType=http", "-out=" + origin.address().text()});
  RunningHttptp near({"-inType=unix", "-in=" + folder.file("near"), "-out=" + name});
  RunningHttptp front({"-in=127.0.0.1:0", "-outType=unix", "-out=" + folder.file("near")});
  EXPECT_EQ(exchange(front.address(), get_text("/bytes/1")).head.status, 200);
}

}  // namespace
}  // namespace httpteleport::test
