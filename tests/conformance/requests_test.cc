// What becomes of requests, right and wrong, in every arrangement: the origin sees only
// well-formed, unambiguous messages, exactly as many as were sent and accepted, and each answer
// reaches who asked. The cases are in *_cases.cc.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <tuple>

#include "conformance/case_runner.h"

namespace httpteleport::test {
namespace {

// Small limits make small cases. What the near end adds fits through the link.
SetupFlags case_flags() {
  return {.near = {"-inMaxBodySize=65536", "-outMaxHeaderSize=16384", "-xForwarded",
                   "-clientIPHeader=X-Client-IP"},
          .far = {"-inMaxBodySize=65536", "-inMaxHeaderSize=16384"}};
}

Stages<RecordingOrigin>* const stages = static_cast<Stages<RecordingOrigin>*>(
    testing::AddGlobalTestEnvironment(new Stages<RecordingOrigin>(case_flags())));

struct Table {
  const char* name;
  RequestCases (*cases)();
};

void PrintTo(const Table& table, std::ostream* stream) {
  *stream << table.name;
}

constexpr Table kTables[] = {
    {"RequestLine", request_line_cases},
    {"Target", target_cases},
    {"Version", version_cases},
    {"Host", host_cases},
    {"Field", field_cases},
    {"ContentLength", content_length_cases},
    {"TransferEncoding", transfer_encoding_cases},
    {"Chunked", chunked_cases},
    {"Trailer", trailer_cases},
    {"Connection", connection_cases},
    {"Expect", expect_cases},
    {"Method", method_cases},
    {"Pipelining", pipelining_cases},
    {"Upgrade", upgrade_cases},
    {"Limits", limits_cases},
};

TEST(RequestTables, HaveManyCasesWithNamesOfTheirOwn) {
  size_t count = 0;
  std::set<std::string> names;
  for (const Table& table : kTables) {
    for (const RequestCase& request_case : table.cases()) {
      ++count;
      EXPECT_TRUE(names.insert(request_case.name).second) << request_case.name;
      EXPECT_FALSE(request_case.section.empty()) << request_case.name;
    }
  }
  EXPECT_GE(count, 800u);
}

class Requests : public testing::TestWithParam<std::tuple<SetupKind, Table>> {};

INSTANTIATE_TEST_SUITE_P(
    Cases, Requests, testing::Combine(testing::ValuesIn(kAllSetups), testing::ValuesIn(kTables)),
    [](const testing::TestParamInfo<Requests::ParamType>& one) {
      return std::string(setup_name(std::get<0>(one.param))) + "_" + std::get<1>(one.param).name;
    });

TEST_P(Requests, EndAsTheRfcsAllowHoweverTheyAreCut) {
  const auto& [kind, table] = GetParam();
  Stage<RecordingOrigin>& stage = stages->of(kind);
  ASSERT_TRUE(stage.setup.started());
  for (const RequestCase& request_case : table.cases()) {
    for (const Cut cut : {Cut::kWhole, Cut::kBytes, Cut::kPieces}) {
      // What the bytes come to is decided in the process the client talks to.
      if (kSanitized && cut == Cut::kBytes && kind != SetupKind::kHttp) continue;
      run_case(stage, request_case, cut);
    }
  }
  if (carries_wholes(kind)) {
    EXPECT_EQ(stage.origin.counts().broken_off, 0u);
  }
}

class Switches : public testing::TestWithParam<SetupKind> {};

INSTANTIATE_TEST_SUITE_P(Setups, Switches, testing::Values(SetupKind::kHttp, SetupKind::kHttps),
                         setup_test_name);

TEST_P(Switches, MakeTheConnectionATunnelInWhichNothingIsARequest) {
  Stage<RecordingOrigin>& stage = stages->of(GetParam());
  ASSERT_TRUE(stage.setup.started());
  RawClient client = stage.setup.connect();
  client.send(get("Connection: upgrade\r\nUpgrade: websocket\r\n", "/switch"));
  const Message answer = client.read_response();
  ASSERT_EQ(answer.head.status, 101) << answer.error;
  EXPECT_EQ(answer.head.find("upgrade"), "websocket");
  const std::string bytes = kSmuggled + "\r\n\n\xff" + chunked_post("x\r\n");
  client.send(bytes);
  client.half_close();
  EXPECT_EQ(client.read_to_end().bytes, bytes) << "sent back by the origin";
  EXPECT_EQ(stage.origin.take_requests().size(), 1u);
  EXPECT_THAT(stage.origin.take_faults(), testing::IsEmpty());
}

}  // namespace
}  // namespace httpteleport::test
