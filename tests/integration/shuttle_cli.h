// Runs of shuttle-cli to their end, with the two outputs apart.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support/paths.h"
#include "support/process.h"
#include "support/temporary_folder.h"

namespace httpteleport::test {

struct CliRun {
  int code = -1;
  std::string out;
  std::string err;
};

class ShuttleCliTest : public testing::Test {
 protected:
  static std::vector<std::string> command(const std::vector<std::string>& arguments) {
    std::vector<std::string> argv = {bin_dir() + "/shuttle-cli"};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    return argv;
  }

  // The environment has neither colours nor an address, if `more` does not say so.
  static Process::Environment environment(const Process::Environment& more = {}) {
    Process::Environment all = more;
    for (const char* name : {"SHUTTLE_ADDR", "SHUTTLE_TOKEN_FILE", "NO_COLOR"}) {
      bool given = false;
      for (const auto& entry : more)
        given |= entry.first == name;
      if (!given) all.emplace_back(name, "");
    }
    return all;
  }

  CliRun run(const std::vector<std::string>& arguments, const Process::Environment& more = {}) {
    // The shell only separates the outputs; its input has ended.
    std::vector<std::string> argv = {
        "/bin/sh", "-c", "exec \"$@\" </dev/null >\"$0.out\" 2>\"$0.err\"", folder_.file("run")};
    for (const std::string& argument : command(arguments))
      argv.push_back(argument);
    Process process(argv, environment(more));
    const auto status = process.wait_exit(after(3 * kPatience));
    EXPECT_TRUE(status.has_value()) << "it did not end";
    process.terminate();
    return {status ? status->code : -1, read_file(folder_.file("run.out")),
            read_file(folder_.file("run.err"))};
  }

  const TemporaryFolder folder_;
};

}  // namespace httpteleport::test
