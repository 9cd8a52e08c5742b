// What httptp does with its command line, its environment and its file of flags, without serving.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "integration/topology.h"
#include "support/origin.h"
#include "support/paths.h"
#include "support/process.h"
#include "support/socket.h"

namespace httpteleport::test {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

// A folder, and runs of httptp with standard output and standard error kept apart.
class CommandLine : public testing::Test {
 protected:
  struct Run {
    int code = -1;
    std::string out;
    std::string err;
  };

  CommandLine() {
    std::string pattern = testing::TempDir() + "/commandXXXXXX";
    folder_ = mkdtemp(pattern.data());
  }
  ~CommandLine() override { std::filesystem::remove_all(folder_); }

  std::string path(const std::string& name) const { return folder_ + "/" + name; }
  std::string write(const std::string& name, std::string_view contents) const {
    std::ofstream(path(name), std::ios::binary) << contents;
    return path(name);
  }
  static std::string read(const std::string& file) {
    std::ostringstream text;
    text << std::ifstream(file, std::ios::binary).rdbuf();
    return text.str();
  }

  // Runs it to its end.
  Run run(const Flags& flags, const Process::Environment& environment = {}) const {
    // The shell only separates the two outputs; the flags are its arguments.
    Flags argv = {"/bin/sh", "-c", "exec \"$@\" >\"$0.out\" 2>\"$0.err\"", path("run"),
                  bin_dir() + "/httptp"};
    Process process(argv + flags, environment);
    const auto status = process.wait_exit();
    EXPECT_TRUE(status.has_value()) << "it did not end";
    process.terminate();
    return {status ? status->code : -1, read(path("run.out")), read(path("run.err"))};
  }

