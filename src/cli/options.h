// What shuttle-cli is told by its command line and its environment.
#pragma once

#include <chrono>
#include <string>

#include "base/clock.h"

namespace httpteleport::cli {

enum ExitCode : int {
  kExitOk = 0,
  kExitError = 1,  // the command line is wrong, the server refuses, files differ
  kExitUnreachable = 3,
  kExitInterrupted = 130,
};

struct Options {
  std::string address = "127.0.0.1:9090";
  Duration timeout = std::chrono::seconds(10);  // of one request
  std::string token_file;                       // empty: no token is sent
  std::string completion;                       // a shell, to print its completions

  // Of some commands only.
  std::string output;  // empty: by where the output goes
  bool watch = false;
  bool replace = false;
  bool dry_run = false;
  Duration wait{0};  // 0: not at all
};

// Variables of the environment; empty: not set.
struct Environment {
  std::string address;     // SHUTTLE_ADDR
  std::string token_file;  // SHUTTLE_TOKEN_FILE
};

}  // namespace httpteleport::cli
