#include "acme/ca_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "acme/crypto.h"
#include "support/scripted_peer.h"

namespace httpteleport::acme {
namespace {

using test::ScriptedPeer;
using testing::HasSubstr;

// A CA on one connection, which says what a test tells it to.
class CaClientTest : public testing::Test {
 protected:
  struct Step {
    std::string target;
    std::string head;  // status and fields, without Content-Length
    std::string body{};
  };

  CaClientTest() {
    base_ = "http://" + peer_.address().text();
    options_.directory_url = base_ + "/dir";
  }

  Step directory() const {
    return {"/dir", "200 OK",
            R"({"newNonce":")" + base_ + R"(/nonce","newAccount":")" + base_ +
                R"(/account","newOrder":")" + base_ + R"(/order"})"};
  }
  Step account(int number) const {
    return {
        "/account",
        "201 Created\r\nReplay-Nonce: nA\r\nLocation: " + base_ + "/a/" + std::to_string(number),
        "{}"};
  }
  static Step refusal(const std::string& target, const std::string& type) {
    return {target, "400 Bad Request\r\nReplay-Nonce: n2",
            R"({"type":"urn:ietf:params:acme:error:)" + type + R"(","detail":"because"})"};
  }

  void serve(std::vector<Step> steps) {
    peer_.add_script([steps = std::move(steps)](ScriptedPeer::Connection& connection) {
      for (const Step& step : steps) {
        const test::Message request = connection.expect_request();
        EXPECT_EQ(request.head.target, step.target);
        const bool to_head = request.head.method == "HEAD";
        connection.send("HTTP/1.1 " + step.head + "\r\nContent-Length: " +
                        std::to_string(step.body.size()) + "\r\n\r\n" + (to_head ? "" : step.body));
      }
      connection.expect_end();
    });
  }

  ScriptedPeer peer_;
  std::string base_;
  Options options_;
  Failure failure_;
};

const std::string kNonce = "200 OK\r\nReplay-Nonce: n1";

TEST_F(CaClientTest, RepeatsWhatIsRefusedForItsNonce) {
  serve({directory(),
         {"/nonce", kNonce},
         refusal("/account", "badNonce"),
         account(1),
         refusal("/order", "badNonce"),
         refusal("/order", "badNonce"),
         {"/order", "201 Created\r\nReplay-Nonce: n9", "made"}});
  {
    HttpClient http({});
    CaClient ca(options_, *AccountKey::adopt(make_key()), http);
    const auto reply = ca.new_order("{}", failure_);
    ASSERT_TRUE(reply) << failure_.text;
    EXPECT_EQ(reply->body, "made");
  }
  peer_.join();
}

TEST_F(CaClientTest, GivesUpWhenEveryNonceIsBad) {
  std::vector<Step> steps = {directory(), {"/nonce", kNonce}};
  steps.insert(steps.end(), CaClient::kNonceAttemptsMax, refusal("/account", "badNonce"));
  serve(std::move(steps));
  {
    HttpClient http({});
    CaClient ca(options_, *AccountKey::adopt(make_key()), http);
    EXPECT_FALSE(ca.new_order("{}", failure_));
    EXPECT_THAT(failure_.text, HasSubstr("badNonce: because"));
  }
  peer_.join();
}

TEST_F(CaClientTest, MakesANewAccountWhenTheCaHasForgottenIt) {
  serve({directory(),
         {"/nonce", kNonce},
         account(1),
         refusal("/order", "accountDoesNotExist"),
         account(2),
         {"/order", "201 Created", "made"}});
  {
    HttpClient http({});
    CaClient ca(options_, *AccountKey::adopt(make_key()), http);
    EXPECT_TRUE(ca.new_order("{}", failure_)) << failure_.text;
  }
  peer_.join();
}

TEST_F(CaClientTest, PassesOnWhatTheCaRefusesAndWhenToComeBack) {
  Step limited = refusal("/order", "rateLimited");
  limited.head += "\r\nRetry-After: 3600";
  serve({directory(), {"/nonce", kNonce}, account(1), limited});
  {
    HttpClient http({});
    CaClient ca(options_, *AccountKey::adopt(make_key()), http);
    EXPECT_FALSE(ca.new_order("{}", failure_));
    EXPECT_EQ(failure_.type, "rateLimited");
    EXPECT_EQ(failure_.retry_after, std::chrono::hours(1));
    EXPECT_THAT(failure_.text, HasSubstr("400 rateLimited: because"));
    EXPECT_FALSE(failure_.ca_is_down);
  }
  peer_.join();
}

TEST_F(CaClientTest, TellsACaThatIsDownFromOneThatRefuses) {
  serve({{"/dir", "503 Service Unavailable", ""}});
  for (const bool gone : {false, true}) {
    if (gone) options_.directory_url = "http://" + test::dead_address().text() + "/dir";
    HttpClient http({});
    CaClient ca(options_, *AccountKey::adopt(make_key()), http);
    EXPECT_FALSE(ca.new_order("{}", failure_));
    EXPECT_TRUE(failure_.ca_is_down) << failure_.text;
  }
  peer_.join();
}

TEST_F(CaClientTest, GoesToNoAddressThatIsNotSafe) {
  serve({{"/dir", "200 OK",
          R"({"newNonce":"http://elsewhere.example/","newAccount":"http://elsewhere.example/",
              "newOrder":"http://elsewhere.example/"})"}});
  {
    HttpClient http({});
    CaClient ca(options_, *AccountKey::adopt(make_key()), http);
    EXPECT_FALSE(ca.new_order("{}", failure_));
    EXPECT_THAT(failure_.text, HasSubstr("not https"));
  }
  peer_.join();
}

TEST_F(CaClientTest, SaysWhatIsNoDirectory) {
  serve({{"/dir", "200 OK", "<html>"}});
  {
    HttpClient http({});
    CaClient ca(options_, *AccountKey::adopt(make_key()), http);
    EXPECT_FALSE(ca.new_order("{}", failure_));
    EXPECT_THAT(failure_.text, HasSubstr("is no ACME directory"));
  }
  peer_.join();
}

}  // namespace
}  // namespace httpteleport::acme
