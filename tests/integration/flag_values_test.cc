// What each flag accepts and refuses, told by the program itself: -check takes a value with exit
// code 0, or names the flag, the value and what is accepted. What the values do is tested in the
// files that flag_effects_test.cc lists.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "integration/topology.h"
#include "support/certificates.h"
#include "support/paths.h"
#include "support/process.h"
#include "support/temporary_folder.h"

namespace httpteleport::test {
namespace {

using testing::HasSubstr;
using testing::Not;

// A value that is refused, and the words that say what is accepted.
struct Refused {
  std::string value;
  std::string accepted;
};

struct FlagCase {
  std::string flag;
  std::vector<std::string> accepted;
  std::vector<Refused> refused;
  Flags company = {};  // flags without which this one does nothing or is wrong
};

// What all flags of a kind have in common. A value of the wrong kind is an error of the command
// line (exit code 2); one out of range is not (exit code 1).
FlagCase number(std::string flag, int64_t least, int64_t most, Flags company = {}) {
  const std::string range =
      "a number from " + std::to_string(least) + " to " + std::to_string(most) + " is accepted";
  FlagCase made{std::move(flag), {std::to_string(least)}, {}, std::move(company)};
  if (most < INT64_MAX) {
    made.accepted.push_back(std::to_string(most));
    made.refused.push_back({std::to_string(most + 1), range});
  }
  made.refused.push_back({std::to_string(least - 1), range});
  made.refused.push_back({"1x", "a number is accepted"});
  return made;
}

FlagCase from_zero(std::string flag, Flags company = {}) {
  return {std::move(flag),
          {"0", "1ms", "1h30m"},
          {{"-1s", "a duration of 0 or more is accepted"},
           {"3", "a duration with its unit, like 3s or 500ms is accepted"}},
          std::move(company)};
}

FlagCase above_zero(std::string flag, Flags company = {}) {
  return {std::move(flag),
          {"1ms", "1h30m"},
          {{"0s", "a duration above 0 is accepted"},
           {"-1s", "a duration above 0 is accepted"},
           {"3", "a duration with its unit, like 3s or 500ms is accepted"}},
          std::move(company)};
}

FlagCase boolean(std::string flag, Flags company = {}) {
  return {std::move(flag),
          {"true", "false", "1", "F"},
          {{"yes", "true or false is accepted"}},
          std::move(company)};
}

FlagCase token(std::string flag, Flags company = {}) {
  return {std::move(flag),
          {"", "X-Name"},
          {{"a b", "letters, digits and !#$%&'*+-.^_`|~ are accepted"},
           {"a:b", "letters, digits and !#$%&'*+-.^_`|~ are accepted"}},
          std::move(company)};
}

FlagCase address_set(std::string flag, Flags company = {}) {
  const std::string accepted = "IPv4 and IPv6 addresses and CIDR blocks are accepted";
  return {std::move(flag),
          {"127.0.0.1", "10.0.0.0/8, ::1,2001:db8::/32"},
          {{"localhost", accepted}, {"10.0.0.0/33", accepted}, {"10.0.0", accepted}},
          std::move(company)};
}

const std::string kAddress = "host:port, :port or [ipv6]:port is accepted";
const std::string kTypes = "http, https, unix, teleport and teleports are accepted";
const std::string kProtocols = "auto, v2 and v0 are accepted";
const std::string kCompressions =
    "auto, none, zstd, zstd:1 to zstd:19, zstd:auto, flate, flate:1 to flate:9, and snappy are "
    "accepted";

// Files and flags that cases refer to.
class FlagValues : public testing::Test {
 protected:
  FlagValues() {
    const Pem leaf = ca_.issue({.names = {"localhost"}});
    certificate_ = folder_.write("leaf.pem", leaf.certificate);
    key_ = folder_.write("leaf.key", leaf.key);
    ca_file_ = folder_.write("ca.pem", ca_.pem());
    no_ca_ = folder_.write("no_ca.pem", "no PEM\n");
    https_in_ = {"-inType=https", "-inTLSCert=" + certificate_, "-inTLSKey=" + key_};
  }

