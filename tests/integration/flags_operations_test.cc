// The effects of the flags of logging and operations, seen in files, on outputs and at sockets.
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>

#include "integration/flags.h"
#include "support/paths.h"
#include "support/temporary_folder.h"

namespace httpteleport::test {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

testing::AssertionResult file_has(const std::string& path, const std::string& text) {
  if (wait_until([&] { return read_file(path).find(text) != std::string::npos; }))
    return testing::AssertionSuccess();
  return testing::AssertionFailure() << path << ": " << read_file(path);
}

// httptp at a unix socket, so that nothing need be read from its log to talk to it.
class Quiet {
 public:
  explicit Quiet(const Flags& flags, const std::string& out = dead_address().text())
      : process_(Flags{bin_dir() + "/httptp", "-inType=unix", "-in=" + folder_.file("socket"),
                       "-outType=http", "-out=" + out, "-workers=1", "-expvarAddr="} +
                 flags) {
    const Address address{.unix_path = folder_.file("socket")};
    EXPECT_TRUE(wait_until([&] { return Socket::connect(address, after(1s)).has_value(); }))
        << process_.output();
  }
  ~Quiet() {
    if (!ended_) end();
  }

  Message get(const std::string& target, const std::string& fields = "") const {
    return test::exchange({.unix_path = folder_.file("socket")}, get_text(target, fields));
  }
  Process& process() { return process_; }
  void end() {
    ended_ = true;
    const ExitStatus status = process_.terminate();
    EXPECT_EQ(status.code, 0) << status.text() << process_.output();
  }
  // Everything it has printed, after its end.
  std::string printed() {
    end();
    return process_.output();
  }

