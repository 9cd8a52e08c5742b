// What the tests of single flags have in common.
#pragma once

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <chrono>
#include <string>

#include "integration/topology.h"
#include "support/http_message.h"
#include "support/origin.h"

namespace httpteleport::test {

inline std::string get_text(const std::string& target, const std::string& fields = "") {
  return "GET " + target + " HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n";
}
inline std::string post_text(const std::string& body, const std::string& target = "/hash") {
  return "POST " + target +
         " HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         body;
}

// A connection whose client has this address of 127.0.0.0/8; on failure everything on it fails.
inline HttpConnection connect_from(const char* source, const Address& target) {
  Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in local{};
  local.sin_family = AF_INET;
  ::inet_pton(AF_INET, source, &local.sin_addr);
  sockaddr_storage remote;
  const unsigned size = target.to_sockaddr(remote);
  const bool connected =
      ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&local), sizeof local) == 0 &&
      ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&remote), size) == 0;
  EXPECT_TRUE(connected) << "from " << source;
  return HttpConnection(connected ? Socket(std::move(fd)) : Socket());
}

// One request on a connection that stays open.
inline Message ask(HttpConnection& client, const std::string& request) {
  client.send(request);
  return client.read_response(request.starts_with("HEAD "));
}

// Whether a number at /expvar becomes `wanted`.
inline testing::AssertionResult becomes(HttptpProcess& process, const std::string& name,
                                        int64_t wanted) {
  if (wait_until([&] { return process.expvar(name) == wanted; }))
    return testing::AssertionSuccess();
  return testing::AssertionFailure()
         << name << " is " << process.expvar(name).value_or(-1) << ", not " << wanted;
}

// Whether the origin has seen that many requests; its counters follow its answers.
inline testing::AssertionResult sees(Origin& origin, uint64_t requests) {
  if (origin.wait_for([&](const OriginCounters& c) { return c.requests == requests; }))
    return testing::AssertionSuccess();
  return testing::AssertionFailure() << origin.counters().requests << " requests, not " << requests;
}

// Measures from its construction; a little less than `least` counts, because clocks differ.
class Stopwatch {
 public:
  testing::AssertionResult has_run(std::chrono::milliseconds least) const {
    const auto ran = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - began_);
    if (ran + std::chrono::milliseconds(10) >= least) return testing::AssertionSuccess();
    return testing::AssertionFailure() << "after " << ran.count() << " ms already";
  }

 private:
  Deadline began_ = Clock::now();
};

// clients -> near -> link -> far -> origin, each end with flags of its own and one worker.
class Chain {
 public:
  Chain(const std::string& origin, const Flags& near_flags_more, const Flags& far_flags_more)
      : far_(far_flags(origin) + Flags{"-workers=1"} + far_flags_more),
        near_(near_flags(far_.address().text()) + Flags{"-workers=1"} + near_flags_more) {}

  bool started() const { return far_.started() && near_.started(); }
  Address address() const { return near_.address(); }
  HttptpProcess& near() { return *near_; }
  HttptpProcess& far() { return *far_; }

 private:
  RunningHttptp far_;
  RunningHttptp near_;  // ends first, so that the far end has nothing left to drain
};

}  // namespace httpteleport::test
