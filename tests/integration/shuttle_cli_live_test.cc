// shuttle-cli with the program that it is for.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "integration/shuttle_cli.h"

namespace httpteleport::test {
namespace {

using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr const char* kDocument = R"({"services": [{"name": "web", "address": "127.0.0.1:0",
  "backends": [{"name": "a", "address": "127.0.0.1:9"}, {"name": "b", "address": "127.0.0.1:9"}]}]})";

// A shuttle with its admin API on a unix socket.
class ShuttleCliLive : public ShuttleCliTest {
 protected:
  ShuttleCliLive()
      : socket_(folder_.file("admin.sock")),
        shuttle_({bin_dir() + "/shuttle", "-admin", socket_, "-state", folder_.file("state")}) {
    EXPECT_TRUE(wait_until([this] { return at({"status"}).code == 0; })) << shuttle_.output();
  }
  ~ShuttleCliLive() override { EXPECT_EQ(shuttle_.terminate().code, 0) << shuttle_.output(); }

  CliRun at(const std::vector<std::string>& arguments) {
    return run(arguments, {{"SHUTTLE_ADDR", socket_}});
  }
  // What a command prints that ends well.
  std::string out(const std::vector<std::string>& arguments) {
    const CliRun result = at(arguments);
    EXPECT_EQ(result.code, 0) << arguments[0] << ": " << result.err;
    return result.out;
  }

  const std::string socket_;
  Process shuttle_;
};

TEST_F(ShuttleCliLive, AFileIsComparedAppliedAndUndone) {
  const std::string file = folder_.write("c.json", kDocument);
  EXPECT_EQ(out({"check", file}), "ok: 1 service, 2 backends\n");
  const CliRun before = at({"diff", file, "-o=table"});
  EXPECT_EQ(before.code, 1);
  EXPECT_THAT(before.out, HasSubstr("service web"));
  EXPECT_EQ(out({"status"}), "[]\n");
  out({"apply", file});
  EXPECT_EQ(out({"diff", file, "-replace", "-o=table"}), "nothing changes\n");
  EXPECT_THAT(out({"status", "-o=table"}), ContainsRegex("\n +b +127.0.0.1:9 +up"));
  out({"remove", "web/b"});
  EXPECT_THAT(out({"status", "-o=table"}), Not(ContainsRegex("\n +b ")));
  EXPECT_THAT(out({"history", "-o=table"}), HasSubstr("backend b"));
  out({"undo"});
  EXPECT_THAT(out({"status", "-o=table"}), ContainsRegex("\n +b "));
  EXPECT_EQ(at({"undo", "999"}).code, 1);
}

TEST_F(ShuttleCliLive, AnUpdateLeavesTheRestAlone) {
  out({"add", "web", "-vhost", "x.test", "-client-timeout=10s", "-https-redirect"});
  out({"maintenance", "web", "on"});
  out({"update", "web", "-error-page", "text:sorry|503", "-check-type", "http"});
  out({"update", "web", "-fall", "4"});
  const std::string config = out({"config"});
  for (const char* member :
       {R"("x.test")", R"("client_timeout": 10000)", R"("https-redirect": true)",
        R"("maintenance_mode": true)", R"("text:sorry")", R"("type": "http")", R"("fall": 4)"})
    EXPECT_THAT(config, HasSubstr(member));
}

TEST_F(ShuttleCliLive, EveryFlagIsAFieldThatTheServerKnows) {
  const std::vector<std::vector<std::string>> changes = {
      {"config", "-balance=LC", "-check-interval=1s", "-fall=3", "-rise=3", "-client-timeout=1m",
       "-server-timeout=1m", "-dial-timeout=1s", "-https-redirect"},
      {"add",
       "web",
       "-address=127.0.0.1:0",
       "-network=tcp4",
       "-balance=RR",
       "-check-interval=2s",
       "-fall=4",
       "-rise=4",
       "-client-timeout=2m",
       "-server-timeout=2m",
       "-dial-timeout=2s",
       "-https-redirect",
       "-vhost=x.test",
       "-error-page=text:x|500",
       "-maintenance-mode",
       "-check-type=http",
       "-check-path=/c",
       "-check-host=h",
       "-check-status=204",
       "-check-expect=e",
       "-check-timeout=1s",
       "-connections=11",
       "-connections-per-second=12",
       "-requests-per-second=13",
       "-burst=14",
       "-client-connections=15",
       "-client-connections-per-second=16",
       "-client-requests-per-second=17",
       "-client-burst=18",
       "-slow-start=19",
       "-proxy-protocol=v2",
       "-accept-proxy-protocol=any",
       "-proxy-protocol-from=10.0.0.0/8",
       "-backend-header",
       "-link-protocol=v0",
       "-compression=snappy",
       "-link-plain-bodies",
       "-tls-server-name=n",
       "-tls-skip-verify"},
      {"add", "dns", "-address=127.0.0.1:0", "-network=udp", "-idle-timeout=20",
       "-sessions-max=21"},
      {"add", "web/a", "-address=127.0.0.1:9", "-network=http", "-check-address=127.0.0.1:9",
       "-weight=22", "-connections=23", "-connections-per-second=24", "-requests-per-second=25",
       "-burst=26"}};
  for (const auto& change : changes)
    out(change);
  out({"add", "tcp", "-check-type=exchange", "-check-send=ping-27", "-check-expect=pong",
       "-tls-ca-file", bin_dir() + "/../../../none"});
  const std::string config = out({"config"});
  for (const char* value : {"snappy", "\"ping-27\"", "\"tls_ca_file\"", "10.0.0.0/8", "\"any\"",
                            "\"v2\"", "\"/c\"", "204", "\"backend_header\": true",
                            "\"link_plain_bodies\": true", "\"tls_skip_verify\": true"})
    EXPECT_THAT(config, HasSubstr(value));
  for (int number = 11; number <= 26; ++number)
    EXPECT_THAT(config, ContainsRegex(": " + std::to_string(number) + "[,\n]"));
}

TEST_F(ShuttleCliLive, StatesOfBackendsAreSetByHandAndGivenBack) {
  out({"apply", folder_.write("c.json", kDocument)});
  for (const char* state : {"drain", "maint", "down"}) {
    out({state, "web/a", "-wait=1m"});
    EXPECT_THAT(out({"status", "-o=table"}),
                ContainsRegex(std::string("\n +a +127.0.0.1:9 +") + state));
  }
  out({"auto", "web/a", "-wait=1m"});
  EXPECT_THAT(out({"status", "-o=table"}), ContainsRegex("\n +a +127.0.0.1:9 +up"));
  const CliRun unknown = at({"drain", "web/nope"});
  EXPECT_EQ(unknown.code, 1);
  EXPECT_THAT(unknown.err, StartsWith("shuttle refuses: "));
}

TEST_F(ShuttleCliLive, TailTellsOfChanges) {
  Process tail(command({"tail"}), environment({{"SHUTTLE_ADDR", socket_}}));
  // It is not known when it has begun to listen, so there is something to tell again and again.
  int64_t fall = 3;
  EXPECT_TRUE(wait_until([&] {
    out({"config", "-fall", std::to_string(++fall)});
    return !tail.output().empty();
  }));
  EXPECT_THAT(tail.output(), AllOf(StartsWith("{\"id\":"), HasSubstr("config_changed")));
}

}  // namespace
}  // namespace httpteleport::test
