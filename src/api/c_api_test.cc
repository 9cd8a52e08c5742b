#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <latch>
#include <string>
#include <string_view>

#include "httpteleport/c.h"
#include "httpteleport/client.h"
#include "httpteleport/server.h"
#include "support/deadline.h"

namespace {

constexpr int64_t kPatienceNs = int64_t{60} * 1'000'000'000;

std::string string_of(httpteleport_text text) {
  return {text.data, text.size};
}

httpteleport_client_options client_options(const char* address) {
  httpteleport_client_options options;
  httpteleport_client_options_init(&options, sizeof options);
  options.address = address;
  return options;
}

std::string address_of(const httpteleport_server* server, size_t index = 0) {
  char buffer[128];
  const size_t length = httpteleport_server_address(server, index, buffer, sizeof buffer);
  return {buffer, length};
}

// A server on a port of its own, a client of it, and a pair of messages; all freed at the end.
class Pair {
 public:
  Pair(httpteleport_handler handler, void* user)
      : server(httpteleport_server_new(handler, user, nullptr, nullptr)) {
    EXPECT_EQ(httpteleport_server_listen(server, "127.0.0.1:0", &error), HTTPTELEPORT_OK)
        << error.message;
    const std::string address = address_of(server);
    const httpteleport_client_options options = client_options(address.c_str());
    client = httpteleport_client_new(&options, &error);
    EXPECT_NE(client, nullptr) << error.message;
  }
  Pair(const Pair&) = delete;
  Pair& operator=(const Pair&) = delete;
  ~Pair() {
    httpteleport_response_free(response);
    httpteleport_request_free(request);
    httpteleport_client_free(client);
    httpteleport_server_free(server);
  }

  int call(int64_t timeout_ns = kPatienceNs) {
    return httpteleport_client_call(client, request, response, timeout_ns, &error);
  }

