// Tests of what tests of TLS are made of.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <sstream>

#include "support/certificates.h"
#include "support/temporary_folder.h"
#include "support/tls_client.h"
#include "support/tls_endpoint.h"

namespace httpteleport::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

// Passes bytes between two endpoints until neither has any.
void exchange(TlsEndpoint& one, TlsEndpoint& other) {
  for (;;) {
    const std::string there = one.take_output();
    const std::string back = other.take_output();
    if (there.empty() && back.empty()) return;
    other.feed(there);
    one.feed(back);
  }
}

class TlsEndpointTest : public testing::Test {
 protected:
  TestCa ca{"test root"};
  TestCa intermediate{"test intermediate", ca};

  // Why a client that expects `name` refuses a server with this certificate; empty: it does not.
  std::string verdict(const std::string& name, const std::string& trusted, const Pem& certificate) {
    TlsEndpoint client({.server_name = name, .trusted_pem = trusted});
    TlsEndpoint server({.server = true, .certificate = certificate});
    exchange(client, server);
    EXPECT_EQ(client.is_complete(), client.error().empty());
    return client.error();
  }
};

TEST_F(TlsEndpointTest, TakesAGoodCertificateAndNoOther) {
  const Pem good = ca.issue({.names = {"a.example", "*.b.example"}});
  EXPECT_THAT(verdict("a.example", ca.pem(), good), IsEmpty());
  EXPECT_THAT(verdict("x.b.example", ca.pem(), good), IsEmpty());
  EXPECT_THAT(verdict("b.example", ca.pem(), good), HasSubstr("verify failed"));
  EXPECT_THAT(verdict("a.example", TestCa("test root").pem(), good), HasSubstr("verify failed"));
  EXPECT_THAT(verdict("a.example", ca.pem(), intermediate.issue({.names = {"a.example"}})),
              IsEmpty());
  EXPECT_THAT(
      verdict("r.example", ca.pem(), ca.issue({.names = {"r.example"}, .key = KeyType::kRsa2048})),
      IsEmpty());
  EXPECT_THAT(verdict("a.example", ca.pem(), ca.issue({.names = {"a.example"}, .client = true})),
              HasSubstr("verify failed"));
  EXPECT_THAT(verdict("a.example", ca.pem(),
                      ca.issue({.names = {"a.example"}, .valid_for = std::chrono::minutes(1)})),
              HasSubstr("verify failed"));
}

TEST_F(TlsEndpointTest, CarriesBytesEndsAndResumes) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const TlsOptions serving{.server = true,
                             .certificate = ca.issue({.names = {"a.example"}}),
                             .protocols = {"http/1.1"},
                             .version_max = version};
    TlsEndpoint client({.protocols = {"h2", "http/1.1"}});
    TlsEndpoint server(serving);
    client.send("there");
    client.end();
    server.send("back");
    exchange(client, server);
    EXPECT_EQ(client.version(), version);
    EXPECT_EQ(client.protocol(), "http/1.1");
    EXPECT_EQ(server.received, "there");
    EXPECT_TRUE(server.has_ended());
    EXPECT_EQ(client.received, "back");
    EXPECT_FALSE(client.has_ended());
    EXPECT_FALSE(client.has_failed());
    EXPECT_NE(client.session(), nullptr);
  }
}

TEST_F(TlsEndpointTest, TellsTheAlert) {
  TlsEndpoint client({.version_max = TLS1_1_VERSION});
  TlsEndpoint server({.server = true,
                      .certificate = ca.issue({.names = {"a.example"}}),
                      .version_min = TLS1_2_VERSION});
  exchange(client, server);
  EXPECT_EQ(client.fatal_alert(), SSL_AD_PROTOCOL_VERSION);
  EXPECT_TRUE(client.has_failed());
}

// A server for one connection, in a thread of its own: greets, then sends back what comes until the
// client ends, and closes.
void serve(Listener& listener, const TlsOptions& options) {
  std::optional<Socket> socket = listener.accept();
  ASSERT_TRUE(socket);
  TlsClient tls(*std::move(socket), options);
  tls.send_all("hello\n");
  const Received got = tls.recv_to_end();
  if (got.status != IoStatus::kClosed) return;
  tls.send_all(got.bytes);
  tls.shutdown_write();
}

TEST(TlsClient, TellsAProperEndFromACut) {
  const TestCa ca("test root");
  const TlsOptions serving{.server = true, .certificate = ca.issue({.names = {"a.example"}})};
  for (const bool proper : {true, false}) {
    Listener listener;
    const auto server = std::async(std::launch::async, [&] { serve(listener, serving); });
    auto client = TlsClient::connect(listener.address(),
                                     {.server_name = "a.example", .trusted_pem = ca.pem()});
    ASSERT_TRUE(client);
    ASSERT_TRUE(client->is_complete()) << client->error();
    EXPECT_EQ(client->recv_until("\n").bytes, "hello\n");
    EXPECT_EQ(client->send_all(std::string(200'000, 'x')), IoStatus::kOk);
    if (proper) {
      client->shutdown_write();
    } else {
      client->cut();
    }
    const Received got = client->recv_to_end();
    EXPECT_EQ(got.status, proper ? IoStatus::kClosed : IoStatus::kReset);
    EXPECT_EQ(got.bytes.size(), proper ? 200'000u : 0u);
  }
}

TEST(TemporaryFolder, GoesWithItsFiles) {
  std::string path;
  {
    const TemporaryFolder folder;
    path = folder.write("name", "text");
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    EXPECT_EQ(text.str(), "text");
  }
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_FALSE(std::filesystem::exists(std::filesystem::path(path).parent_path()));
}

}  // namespace
}  // namespace httpteleport::test
