#include "config/checks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "config/load.h"

namespace httpteleport::config {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using List = std::vector<std::string>;

// Of a command line with nothing wrong but its values.
struct Judgement {
  List errors;
  List warnings;
};
Judgement judge(const List& arguments, const List& environment = {}) {
  const LoadedOptions loaded = load_httptp_options(arguments, environment);
  EXPECT_EQ(loaded.outcome, LoadedOptions::Outcome::kOk) << testing::PrintToString(loaded.errors);
  Problems problems(loaded.values);
  check_options(loaded.options, problems);
  return {problems.errors(), problems.warnings()};
}

TEST(Checks, FindNothingWrongWithTheDefaults) {
  const Judgement judgement = judge({});
  EXPECT_THAT(judgement.errors, IsEmpty());
  EXPECT_THAT(judgement.warnings, IsEmpty());
}

TEST(Checks, SayWhichFlagWhatValueAndWhatIsAccepted) {
  struct {
    std::string_view argument;
    std::string_view error;
  } const kCases[] = {
      {"-inUnixMode=0888", "an octal number from 0 to 0777 is accepted"},
      {"-inUnixMode=1000", "an octal number from 0 to 0777 is accepted"},
      {"-inUnixMode=", "an octal number from 0 to 0777 is accepted"},
      {"-requestIDHeader=a b", "letters, digits and !#$%&'*+-.^_`|~ are accepted"},
      {"-inHandshakeTimeout=0", "a duration above 0 is accepted"},
      {"-autocertCacheDir=", "the path of a folder is accepted"},
      {"-autocertURL=http://a/", "an https:// URL is accepted"},
      {"-autocertURL=https://", "an https:// URL is accepted"},
      {"-autocertEmail=somebody", "name@host is accepted"},
      {"-autocertEmail=a@", "name@host is accepted"},
      {"-inProtocol=v1", "auto, v2 and v0 are accepted"},
      {"-outProtocol=", "auto, v2 and v0 are accepted"},
      {"-linkMemory=huge", "small, normal and large are accepted"},
      {"-linkSecretHeaders=cookie,a b", "names of headers, separated by commas, are accepted"},
      {"-linkPlainBodies=/a,b",
       "beginnings of paths, each with a /, separated by commas, are accepted"},
      {"-outMaxConnsPerAddr=-1", "a number from 0 to 100000000 is accepted"},
      {"-outProxyProtocol=any", "nothing, v1 and v2 are accepted"},
      {"-outResolveInterval=-1s", "a duration of 0 or more is accepted"},
      {"-outBalance=random", "least-loaded, round-robin, p2c, ewma and hash:HEADER are accepted"},
      {"-outBalance=", "least-loaded, round-robin, p2c, ewma and hash:HEADER are accepted"},
      {"-outBalance=hash:", "the name of a header goes behind hash:"},
      {"-outBalance=hash:a b", "the name of a header goes behind hash:"},
      {"-outTLSServerName=a b", "a host name or an address is accepted"},
      {"-outCheck=health", "a path that begins with / is accepted, without blanks"},
      {"-outCheck=/a b", "a path that begins with / is accepted, without blanks"},
      {"-outCheckInterval=0", "a duration above 0 is accepted"},
      {"-outSlowStart=-1s", "a duration of 0 or more is accepted"},
      {"-outEjectFailures=-1", "a number from 0 to 1000000 is accepted"},
      {"-outEjectRatio=101", "a number from 0 to 100 is accepted"},
      {"-outEjectShare=-1", "a number from 0 to 100 is accepted"},
      {"-outRetries=101", "a number from 0 to 100 is accepted"},
      {"-outRetryBudget=200", "a number from 0 to 100 is accepted"},
      {"-outTryTimeout=-1s", "a duration of 0 or more is accepted"},
      {"-inHeadTimeout=0", "a duration above 0 is accepted"},
      {"-inBodyIdleTimeout=0", "a duration above 0 is accepted"},
      {"-inKeepAliveTimeout=0", "a duration above 0 is accepted"},
      {"-inWriteIdleTimeout=0", "a duration above 0 is accepted"},
      {"-outConnectTimeout=0", "a duration above 0 is accepted"},
      {"-outTotalTimeout=-1s", "a duration of 0 or more is accepted"},
      {"-tunnelIdleTimeout=0", "a duration above 0 is accepted"},
      {"-drainDelay=-1s", "a duration of 0 or more is accepted"},
      {"-queueSize=-1", "a number from 0 to 100000000 is accepted"},
      {"-queueTimeout=-1s", "a duration of 0 or more is accepted"},
      {"-logFormat=xml", "text, json and logfmt are accepted"},
      {"-logLevel=warning", "debug, info, warn and error are accepted"},
      {"-accessLogFormat=clf", "text and json are accepted"},
  };
  for (const auto& c : kCases) {
    const List errors = judge({std::string(c.argument)}).errors;
    ASSERT_EQ(errors.size(), 1u) << c.argument << testing::PrintToString(errors);
    const std::string flag(c.argument.substr(0, c.argument.find('=') + 1));
    EXPECT_TRUE(errors[0].starts_with(flag + "\"")) << errors[0];
    EXPECT_TRUE(errors[0].ends_with("\": " + std::string(c.error))) << errors[0];
  }
}

TEST(Checks, TakeEveryChoice) {
  for (const std::string argument : {"-inType=unix",
                                     "-outType=https",
                                     "-outType=unix",
                                     "-outType=teleports",
                                     "-outType=httptps",
                                     "-outType=tepelorts",
                                     "-inUnixMode=0",
                                     "-inUnixMode=777",
                                     "-outProxyProtocol=v1",
                                     "-outProxyProtocol=v2",
                                     "-outBalance=least-loaded",
                                     "-outBalance=round-robin",
                                     "-outBalance=p2c",
                                     "-outBalance=ewma",
                                     "-outBalance=hash:X-User",
                                     "-outCheck=/health?a=b",
                                     "-autocertEmail=a@b.c",
                                     "-inAllowIP=10.0.0.0/8, ::1,2001:db8::/32",
                                     "-inAllowIP= ",
                                     "-logFormat=json",
                                     "-logFormat=logfmt",
                                     "-logLevel=debug",
                                     "-logLevel=error",
                                     "-accessLogFormat=json",
                                     "-outEjectRatio=100",
                                     "-outTotalTimeout=0",
                                     "-outRetries=0"})
    EXPECT_THAT(judge({argument}).errors, IsEmpty()) << argument;
}

TEST(Checks, ExplainWhatIsWrongInAddressListsAndExpressions) {
  for (const std::string flag : {"-inAllowIP", "-inProxyProtocolFrom"}) {
    const List errors = judge({flag + "=10.0.0.1,10.0.0.0/33"}).errors;
    ASSERT_EQ(errors.size(), 1u);
    EXPECT_THAT(errors[0], HasSubstr("10.0.0.0/33"));
  }
  const List errors = judge({"-autocertHostRegexp=(a"}).errors;
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_THAT(errors[0], HasSubstr("-autocertHostRegexp=\"(a\": a regular expression (RE2) is "
                                   "accepted; "));
}

TEST(Checks, WantAKeyForEachCertificate) {
  EXPECT_THAT(judge({"-inType=https", "-inTLSCert=a,b", "-inTLSKey=c"}).errors,
              ElementsAre("-inTLSKey=\"c\": as many files as -inTLSCert has are needed: 2, not 1"));
  EXPECT_THAT(judge({"-inType=https", "-inTLSKey=c"}).errors,
              ElementsAre("-inTLSKey=\"c\": as many files as -inTLSCert has are needed: 0, not 1"));
  EXPECT_THAT(judge({"-inType=https", "-inTLSCert=a, b", "-inTLSKey=c ,d"}).errors, IsEmpty());
  EXPECT_THAT(judge({"-outType=https", "-outTLSCert=a"}).errors,
              ElementsAre("-outTLSKey=\"\": -outTLSCert needs its key"));
  EXPECT_THAT(judge({"-outType=https", "-outTLSKey=a"}).errors,
              ElementsAre("-outTLSCert=\"\": -outTLSKey needs its certificate"));
  EXPECT_THAT(judge({"-inType=httptps"}).errors,
              ElementsAre("-inTLSCert=\"\": -inType=httptps needs a certificate"));
}

TEST(Checks, NameBothFlagsOfALinkThatDoNotGoTogether) {
  EXPECT_THAT(judge({"-outProtocol=v2", "-outCompress=flate:6"}).errors,
              ElementsAre("-outCompress=\"flate:6\": with -outProtocol=v2 auto, none, zstd, "
                          "zstd:1 to zstd:19, and zstd:auto are accepted"));
  EXPECT_THAT(judge({"-outProtocol=v2", "-outCompress=snappy"}).errors.size(), 1u);
  EXPECT_THAT(judge({"-inType=teleport", "-inProtocol=v0", "-inCompress=zstd"}).errors,
              ElementsAre("-inCompress=\"zstd\": with -inProtocol=v0 auto, none, flate, flate:1 to "
                          "flate:9, and snappy are accepted"));
  for (const char* protocol : {"auto", "v0", "v2"}) {
    for (const char* compress : {"auto", "none"}) {
      EXPECT_THAT(
          judge({std::string("-outProtocol=") + protocol, std::string("-outCompress=") + compress})
              .errors,
          IsEmpty());
    }
  }
  EXPECT_THAT(judge({"-outCompress=flate", "-outCompress=zstd:19"}).errors, IsEmpty());
}

TEST(Checks, KnowTheVersionsOfTheProxyHeader) {
  EXPECT_THAT(judge({"-inProxyProtocol=v3", "-inProxyProtocolFrom=::1"}).errors,
              ElementsAre("-inProxyProtocol=\"v3\": nothing, v1, v2 and any are accepted"));
}

TEST(Checks, WantToKnowWhoMaySendAProxyHeader) {
  EXPECT_EQ(judge({"-inProxyProtocol=v2"}).errors.size(), 1u);
  EXPECT_THAT(judge({"-inProxyProtocol=v2", "-inProxyProtocolFrom=127.0.0.1"}).errors, IsEmpty());
  EXPECT_THAT(judge({"-inProxyProtocol=v2", "-in=unix:/x"}).errors, IsEmpty());
  EXPECT_THAT(judge({"-inProxyProtocol=any", "-inType=unix", "-in=/x"}).errors, IsEmpty());
}

TEST(Checks, WarnOfFlagsThatDoNothing) {
  struct {
    List arguments;
    List without_effect;
  } const kCases[] = {
      {{"-inDelay=1s", "-inProtocol=v2", "-inCompress=none", "-inAllowPlaintext",
        "-inTLSClientCA=a", "-inTLSSessionTicketKey=k", "-inHandshakeTimeout=1s", "-inUnixMode=600",
        "-inProxyProtocolFrom=::1", "-autocertEmail=a@b", "-autocertURL=https://a"},
       {"inDelay", "inProtocol", "inCompress", "inTLSSessionTicketKey", "inTLSClientCA",
        "inHandshakeTimeout", "inAllowPlaintext", "autocertURL", "autocertEmail", "inUnixMode",
        "inProxyProtocolFrom"}},
      {{"-inType=teleport", "-clientIPHeader=a", "-xForwarded", "-inDelay=1s", "-inCompress=none",
        "-inAllowPlaintext"},
       {"clientIPHeader", "xForwarded", "inAllowPlaintext"}},
      {{"-outType=http", "-outDelay=1s", "-outProtocol=v0", "-outCompress=none",
        "-outConnsPerAddr=2", "-outMaxBodySize=1", "-outProxyProtocol=v1", "-outTLSCA=a",
        "-outTLSServerName=a", "-outTLSInsecureSkipVerify=0", "-outTLSCert=a", "-outTLSKey=a"},
       {"outDelay", "outProtocol", "outCompress", "outConnsPerAddr", "outMaxBodySize", "outTLSCA",
        "outTLSServerName", "outTLSInsecureSkipVerify", "outTLSCert", "outTLSKey"}},
      {{"-outProxyProtocol=v1", "-outCheckInterval=1s", "-accessLogFormat=json"},
       {"outCheckInterval", "accessLogFormat"}},
      {{"-inType=unix", "-in=/x", "-reusePort", "-inAllowIP=::1", "-inUnixMode=600"},
       {"reusePort", "inAllowIP"}},
      {{"-in=unix:/x", "-inAllowIP=::1", "-inProxyProtocol=v2"}, {}},
      {{"-inType=teleports", "-inTLSCert=a", "-inTLSKey=b", "-inAllowPlaintext", "-inDelay=1s",
        "-inHandshakeTimeout=1s", "-outMaxBodySize=1", "-outType=http"},
       {}},
      {{"-inType=https", "-inTLSCert=a", "-inTLSKey=b", "-autocertCacheDir=c"},
       {"autocertCacheDir"}},
      {{"-outType=https", "-outTLSInsecureSkipVerify", "-outTLSCA=a"}, {"outTLSCA"}},
      {{"-outType=http", "-linkMemory=small", "-linkSecretHeaders="},
       {"linkMemory", "linkSecretHeaders"}},
      {{"-outProtocol=v0", "-linkMemory=small", "-linkSecretHeaders=a"},
       {"linkMemory", "linkSecretHeaders"}},
      {{"-outCompress=flate:6", "-linkMemory=small"}, {"linkMemory"}},
      {{"-outCompress=none", "-linkMemory=small", "-linkSecretHeaders=a"}, {"linkSecretHeaders"}},
      {{"-outType=http", "-inType=teleport", "-inCompress=zstd:3", "-linkMemory=large",
        "-linkSecretHeaders=a"},
       {}},
      {{"-outType=http", "-inType=teleport", "-linkPlainBodies=/"}, {"linkPlainBodies"}},
      {{"-linkPlainBodies=/"}, {}},
  };
  for (const auto& c : kCases) {
    const List warnings = judge(c.arguments).warnings;
    List flags;
    for (const std::string& warning : warnings) {
      EXPECT_THAT(warning, HasSubstr(": has no effect "));
      flags.push_back(warning.substr(1, warning.find(':') - 1));
    }
    EXPECT_EQ(flags, c.without_effect);
  }
}

TEST(Checks, WarnOfCertificatesForAnyName) {
  const auto warns = [](const List& arguments) {
    const List warnings = judge(arguments).warnings;
    return warnings.size() == 1 && warnings[0].starts_with("-autocertHostRegexp: ");
  };
  EXPECT_TRUE(warns({"-inType=https"}));
  EXPECT_FALSE(warns({"-inType=https", "-autocertHostRegexp=^example[.]com$"}));
  EXPECT_FALSE(warns({"-inType=https", "-inTLSCert=a", "-inTLSKey=b"}));
}

TEST(Checks, NameTheVariableThatAValueIsFrom) {
  EXPECT_THAT(judge({}, {"HTTPTP_OUT_TIMEOUT=-1s"}).errors,
              ElementsAre("-outTimeout=\"-1s\" (env HTTPTP_OUT_TIMEOUT): a duration above 0 is "
                          "accepted"));
}

}  // namespace
}  // namespace httpteleport::config
