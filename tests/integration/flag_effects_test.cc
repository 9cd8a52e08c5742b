// Where the effect of each flag is tested. A flag of -help that is not in the table fails, and so
// does a row whose test is gone or does not set the flag: no flag comes without a test of what it
// does.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "integration/topology.h"
#include "support/paths.h"
#include "support/process.h"
#include "support/temporary_folder.h"

namespace httpteleport::test {
namespace {

struct Effect {
  std::string flag;
  std::string file;  // of effects(): in tests/integration, without _test.cc
  std::string test;
};

// One row for each test that would fail if the flag did nothing.
const std::vector<Effect>& effects() {
  static const std::vector<Effect> kEffects = {
      {"in", "flags_in", "InAndOutTakeUnixSocketsOfEveryType"},
      {"inType", "flags_in", "InTypeAndOutTypeHaveAliasesForLinks"},
      {"inType", "flags_tls", "InTypeAndOutTypeHaveAliasesForEncryptedLinks"},
      {"inUnixMode", "flags_in", "InUnixModeIsThatOfTheFile"},
      {"inDelay", "flags_link", "InDelayLetsResponsesShareABatch"},
      {"inProtocol", "flags_protocol", "InProtocolIsTheVersionThatIsTaken"},
      {"inCompress", "flags_protocol", "InCompressIsThatOfTheVersion"},
      {"inCompress", "flags_link", "InCompressAndOutCompressHoldForOneDirectionEach"},
      {"inMaxHeaderSize", "flags_in", "InMaxHeaderSizeRefusesLongerHeads"},
      {"inMaxHeaderSize", "flags_in", "InMaxHeaderSizeRefusesLongerHeadsOfResponsesToALink"},
      {"inMaxBodySize", "flags_in", "InMaxBodySizeRefusesLongerBodies"},
      {"inGetOnly", "flags_in", "InGetOnlyRefusesOtherMethods"},
      {"inAllowIP", "flags_in", "InAllowIPClosesTheConnectionsOfOthers"},
      {"inAllowIP", "flags_in", "InAllowIPHoldsForIpv6AndForLinks"},
      {"inAllowPlaintext", "flags_tls", "InAllowPlaintextTakesLinksWithoutTls"},
      {"inProxyProtocol", "flags_in", "InProxyProtocolTakesTheClientsAddressFromItsHeader"},
      {"inProxyProtocol", "flags_tls", "ProxyHeadersGoInFrontOfTls"},
      {"inProxyProtocolFrom", "flags_in", "InProxyProtocolFromSaysWhoMaySendTheHeader"},
      {"reusePort", "flags_in", "ReusePortLetsAnotherProcessListen"},
      {"clientIPHeader", "flags_in", "ClientIPHeaderNamesTheClient"},
      {"xForwarded", "flags_in", "XForwardedTellsOfTheClientsConnection"},
      {"via", "flags_in", "ViaNamesTheProxyInBothDirections"},
      {"requestIDHeader", "flags_in", "RequestIDHeaderIsAddedOrPassedOn"},

      {"inTLSCert", "flags_tls", "InTLSCertAndInTLSKeyAreChosenBySni"},
      {"inTLSKey", "flags_tls", "InTLSCertAndInTLSKeyAreChosenBySni"},
      {"inTLSSessionTicketKey", "flags_tls", "InTLSSessionTicketKeyIsSharedByProcesses"},
      {"inTLSClientCA", "flags_tls", "InTLSClientCAAsksForCertificates"},
      {"inHandshakeTimeout", "flags_tls", "InHandshakeTimeoutEndsSilentConnections"},

      {"autocertCacheDir", "autocert", "ServesFromItsFolderWhenTheCaIsGone"},
      {"autocertHostRegexp", "autocert", "RefusesOtherNamesWithAnAlert"},
      {"autocertURL", "autocert", "ObtainsByTlsAlpn01WhileTheFirstClientWaits"},
      {"autocertCAFile", "autocert", "ObtainsByTlsAlpn01WhileTheFirstClientWaits"},
      {"autocertHTTPAddr", "autocert", "ObtainsByHttp01AndSendsEverybodyElseToHttps"},

      {"out", "flags_in", "InAndOutTakeUnixSocketsOfEveryType"},
      {"outType", "flags_in", "InTypeAndOutTypeHaveAliasesForLinks"},
      {"outType", "flags_tls", "InTypeAndOutTypeHaveAliasesForEncryptedLinks"},
      {"outDelay", "flags_link", "OutDelayLetsRequestsShareABatch"},
      {"outProtocol", "flags_protocol", "OutProtocolIsTheVersionThatIsAskedFor"},
      {"outCompress", "flags_link", "InCompressAndOutCompressHoldForOneDirectionEach"},
      {"outMaxHeaderSize", "flags_link", "OutMaxHeaderSizeRefusesLongerHeads"},
      {"outMaxBodySize", "flags_link", "OutMaxBodySizeBoundsResponsesThatAreHeldForALink"},
      {"outMaxBodySize", "flags_link", "OutMaxBodySizeBoundsResponsesThatWaitForASlowClient"},
      {"outConnsPerAddr", "flags_link", "OutConnsPerAddrIsTheNumberOfLinks"},
      {"outMaxConnsPerAddr", "flags_limits", "OutMaxConnsPerAddrBoundsRequestsAtAnEndpoint"},
      {"outProxyProtocol", "flags_link", "OutProxyProtocolNamesTheClientToTheServer"},
      {"outProxyProtocol", "flags_link", "OutProxyProtocolOfALinkNamesNobody"},
      {"outProxyProtocol", "flags_tls", "ProxyHeadersGoInFrontOfTls"},
      {"outResolveInterval", "flags_operations", "OutResolveIntervalIsHowOftenNamesAreLookedUp"},
      {"linkMemory", "flags_protocol", "LinkMemoryIsWhatAnEndHasRoomFor"},
      {"linkPlainBodies", "flags_protocol", "LinkPlainBodiesKeepBodiesOutOfTheCompressor"},
      {"linkSecretHeaders", "flags_protocol", "LinkSecretHeadersKeepOutOfTheCompressor"},

      {"outTLSCA", "flags_tls", "OutTLSCAIsWhomToTrust"},
      {"outTLSServerName", "flags_tls", "OutTLSServerNameIsAskedForAndVerified"},
      {"outTLSInsecureSkipVerify", "flags_tls", "OutTLSInsecureSkipVerifyBelievesAnybody"},
      {"outTLSCert", "flags_tls", "OutTLSCertAndOutTLSKeyAreShownWhenAsked"},
      {"outTLSKey", "flags_tls", "OutTLSCertAndOutTLSKeyAreShownWhenAsked"},

      {"outBalance", "flags_balancing", "OutBalanceRoundRobinTakesTurns"},
      {"outBalance", "flags_balancing", "OutBalanceLeastLoadedLooksAtPendingRequests"},
      {"outBalance", "flags_balancing", "OutBalanceP2cTakesTheBetterOfTwo"},
      {"outBalance", "flags_balancing", "OutBalanceEwmaPrefersTheQuickerOne"},
      {"outBalance", "flags_balancing", "OutBalanceHashIsStableForAHeader"},
      {"outCheck", "flags_balancing", "OutCheckTakesTheUnwellOutOfServiceAndBack"},
      {"outCheckInterval", "flags_balancing", "OutCheckIntervalIsThePauseBetweenChecks"},
      {"outSlowStart", "flags_balancing", "OutSlowStartGivesASmallShareFirst"},
      {"outEjectFailures", "flags_balancing", "OutEjectFailuresIsTheNumberInARow"},
      {"outEjectRatio", "flags_balancing", "OutEjectRatioIsTheShareOfFailures"},
      {"outEjectShare", "flags_balancing", "OutEjectShareIsTheMostThatMayBeLeftAlone"},
      {"outRetries", "flags_balancing", "OutRetriesIsTheNumberOfFurtherAttempts"},
      {"outRetryBudget", "flags_balancing", "OutRetryBudgetBoundsRepeats"},
      {"outTryTimeout", "flags_balancing", "OutTryTimeoutIsTheWaitForOneAttempt"},

      {"inHeadTimeout", "flags_limits", "InHeadTimeoutEndsSlowHeads"},
      {"inBodyIdleTimeout", "flags_limits", "InBodyIdleTimeoutEndsBodiesThatPause"},
      {"inKeepAliveTimeout", "flags_limits", "InKeepAliveTimeoutEndsIdleConnections"},
      {"inWriteIdleTimeout", "flags_limits", "InWriteIdleTimeoutEndsClientsThatDoNotRead"},
      {"outConnectTimeout", "flags_limits", "OutConnectTimeoutEndsAttempts"},
      {"outTimeout", "flags_limits", "OutTimeoutEndsTheWaitForAResponse"},
      {"outTotalTimeout", "flags_limits", "OutTotalTimeoutEndsRequestsWithTheirResponses"},
      {"outIdleTimeout", "flags_limits", "OutIdleTimeoutEndsResponsesThatPause"},
      {"tunnelIdleTimeout", "flags_limits", "TunnelIdleTimeoutEndsSilentTunnels"},
      {"shutdownTimeout", "flags_limits", "ShutdownTimeoutBoundsTheWaitForRequests"},
      {"drainDelay", "flags_limits", "DrainDelayLetsBalancersLookAway"},
      {"concurrency", "flags_limits", "ConcurrencyAndQueueSizeLetOneWaitAndRefuseTheNext"},
      {"queueSize", "flags_limits", "QueueSizeZeroLetsNobodyWait"},
      {"queueTimeout", "flags_limits", "QueueTimeoutEndsTheWait"},
      {"maxMemory", "flags_limits", "MaxMemoryRefusesWhatWouldBeHeld"},
      {"workers", "flags_limits", "WorkersAreThreads"},

      {"logFile", "flags_operations", "LogFileIsReopenedOnSighup"},
      {"logFormat", "flags_operations", "LogFormatIsTheFormOfEveryLine"},
      {"logLevel", "flags_operations", "LogLevelIsTheLeastThatIsLogged"},
      {"logAllErrors", "flags_operations", "LogAllErrorsTellsOfEveryFailedRequest"},
      {"accessLog", "flags_operations", "AccessLogHasALineForEveryRequestAndIsReopened"},
      {"accessLog", "flags_operations", "AccessLogDashIsStandardOutput"},
      {"accessLogFormat", "flags_operations", "AccessLogDashIsStandardOutput"},
      {"expvarAddr", "flags_operations", "ExpvarAddrIsWhereMetricsAre"},
      {"config", "command_line", "AFileAndTheEnvironmentAreServedByToo"},
      {"pidFile", "flags_operations", "PidFileNamesTheProcessAndGoesWithIt"},
      {"check", "command_line", "CheckOpensNothingAndSumsUp"},
      {"dumpConfig", "command_line", "DumpShowsWhereEveryValueIsFrom"},
      {"strictArgs", "command_line", "ArgumentsBehindTheFlagsAreWarnedOfOrRefused"},
      {"version", "command_line", "VersionIsOneLine"},
      {"demo", "command_line", "DemoTellsWhatALinkSavesAndEnds"},
  };
  return kEffects;
}

// Flags whose effect nobody outside the program can see here, and the unit test that stands for it.
const std::vector<Effect>& effects_inside() {
  static const std::vector<Effect> kEffects = {
      // pebble tells nobody what contact an account has.
      {"autocertEmail", "src/acme/messages_test.cc", "WriteTheRequests"},
  };
  return kEffects;
}

std::set<std::string> flags_of_help() {
  Process help({bin_dir() + "/httptp", "-help"});
  EXPECT_TRUE(help.wait_exit());
  std::istringstream lines(help.output());
  std::set<std::string> flags;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("  -")) flags.insert(line.substr(3, line.find_first_of(" \n", 3) - 3));
  }
  return flags;
}

