// What client and server of the library are connected by, and what they make of each other's
// limits.
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <atomic>
#include <string>

#include "httpteleport/httpteleport.h"
#include "support/certificates.h"
#include "support/deadline.h"
#include "support/temporary_folder.h"

namespace httpteleport {
namespace {

using namespace std::chrono_literals;

constexpr Duration kLong = 20s;

void answer_target(const Request& request, Response& response) {
  response.set_body(request.target(), "text/plain");
}

std::string body_of_a_call(Client& client, std::string_view target) {
  Response response;
  const Status status = client.call(Request("GET", target), response, kLong);
  return status.ok() ? std::to_string(response.status()) + " " + std::string(response.body())
                     : status.to_string();
}

// Certificates of an authority of its own, in files.
class TlsFiles {
 public:
  TlsFiles() {
    const test::Pem pem = ca_.issue({.names = {"localhost"}});
    folder_.write("ca.pem", ca_.pem());
    folder_.write("server.pem", pem.certificate);
    folder_.write("server.key", pem.key);
    const test::Pem of_client = ca_.issue({.names = {"client"}, .client = true});
    folder_.write("client.pem", of_client.certificate);
    folder_.write("client.key", of_client.key);
  }
  std::string path(const std::string& name) const { return folder_.file(name); }
  ServerTlsOptions server(bool asks_for_certificates = false) const {
    return {path("server.pem"), path("server.key"), asks_for_certificates ? path("ca.pem") : "",
            true};
  }