  httpteleport_server* server;
  httpteleport_client* client = nullptr;
  httpteleport_request* request = httpteleport_request_new();
  httpteleport_response* response = httpteleport_response_new();
  httpteleport_error error{};
};

// Answers with what it was asked.
void echo(void* user, const httpteleport_request* request, httpteleport_response* response) {
  std::string body = user == nullptr ? "" : static_cast<const char*>(user);
  for (const httpteleport_text part :
       {httpteleport_request_method(request), httpteleport_request_target(request),
        httpteleport_request_host(request), httpteleport_request_field(request, "x-name"),
        httpteleport_request_body(request)}) {
    body += string_of(part) + "|";
  }
  httpteleport_response_set_status(response, 201);
  httpteleport_response_add_field(response, "X-Answer", "one");
  httpteleport_response_add_field(response, "X-Answer", "two");
  httpteleport_response_set_body(response, body.data(), body.size());
}

TEST(CApi, CarriesARequestAndItsAnswer) {
  char user[] = "user|";
  Pair pair(echo, user);
  httpteleport_request_set_method(pair.request, "POST");
  httpteleport_request_set_target(pair.request, "/path?query");
  httpteleport_request_set_host(pair.request, "example.com");
  httpteleport_request_set_field(pair.request, "X-Name", "value");
  httpteleport_request_set_body(pair.request, "a\0b", 3);
  ASSERT_EQ(pair.call(), HTTPTELEPORT_OK) << pair.error.message;
  EXPECT_EQ(pair.error.status, HTTPTELEPORT_OK);
  EXPECT_STREQ(pair.error.message, "");
  EXPECT_EQ(httpteleport_response_status(pair.response), 201);
  EXPECT_EQ(string_of(httpteleport_response_body(pair.response)),
            std::string("user|POST|/path?query|example.com|value|a\0b|", 44));
  EXPECT_EQ(string_of(httpteleport_response_field(pair.response, "x-answer")), "one");
  EXPECT_EQ(httpteleport_client_pending(pair.client), 0U);
}

TEST(CApi, MessagesCanBeUsedAgain) {
  Pair pair(echo, nullptr);
  for (int i = 0; i < 3; ++i) {
    httpteleport_request_clear(pair.request);
    httpteleport_response_clear(pair.response);
    httpteleport_request_set_target(pair.request, ("/" + std::to_string(i)).c_str());
    httpteleport_request_set_host(pair.request, "h");
    ASSERT_EQ(pair.call(), HTTPTELEPORT_OK) << pair.error.message;
    EXPECT_EQ(string_of(httpteleport_response_body(pair.response)),
              "GET|/" + std::to_string(i) + "|h|||");
  }
}

TEST(CApi, ListsFieldsInTheirOrder) {
  httpteleport_request* request = httpteleport_request_new();
  httpteleport_request_add_field(request, "A", "1");
  httpteleport_request_add_field(request, "b", "2");
  httpteleport_request_add_field(request, "a", "3");
  ASSERT_EQ(httpteleport_request_field_count(request), 3U);
  httpteleport_text name;
  httpteleport_text value;
  httpteleport_request_field_at(request, 1, &name, &value);
  EXPECT_EQ(string_of(name) + "=" + string_of(value), "b=2");
  httpteleport_request_field_at(request, 3, &name, &value);
  EXPECT_EQ(string_of(name) + "=" + string_of(value), "=");
  EXPECT_NE(name.data, nullptr);
  EXPECT_EQ(httpteleport_request_remove_field(request, "A"), 2U);
  EXPECT_EQ(httpteleport_request_field_count(request), 1U);
  EXPECT_EQ(string_of(httpteleport_request_field(request, "a")), "");
  httpteleport_request_free(request);

  httpteleport_response* response = httpteleport_response_new();
  httpteleport_response_set_field(response, "A", "1");
  httpteleport_response_set_field(response, "a", "2");
  ASSERT_EQ(httpteleport_response_field_count(response), 1U);
  httpteleport_response_field_at(response, 0, &name, &value);
  EXPECT_EQ(string_of(value), "2");
  EXPECT_EQ(httpteleport_response_remove_field(response, "A"), 1U);
  httpteleport_response_free(response);
}

TEST(CApi, RefusesARequestThatCannotBeSent) {
  Pair pair(echo, nullptr);
  httpteleport_request_add_field(pair.request, "bad name", "value");
  EXPECT_EQ(pair.call(), HTTPTELEPORT_INVALID_ARGUMENT);
  EXPECT_EQ(pair.error.status, HTTPTELEPORT_INVALID_ARGUMENT);
  EXPECT_EQ(pair.error.is_retry_safe, 1);
  EXPECT_STRNE(pair.error.message, "");
  EXPECT_EQ(httpteleport_client_call(pair.client, pair.request, pair.response, 0, nullptr),
            HTTPTELEPORT_INVALID_ARGUMENT);
}

TEST(CApi, TellsTimeoutsFromFailuresToConnect) {
  std::latch answered(1);
  Pair pair([](void* user, const httpteleport_request*,
               httpteleport_response*) { static_cast<std::latch*>(user)->wait(); },
            &answered);
  EXPECT_EQ(pair.call(1'000'000), HTTPTELEPORT_TIMEOUT);
  EXPECT_STREQ(httpteleport_status_name(pair.error.status), "timeout");
  answered.count_down();

  const std::string address = address_of(pair.server);
  httpteleport_server_stop(pair.server, 0);
  const httpteleport_client_options options = client_options(address.c_str());
  httpteleport_client* client = httpteleport_client_new(&options, nullptr);
  EXPECT_EQ(httpteleport_client_call(client, pair.request, pair.response, kPatienceNs, &pair.error),
            HTTPTELEPORT_CONNECT_FAILED);
  EXPECT_EQ(pair.error.is_retry_safe, 1);
  EXPECT_EQ(pair.error.system_errno, ECONNREFUSED);
  httpteleport_client_free(client);
}

TEST(CApi, PostsWithoutAnAnswer) {
  std::atomic<int> handled{0};
  Pair pair([](void* user, const httpteleport_request*,
               httpteleport_response*) { ++*static_cast<std::atomic<int>*>(user); },
            &handled);
  ASSERT_EQ(httpteleport_client_post(pair.client, pair.request, &pair.error), HTTPTELEPORT_OK)
      << pair.error.message;
  EXPECT_TRUE(httpteleport::test::wait_until([&] { return handled == 1; }));
}

TEST(CApi, OptionsBeginWithTheDefaultsOfCxx) {
  const httpteleport::ClientOptions client_defaults;
  const httpteleport_client_options client = client_options(nullptr);
  EXPECT_EQ(client.size, sizeof client);
  EXPECT_EQ(client.max_pending, client_defaults.max_pending);
  EXPECT_EQ(client.max_response_body_bytes, client_defaults.max_response_body_bytes);
  EXPECT_EQ(client.write_timeout_ns, client_defaults.write_timeout.count());
  EXPECT_EQ(client.tls, 0);
  EXPECT_EQ(client.compression, HTTPTELEPORT_AUTO);
  EXPECT_EQ(client.protocol, HTTPTELEPORT_PROTOCOL_AUTO);
  EXPECT_EQ(std::string_view(client.secret_headers),
            "authorization,cookie,proxy-authorization,set-cookie,x-api-key");

  const httpteleport::ServerOptions server_defaults;
  httpteleport_server_options server;
  httpteleport_server_options_init(&server, sizeof server);
  EXPECT_EQ(server.concurrency, server_defaults.concurrency);
  EXPECT_EQ(server.max_request_body_bytes, server_defaults.max_request_body_bytes);
  EXPECT_EQ(server.handshake_timeout_ns, server_defaults.handshake_timeout.count());
  EXPECT_EQ(server.tls_required, 1);
}

TEST(CApi, TakesOptionsOfAnEarlierVersion) {
  struct Earlier {
    size_t size;
    const char* address;
  } options;
  static_assert(offsetof(Earlier, address) == offsetof(httpteleport_client_options, address));
  auto* given = reinterpret_cast<httpteleport_client_options*>(&options);
  httpteleport_client_options_init(given, sizeof options);
  EXPECT_EQ(options.size, sizeof options);
  options.address = "127.0.0.1:1";
  httpteleport_error error;
  httpteleport_client* client = httpteleport_client_new(given, &error);
  EXPECT_NE(client, nullptr) << error.message;
  httpteleport_client_free(client);
}

TEST(CApi, RefusesOptionsOfALaterVersionOnlyWhereTheyAreSet) {
  struct Later {
    httpteleport_client_options known;
    int unknown;
  } options;
  httpteleport_client_options_init(&options.known, sizeof options);
  options.known.address = "127.0.0.1:1";
  httpteleport_error error;
  httpteleport_client* client = httpteleport_client_new(&options.known, &error);
  EXPECT_NE(client, nullptr) << error.message;
  httpteleport_client_free(client);
  options.unknown = 1;
  EXPECT_EQ(httpteleport_client_new(&options.known, &error), nullptr);
  EXPECT_EQ(error.status, HTTPTELEPORT_INVALID_ARGUMENT);
  EXPECT_TRUE(std::string_view(error.message).starts_with("size")) << error.message;
}

TEST(CApi, RefusesOptionsThatCannotBeUsed) {
  httpteleport_error error;
  httpteleport_client_options options = client_options("127.0.0.1:1");
  options.size = 0;
  EXPECT_EQ(httpteleport_client_new(&options, &error), nullptr);
  EXPECT_EQ(error.status, HTTPTELEPORT_INVALID_ARGUMENT);
  options = client_options("127.0.0.1:1");
  options.compression = 256;
  EXPECT_EQ(httpteleport_client_new(&options, &error), nullptr);
  EXPECT_TRUE(std::string_view(error.message).starts_with("compression")) << error.message;
  options = client_options("127.0.0.1:1");
  options.protocol = 3;
  EXPECT_EQ(httpteleport_client_new(&options, &error), nullptr);
  EXPECT_TRUE(std::string_view(error.message).starts_with("protocol")) << error.message;
  options = client_options("127.0.0.1:1");
  options.link_memory = -1;
  EXPECT_EQ(httpteleport_client_new(&options, &error), nullptr);
  EXPECT_TRUE(std::string_view(error.message).starts_with("link_memory")) << error.message;
  options = client_options("127.0.0.1:1");
  options.secret_headers = "cookie, a b";
  EXPECT_EQ(httpteleport_client_new(&options, &error), nullptr);
  EXPECT_TRUE(std::string_view(error.message).starts_with("secret_headers")) << error.message;
  options = client_options(nullptr);
  EXPECT_EQ(httpteleport_client_new(&options, &error), nullptr);
  EXPECT_EQ(error.status, HTTPTELEPORT_INVALID_ARGUMENT);
  httpteleport_server_options server;
  httpteleport_server_options_init(&server, sizeof server);
  server.workers = 0;
  EXPECT_EQ(httpteleport_server_new(echo, nullptr, &server, &error), nullptr);
  EXPECT_EQ(error.status, HTTPTELEPORT_INVALID_ARGUMENT);
  EXPECT_EQ(httpteleport_server_new(echo, nullptr, &server, nullptr), nullptr);
}

TEST(CApi, CutsAnAddressOffToFit) {
  Pair pair(echo, nullptr);
  const std::string whole = address_of(pair.server);
  ASSERT_TRUE(whole.starts_with("127.0.0.1:")) << whole;
  char small[6];
  EXPECT_EQ(httpteleport_server_address(pair.server, 0, small, sizeof small), whole.size());
  EXPECT_STREQ(small, "127.0");
  EXPECT_EQ(httpteleport_server_address(pair.server, 0, nullptr, 0), whole.size());
  EXPECT_EQ(httpteleport_server_address(pair.server, 1, small, sizeof small), 0U);
  EXPECT_STREQ(small, "");
}

TEST(CApi, SaysWhyItCannotListen) {
  Pair pair(echo, nullptr);
  EXPECT_EQ(httpteleport_server_listen(pair.server, address_of(pair.server).c_str(), &pair.error),
            HTTPTELEPORT_SYSTEM);
  EXPECT_EQ(pair.error.system_errno, EADDRINUSE);
  EXPECT_EQ(httpteleport_server_listen(pair.server, "nonsense", nullptr),
            HTTPTELEPORT_INVALID_ARGUMENT);
}

TEST(CApi, FreesNothingWhenGivenNothing) {
  httpteleport_client_free(nullptr);
  httpteleport_server_free(nullptr);
  httpteleport_request_free(nullptr);
  httpteleport_response_free(nullptr);
}

TEST(CApi, NamesItsVersion) {
  EXPECT_STREQ(httpteleport_library_version(), httpteleport::library_version());
}

}  // namespace
