#include "config/load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "config/flag_texts.h"

namespace httpteleport::config {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Outcome = LoadedOptions::Outcome;
using List = std::vector<std::string>;

const FlagValue& value_of(const LoadedOptions& loaded, std::string_view name) {
  for (const FlagValue& value : loaded.values) {
    if (value.name == name) return value;
  }
  ADD_FAILURE() << "no flag " << name;
  return loaded.values.front();
}

// A folder of files, gone at the end.
class LoadWithFile : public testing::Test {
 protected:
  LoadWithFile() {
    std::string pattern = testing::TempDir() + "/flagsXXXXXX";
    folder_ = mkdtemp(pattern.data());
    file_ = folder_ + "/httptp.conf";
  }
  ~LoadWithFile() override { std::filesystem::remove_all(folder_); }

  LoadedOptions load(std::string_view contents, List arguments = {}, List environment = {}) {
    std::ofstream(file_, std::ios::binary) << contents;
    arguments.insert(arguments.begin(), "-config=" + file_);
    return load_httptp_options(arguments, environment);
  }
  // Of a file with these contents, without its name before them.
  List errors_in(std::string_view contents) {
    const LoadedOptions loaded = load(contents);
    EXPECT_EQ(loaded.outcome, loaded.errors.empty() ? Outcome::kOk : Outcome::kBadValues);
    List errors;
    for (const std::string& error : loaded.errors) {
      EXPECT_TRUE(error.starts_with(file_ + ":")) << error;
      errors.push_back(error.substr(file_.size() + 1));
    }
    return errors;
  }

