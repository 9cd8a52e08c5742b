#include "support/curl.h"

#include "support/command.h"
#include "support/temporary_folder.h"

namespace httpteleport::test {
namespace {

// The last of the heads that curl has written one behind the other.
MessageHead last_head(const std::string& heads) {
  const size_t at = heads.rfind("HTTP/");
  if (at == std::string::npos) return {};
  MessageParser parser;
  parser.expect_response(true);
  parser.step(std::string_view(heads).substr(at));
  return parser.done() ? parser.head() : MessageHead{};
}

}  // namespace

Curl::Answer Curl::ask(std::string_view target, const Flags& flags) const {
  const std::string heads = folder_.write("heads", "");
  const std::string body = folder_.write("body", "");
  // Nothing of the user's: no file of settings, no proxy.
  Flags argv = {"/usr/bin/curl", "-q",       "-sS", "--noproxy", "*", "--max-time", "20", "-D",
                heads,           "--output", body};
  argv.insert(argv.end(), flags_.begin(), flags_.end());
  argv.insert(argv.end(), flags.begin(), flags.end());
  argv.push_back(base_ + std::string(target));
  const CommandResult result = run_command(std::move(argv));
  return {.exit_code = result.status.code,
          .head = last_head(read_file(heads)),
          .body = read_file(body),
          .problems = result.output};
}

}  // namespace httpteleport::test