TEST(FlagEffects, HaveATestForEveryFlagOfHelp) {
  std::set<std::string> tested;
  for (const Effect& effect : effects())
    tested.insert(effect.flag);
  for (const Effect& effect : effects_inside())
    EXPECT_TRUE(tested.insert(effect.flag).second) << effect.flag;
  EXPECT_EQ(tested, flags_of_help());
}

// Whether `text` sets the flag: "-flag" or "-flag=..." in quotes.
bool sets(const std::string& text, const std::string& flag) {
  return text.find("\"-" + flag + "=") != std::string::npos ||
         text.find("\"-" + flag + "\"") != std::string::npos;
}

// The text of `file`, of which the test is a part, below the root of the sources.
std::string text_with_test(const std::string& file, const std::string& test) {
  std::string text = read_file(source_dir() + "/" + file);
  EXPECT_NE(text.find(", " + test + ") {"), std::string::npos) << file << " has no test " << test;
  return text;
}

TEST(FlagEffects, AreSeenByTheTestsThatTheTableNames) {
  for (const Effect& effect : effects()) {
    SCOPED_TRACE("-" + effect.flag + " in " + effect.file + "." + effect.test);
    const std::string text =
        text_with_test("tests/integration/" + effect.file + "_test.cc", effect.test);
    // Some are set by a helper of the test.
    EXPECT_TRUE(sets(text, effect.flag)) << "the flag is not set";
  }
  for (const Effect& effect : effects_inside())
    text_with_test(effect.file, effect.test);
}

}  // namespace
}  // namespace httpteleport::test
