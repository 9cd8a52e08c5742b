// What the commands share: the server, what it refuses, and where their output goes.
#pragma once

#include <string>
#include <string_view>

#include "cli/client.h"
#include "cli/command_line.h"
#include "cli/tables.h"

namespace httpteleport::cli {

class Session {
 public:
  Session(const CommandLine& line, Client::Options options)
      : line_(line), client_(std::move(options)) {}

  const CommandLine& line() const { return line_; }
  Client& client() { return client_; }

  // Whether the answer is JSON for programs: by -o, else by where it goes.
  bool wants_json() const;
  TableOptions table_options() const;

  // Says on standard error why there is no good answer. Returns the exit code. `is_change`: whether
  // the request may have been carried out.
  int refuse(const Reply& reply, bool is_change) const;
  // The same without saying it: one line.
  std::string refusal(const Reply& reply, bool is_change) const;
  // An answer that is not what it should be.
  int refuse_document() const;

  // A change without anything to tell: the exit code.
  int change(const char* method, const std::string& path, const std::string& body);

 private:
  const CommandLine& line_;
  Client client_;
};

// On standard output at once; false when that cannot be written to.
bool print(std::string_view text);
// The same of JSON; on a terminal its control characters are escaped.
bool print_document(std::string_view json);
// On standard error, as one line.
void complain(std::string_view text);

}  // namespace httpteleport::cli