 private:
  TemporaryFolder folder_;
  bool ended_ = false;
  Process process_;
};

TEST(FlagsOperations, LogFileIsReopenedOnSighup) {
  const TemporaryFolder folder;
  const std::string log = folder.file("log");
  Quiet proxy({"-logFile=" + log});
  EXPECT_TRUE(file_has(log, "listening on "));
  std::filesystem::rename(log, folder.file("old"));
  proxy.process().signal(SIGHUP);
  EXPECT_TRUE(file_has(log, "log files opened again"));
  EXPECT_THAT(read_file(folder.file("old")), HasSubstr("listening on "));
  EXPECT_THAT(proxy.printed(), IsEmpty());
}

TEST(FlagsOperations, LogFormatIsTheFormOfEveryLine) {
  Quiet text({"-logFormat=text"});
  EXPECT_THAT(text.printed(),
              ContainsRegex("(^|\n)20../../.. ..:..:.. listening on [^\n]* type=unix "));
  Quiet json({"-logFormat=json"});
  EXPECT_THAT(json.printed(), ContainsRegex("(^|\n)[{]\"time\":\"20[^\n]*Z\",\"level\":\"info\","
                                            "\"msg\":\"listening on [^\n]*[}]\n"));
  Quiet logfmt({"-logFormat=logfmt"});
  EXPECT_THAT(logfmt.printed(),
              ContainsRegex("(^|\n)time=20[^\n]*Z level=info msg=\"listening on "));
}

TEST(FlagsOperations, LogLevelIsTheLeastThatIsLogged) {
  // A dead endpoint is warned of.
  const auto printed_with = [](const std::string& level) {
    Quiet proxy({"-logLevel=" + level});
    EXPECT_EQ(proxy.get("/").head.status, 502);
    return proxy.printed();
  };
  for (const std::string level : {"debug", "info"})
    EXPECT_THAT(printed_with(level), AllOf(HasSubstr("listening on"), HasSubstr("warning: ")));
  EXPECT_THAT(printed_with("warn"), AllOf(Not(HasSubstr("listening on")), HasSubstr("warning: ")));
  EXPECT_THAT(printed_with("error"), IsEmpty());
}

TEST(FlagsOperations, LogAllErrorsTellsOfEveryFailedRequest) {
  const auto printed_with = [](const std::string& value) {
    Quiet proxy({"-logAllErrors=" + value});
    EXPECT_EQ(proxy.get("/lost").head.status, 502);
    return proxy.printed();
  };
  EXPECT_THAT(printed_with("true"),
              ContainsRegex("request failed [^\n]*target=/lost[^\n]*cause=connect_failed"));
  EXPECT_THAT(printed_with("false"), Not(HasSubstr("request failed")));
}

TEST(FlagsOperations, AccessLogHasALineForEveryRequestAndIsReopened) {
  Origin origin;
  const TemporaryFolder folder;
  const std::string log = folder.file("access");
  Quiet proxy({"-accessLog=" + log}, origin.address().text());
  EXPECT_EQ(proxy.get("/bytes/7?n=1", "User-Agent: test\r\n").head.status, 200);
  EXPECT_TRUE(file_has(log, "\"GET /bytes/7?n=1 HTTP/1.1\" 200 7 \"-\" \"test\" request_id="));
  std::filesystem::rename(log, folder.file("old"));
  proxy.process().signal(SIGHUP);
  EXPECT_TRUE(proxy.process().wait_line("log files opened again"));
  EXPECT_EQ(proxy.get("/bytes/8").head.status, 200);
  EXPECT_TRUE(file_has(log, "\"GET /bytes/8 HTTP/1.1\" 200 8 "));
  proxy.end();
  EXPECT_THAT(read_file(folder.file("old")), Not(HasSubstr("/bytes/8")));
}

TEST(FlagsOperations, AccessLogDashIsStandardOutput) {
  Origin origin;
  Quiet proxy({"-accessLog=-", "-accessLogFormat=json", "-logLevel=error"},
              origin.address().text());
  EXPECT_EQ(proxy.get("/bytes/7").head.status, 200);
  EXPECT_THAT(proxy.printed(),
              AllOf(StartsWith("{\"time\":\""), HasSubstr("\"target\":\"/bytes/7\""),
                    HasSubstr("\"status\":200,"), HasSubstr("\"bytes_out\":7,")));
}

TEST(FlagsOperations, WithoutAccessLogNothingIsPrintedOfRequests) {
  Origin origin;
  Quiet proxy({}, origin.address().text());
  EXPECT_EQ(proxy.get("/bytes/7").head.status, 200);
  EXPECT_THAT(proxy.printed(), Not(HasSubstr("/bytes/7")));
}

TEST(FlagsOperations, FilesThatCannotBeOpenedEndTheStart) {
  for (const std::string flag : {"-logFile", "-accessLog"}) {
    SCOPED_TRACE(flag);
    Process process({bin_dir() + "/httptp", "-in=127.0.0.1:0", "-outType=http", "-out=127.0.0.1:9",
                     "-expvarAddr=", flag + "=/none/file"});
    const auto status = process.wait_exit();
    ASSERT_TRUE(status);
    EXPECT_EQ(status->code, 1);
    EXPECT_THAT(process.output(), AllOf(HasSubstr(flag), HasSubstr("/none/file"),
                                        HasSubstr("No such file or directory")));
  }
}

TEST(FlagsOperations, PidFileNamesTheProcessAndGoesWithIt) {
  const TemporaryFolder folder;
  const std::string file = folder.file("pid");
  Quiet proxy({"-pidFile=" + file});
  EXPECT_TRUE(file_has(file, std::to_string(proxy.process().pid()) + "\n"));
  proxy.end();
  EXPECT_FALSE(std::filesystem::exists(file));
  Quiet without({"-pidFile=/none/pid"});
  EXPECT_TRUE(without.process().wait_line("cannot write -pidFile file=/none/pid"));
}

TEST(FlagsOperations, ExpvarAddrIsWhereMetricsAre) {
  for (const std::string address : {"127.0.0.1:0", "[::1]:0"}) {
    RunningHttptp proxy(http_flags("127.0.0.1:9") + Flags{"-expvarAddr=" + address});
    ASSERT_TRUE(proxy.started());
    EXPECT_EQ(proxy->metrics_address().ipv6, address[0] == '[');
    for (const char* path : {"/expvar", "/prometheus", "/healthz", "/readyz"})
      EXPECT_EQ(get(proxy->metrics_address(), path).head.status, 200) << path;
  }
  Quiet none({});  // with -expvarAddr=
  EXPECT_THAT(none.printed(), Not(HasSubstr("metrics on ")));
}

// Bytes that the process has read so far, from files too.
uint64_t bytes_read(Process& process) {
  std::ifstream io("/proc/" + std::to_string(process.pid()) + "/io");
  std::string key;
  uint64_t bytes = 0;
  io >> key >> bytes;
  EXPECT_EQ(key, "rchar:");
  return bytes;
}

// Nobody can give the name another address here without changing the machine. But each lookup reads
// files (/etc/hosts), and a process without requests reads nothing else.
TEST(FlagsOperations, OutResolveIntervalIsHowOftenNamesAreLookedUp) {
  const uint64_t lookup_bytes = std::filesystem::file_size("/etc/hosts");
  Quiet once({"-outResolveInterval=0"}, "localhost:9");
  Quiet often({"-outResolveInterval=20ms"}, "localhost:9");
  for (Quiet* proxy : {&once, &often})
    EXPECT_TRUE(proxy->process().wait_line("listening on "));
  const uint64_t once_before = bytes_read(once.process());
  const uint64_t often_before = bytes_read(often.process());
  EXPECT_TRUE(
      wait_until([&] { return bytes_read(often.process()) >= often_before + 5 * lookup_bytes; }));
  EXPECT_LT(bytes_read(once.process()), once_before + lookup_bytes);
}

}  // namespace
}  // namespace httpteleport::test