  std::vector<FlagCase> in() const;
  std::vector<FlagCase> tls() const;
  std::vector<FlagCase> autocert() const;
  std::vector<FlagCase> out() const;
  std::vector<FlagCase> balancing() const;
  std::vector<FlagCase> timeouts_and_limits() const;
  std::vector<FlagCase> logging_and_operations() const;

  static void expect_accepted(const FlagCase& flag, const std::string& value);
  static void expect_refused(const FlagCase& flag, const Refused& refused);
  static void check(const std::vector<FlagCase>& cases);

  const TestCa ca_{"values"};
  const TemporaryFolder folder_;
  std::string certificate_;
  std::string key_;
  std::string ca_file_;
  std::string no_ca_;
  Flags https_in_;
};

const Flags kLinkIn = {"-inType=teleport"};
const Flags kUnixIn = {"-inType=unix", "-in=@values"};
const Flags kHttpOut = {"-outType=http"};
const Flags kHttpsOut = {"-outType=https"};
const Flags kAutocert = {"-inType=https", "-autocertHostRegexp=^a$"};

std::vector<FlagCase> FlagValues::in() const {
  const std::string port = "the port is not a number from 0 to 65535";
  return {
      {"in",
       {":0", "127.0.0.1:80", "[::1]:80", "unix:/x", "unix:@x"},
       {{"nowhere", kAddress}, {"127.0.0.1:65536", port}, {"127.0.0.1:http", port}}},
      {"inType", {"http", "teleport", "httptp"}, {{"ftp", kTypes}, {"HTTP", kTypes}, {"", kTypes}}},
      {"inType", {"https", "teleports", "httptps", "tepelorts"}, {}, https_in_},
      {"inType", {"unix"}, {}, {"-in=@values"}},
      {"inUnixMode",
       {"0", "600", "0666", "0777"},
       {{"1000", "an octal number from 0 to 0777 is accepted"},
        {"rw", "an octal number from 0 to 0777 is accepted"}},
       kUnixIn},
      from_zero("inDelay", kLinkIn),
      {"inProtocol", {"auto", "v2", "v0"}, {{"v1", kProtocols}, {"", kProtocols}}, kLinkIn},
      {"inCompress",
       {"auto", "none", "zstd", "zstd:1", "zstd:19", "zstd:auto", "flate", "flate:1", "flate:9",
        "snappy"},
       {{"gzip", kCompressions},
        {"flate:0", kCompressions},
        {"flate:10", kCompressions},
        {"zstd:20", kCompressions}},
       kLinkIn},
      {"inCompress",
       {"auto", "none", "flate", "snappy"},
       {{"zstd", "with -inProtocol=v0"}, {"zstd:3", "with -inProtocol=v0"}},
       kLinkIn + Flags{"-inProtocol=v0"}},
      number("inMaxHeaderSize", 256, 1 << 20),
      number("inMaxBodySize", 0, INT64_MAX),
      boolean("inGetOnly"),
      address_set("inAllowIP"),
      boolean("inAllowPlaintext",
              Flags{"-inType=teleports", "-inTLSCert=" + certificate_, "-inTLSKey=" + key_}),
      {"inProxyProtocol",
       {"", "v1", "v2", "any"},
       {{"v3", "nothing, v1, v2 and any are accepted"}},
       {"-inProxyProtocolFrom=127.0.0.1"}},
      address_set("inProxyProtocolFrom", {"-inProxyProtocol=any"}),
      boolean("reusePort"),
      token("clientIPHeader"),
      boolean("xForwarded"),
      token("via"),
      token("requestIDHeader"),
  };
}

std::vector<FlagCase> FlagValues::tls() const {
  const std::string missing = "No such file or directory";
  return {
      {"inTLSCert", {certificate_}, {{"/none", missing}}, {"-inType=https", "-inTLSKey=" + key_}},
      {"inTLSKey",
       {key_},
       {{"", "as many files as -inTLSCert has are needed: 1, not 0"},
        {key_ + "," + key_, "as many files as -inTLSCert has are needed: 1, not 2"}},
       {"-inType=https", "-inTLSCert=" + certificate_}},
      {"inTLSSessionTicketKey", {"", "new", "new, old"}, {}, https_in_},
      {"inTLSClientCA", {"", ca_file_}, {{"/none", missing}, {no_ca_, "CA"}}, https_in_},
      above_zero("inHandshakeTimeout", https_in_),
      {"outTLSCA", {"", ca_file_}, {{"/none", missing}, {no_ca_, "CA"}}, kHttpsOut},
      {"outTLSServerName",
       {"", "origin.example", "127.0.0.1", "::1"},
       {{"a b", "a host name or an address is accepted"},
        {"a/b", "a host name or an address is accepted"}},
       kHttpsOut},
      boolean("outTLSInsecureSkipVerify", kHttpsOut),
      {"outTLSCert",
       {certificate_},
       {{"/none", missing}, {"", "-outTLSKey needs its certificate"}},
       kHttpsOut + Flags{"-outTLSKey=" + key_}},
      {"outTLSKey",
       {key_},
       {{"", "-outTLSCert needs its key"}},
       kHttpsOut + Flags{"-outTLSCert=" + certificate_}},
  };
}

std::vector<FlagCase> FlagValues::autocert() const {
  return {
      {"autocertCacheDir",
       {folder_.file("cache")},
       {{"", "the path of a folder is accepted"}},
       kAutocert},
      {"autocertHostRegexp",
       {"^(www[.])?example[.]org$"},
       {{"(", "a regular expression (RE2) is accepted"}},
       {"-inType=https"}},
      {"autocertURL",
       {"https://ca.example/directory"},
       {{"http://ca.example/", "an https:// URL is accepted"},
        {"https://", "an https:// URL is accepted"}},
       kAutocert},
      {"autocertCAFile", {"", ca_file_}, {{"/none", "No such file or directory"}}, kAutocert},
      {"autocertEmail",
       {"", "ops@example.org"},
       {{"ops", "name@host is accepted"}, {"@", "name@host is accepted"}},
       kAutocert},
      {"autocertHTTPAddr", {"", ":80", "[::1]:80"}, {{"x", kAddress}}, kAutocert},
  };
}

std::vector<FlagCase> FlagValues::out() const {
  const std::string weight = "only ;weight=1 to ;weight=256 may follow an address";
  return {
      {"out",
       {":80", "127.0.0.1:80,[::1]:80", "127.0.0.1:80;weight=1,127.0.0.1:81;weight=256",
        "unix:/x,unix:@x;weight=2"},
       {{"", "at least one host:port is needed"},
        {"x", kAddress},
        {"127.0.0.1:80;weight=0", weight},
        {"127.0.0.1:80;weight=257", weight},
        {"127.0.0.1:80;share=2", weight}}},
      {"outType",
       {"http", "https", "teleport", "httptp", "teleports", "httptps", "tepelorts"},
       {{"ftp", kTypes}, {"", kTypes}}},
      {"outType", {"unix"}, {}, {"-out=/x,@x"}},
      from_zero("outDelay"),
      {"outProtocol", {"auto", "v2", "v0"}, {{"v1", kProtocols}, {"V2", kProtocols}}},
      {"outCompress",
       {"auto", "none", "zstd", "zstd:1", "zstd:19", "zstd:auto", "flate", "flate:1", "flate:9",
        "snappy"},
       {{"gzip", kCompressions}, {"flate:10", kCompressions}, {"zstd:0", kCompressions}}},
      {"outCompress",
       {"auto", "none", "zstd", "zstd:19"},
       {{"flate", "with -outProtocol=v2"}, {"snappy", "with -outProtocol=v2"}},
       {"-outProtocol=v2"}},
      {"linkMemory",
       {"small", "normal", "large"},
       {{"huge", "small, normal and large are accepted"}, {"", "small, normal and large"}}},
      {"linkPlainBodies",
       {"", "/", "/login, /media/"},
       {{"login", "beginnings of paths, each with a /, separated by commas, are accepted"}}},
      {"linkSecretHeaders",
       {"", "Cookie", "cookie, x-api-key"},
       {{"a b", "names of headers, separated by commas, are accepted"},
        {"a:b", "names of headers, separated by commas, are accepted"}}},
      number("outMaxHeaderSize", 256, 1 << 20),
      number("outMaxBodySize", 0, int64_t{1} << 30),
      number("outConnsPerAddr", 1, 1024),
      number("outMaxConnsPerAddr", 0, 100'000'000),
      {"outProxyProtocol",
       {"", "v1", "v2"},
       {{"any", "nothing, v1 and v2 are accepted"}},
       kHttpOut},
      from_zero("outResolveInterval"),
  };
}

std::vector<FlagCase> FlagValues::balancing() const {
  const std::string path = "a path that begins with / is accepted, without blanks";
  return {
      {"outBalance",
       {"least-loaded", "round-robin", "p2c", "ewma", "hash:X-User"},
       {{"random", "least-loaded, round-robin, p2c, ewma and hash:HEADER are accepted"},
        {"hash:", "the name of a header goes behind hash:"},
        {"hash:a b", "the name of a header goes behind hash:"}}},
      {"outCheck", {"", "/healthz?full=1"}, {{"healthz", path}, {"/a b", path}}},
      above_zero("outCheckInterval", {"-outCheck=/"}),
      from_zero("outSlowStart"),
      number("outEjectFailures", 0, 1'000'000),
      number("outEjectRatio", 0, 100),
      number("outEjectShare", 0, 100),
      number("outRetries", 0, 100),
      number("outRetryBudget", 0, 100),
      from_zero("outTryTimeout"),
  };
}

std::vector<FlagCase> FlagValues::timeouts_and_limits() const {
  return {
      above_zero("inHeadTimeout"),
      above_zero("inBodyIdleTimeout"),
      above_zero("inKeepAliveTimeout"),
      above_zero("inWriteIdleTimeout"),
      above_zero("outConnectTimeout"),
      above_zero("outTimeout"),
      from_zero("outTotalTimeout"),
      above_zero("outIdleTimeout"),
      above_zero("tunnelIdleTimeout"),
      from_zero("shutdownTimeout"),
      from_zero("drainDelay"),
      number("concurrency", 1, 100'000'000),
      number("queueSize", 0, 100'000'000),
      from_zero("queueTimeout"),
      number("maxMemory", 1 << 20, INT64_MAX),
      number("workers", 0, 256),
  };
}

std::vector<FlagCase> FlagValues::logging_and_operations() const {
  const Flags access_log = {"-accessLog=-"};
  return {
      // Opened when the program starts; see flags_operations_test.cc.
      {"logFile", {"", "/none/log"}, {}},
      {"logFormat", {"text", "json", "logfmt"}, {{"xml", "text, json and logfmt are accepted"}}},
      {"logLevel",
       {"debug", "info", "warn", "error"},
       {{"all", "debug, info, warn and error are accepted"}}},
      boolean("logAllErrors"),
      {"accessLog", {"", "-", "/none/log"}, {}},
      {"accessLogFormat", {"text", "json"}, {{"logfmt", "text and json are accepted"}}, access_log},
      {"expvarAddr", {"", "127.0.0.1:0", "[::1]:0"}, {{"x", kAddress}, {"unix:/x", kAddress}}},
      {"config", {folder_.write("flags", "via = x\n")}, {{"/none", "No such file or directory"}}},
      {"pidFile", {"", "/none/pid"}, {}},
      boolean("strictArgs"),
      {"check", {"true"}, {{"yes", "true or false is accepted"}}},
      {"dumpConfig", {"true", "false"}, {{"yes", "true or false is accepted"}}},
      {"version", {"true", "false"}, {{"yes", "true or false is accepted"}}},
      {"demo", {"true", "false"}, {{"yes", "true or false is accepted"}}},
  };
}

struct Ended {
  int code = -1;
  std::string output;
};

Ended run(const Flags& flags) {
  Process process(Flags{bin_dir() + "/httptp"} + flags);
  const auto status = process.wait_exit();
  EXPECT_TRUE(status.has_value()) << "it did not end";
  process.terminate();
  return {status ? status->code : -1, process.output()};
}

Ended run_check(const FlagCase& flag, const std::string& value) {
  return run(Flags{"-check", "-expvarAddr="} + flag.company + Flags{"-" + flag.flag + "=" + value});
}

void FlagValues::expect_accepted(const FlagCase& flag, const std::string& value) {
  const Ended good = run_check(flag, value);
  EXPECT_EQ(good.code, 0) << good.output;
  EXPECT_THAT(good.output, Not(HasSubstr("error: ")));
}

void FlagValues::expect_refused(const FlagCase& flag, const Refused& refused) {
  const Ended bad = run_check(flag, refused.value);
  EXPECT_THAT(bad.output, HasSubstr("-" + flag.flag));
  EXPECT_THAT(bad.output, HasSubstr("\"" + refused.value + "\""));
  EXPECT_THAT(bad.output, HasSubstr(refused.accepted));
  EXPECT_THAT(bad.output, Not(HasSubstr("ok: ")));
  const bool wrong_kind = bad.output.find("run 'httptp -help'") != std::string::npos;
  EXPECT_EQ(bad.code, wrong_kind ? 2 : 1) << bad.output;
}

void FlagValues::check(const std::vector<FlagCase>& cases) {
  for (const FlagCase& flag : cases) {
    for (const std::string& value : flag.accepted) {
      SCOPED_TRACE("-" + flag.flag + "=" + value);
      expect_accepted(flag, value);
    }
    for (const Refused& refused : flag.refused) {
      SCOPED_TRACE("-" + flag.flag + "=" + refused.value);
      expect_refused(flag, refused);
    }
  }
}

TEST_F(FlagValues, In) {
  check(in());
}
TEST_F(FlagValues, Tls) {
  check(tls());
}
TEST_F(FlagValues, Autocert) {
  check(autocert());
}
TEST_F(FlagValues, Out) {
  check(out());
}
TEST_F(FlagValues, Balancing) {
  check(balancing());
}
TEST_F(FlagValues, TimeoutsAndLimits) {
  check(timeouts_and_limits());
}
TEST_F(FlagValues, LoggingAndOperations) {
  check(logging_and_operations());
}

TEST_F(FlagValues, HaveACaseForEveryFlag) {
  std::set<std::string> known;
  for (const auto& cases : {in(), tls(), autocert(), out(), balancing(), timeouts_and_limits(),
                            logging_and_operations()}) {
    for (const FlagCase& flag : cases)
      known.insert(flag.flag);
  }
  std::set<std::string> missing;
  std::istringstream lines(run({"-help"}).output);
  size_t flags = 0;
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("  -")) continue;
    ++flags;
    const std::string name = line.substr(3, line.find_first_of(" \n", 3) - 3);
    if (!known.contains(name)) missing.insert(name);
  }
  EXPECT_GT(flags, 80u) << "-help is not understood";
  EXPECT_THAT(missing, testing::IsEmpty());
  EXPECT_EQ(flags, known.size()) << "a case is of a flag that does not exist";
}

}  // namespace
}  // namespace httpteleport::test
