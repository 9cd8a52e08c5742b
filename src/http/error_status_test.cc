#include "http/error_status.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "http/message.h"

namespace httpteleport::http {
namespace {

struct Row {
  Code code;
  int downstream;
  int upstream;
  int internal;
};

constexpr Row kTable[] = {
    {Code::kMalformed, 400, 502, 502},    {Code::kUnsupported, 501, 502, 502},
    {Code::kBadVersion, 505, 502, 502},   {Code::kBadExpectation, 417, 417, 417},
    {Code::kHeadTooLarge, 431, 502, 502}, {Code::kTargetTooLong, 414, 414, 414},
    {Code::kBodyTooLarge, 413, 502, 502}, {Code::kTimeout, 408, 504, 504},
    {Code::kOverloaded, 429, 503, 503},   {Code::kConnectFailed, 502, 502, 502},
    {Code::kNotSent, 502, 502, 502},      {Code::kConnectionLost, 502, 502, 502},
    {Code::kTruncated, 502, 502, 502},    {Code::kCancelled, 500, 500, 500},
    {Code::kNoEndpoint, 502, 502, 502},   {Code::kSystem, 500, 500, 500},
    {Code::kBadConfig, 500, 500, 500},
};

TEST(ErrorStatus, FollowsFromTheCodeAndWhoCausedIt) {
  ASSERT_EQ(std::size(kTable), static_cast<size_t>(Code::kBadConfig) + 1);
  for (const Row& row : kTable) {
    EXPECT_EQ(status_of({row.code, Source::kDownstream}), row.downstream) << code_name(row.code);
    EXPECT_EQ(status_of({row.code, Source::kUpstream}), row.upstream) << code_name(row.code);
    EXPECT_EQ(status_of({row.code, Source::kInternal}), row.internal) << code_name(row.code);
  }
}

TEST(ErrorStatus, HasAReasonForEveryStatusItGives) {
  for (const Row& row : kTable) {
    for (const int status : {row.downstream, row.upstream, row.internal})
      EXPECT_NE(reason_of(status), "") << status;
  }
  EXPECT_EQ(reason_of(299), "");
}

TEST(ErrorStatus, KnowsWhatTheEndpointHasCertainlyNotSeen) {
  for (const Row& row : kTable) {
    EXPECT_EQ(was_not_executed({row.code}),
              row.code == Code::kConnectFailed || row.code == Code::kNotSent)
        << code_name(row.code);
  }
}

TEST(CodeName, IsDifferentForEachCode) {
  std::set<std::string> names;
  for (const Row& row : kTable)
    names.insert(code_name(row.code));
  EXPECT_EQ(names.size(), std::size(kTable));
  EXPECT_EQ(names.count("unknown"), 0u);
}

}  // namespace
}  // namespace httpteleport::http
