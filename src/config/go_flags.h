// Flags bound to variables, with values from several layers, and command lines in the grammar of
// Go's flag package, which the users of the Go programs know.
//
//   -name value   -name=value   --name=value   -bool   -bool=false
//
// The first argument that is not a flag, "-" or "--" ends the flags. A repeated flag: the last
// wins, but for those that are lists.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/go_values.h"

namespace httpteleport::config {

// Where values come from, weakest first: a value of a stronger layer is not replaced by one of a
// weaker.
enum class Layer : uint8_t { kDefault, kFile, kEnvironment, kFlag };

struct Origin {
  Layer layer = Layer::kDefault;
  std::string where{};  // kFile: "FILE:LINE"; kEnvironment: the variable
  // "default", "FILE:LINE", "env NAME" or "flag".
  std::string text() const;
};

// What is declared once for a flag. The texts are static.
struct FlagInfo {
  enum Marks : uint8_t {
    kNone = 0,
    kNeedsRestart = 1,     // a running program does not take up a new value
    kSecret = 2,           // its value is shown to nobody
    kCommandLineOnly = 4,  // makes no sense in a file or in the environment
    kNoDefault = 8,        // what is not given is not used; texts show no default
  };

  const char* name;
  const char* placeholder;  // stands for the value in the help; empty for a switch
  const char* help;         // without the default
  uint8_t marks = kNone;
};

// The flags and their layers of values. The values of the variables at binding time are the
// defaults. The variables must outlive every call.
class GoFlags {
 public:
  enum class Kind : uint8_t {
    kString,
    kInt,
    kBool,
    kDuration,
    kMilliseconds,  // a duration, or a bare number of milliseconds
    kStrings,       // may be repeated; the values in their order
  };
  struct Flag {
    FlagInfo info;
    const char* group;  // title
    Kind kind;
    std::string default_text;
    void* value;
    Origin origin{};

    bool is(FlagInfo::Marks mark) const { return (info.marks & mark) != 0; }
    // The value it has now, as text that it would accept.
    std::string text() const;
  };

  enum class Outcome : uint8_t {
    kOk,
    kHelp,   // -h or -help was given: print the help, exit 0
    kError,  // print error(), exit 2
  };

  // The flags added from now on belong to the group of this title, which is static.
  void begin_group(const char* title) { group_ = title; }
  void add(const FlagInfo& info, std::string& value);
  void add(const FlagInfo& info, int64_t& value);
  void add(const FlagInfo& info, bool& value);
  void add(const FlagInfo& info, Duration& value);
  void add(const FlagInfo& info, std::chrono::milliseconds& value);
  void add(const FlagInfo& info, std::vector<std::string>& value);

  // In the order they were added.
  const std::vector<Flag>& all() const { return flags_; }
  std::vector<std::string> names() const;
  // nullptr when there is none of that name.
  const Flag* find(std::string_view name) const;
  // As if nothing had been given, for whoever sets the variables to their defaults himself.
  void forget_origins() {
    for (Flag& flag : flags_)
      flag.origin = {};
  }

  // Reads a command line without the program's name.
  Outcome parse(const std::vector<std::string>& arguments);
  // One line that says what is wrong, as Go words it, and for an unknown flag the nearest known
  // name.
  const std::string& error() const { return error_; }
  // What follows the flags and is ignored.
  const std::vector<std::string>& ignored() const { return ignored_; }

  // Gives a flag of all() a value of another layer. Returns what is accepted, when `text` is not;
  // empty otherwise. A value is checked also when a stronger layer has one. A list begins anew with
  // a stronger layer, and grows within one.
  std::string set(const Flag& flag, const std::string& text, const Origin& origin);

 private:
  void add(const FlagInfo& info, Kind kind, void* value);
  // Reads one argument that begins with a dash, and its value, at `index` and behind it.
  Outcome parse_flag(const std::vector<std::string>& arguments, size_t& index);

  std::vector<Flag> flags_;
  std::vector<std::string> ignored_;
  std::string error_;
  const char* group_ = "";
};

}  // namespace httpteleport::config
