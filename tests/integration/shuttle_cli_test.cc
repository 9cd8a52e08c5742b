// What shuttle-cli sends to an admin API, and what it prints and returns.
#include "integration/shuttle_cli.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

#include "integration/fake_admin.h"

namespace httpteleport::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

constexpr const char* kStats =
    R"([{"name": "web", "address": "127.0.0.1:80", "virtual_hosts": null, "backends": [
  {"name": "a", "address": "10.0.0.1:80", "up": true, "active": 2, "connections": 10},
  {"name": "b", "address": "10.0.0.2:80", "up": false, "errors": 7}]}]
)";

FakeAdmin::Handler always(FakeAnswer answer) {
  return [answer](const Message&) { return answer; };
}

class ShuttleCli : public ShuttleCliTest {
 protected:
  // Runs it against `admin`.
  CliRun run_at(const FakeAdmin& admin, std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"-addr", admin.address()});
    return run(arguments);
  }

  // The one request that a command sends, which succeeds without a word.
  std::string sent_by(const std::vector<std::string>& arguments) {
    const FakeAdmin admin(always({.body = "{}"}));
    const CliRun result = run_at(admin, arguments);
    EXPECT_EQ(result.code, 0) << result.err;
    EXPECT_EQ(result.out + result.err, "");
    const auto lines = admin.lines();
    EXPECT_EQ(lines.size(), 1u);
    return lines.empty() ? "" : lines[0];
  }

  // What it says when an answer has this status and body.
  CliRun refused_by(int status, const std::string& body) {
    const FakeAdmin admin(always({.status = status, .body = body}));
    return run_at(admin, {"update", "web", "-fall", "3"});
  }
};