  std::string folder_;
  std::string file_;
};

TEST(Load, GivesDefaultsToNothing) {
  const LoadedOptions loaded = load_httptp_options({}, {});
  EXPECT_EQ(loaded.outcome, Outcome::kOk);
  EXPECT_EQ(loaded.options.in, "127.0.0.1:8080");
  EXPECT_THAT(loaded.errors, IsEmpty());
  EXPECT_THAT(loaded.warnings, IsEmpty());
  for (const FlagValue& value : loaded.values)
    EXPECT_EQ(value.origin.text(), "default") << value.name;
}

TEST_F(LoadWithFile, PrefersFlagsToTheEnvironmentToTheFileToDefaults) {
  const LoadedOptions loaded = load("workers=1\nqueueSize=1\nconcurrency=1\n", {"-workers=3"},
                                    {"HTTPTP_WORKERS=2", "HTTPTP_QUEUE_SIZE=2", "PATH=/bin"});
  EXPECT_EQ(loaded.outcome, Outcome::kOk) << testing::PrintToString(loaded.errors);
  EXPECT_EQ(loaded.options.workers, 3);
  EXPECT_EQ(loaded.options.queue_size, 2);
  EXPECT_EQ(loaded.options.concurrency, 1);
  EXPECT_EQ(value_of(loaded, "workers").origin.text(), "flag");
  EXPECT_EQ(value_of(loaded, "queueSize").origin.text(), "env HTTPTP_QUEUE_SIZE");
  EXPECT_EQ(value_of(loaded, "concurrency").origin.text(), file_ + ":3");
  EXPECT_EQ(value_of(loaded, "in").origin.text(), "default");
}

TEST_F(LoadWithFile, TakesTheFileFromTheEnvironmentUnlessAFlagNamesOne) {
  std::ofstream(file_) << "via = here\n";
  EXPECT_EQ(load_httptp_options({}, {"HTTPTP_CONFIG=" + file_}).options.via, "here");
  EXPECT_EQ(load_httptp_options({"-config="}, {"HTTPTP_CONFIG=" + file_}).options.via, "");
}

TEST_F(LoadWithFile, ReadsCommentsBlanksAndQuotes) {
  const LoadedOptions loaded = load(
      "\xEF\xBB\xBF# all about it\r\n"
      "\n"
      "  in = :80   # behind a blank\r\n"
      "outCheck=/a#b\n"
      "via =\n"
      "inTLSCert = \" a # \\\"b\\\\ \\n\"# as it is\n"
      "reusePort = true\n"
      "outTimeout=5s\n"
      "outTimeout = 1h2m\n"
      "\t \n"
      "out = last:1");
  EXPECT_EQ(loaded.outcome, Outcome::kOk) << testing::PrintToString(loaded.errors);
  EXPECT_EQ(loaded.options.in, ":80");
  EXPECT_EQ(loaded.options.out_check, "/a#b");
  EXPECT_EQ(loaded.options.via, "");
  EXPECT_EQ(loaded.options.in_tls_cert, " a # \"b\\ \n");
  EXPECT_TRUE(loaded.options.reuse_port);
  EXPECT_EQ(loaded.options.out_timeout, 62min) << "the last one wins";
  EXPECT_EQ(value_of(loaded, "outTimeout").origin.text(), file_ + ":9");
  EXPECT_EQ(loaded.options.out, "last:1");
}

TEST_F(LoadWithFile, SaysAllThatIsWrongInAFileWithItsLine) {
  EXPECT_THAT(
      errors_in("workers = many\n"
                "wrokers = 1\n"
                "workers\n"
                "\n"
                "outTimeout = 3 # s\n"
                "check = true\n"
                "config = other\n"
                "via = \"a\n"
                "via = \"a\" b\n"
                "via = \"\\t\"\n"
                "reusePort =\n"
                "= x\n"
                "in = :1\n"),
      ElementsAre("1: workers = \"many\": a number is accepted",
                  "2: unknown flag \"wrokers\"; did you mean workers?",
                  "3: name = value is expected",
                  "5: outTimeout = \"3\": a duration with its unit, like 3s or 500ms is accepted",
                  "6: check is for the command line only", "7: a file cannot name another one",
                  "8: via: the quote at the end is missing",
                  "9: via: only a comment may follow the quoted value",
                  "10: via: \\\", \\\\ and \\n are accepted behind a backslash",
                  "11: reusePort = \"\": true or false is accepted", "12: unknown flag \"\""));
}

TEST_F(LoadWithFile, ChecksAlsoWhatAStrongerLayerReplaces) {
  const LoadedOptions loaded = load("workers = x\n", {"-workers=2"});
  EXPECT_EQ(loaded.outcome, Outcome::kBadValues);
  EXPECT_THAT(loaded.errors, ElementsAre(file_ + ":1: workers = \"x\": a number is accepted"));
  EXPECT_EQ(loaded.options.workers, 2);
}

TEST_F(LoadWithFile, SaysWhyAFileCannotBeRead) {
  EXPECT_THAT(
      load_httptp_options({"-config", folder_ + "/none"}, {}).errors,
      ElementsAre("-config=\"" + folder_ + "/none\": cannot be read: No such file or directory"));
  EXPECT_THAT(load_httptp_options({"-config", folder_}, {}).errors,
              ElementsAre("-config=\"" + folder_ + "\": cannot be read: Is a directory"));
  EXPECT_THAT(load(std::string((1 << 20) + 1, '\n')).errors,
              ElementsAre("-config=\"" + file_ + "\": is larger than 1 MiB"));
  EXPECT_THAT(load("").errors, IsEmpty());
}

TEST(Load, SaysWhatIsWrongInTheEnvironment) {
  const LoadedOptions loaded = load_httptp_options(
      {}, {"HTTPTP_WORKERS=many", "HTTPTP_OUT_TIMEOUT=3", "HTTPTP_IN_TYP=http", "HTTPTP_CHECK=1",
           "HTTPTP_PORT_80_TCP_ADDR=10.0.0.1", "HTTPTP_IN", "XHTTPTP_IN=:1", "HTTPTP_VIA=a=b"});
  EXPECT_EQ(loaded.outcome, Outcome::kBadValues);
  EXPECT_THAT(loaded.errors,
              ElementsAre("environment variable HTTPTP_WORKERS=\"many\": a number is accepted",
                          "environment variable HTTPTP_OUT_TIMEOUT=\"3\": a duration with its "
                          "unit, like 3s or 500ms is accepted"));
  EXPECT_THAT(loaded.warnings,
              ElementsAre("environment variable HTTPTP_IN_TYP is the name of no flag; did you mean "
                          "HTTPTP_IN_TYPE?",
                          "environment variable HTTPTP_CHECK is ignored: -check is for the command "
                          "line only",
                          "environment variable HTTPTP_PORT_80_TCP_ADDR is the name of no flag"));
  EXPECT_FALSE(loaded.options.check);
  EXPECT_EQ(loaded.options.via, "a=b");
  EXPECT_EQ(loaded.options.in, "127.0.0.1:8080");
}

TEST(Load, StopsAtAWrongCommandLine) {
  const LoadedOptions loaded =
      load_httptp_options({"-config=/none", "-outTimeot=1s"}, {"HTTPTP_WORKERS=x"});
  EXPECT_EQ(loaded.outcome, Outcome::kBadCommandLine);
  EXPECT_THAT(loaded.errors, ElementsAre("flag provided but not defined: -outTimeot; did you mean "
                                         "-outTimeout?"));
  EXPECT_EQ(load_httptp_options({"-config=/none", "-h", "-x"}, {}).outcome, Outcome::kHelp);
}

TEST(Load, WarnsOfArgumentsBehindTheFlags) {
  EXPECT_THAT(load_httptp_options({"-reusePort", "false", "-in=:1", "x"}, {}).warnings,
              ElementsAre("ignoring \"false\" and 2 more arguments; to switch a flag off write "
                          "-flag=false"));
  EXPECT_THAT(load_httptp_options({"extra"}, {}).warnings, ElementsAre("ignoring \"extra\""));
}

TEST_F(LoadWithFile, RefusesArgumentsBehindTheFlagsWhenTold) {
  const LoadedOptions by_flag = load_httptp_options({"-strictArgs", "extra"}, {});
  EXPECT_EQ(by_flag.outcome, Outcome::kBadCommandLine);
  EXPECT_THAT(by_flag.errors,
              ElementsAre("\"extra\" behind the flags, which -strictArgs does not accept"));
  EXPECT_EQ(load_httptp_options({"extra"}, {"HTTPTP_STRICT_ARGS=1"}).outcome,
            Outcome::kBadCommandLine);
  EXPECT_EQ(load("strictArgs = true", {"extra"}).outcome, Outcome::kBadCommandLine);
  EXPECT_EQ(load_httptp_options({"-strictArgs"}, {}).outcome, Outcome::kOk);
}

TEST_F(LoadWithFile, KeepsWhatARunningProgramCannotChange) {
  const LoadedOptions running = load("in = :1\noutTimeout = 1s\nworkers = 1");
  LoadedOptions loaded = load("in = :2\noutTimeout = 2s", {}, {"HTTPTP_WORKERS=1"});
  EXPECT_THAT(keep_what_needs_restart(running, loaded), ElementsAre("in"));
  EXPECT_EQ(loaded.options.in, ":1");
  EXPECT_EQ(loaded.options.out_timeout, 2s);
  EXPECT_EQ(value_of(loaded, "in").text, ":1");
  EXPECT_FALSE(same_values(running, loaded));
  LoadedOptions same = load("in = :2\noutTimeout = 1s\nworkers = 1");
  EXPECT_FALSE(same_values(running, same));
  EXPECT_THAT(keep_what_needs_restart(running, same), ElementsAre("in"));
  EXPECT_TRUE(same_values(running, same));
}

// The file of the access log is written in one form from beginning to end.
TEST_F(LoadWithFile, KeepsTheFormOfTheAccessLog) {
  const LoadedOptions running = load("accessLogFormat = text");
  LoadedOptions loaded = load("accessLogFormat = json");
  EXPECT_THAT(keep_what_needs_restart(running, loaded), ElementsAre("accessLogFormat"));
  EXPECT_EQ(loaded.options.access_log_format, "text");
}

TEST_F(LoadWithFile, DumpsWhatItCanLoadAgain) {
  const List odd = {"-via= a ",
                    "-outCheck=/#x\"",
                    "-in=a # b",
                    "-inTLSCert=\"q\"",
                    "-inTLSKey=back\\slash\nline",
                    "-outTimeout=90s",
                    "-xForwarded"};
  const LoadedOptions loaded = load_httptp_options(odd, {});
  const LoadedOptions again = load(dump_text(loaded.values));
  EXPECT_THAT(again.errors, IsEmpty());
  for (const FlagValue& value : loaded.values) {
    if (value.name == "config") continue;
    EXPECT_EQ(value_of(again, value.name).text, value.text);
  }
}

TEST(Load, DumpsOriginsAndNoSecrets) {
  const std::string text =
      dump_text(load_httptp_options({"-inTLSSessionTicketKey=hush"}, {"HTTPTP_VIA=me"}).values);
  EXPECT_THAT(text, testing::Not(HasSubstr("hush")));
  EXPECT_THAT(text, testing::ContainsRegex("\n#inTLSSessionTicketKey +[=] [(]set[)] +# flag\n"));
  EXPECT_THAT(text, testing::ContainsRegex("\nvia +[=] me +# env HTTPTP_VIA\n"));
  EXPECT_THAT(text, testing::ContainsRegex("\nworkers +[=] 0 +# default\n"));
  EXPECT_THAT(dump_text(load_httptp_options({}, {}).values),
              testing::ContainsRegex("\ninTLSSessionTicketKey +[=] +# default\n"));
}

}  // namespace
}  // namespace httpteleport::config