 private:
  test::TestCa ca_{"Test CA"};
  test::TemporaryFolder folder_;
};

TEST(Transports, ATlsLinkIsVerifiedByTheNameOfTheServer) {
  const TlsFiles files;
  auto server = *Server::create(answer_target, {.tls = files.server()});
  ASSERT_TRUE(server.listen("127.0.0.1:0").ok());
  const std::string address = server.addresses()[0];
  ClientOptions options{.address = address};
  options.tls = {.enabled = true, .ca_file = files.path("ca.pem"), .server_name = "localhost"};
  auto client = *Client::create(options);
  EXPECT_EQ(body_of_a_call(client, "/secret"), "200 /secret");
  options.tls.server_name = "example.org";
  auto wrong_name = *Client::create(options);
  Response response;
  const Status status = wrong_name.call(Request(), response, kLong);
  EXPECT_EQ(status.code(), StatusCode::kConnectFailed) << status.to_string();
}

TEST(Transports, AServerWithTlsRefusesClientsWithout) {
  const TlsFiles files;
  auto server = *Server::create(answer_target, {.tls = files.server()});
  ASSERT_TRUE(server.listen("127.0.0.1:0").ok());
  auto client = *Client::create({.address = server.addresses()[0]});
  Response response;
  EXPECT_FALSE(client.call(Request(), response, kLong).ok());
}

TEST(Transports, AServerMayAskForClientCertificates) {
  const TlsFiles files;
  auto server = *Server::create(answer_target, {.tls = files.server(true)});
  ASSERT_TRUE(server.listen("127.0.0.1:0").ok());
  ClientOptions options{.address = server.addresses()[0]};
  options.tls = {.enabled = true, .ca_file = files.path("ca.pem"), .server_name = "localhost"};
  auto without = *Client::create(options);
  Response response;
  EXPECT_FALSE(without.call(Request(), response, kLong).ok());
  options.tls.certificate_file = files.path("client.pem");
  options.tls.key_file = files.path("client.key");
  auto with = *Client::create(options);
  EXPECT_EQ(body_of_a_call(with, "/known"), "200 /known");
}

TEST(Transports, FilesThatTlsCannotUseAreNamed) {
  ClientOptions client{.address = "127.0.0.1:1"};
  client.tls = {.enabled = true, .ca_file = "/nowhere/ca.pem"};
  const Status status = Client::create(client).status();
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(status.system_errno(), ENOENT);
  ServerOptions server;
  server.tls.certificate_file = "/nowhere/server.pem";
  EXPECT_STREQ(Server::create(answer_target, server).status().message(),
               "tls.certificate_file and tls.key_file go together");
}

TEST(Transports, AUnixSocketGoesWithItsServer) {
  const test::TemporaryFolder folder;
  const std::string path = folder.file("link.sock");
  {
    auto server = *Server::create(answer_target);
    ASSERT_TRUE(server.listen("unix:" + path).ok());
    EXPECT_EQ(server.addresses()[0], "unix:" + path);
    auto client = *Client::create({.address = path});
    EXPECT_EQ(body_of_a_call(client, "/local"), "200 /local");
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(Transports, ADialFunctionMakesTheConnection) {
  auto server = *Server::create(answer_target);
  std::atomic<int> dialled = 0;
  ClientOptions options;
  options.dial = [&] {
    int ends[2];
    if (++dialled == 1) {
      errno = ECONNREFUSED;
      return -1;
    }
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return -1;
    EXPECT_TRUE(server.serve_connection(ends[0]).ok());
    return ends[1];
  };
  auto client = *Client::create(options);
  Response response;
  EXPECT_EQ(client.call(Request(), response, kLong).code(), StatusCode::kConnectFailed);
  EXPECT_EQ(body_of_a_call(client, "/dialled"), "200 /dialled");
  EXPECT_EQ(dialled, 2);
}

TEST(Transports, AClientComesBackToAServerThatWasAway) {
  auto first = std::make_unique<Server>(*Server::create(answer_target));
  ASSERT_TRUE(first->listen("127.0.0.1:0").ok());
  const std::string address = first->addresses()[0];
  auto client = *Client::create({.address = address});
  EXPECT_EQ(body_of_a_call(client, "/1"), "200 /1");
  first.reset();
  EXPECT_TRUE(test::wait_until([&] { return client.stats().links.links_open == 0; }));
  auto second = *Server::create(answer_target);
  ASSERT_TRUE(second.listen(address).ok());
  EXPECT_TRUE(test::wait_until([&] { return body_of_a_call(client, "/2") == "200 /2"; }));
}

TEST(Limits, AResponseBodyOverTheClientsLimitFailsAlone) {
  auto server = *Server::create([](const Request& request, Response& response) {
    response.set_body(std::string(request.target() == "/large" ? 2000 : 10, 'x'));
  });
  ASSERT_TRUE(server.listen("127.0.0.1:0").ok());
  ClientOptions options{.address = server.addresses()[0]};
  options.max_response_body_bytes = 1000;
  auto client = *Client::create(options);
  Response response;
  const Status status = client.call(Request("GET", "/large"), response, kLong);
  EXPECT_EQ(status.code(), StatusCode::kTooLarge);
  EXPECT_FALSE(status.is_retry_safe());
  EXPECT_EQ(body_of_a_call(client, "/"), "200 xxxxxxxxxx");
  EXPECT_EQ(client.stats().connects, 1u);
}

TEST(Limits, AResponseHeadOverTheClientsLimitFailsAlone) {
  auto server = *Server::create([](const Request& request, Response& response) {
    if (request.target() == "/large") response.add_field("X-Large", std::string(2000, 'x'));
  });
  ASSERT_TRUE(server.listen("127.0.0.1:0").ok());
  ClientOptions options{.address = server.addresses()[0]};
  options.max_response_head_bytes = 1000;
  auto client = *Client::create(options);
  Response response;
  EXPECT_EQ(client.call(Request("GET", "/large"), response, kLong).code(), StatusCode::kTooLarge);
  EXPECT_EQ(body_of_a_call(client, "/"), "200 ");
}

TEST(Limits, AServersAnswerOverItsOwnLimitsBecomes502) {
  ServerOptions options;
  options.max_response_body_bytes = 1000;
  options.max_response_head_bytes = 500;
  auto server = *Server::create(
      [](const Request& request, Response& response) {
        if (request.target() == "/body") response.set_body(std::string(1001, 'x'));
        if (request.target() == "/head") response.add_field("X-Large", std::string(600, 'x'));
      },
      options);
  ASSERT_TRUE(server.listen("127.0.0.1:0").ok());
  auto client = *Client::create({.address = server.addresses()[0]});
  EXPECT_EQ(body_of_a_call(client, "/body").substr(0, 4), "502 ");
  EXPECT_EQ(body_of_a_call(client, "/head").substr(0, 4), "502 ");
  EXPECT_EQ(body_of_a_call(client, "/"), "200 ");
}

TEST(Limits, AnswersWithoutABodyHaveNone) {
  auto server = *Server::create([](const Request& request, Response& response) {
    if (request.target() == "/204") response.set_status(204);
    response.set_body("never seen");
  });
  ASSERT_TRUE(server.listen("127.0.0.1:0").ok());
  auto client = *Client::create({.address = server.addresses()[0]});
  EXPECT_EQ(body_of_a_call(client, "/204"), "204 ");
  Response response;
  ASSERT_TRUE(client.call(Request("HEAD", "/"), response, kLong).ok());
  EXPECT_EQ(response.body(), "");
  EXPECT_EQ(body_of_a_call(client, "/"), "200 never seen");
}

}  // namespace
}  // namespace httpteleport