TEST_F(ShuttleCli, ChangesSendWhatIsGivenAndNothingElse) {
  EXPECT_EQ(sent_by({"config", "-client-timeout", "10s", "-fall=3"}),
            R"(PUT /_config {"fall":3,"client_timeout":10000})");
  EXPECT_EQ(sent_by({"update", "web", "-server-timeout", "2000"}),
            R"(PUT /web {"name":"web","server_timeout":2000})");
  EXPECT_EQ(sent_by({"add", "web/a", "-address", "10.0.0.1:80", "-weight=3"}),
            R"(PUT /web/a {"name":"a","address":"10.0.0.1:80","weight":3})");
  EXPECT_EQ(sent_by({"update", "web", "-vhost", "x.test", "-error-page", "http://e/|500,503"}),
            R"(PUT /web {"name":"web","virtual_hosts":["x.test"],"error_pages":)"
            R"({"http://e/":[500,503]}})");
}

TEST_F(ShuttleCli, OtherChangesHaveRoutesOfTheirOwn) {
  EXPECT_EQ(sent_by({"remove", "web"}), "DELETE /web ");
  EXPECT_EQ(sent_by({"remove", "web/a"}), "DELETE /web/a ");
  for (const char* state : {"drain", "maint", "down", "up", "auto"})
    EXPECT_EQ(sent_by({state, "web/a"}), std::string("PUT /web/a/_state ") + state);
  EXPECT_EQ(sent_by({"maintenance", "web", "on"}), "PUT /web/_maintenance on");
  EXPECT_EQ(sent_by({"undo"}), "POST /_config/rollback ");
  EXPECT_EQ(sent_by({"undo", "7"}), "POST /_config/rollback?to=7 ");
}

TEST_F(ShuttleCli, NamesAreOneSegmentOfAPath) {
  EXPECT_EQ(sent_by({"remove", "a b?/c#d/e"}), "DELETE /a%20b%3F/c%23d%2Fe ");
  EXPECT_EQ(sent_by({"remove", "web/.."}), "DELETE /web/.. ");
}

TEST_F(ShuttleCli, ConfigWithoutFlagsPrintsIt) {
  const FakeAdmin admin(always({.body = "{\n  \"services\": null\n}\n"}));
  const CliRun result = run_at(admin, {"config"});
  EXPECT_EQ(result.code, 0);
  EXPECT_EQ(result.out, "{\n  \"services\": null\n}\n");
  EXPECT_THAT(admin.lines(), ElementsAre("GET /_config "));
}

TEST_F(ShuttleCli, WhatIsRefusedIsToldInALineWithCode1) {
  CliRun result = refused_by(400, "service web: fall=-1: 1 to 1000 is accepted\n");
  EXPECT_EQ(result.code, 1);
  EXPECT_EQ(result.err, "shuttle refuses: service web: fall=-1: 1 to 1000 is accepted\n");
  EXPECT_EQ(refused_by(404, "service does not exist\n").err,
            "shuttle refuses: service does not exist. 'shuttle-cli status' lists what there is\n");
  EXPECT_THAT(refused_by(404, "version 7 is not in the history").err,
              HasSubstr("history. 'shuttle-cli history' lists"));
  EXPECT_THAT(refused_by(401, "").err, HasSubstr("status 401. Give its token with -token-file"));
  EXPECT_THAT(refused_by(403, "Host").err, HasSubstr("-admin-hosts"));
  EXPECT_THAT(refused_by(412, "version 3").err, HasSubstr("try again"));
  EXPECT_EQ(refused_by(500, "a\x1b[2Jb\nc\n").err, "shuttle refuses: a?[2Jb\n");
}

TEST_F(ShuttleCli, AServerThatIsNotThereIsCode3) {
  const std::string address = dead_address().text();
  for (const std::vector<std::string>& command : std::vector<std::vector<std::string>>{
           {"status"}, {"top"}, {"tail"}, {"config"}, {"update", "web"}, {"drain", "web/a"}}) {
    std::vector<std::string> arguments = {"-addr", address};
    arguments.insert(arguments.end(), command.begin(), command.end());
    const CliRun result = run(arguments);
    EXPECT_EQ(result.code, 3) << command[0];
    EXPECT_EQ(result.err, "cannot reach shuttle at " + address +
                              ": Connection refused. Is it running, and is -addr right?\n");
    EXPECT_EQ(result.out, "");
  }
  const CliRun result = run({"-addr", folder_.file("none.sock"), "status"});
  EXPECT_EQ(result.code, 3);
  EXPECT_THAT(result.err, HasSubstr("No such file or directory"));
}

TEST_F(ShuttleCli, AServerThatIsSilentIsCode3) {
  const FakeAdmin admin(always({.raw = "HTTP/1.1 ", .hold = true}));
  CliRun result = run_at(admin, {"-timeout=300ms", "status"});
  EXPECT_EQ(result.code, 3);
  EXPECT_THAT(result.err, StartsWith("cannot reach shuttle at " + admin.address() + ": Timeout"));
  result = run_at(admin, {"-timeout=300ms", "update", "web", "-fall=3"});
  EXPECT_EQ(result.code, 3);
  EXPECT_THAT(result.err, HasSubstr("The change may have been made"));
}

TEST_F(ShuttleCli, AChangeIsNeverSentTwice) {
  const FakeAdmin admin([](const Message& request) {
    return request.head.method == "GET" ? FakeAnswer{.body = "{\"active\": 0}"}
                                        : FakeAnswer{.raw = "\r\n"};
  });
  const CliRun result = run_at(admin, {"drain", "web/a", "-wait=10s"});
  EXPECT_EQ(result.code, 3);
  EXPECT_THAT(admin.lines(), ElementsAre("PUT /web/a/_state drain"));
}

TEST_F(ShuttleCli, AUnixSocketIsAsGoodAsAPort) {
  const std::string path = folder_.file("admin.sock");
  const FakeAdmin admin(always({.body = "{}\n"}), {.unix_path = path});
  EXPECT_EQ(run({"-addr", path, "config"}).out, "{}\n");
  EXPECT_EQ(run({"-addr", "unix:" + path, "config"}).out, "{}\n");
  EXPECT_EQ(run({"config"}, {{"SHUTTLE_ADDR", path}}).out, "{}\n");
  EXPECT_EQ(admin.requests().size(), 3u);
}

TEST_F(ShuttleCli, ProxiesOfTheEnvironmentAreNotAsked) {
  const FakeAdmin admin(always({.body = "{}\n"}));
  const std::string dead = "http://" + dead_address().text();
  const CliRun result =
      run({"-addr", admin.address(), "config"}, {{"http_proxy", dead}, {"ALL_PROXY", dead}});
  EXPECT_EQ(result.code, 0) << result.err;
}

TEST_F(ShuttleCli, ATokenIsSentWithEveryRequest) {
  const FakeAdmin admin(always({.body = "{}\n"}));
  const std::string file = folder_.write("token", "s3cret\n");
  EXPECT_EQ(run_at(admin, {"-token-file", file, "config"}).code, 0);
  EXPECT_EQ(run({"-addr", admin.address(), "remove", "web"}, {{"SHUTTLE_TOKEN_FILE", file}}).code,
            0);
  for (const Message& request : admin.requests())
    EXPECT_EQ(request.head.find("authorization"), "Bearer s3cret");

  CliRun result = run_at(admin, {"-token-file", folder_.file("none"), "config"});
  EXPECT_EQ(result.code, 1);
  EXPECT_THAT(result.err, HasSubstr("No such file or directory; it is what -token-file names"));
  result = run_at(admin, {"-token-file", folder_.write("empty", "\n"), "config"});
  EXPECT_EQ(result.code, 1);
  EXPECT_EQ(admin.requests().size(), 2u);
}

TEST_F(ShuttleCli, AWrongCommandLineIsCode1AndSendsNothing) {
  const FakeAdmin admin(always({}));
  for (const std::vector<std::string>& wrong : std::vector<std::vector<std::string>>{
           {}, {"staus"}, {"status", "-q"}, {"remove"}, {"update", "web", "-fall", "x"}}) {
    const CliRun result = run_at(admin, wrong);
    EXPECT_EQ(result.code, 1);
    EXPECT_EQ(result.out, "");
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
  }
  EXPECT_THAT(admin.lines(), IsEmpty());
  const CliRun bad_address = run({"-addr", "a b", "status"});
  EXPECT_EQ(bad_address.code, 1);
  EXPECT_THAT(bad_address.err, HasSubstr("is no address"));
}

TEST_F(ShuttleCli, HelpVersionAndCompletionsNeedNoServer) {
  for (const std::vector<std::string>& asked : std::vector<std::vector<std::string>>{
           {"-help"}, {"drain", "-help"}, {"version"}, {"-completion=bash"}}) {
    const CliRun result = run(asked, {{"SHUTTLE_ADDR", dead_address().text()}});
    EXPECT_EQ(result.code, 0);
    EXPECT_EQ(result.err, "");
    EXPECT_NE(result.out, "");
  }
  EXPECT_THAT(run({"version"}).out, StartsWith("shuttle-cli "));
  EXPECT_EQ(run({"-completion=csh"}).code, 1);
}

TEST_F(ShuttleCli, BashCompletesCommandsFlagsAndFiles) {
  folder_.write("completion", run({"-completion=bash"}).out);
  folder_.write("a.json", "");
  const auto complete = [this](const std::string& words) {
    const Process::Environment none;
    Process bash({"/bin/bash", "-c",
                  "cd \"$0\"; . ./completion; COMP_WORDS=(" + words +
                      "); COMP_CWORD=$((${#COMP_WORDS[@]}-1)); _shuttle_cli; "
                      "echo \"${COMPREPLY[*]}\"",
                  folder_.path()});
    EXPECT_EQ(bash.wait_exit(after(3 * kPatience)).value_or(ExitStatus{}).code, 0);
    bash.wait_line(std::string_view("\0", 1));
    return bash.output();
  };
  EXPECT_EQ(complete("shuttle-cli ma"), "maint maintenance\n");
  EXPECT_EQ(complete("shuttle-cli update web -check-i"), "-check-interval\n");
  EXPECT_EQ(complete("shuttle-cli apply a.j"), "a.json\n");
  EXPECT_EQ(complete("shuttle-cli status -o j"), "json\n");
}

TEST_F(ShuttleCli, StatusInAPipeIsTheServersJson) {
  const FakeAdmin admin(always({.body = kStats}));
  EXPECT_EQ(run_at(admin, {"status"}).out, kStats);
  EXPECT_EQ(run_at(admin, {"status", "-o", "table"}).out,
            "SERVICE  BACKEND  ADDRESS       STATE   ACTIVE  TOTAL  ERR  UP  DOWN\n"
            "web               127.0.0.1:80  1/2 up       0      0    0   0     0\n"
            "         a        10.0.0.1:80   up           2     10    0   0     0\n"
            "         b        10.0.0.2:80   down         0      0    7   0     0\n");
  EXPECT_THAT(run_at(admin, {"status", "-o=wide"}).out, HasSubstr("LAST ERROR"));
}

TEST_F(ShuttleCli, NoServicesAreAnAnswerTooThoughItsStatusIs503) {
  const FakeAdmin admin(always({.status = 503, .body = "[]\n"}));
  CliRun result = run_at(admin, {"status"});
  EXPECT_EQ(result.code, 0);
  EXPECT_EQ(result.out, "[]\n");
  result = run_at(admin, {"status", "-o=table"});
  EXPECT_EQ(result.code, 0);
  EXPECT_THAT(result.out, StartsWith("no services"));
}

TEST_F(ShuttleCli, WhatIsNotShuttleIsToldFromIt) {
  const FakeAdmin admin(always({.body = "<html>hello"}));
  for (const std::vector<std::string>& command : std::vector<std::vector<std::string>>{
           {"status", "-o=table"}, {"top"}, {"history", "-o=table"}}) {
    const CliRun result = run_at(admin, command);
    EXPECT_EQ(result.code, 1);
    EXPECT_THAT(result.err, HasSubstr("is not shuttle"));
  }
}

TEST_F(ShuttleCli, TopInAPipeIsOneTableWithTheRatesOfASecond) {
  const FakeAdmin admin(always({.body = kStats}));
  const CliRun result = run_at(admin, {"top"});
  EXPECT_EQ(result.code, 0);
  EXPECT_THAT(result.out, StartsWith("SERVICE  BACKEND  STATE  RPS"));
  EXPECT_THAT(result.out, HasSubstr("\nweb      a        up"));
  EXPECT_EQ(admin.requests().size(), 2u);
}

TEST_F(ShuttleCli, AHistoryIsATableOrJson) {
  const std::string body = R"([{"version":3,"time":0,"summary":"web: fall 2 -> 3"}])";
  const FakeAdmin admin(always({.body = body}));
  EXPECT_EQ(run_at(admin, {"history"}).out, body);
  EXPECT_EQ(run_at(admin, {"history", "-o", "table"}).out,
            "VERSION  TIME                  CHANGE\n"
            "      3  1970-01-01 00:00 UTC  web: fall 2 -> 3\n");
  EXPECT_THAT(admin.lines(), ElementsAre("GET /_config/history ", "GET /_config/history "));
}

TEST_F(ShuttleCli, DrainWaitsUntilNothingIsActive) {
  int looks = 0;
  const FakeAdmin admin([&looks](const Message& request) {
    if (request.head.method == "PUT") return FakeAnswer{.body = "{}"};
    return FakeAnswer{.body = ++looks < 3 ? R"({"active":1,"http_active":1})" : R"({"active":0})"};
  });
  EXPECT_EQ(run_at(admin, {"drain", "web/a", "-wait", "1m"}).code, 0);
  EXPECT_THAT(admin.lines(),
              ElementsAre("PUT /web/a/_state drain", "GET /web/a ", "GET /web/a ", "GET /web/a "));
}

TEST_F(ShuttleCli, AWaitThatIsOverSaysHowItStands) {
  const FakeAdmin admin([](const Message& request) {
    if (request.head.method == "PUT") return FakeAnswer{.body = "{}"};
    return FakeAnswer{.body = R"({"active":3,"up":false,"status":"down"})"};
  });
  CliRun result = run_at(admin, {"drain", "web/a", "-wait=300ms"});
  EXPECT_EQ(result.code, 1);
  EXPECT_THAT(result.err, StartsWith("web/a still has 3 active after 300ms."));
  result = run_at(admin, {"auto", "web/a", "-wait=300ms"});
  EXPECT_EQ(result.code, 1);
  EXPECT_THAT(result.err, StartsWith("web/a is down after 300ms."));
}

TEST_F(ShuttleCli, ApplySendsTheFileAsItIs) {
  const std::string text = "{\"services\": [ {\"name\": \"web\"} ]}\n";
  const std::string file = folder_.write("c.json", text);
  EXPECT_EQ(sent_by({"apply", file}), "PUT /_config " + text);
  EXPECT_EQ(sent_by({"apply", file, "-replace"}), "PUT /_config?replace=1 " + text);
  EXPECT_EQ(sent_by({"apply", "-"}), "PUT /_config ");
  const FakeAdmin admin(always({}));
  for (const std::string& none : {folder_.file("none"), folder_.path()}) {
    const CliRun result = run_at(admin, {"apply", none});
    EXPECT_EQ(result.code, 1);
    EXPECT_THAT(result.err, StartsWith("cannot read " + none + ": "));
  }
  EXPECT_THAT(admin.lines(), IsEmpty());
}

TEST_F(ShuttleCli, ApplyWarnsOfWhatNobodyKnows) {
  const FakeAdmin admin(always({.body = "{}"}));
  const CliRun result = run_at(admin, {"apply", folder_.write("c.json", R"({"fal": 3})")});
  EXPECT_EQ(result.code, 0);
  EXPECT_THAT(result.err, AllOf(StartsWith("warning: "), HasSubstr("fal")));
  EXPECT_THAT(admin.lines(), ElementsAre(R"(PUT /_config {"fal": 3})"));
}

TEST_F(ShuttleCli, DiffAndDryRunsChangeNothing) {
  const std::string plan = R"({"changes":["web: fall 2 -> 3"],"warnings":["fal: unknown"]})";
  const FakeAdmin admin(always({.body = plan}));
  const std::string file = folder_.write("c.json", "{}");
  CliRun result = run_at(admin, {"diff", file, "-replace", "-o=table"});
  EXPECT_EQ(result.code, 1);
  EXPECT_EQ(result.out, "web: fall 2 -> 3\n");
  EXPECT_EQ(result.err, "warning: fal: unknown\n");
  result = run_at(admin, {"apply", file, "-dry-run", "-o=table"});
  EXPECT_EQ(result.code, 0);
  EXPECT_EQ(result.out, "web: fall 2 -> 3\n");
  EXPECT_EQ(run_at(admin, {"diff", file}).out, plan);
  EXPECT_THAT(admin.lines(), ElementsAre("PUT /_config?dry_run=1&replace=1 {}",
                                         "PUT /_config?dry_run=1 {}", "PUT /_config?dry_run=1 {}"));
}

TEST_F(ShuttleCli, DiffWithoutADifferenceIsCode0) {
  const FakeAdmin admin(always({.body = R"({"changes":[],"warnings":[]})"}));
  const CliRun result = run_at(admin, {"diff", folder_.write("c.json", "{}"), "-o=table"});
  EXPECT_EQ(result.code, 0);
  EXPECT_EQ(result.out, "nothing changes\n");
}

TEST_F(ShuttleCli, CheckTellsEveryProblemOfAFileWithoutAServer) {
  const Process::Environment nobody = {{"SHUTTLE_ADDR", dead_address().text()}};
  const std::string good = folder_.write(
      "good.json", R"({"services": [{"name": "web", "client_timeout": "10s", "virtual_hots": [],
                       "backends": [{"name": "a", "address": "127.0.0.1:80"}]}]})");
  CliRun result = run({"check", good}, nobody);
  EXPECT_EQ(result.code, 0);
  EXPECT_EQ(result.out, "ok: 1 service, 1 backend\n");
  EXPECT_THAT(result.err, StartsWith(good + ": warning: "));
  EXPECT_THAT(result.err, HasSubstr("virtual_hosts"));

  const std::string bad =
      folder_.write("bad.json", R"({"services": [{"name": "web", "balance": "XX", "rise": -1},
                                   {"name": "tcp", "address": "127.0.0.1"}]})");
  result = run({"check", bad}, nobody);
  EXPECT_EQ(result.code, 1);
  EXPECT_EQ(result.out, "");
  for (const char* problem : {"balance=\"XX\"", "rise=-1", "address=\"127.0.0.1\""})
    EXPECT_THAT(result.err, HasSubstr(problem));

  result = run({"check", folder_.write("cut.json", "{\"services\": [\n")}, nobody);
  EXPECT_EQ(result.code, 1);
  EXPECT_THAT(result.err, HasSubstr("line 2"));
}

