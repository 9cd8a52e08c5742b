// What httptp makes of answers, right and wrong, in every arrangement: the client gets what the
// table allows, and whoever asks next gets an answer of their own.
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "conformance/response_case.h"
#include "conformance/setups.h"

namespace httpteleport::test {
namespace {

using namespace std::chrono_literals;

Stages<PlayOrigin>& stages() {
  static auto* const all =
      static_cast<Stages<PlayOrigin>*>(testing::AddGlobalTestEnvironment(new Stages<PlayOrigin>));
  return *all;
}
[[maybe_unused]] const auto& registered = stages();

// How the client asks.
struct Asking {
  const char* name;
  const char* method;
  int minor_version;
};
constexpr Asking kAskings[] = {{"GET", "GET", 1}, {"GET, HTTP/1.0", "GET", 0}, {"HEAD", "HEAD", 1}};
// In one piece, byte by byte, and in pieces that end anywhere.
constexpr size_t kPieces[] = {0, 1, 7};
// Long ones are not sent byte by byte.
constexpr size_t kDrippedBytesMax = 600;

class Responses : public testing::TestWithParam<SetupKind> {
 protected:
  void SetUp() override { ASSERT_TRUE(stage_.setup.started()); }

  void run(const std::vector<ResponseCase>& cases);
  void run(const ResponseCase& one, const Asking& asking, size_t piece_bytes);
  // What of the row holds for this way of asking and this arrangement.
  int allowed(const ResponseCase& one, const Asking& asking) const;
  void check_interims(RawClient& client, const ResponseCase& one, const Asking& asking);
  void check_good(const ResponseCase& one, const Asking& asking, const Message& answer);
  // The next request gets its own answer: on that connection, if it goes on, and on another.
  void check_next(RawClient& client, const Message& answer);
  void expect_good(RawClient& client);

