// What httptp does with requests, right and wrong, in every arrangement.
#include <gtest/gtest.h>

#include "conformance/setups.h"
#include "support/origin.h"

namespace httpteleport::test {
namespace {

Stages<Origin>& stages() {
  static auto* const all =
      static_cast<Stages<Origin>*>(testing::AddGlobalTestEnvironment(new Stages<Origin>));
  return *all;
}
[[maybe_unused]] const auto& registered = stages();

class Requests : public testing::TestWithParam<SetupKind> {};

INSTANTIATE_TEST_SUITE_P(Setups, Requests, testing::ValuesIn(kAllSetups), setup_test_name);

TEST_P(Requests, OfAWellBehavedClientAreAnswered) {
  Stage<Origin>& stage = stages().of(GetParam());
  ASSERT_TRUE(stage.setup.started());
  RawClient client = stage.setup.connect();
  for (int round = 0; round < 2; ++round) {
    client.send("GET /bytes/100?seed=1 HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_TRUE(body_is(client.read_response(), Content::bytes(100, 1)));
  }
  EXPECT_TRUE(client.is_quiet());
  client.half_close();
  EXPECT_TRUE(client.wait_closed());
}

}  // namespace
}  // namespace httpteleport::test
