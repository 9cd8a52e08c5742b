// What the tests of this module share: a site served on a real socket, and its client, all in the
// test's own thread.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>

#include "admin/local_server.h"
#include "net/test_net.h"
#include "support/http_message.h"

namespace httpteleport::admin {

struct TestAnswer {
  int status = 0;  // 0: not complete
  test::MessageHead head{};
  std::string body{};

  // "" if there is none.
  std::string field(std::string_view name) const { return head.find(name).value_or(""); }
};

// A site that is there before what it stands for.
class LateSite final : public Site {
 public:
  std::optional<Page> refuse(const Request& head) override { return site->refuse(head); }
  size_t body_bytes_max() const override { return site->body_bytes_max(); }
  void serve(const Request& request, Answer answer) override {
    site->serve(request, std::move(answer));
  }

  Site* site = nullptr;
};

// The client side of a server in this thread.
class TestClients {
 public:
  std::string authority() const { return address.to_string(); }

  net::TestPeer& connect() {
    net::Socket socket(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
    HT_ASSERT(::connect(socket.fd(), address.get(), address.length()) == 0);
    net.peers.emplace_back(std::move(socket));
    return net.peers.back();
  }

  // The next answer on `client` that is not a mere 1xx.
  TestAnswer read(net::TestPeer& client, bool to_head = false) {
    TestAnswer answer;
    EXPECT_TRUE(net.run_until([&] {
      answer = take_answer(client, to_head);
      return answer.status >= 200;
    })) << client.received;
    return answer;
  }

  // On a connection of its own. `fields`: whole lines, each with its line end.
  TestAnswer ask(std::string_view method, std::string_view target, std::string_view body = {},
                 std::string_view fields = {}) {
    net::TestPeer& client = connect();
    std::string request = std::string(method) + " " + std::string(target) + " HTTP/1.1\r\n";
    if (fields.find("Host:") == std::string_view::npos)
      request += "Host: " + (address.is_unix() ? "shuttle" : authority()) + "\r\n";
    request += fields;
    if (!body.empty() || method == "PUT" || method == "POST")
      request += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    client.send(request + "Connection: close\r\n\r\n" + std::string(body));
    TestAnswer answer = read(client, method == "HEAD");
    client.close();
    return answer;
  }
  TestAnswer get(std::string_view target, std::string_view fields = {}) {
    return ask("GET", target, {}, fields);
  }

  net::TestNet net;
  net::Address address;  // of the server

 private:
  static TestAnswer take_answer(net::TestPeer& client, bool to_head) {
    test::MessageParser parser;
    parser.expect_response(to_head);
    TestAnswer answer;
    size_t used = 0;
    while (!parser.done() && !parser.failed()) {
      const auto step = parser.step(std::string_view(client.received).substr(used));
      answer.body += step.body;
      used += step.consumed;
      if (step.consumed == 0) break;
    }
    if (!parser.done() && client.ended) parser.finish();
    EXPECT_EQ(parser.error(), "");
    if (!parser.done()) return {};
    client.received.erase(0, used);
    answer.status = parser.head().status;
    answer.head = parser.head();
    return answer;
  }
};

class TestLocalServer : public TestClients {
 public:
  // Listens on 127.0.0.1, or at `unix_path`.
  explicit TestLocalServer(Site& site, const std::string& unix_path = {},
                           const LocalServer::Options& options = {}) {
    net::Socket listening = net::TestNet::listen_socket();
    if (!unix_path.empty()) {
      auto socket = net::listen_on(*net::Address::unix_path(unix_path), {});
      HT_ASSERT(socket.has_value());
      listening = *std::move(socket);
    }
    server = std::make_unique<LocalServer>(net.loop, std::move(listening), site, options);
    HT_ASSERT(server->start().has_value());
    address = server->address();
  }

  std::unique_ptr<LocalServer> server;
};

}  // namespace httpteleport::admin