  Stage<PlayOrigin>& stage_ = stages().of(GetParam());
  int asked_ = 0;
};

INSTANTIATE_TEST_SUITE_P(Setups, Responses, testing::ValuesIn(kAllSetups), setup_test_name);

// Behind the final head.
bool bytes_follow_head(const ResponseCase& one) {
  size_t at = 0;
  for (size_t heads = 0; heads <= one.interims.size(); ++heads) {
    at = one.bytes.find("\r\n\r\n", at);
    if (at == std::string::npos) return false;
    at += 4;
  }
  return at < one.bytes.size();
}

bool is_head(const Asking& asking) {
  return asking.method == std::string_view("HEAD");
}

int Responses::allowed(const ResponseCase& one, const Asking& asking) const {
  int allowed = one.allowed;
  if ((allowed & kCut) == 0) return allowed;
  // The head is good, and all there is to an answer to HEAD.
  if (is_head(asking)) return kGood;
  // It may be seen before the head has been passed on; through a link of v0 it always is.
  allowed |= kBad;
  return carries_wholes(GetParam()) ? allowed & ~kCut : allowed;
}

std::string described(const Message& answer, const RawClient& client) {
  return std::string(outcome_name(answer.outcome)) + " " + answer.error + ", all of it: \"" +
         client.transcript().substr(0, 1000) + "\"";
}

void Responses::expect_good(RawClient& client) {
  const std::string target = "/good/" + std::to_string(++asked_);
  client.send("GET " + target + " HTTP/1.1\r\nHost: a\r\n\r\n");
  const Message answer = client.read_response();
  EXPECT_EQ(answer.body, target) << described(answer, client);
  EXPECT_EQ(answer.head.status, 200);
}

void Responses::check_next(RawClient& client, const Message& answer) {
  if (answer.outcome == Outcome::kComplete && answer.head.keep_alive()) {
    expect_good(client);
    EXPECT_TRUE(client.is_quiet()) << client.transcript();
  } else {
    EXPECT_TRUE(client.wait_closed()) << client.transcript();
  }
  RawClient other = stage_.setup.connect();
  expect_good(other);
}

void Responses::check_interims(RawClient& client, const ResponseCase& one, const Asking& asking) {
  if (carries_wholes(GetParam()) || asking.minor_version == 0) return;
  for (const int status : one.interims) {
    if (status == 100) continue;
    EXPECT_EQ(client.read_response().head.status, status);
  }
}

void Responses::check_good(const ResponseCase& one, const Asking& asking, const Message& answer) {
  EXPECT_EQ(answer.head.status, one.status);
  EXPECT_EQ(answer.body, is_head(asking) ? "" : one.body);
  for (const auto& [name, value] : one.has) {
    EXPECT_EQ(answer.head.count(name), 1u) << name;
    EXPECT_EQ(answer.head.find(name), value) << name;
  }
  for (const std::string& name : one.lacks)
    EXPECT_EQ(answer.head.count(name), 0u) << name;
  // RFC 9110 section 7.6.1, RFC 9112 section 6.1.
  EXPECT_TRUE(answer.head.count("Connection") == 0 ||
              answer.head.has_token("Connection", "close") ||
              answer.head.has_token("Connection", "keep-alive"));
  EXPECT_TRUE(!answer.chunked || asking.minor_version == 1);
  for (const char* name : {"Content-Length", "Transfer-Encoding", "Host", "Connection"}) {
    for (const auto& trailer : answer.head.trailers)
      EXPECT_NE(trailer.first, name);
  }
}

void Responses::run(const ResponseCase& one, const Asking& asking, size_t piece_bytes) {
  const std::string target =
      stage_.origin.add({.bytes = one.bytes, .end = one.end, .piece_bytes = piece_bytes});
  RawClient client = stage_.setup.connect();
  client.send(std::string(asking.method) + " " + target + " HTTP/1." +
              std::to_string(asking.minor_version) + "\r\nHost: a\r\n\r\n");
  const int may = allowed(one, asking);
  if (one.allowed == kGood) check_interims(client, one, asking);
  const Message answer = client.read_final_response(is_head(asking));
  SCOPED_TRACE(described(answer, client));
  const bool complete = answer.outcome == Outcome::kComplete;
  if (complete && answer.head.status == 502) {
    EXPECT_TRUE(may & kBad);
    EXPECT_EQ(answer.body.find("hello"), std::string::npos);
  } else if (complete) {
    EXPECT_TRUE(may & kGood);
    check_good(one, asking, answer);
  } else {
    EXPECT_TRUE(may & kCut);
    EXPECT_TRUE(answer.outcome == Outcome::kTruncated || answer.outcome == Outcome::kNothing);
  }
  // What is left in doubt is not used again; the next request is not sent before that is seen.
  const bool good = complete && answer.head.status == one.status;
  if (!good || one.surplus || (is_head(asking) && bytes_follow_head(one))) {
    EXPECT_TRUE(stage_.origin.wait_for_ended(target)) << "its connection stays in use";
  }
  check_next(client, answer);
  EXPECT_EQ(client.transcript().find("evil"), std::string::npos);
}

void Responses::run(const std::vector<ResponseCase>& cases) {
  std::set<std::string> names;
  for (const ResponseCase& one : cases) {
    EXPECT_TRUE(names.insert(std::string(one.section) + one.name).second) << one.name;
    for (const Asking& asking : kAskings) {
      for (const size_t piece_bytes : kPieces) {
        if (piece_bytes > 0 && one.bytes.size() > kDrippedBytesMax) continue;
        if (piece_bytes > 1 && (kSanitized || asking.minor_version == 0 || is_head(asking)))
          continue;
        SCOPED_TRACE(std::string("RFC ") + one.section + ": " + one.name + "; " + asking.name +
                     (piece_bytes == 0 ? "" : "; pieces of " + std::to_string(piece_bytes)));
        run(one, asking, piece_bytes);
        if (HasFatalFailure()) return;
      }
    }
  }
}

TEST_P(Responses, BeginWithAStatusLine) {
  run(response_status_lines());
}
TEST_P(Responses, HaveFieldsThatAreNoOthers) {
  run(response_fields());
}
TEST_P(Responses, AreAsLongAsTheySay) {
  run(response_lengths());
}
TEST_P(Responses, MayComeInChunks) {
  run(response_chunks());
}
TEST_P(Responses, MayBeAnnouncedByOthers) {
  run(response_interims());
}
TEST_P(Responses, AreNeverAnswersToTheNextRequest) {
  run(response_surplus());
}

}  // namespace
}  // namespace httpteleport::test