// tail and -w: commands that do not end by themselves.
TEST_F(ShuttleCli, TailGoesOnBehindTheLastEventWhenTheConnectionEnds) {
  const std::string head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
  int streams = 0;
  const FakeAdmin admin([&](const Message&) {
    if (++streams == 1)
      return FakeAnswer{.raw = head + "id: 5\nevent: up\ndata: {\"service\":\"web\"}\n\nid: 6\n"};
    return FakeAnswer{.raw = head + ": hello\n\nid: 6\nevent: down\ndata: {}\n\n", .hold = true};
  });
  Process tail(command({"-addr", admin.address(), "tail"}), environment());
  EXPECT_EQ(tail.wait_line(R"({"id":"5","type":"up","data")"), R"(:{"service":"web"}})");
  EXPECT_TRUE(tail.wait_line("the connection has ended; trying again each second"));
  EXPECT_TRUE(tail.wait_line(R"({"id":"6","type":"down")"));
  tail.signal(SIGINT);
  const auto status = tail.wait_exit();
  ASSERT_TRUE(status);
  EXPECT_EQ(status->code, 130);
  const auto requests = admin.requests();
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_EQ(requests[0].head.target, "/_events");
  EXPECT_EQ(requests[0].head.find("last-event-id"), std::nullopt);
  EXPECT_EQ(requests[1].head.find("last-event-id"), "5");
}

TEST_F(ShuttleCli, TailEndsWhenItIsRefused) {
  const FakeAdmin admin(always({.status = 401, .body = "a token is needed\n"}));
  const CliRun result = run_at(admin, {"tail"});
  EXPECT_EQ(result.code, 1);
  EXPECT_THAT(result.err, StartsWith("shuttle refuses: a token is needed."));
}

TEST_F(ShuttleCli, AWatchedStatusInAPipeIsPrintedAgainAndAgain) {
  const FakeAdmin admin(always({.body = "[]\n"}));
  Process watch(command({"-addr", admin.address(), "status", "-w"}), environment());
  EXPECT_TRUE(wait_until([&] { return admin.requests().size() >= 3; }));
  EXPECT_TRUE(wait_until([&] { return watch.output().starts_with("[]\n[]\n"); })) << watch.output();
  watch.signal(SIGTERM);
  EXPECT_EQ(watch.wait_exit().value_or(ExitStatus{}).code, 143);
}

}  // namespace
}  // namespace httpteleport::test