 private:
  std::string folder_;
};

TEST_F(CommandLine, HelpIsWhatWasAskedFor) {
  for (const char* flag : {"-help", "-h", "--help"}) {
    const Run help = run({flag});
    EXPECT_EQ(help.code, 0);
    EXPECT_THAT(help.err, IsEmpty());
    EXPECT_THAT(help.out, StartsWith("usage: httptp [flags]\n\nIn:\n  -in ADDRESS "));
    EXPECT_THAT(help.out, HasSubstr("\nOperations:\n"));
    std::istringstream lines(help.out);
    for (std::string line; std::getline(lines, line);)
      EXPECT_LE(line.size(), 80u) << line;
  }
}

TEST_F(CommandLine, VersionIsOneLine) {
  const Run version = run({"-version"}, {{"HTTPTP_WORKERS", "many"}});
  EXPECT_EQ(version.code, 0);
  EXPECT_THAT(version.err, IsEmpty());
  EXPECT_THAT(
      version.out,
      ContainsRegex("^httptp [0-9]+[.][0-9]+[.][0-9]+ [(]git ([0-9a-f]{10,}(-dirty)?|unknown"
                    "), OpenSSL 3[.][0-9.]+, zlib 1[.][0-9.]+, ISA-L 2[.][0-9.]+[)]\n$"));
  EXPECT_EQ(std::count(version.out.begin(), version.out.end(), '\n'), 1);
}

// The number behind the first `words` in `text`.
double number_behind(const std::string& text, std::string_view words) {
  const size_t at = text.find(words);
  return at == std::string::npos ? -1 : std::atof(text.c_str() + at + words.size());
}

TEST_F(CommandLine, DemoTellsWhatALinkSavesAndEnds) {
  const Run demo = run({"-demo"}, {{"HTTPTP_OUT_TYPE", "http"}});
  ASSERT_EQ(demo.code, 0) << demo.out << demo.err;
  EXPECT_THAT(demo.err, IsEmpty());
  EXPECT_EQ(number_behind(demo.out, "requests   "), 2400) << demo.out;
  EXPECT_THAT(demo.out, HasSubstr(" answered, 0 failed, 16 at a time, in "));
  const double p50 = number_behind(demo.out, "p50 ");
  EXPECT_GT(p50, 0);
  EXPECT_GE(number_behind(demo.out, "p99 "), p50);
  const double raw = number_behind(demo.out, "raw bytes  ");
  const double wire = number_behind(demo.out, "wire bytes ");
  EXPECT_GT(raw, 2400 * 500);
  EXPECT_GT(wire, 2400 * 10);
  EXPECT_GT(number_behind(demo.out, "ratio "), 4) << demo.out;
  EXPECT_NEAR(number_behind(demo.out, "ratio "), raw / wire, 0.01);
  EXPECT_NEAR(number_behind(demo.out, "saved      "), 100 * (1 - wire / raw), 0.1);
}

TEST_F(CommandLine, WrongOnesExitWith2) {
  const Run unknown = run({"-chek"});
  EXPECT_EQ(unknown.code, 2);
  EXPECT_THAT(unknown.out, IsEmpty());
  EXPECT_EQ(unknown.err,
            "flag provided but not defined: -chek; did you mean -check?\n"
            "run 'httptp -help' for the flags\n");
  EXPECT_EQ(run({"-outTimeout=3"}).code, 2);
  EXPECT_EQ(run({"-in"}).code, 2);
}

TEST_F(CommandLine, ArgumentsBehindTheFlagsAreWarnedOfOrRefused) {
  const Run warned = run({"-expvarAddr=", "-check", "-reusePort", "false", "-in=x"});
  EXPECT_EQ(warned.code, 0);
  EXPECT_THAT(warned.err, HasSubstr("warning: ignoring \"false\" and 1 more arguments; to switch a "
                                    "flag off write -flag=false\n"));
  const Run refused = run({"-strictArgs", "-check", "-reusePort", "false", "-in=x"});
  EXPECT_EQ(refused.code, 2);
  EXPECT_THAT(refused.err, HasSubstr("-strictArgs"));
  EXPECT_EQ(run({"-check", "extra"}, {{"HTTPTP_STRICT_ARGS", "true"}}).code, 2);
}

TEST_F(CommandLine, CheckOpensNothingAndSumsUp) {
  // An address that is taken is good: nothing is opened.
  const Listener taken;
  const Run good = run({"-check", "-in=" + taken.address().text(),
                        "-expvarAddr=", "-out=127.0.0.1:1,[::1]:2;weight=3"});
  EXPECT_EQ(good.code, 0) << good.err;
  EXPECT_THAT(good.err, IsEmpty());
  EXPECT_EQ(good.out, "ok: http at " + taken.address().text() +
                          ", 0 certificates; teleport to 2 endpoints with 2 addresses\n");
}

TEST_F(CommandLine, CheckTellsAllErrorsOfAllLayers) {
  const std::string file = write("flags", "workers = -1\nvai = x\noutTimeout = 3\n");
  const Run bad = run({"-check", "-config", file, "-in=nowhere", "-inType=teleports"},
                      {{"HTTPTP_CONCURRENCY", "0"}, {"HTTPTP_QUEUE_SIZE", "all"}});
  EXPECT_EQ(bad.code, 1);
  EXPECT_THAT(bad.out, IsEmpty());
  for (const std::string& line :
       {std::string("environment variable HTTPTP_QUEUE_SIZE=\"all\": a number is accepted"),
        (file + ":2: unknown flag \"vai\"; did you mean via?"),
        (file + ":3: outTimeout = \"3\": a duration with its unit, like 3s or 500ms is accepted"),
        ("-workers=\"-1\" (" + file + ":1): a number from 0 to 256 is accepted"),
        std::string("-concurrency=\"0\" (env HTTPTP_CONCURRENCY): a number from 1 to 100000000 is "
                    "accepted"),
        std::string("-in=\"nowhere\": no port; host:port, :port or [ipv6]:port is accepted"),
        std::string("-inTLSCert=\"\": -inType=teleports needs a certificate")})
    EXPECT_THAT(bad.err, HasSubstr("error: " + line + "\n"));
  EXPECT_EQ(std::count(bad.err.begin(), bad.err.end(), '\n'), 7) << bad.err;
}

TEST_F(CommandLine, StartingTellsTheSameErrors) {
  const Run bad = run({"-workers=-1", "-inCompress=gzip"});
  EXPECT_EQ(bad.code, 1);
  EXPECT_THAT(bad.err, HasSubstr("error: -workers=\"-1\""));
  EXPECT_THAT(bad.err, HasSubstr("error: -inCompress=\"gzip\""));
  EXPECT_EQ(run({"-config", path("none")}).code, 1);
}

TEST_F(CommandLine, CheckReadsCertificates) {
  const std::string certificate = path("cert.pem");
  const std::string key = path("key.pem");
  for (const std::string& name : {key, path("other.pem")}) {
    Process openssl({"/usr/bin/openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                     "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=localhost", "-days", "2",
                     "-keyout", name, "-out", name == key ? certificate : path("unused.pem")});
    const auto status = openssl.wait_exit();
    ASSERT_TRUE(status && status->code == 0) << openssl.output();
  }
  const Flags flags = {"-check", "-expvarAddr=", "-inType=https", "-inTLSCert=" + certificate};
  const Run good = run(flags + Flags{"-inTLSKey=" + key});
  EXPECT_EQ(good.code, 0) << good.err;
  EXPECT_THAT(good.out, StartsWith("ok: https at 127.0.0.1:8080, 1 certificate; "));
  const Run other = run(flags + Flags{"-inTLSKey=" + path("other.pem")});
  EXPECT_EQ(other.code, 1);
  EXPECT_THAT(other.err, HasSubstr("the private key does not belong to the certificate"));
  const Run none = run(flags + Flags{"-inTLSKey=" + path("none"), "-inTLSClientCA=" + key});
  EXPECT_EQ(none.code, 1);
  EXPECT_THAT(none.err, HasSubstr("No such file or directory"));
  EXPECT_THAT(none.err, HasSubstr("-inTLSClientCA=\""));
}

TEST_F(CommandLine, DumpShowsWhereEveryValueIsFrom) {
  const std::string file = write("flags", "# ours\nvia = file\nworkers = 1\nqueueSize = 1\n");
  const Process::Environment environment = {{"HTTPTP_WORKERS", "2"}, {"HTTPTP_QUEUE_SIZE", "2"}};
  const Run dump = run(
      {"-dumpConfig", "-config", file, "-queueSize=3", "-inTLSSessionTicketKey=hush"}, environment);
  EXPECT_EQ(dump.code, 0) << dump.err;
  EXPECT_THAT(dump.err, IsEmpty());
  EXPECT_THAT(dump.out, ContainsRegex("(^|\n)in +[=] 127.0.0.1:8080 +# default\n"));
  EXPECT_THAT(dump.out, ContainsRegex("\nvia +[=] file +# " + file + ":2\n"));
  EXPECT_THAT(dump.out, ContainsRegex("\nworkers +[=] 2 +# env HTTPTP_WORKERS\n"));
  EXPECT_THAT(dump.out, ContainsRegex("\nqueueSize +[=] 3 +# flag\n"));
  EXPECT_THAT(dump.out, ContainsRegex("\n#inTLSSessionTicketKey +[=] [(]set[)] +# flag\n"));
  EXPECT_THAT(dump.out, Not(HasSubstr("hush")));
  // What it prints is a file of flags.
  const Run again = run({"-dumpConfig", "-config", write("dumped", dump.out)});
  EXPECT_EQ(again.code, 0) << again.err;
  EXPECT_THAT(again.out, ContainsRegex("\nqueueSize +[=] 3 +# " + path("dumped") + ":"));
}

TEST_F(CommandLine, UnknownVariablesAreWarnedOf) {
  const Run warned =
      run({"-check", "-expvarAddr="}, {{"HTTPTP_OUT_TIMEOT", "3s"}, {"HTTPTP_VERSION", "1"}});
  EXPECT_EQ(warned.code, 0);
  EXPECT_THAT(warned.err, HasSubstr("warning: environment variable HTTPTP_OUT_TIMEOT is the name "
                                    "of no flag; did you mean HTTPTP_OUT_TIMEOUT?\n"));
  EXPECT_THAT(warned.err, HasSubstr("HTTPTP_VERSION is ignored"));
}

TEST_F(CommandLine, AFileAndTheEnvironmentAreServedByToo) {
  Origin origin;
  const std::string file = write("flags", "in = 127.0.0.1:0\noutType = http\nvia = file\n");
  std::string error;
  const auto proxy = HttptpProcess::start(
      {.flags = {"-config=" + file},
       .environment = {{"HTTPTP_OUT", origin.address().text()}, {"HTTPTP_VIA", "variable"}}},
      error);
  ASSERT_NE(proxy, nullptr) << error;
  EXPECT_THAT(get(proxy->address(), "/headers").body, HasSubstr("1.1 variable\r\n"));
  EXPECT_EQ(proxy->stop().code, 0);
}

TEST_F(CommandLine, TheLogGoesWhereTheFlagsSay) {
  const Run none = run({"-expvarAddr=", "-in=127.0.0.1:0", "-logFile=" + path("none/log")});
  EXPECT_EQ(none.code, 1);
  EXPECT_THAT(none.err, HasSubstr("cannot open -logFile=\"" + path("none/log") +
                                  "\": No such file or directory"));
  Process proxy({bin_dir() + "/httptp", "-expvarAddr=", "-in=127.0.0.1:0",
                 "-logFile=" + path("log"), "-logFormat=json"});
  EXPECT_TRUE(wait_until(
      [&] { return read(path("log")).find("listening on 127.0.0.1:") != std::string::npos; }));
  EXPECT_EQ(proxy.terminate().code, 0);
  EXPECT_THAT(read(path("log")), StartsWith("{"));
  EXPECT_THAT(proxy.output(), IsEmpty());
}

TEST_F(CommandLine, SighupTakesUpWhatHasChangedInTheFile) {
  Origin origin;
  const std::string rest =
      "in = 127.0.0.1:0\noutType = http\nout = " + origin.address().text() + "\n";
  const std::string file = write("flags", rest + "via = before\n");
  RunningHttptp proxy({"-config=" + file});
  ASSERT_TRUE(proxy.started());
  Process& process = proxy->process();
  EXPECT_THAT(get(proxy.address(), "/headers").body, HasSubstr("1.1 before\r\n"));

  write("flags", rest + "via = \nworkers = x\n");
  process.signal(SIGHUP);
  EXPECT_TRUE(process.wait_line(file + ":5: workers = \"x\": a number is accepted"));
  EXPECT_TRUE(process.wait_line("the old one stays"));
  EXPECT_THAT(get(proxy.address(), "/headers").body, HasSubstr("1.1 before\r\n"));

  write("flags", rest + "via = after\nworkers = 7\n");
  process.signal(SIGHUP);
  EXPECT_TRUE(process.wait_line("-workers has a new value, which needs a restart"));
  EXPECT_TRUE(process.wait_line("configuration reloaded"));
  EXPECT_TRUE(wait_until([&] {
    return get(proxy.address(), "/headers").body.find("1.1 after\r\n") != std::string::npos;
  }));
}

}  // namespace
}  // namespace httpteleport::test
