// wrk as a client that asks as fast as it is answered: its own report is the verdict.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <string>
#include <vector>

#include "support/process.h"

namespace httpteleport::test {

// wrk with a thread and 64 connections from the constructor to stop().
class Wrk {
 public:
  // `fields`: header lines of every request.
  explicit Wrk(const std::string& url, const std::vector<std::string>& fields = {})
      : process_(command(url, fields)) {}

  // Ends it; fails unless it was answered, and answered well and in time only. Returns its report.
  std::string stop() {
    using testing::HasSubstr;
    using testing::Not;
    EXPECT_TRUE(process_.is_running()) << process_.output();
    process_.signal(SIGINT);
    EXPECT_TRUE(process_.wait_line("Transfer/sec:")) << process_.output();
    EXPECT_THAT(process_.output(), HasSubstr(" requests in "));
    EXPECT_THAT(process_.output(), Not(HasSubstr("  0 requests in ")));
    EXPECT_THAT(process_.output(), Not(HasSubstr("Socket errors")));
    EXPECT_THAT(process_.output(), Not(HasSubstr("Non-2xx")));
    return process_.output();
  }

 private:
  static std::vector<std::string> command(const std::string& url,
                                          const std::vector<std::string>& fields) {
    std::vector<std::string> argv = {"/usr/bin/wrk", "-t",    "1",         "-c", "64",
                                     "-d",           "1000s", "--timeout", "60s"};
    for (const std::string& field : fields)
      argv.insert(argv.end(), {"-H", field});
    argv.push_back(url);
    return argv;
  }

  Process process_;
};

}  // namespace httpteleport::test
