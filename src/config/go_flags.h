// Command lines in the grammar of Go's flag package, which the users of the Go programs know.
//
//   -name value   -name=value   --name=value   -bool   -bool=false
//
// The first argument that is not a flag, "-" or "--" ends the flags. A repeated flag: the last
// wins.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace httpteleport::config {

// Go's time.ParseDuration: "300ms", "1h2m3.5s", "-1.5h", "0". False when `text` is none, or does
// not fit into 64 bits of nanoseconds.
bool parse_duration(std::string_view text, Duration& duration);
// The shortest form Go prints: "3s", "1m30s", "500ms".
std::string format_duration(Duration duration);

// Go's strconv.ParseInt with base 0: "10", "-5", "0x10", "0b1", "0o17", "017", "1_000".
bool parse_int(std::string_view text, int64_t& number);

// Go's strconv.ParseBool.
bool parse_bool(std::string_view text, bool& value);

// A set of flags bound to variables, whose values at binding time are the defaults. The variables
// must outlive parse() and usage().
class GoFlags {
 public:
  enum class Outcome : uint8_t {
    kOk,
    kHelp,   // -h or -help was given: print usage(), exit 0
    kError,  // print error(), exit 2
  };

  void add(std::string name, std::string& value, std::string help);
  void add(std::string name, int64_t& value, std::string help);
  void add(std::string name, bool& value, std::string help);
  void add(std::string name, Duration& value, std::string help);

  // `arguments` without the program's name.
  Outcome parse(const std::vector<std::string>& arguments);

  // One line that says what is wrong, as Go words it, and for an unknown flag the nearest known
  // name.
  const std::string& error() const { return error_; }
  // What follows the flags and is ignored.
  const std::vector<std::string>& ignored() const { return ignored_; }
  // One entry a flag, in alphabetical order: name, help, default.
  std::string usage() const;

 private:
  enum class Type : uint8_t { kString, kInt, kBool, kDuration };
  struct Flag {
    std::string name;
    std::string help;
    std::string default_text;
    Type type;
    void* value;
  };

  Flag* find(std::string_view name);
  // The flag with the name most like `name`, or nullptr when none is near.
  const Flag* nearest(std::string_view name) const;
  bool assign(const Flag& flag, const std::string& text);

  std::vector<Flag> flags_;
  std::vector<std::string> ignored_;
  std::string error_;
};

}  // namespace httpteleport::config
