// curl as an HTTP client, so that somebody else's TLS, unix sockets and HTTP meet ours.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "support/http_message.h"
#include "support/temporary_folder.h"

namespace httpteleport::test {

// One way to reach one server. A process for every request. Not thread safe.
class Curl {
 public:
  using Flags = std::vector<std::string>;

  struct Answer {
    int exit_code = -1;
    MessageHead head{};      // of the last answer: no 1xx; empty when there was none
    std::string body{};      // without transfer coding
    std::string problems{};  // what curl says of a failure
  };

  // `base`: what every URL begins with, "http://127.0.0.1:80". `flags` go with every request.
  explicit Curl(std::string base, Flags flags = {})
      : base_(std::move(base)), flags_(std::move(flags)) {}

  Answer ask(std::string_view target, const Flags& flags = {}) const;

 private:
  std::string base_;
  Flags flags_;
  TemporaryFolder folder_;
};

}  // namespace httpteleport::test
