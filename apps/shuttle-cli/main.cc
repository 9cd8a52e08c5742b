// shuttle-cli: looks at and changes a running shuttle, over its admin API. All of it is in src/cli.
#include <cstdlib>
#include <string>
#include <vector>

#include "build_version.h"
#include "cli/run.h"

namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace httpteleport;  // NOLINT(google-build-using-namespace): the program is all of it
  const cli::Environment environment = {.address = variable("SHUTTLE_ADDR"),
                                        .token_file = variable("SHUTTLE_TOKEN_FILE")};
  const std::string version =
      std::string("shuttle-cli ") + kProgramVersion + " (git " + kGitCommit + ")";
  return cli::run(std::vector<std::string>(argv + 1, argv + argc), environment, version);
}
