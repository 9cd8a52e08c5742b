#include "acme/messages.h"

#include <gtest/gtest.h>

namespace httpteleport::acme {
namespace {

TEST(Messages, ReadADirectory) {
  const auto directory = parse_directory(
      R"({"newNonce":"https://a/n","newAccount":"https://a/a","newOrder":"https://a/o","x":[1]})");
  ASSERT_TRUE(directory);
  EXPECT_EQ(directory->new_nonce, "https://a/n");
  EXPECT_EQ(directory->new_account, "https://a/a");
  EXPECT_EQ(directory->new_order, "https://a/o");
}

TEST(Messages, RefuseWhatIsNoDirectory) {
  for (const char* text :
       {"", "{", "[]", "null", "<html>", R"({"newNonce":"https://a/n","newAccount":"https://a/a"})",
        R"({"newNonce":1,"newAccount":"https://a/a","newOrder":"https://a/o"})"})
    EXPECT_FALSE(parse_directory(text)) << text;
}

TEST(Messages, ReadAnOrder) {
  const auto order = parse_order(
      R"({"status":"invalid","authorizations":["https://a/1"],"finalize":"https://a/f",
          "error":{"type":"urn:ietf:params:acme:error:caa","detail":"no"}})");
  ASSERT_TRUE(order);
  EXPECT_EQ(order->status, Status::kInvalid);
  EXPECT_EQ(order->authorizations, std::vector<std::string>{"https://a/1"});
  EXPECT_EQ(order->certificate, "");
  EXPECT_EQ(order->error.text(), "caa: no");
}

TEST(Messages, RefuseAnOrderThatCannotBeFinished) {
  for (const char* text : {R"({"status":"ready","authorizations":["https://a/1"]})",
                           R"({"status":"ready","finalize":"https://a/f"})",
                           R"({"authorizations":[1],"finalize":"https://a/f"})"})
    EXPECT_FALSE(parse_order(text)) << text;
}

TEST(Messages, LeaveOutChallengesWithoutAProperToken) {
  const auto authorization = parse_authorization(
      R"({"status":"pending","challenges":[7,{"type":"dns-01"},
          {"type":"http-01","url":"https://a/2","token":"../../x"},
          {"type":"http-01","url":"https://a/3","token":"good_-1","status":"pending"}]})");
  ASSERT_TRUE(authorization);
  EXPECT_EQ(authorization->status, Status::kPending);
  ASSERT_EQ(authorization->challenges.size(), 1u);
  EXPECT_EQ(authorization->challenges[0].token, "good_-1");
  EXPECT_EQ(authorization->challenges[0].url, "https://a/3");
}

TEST(Messages, PutAProblemIntoOneShortLine) {
  const Problem problem =
      parse_problem(R"({"type":"urn:ietf:params:acme:error:malformed","detail":"a\nb\u001b[2J"})");
  EXPECT_EQ(problem.type, "malformed");
  EXPECT_EQ(problem.text(), "malformed: a b [2J");
  EXPECT_EQ(parse_problem("<html>").text(), "");
  Problem endless{.type = std::string(5000, 't'), .detail = std::string(5000, 'd')};
  EXPECT_LE(endless.text().size(), 402u);
}

TEST(Messages, SurviveDeepNesting) {
  EXPECT_FALSE(parse_order(std::string(200'000, '[')));
  EXPECT_FALSE(parse_order(std::string(100'000, '[') + std::string(100'000, ']')));
}

TEST(Messages, WriteTheRequests) {
  EXPECT_EQ(new_account_payload(""), R"({"termsOfServiceAgreed":true})");
  EXPECT_EQ(new_account_payload("a\"@b.c"),
            R"({"contact":["mailto:a\"@b.c"],"termsOfServiceAgreed":true})");
  EXPECT_EQ(new_order_payload("a.example"),
            R"({"identifiers":[{"type":"dns","value":"a.example"}]})");
  EXPECT_EQ(finalize_payload("\xfb\xff"), R"({"csr":"-_8"})");
}

}  // namespace
}  // namespace httpteleport::acme
