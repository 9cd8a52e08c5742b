// Whatever stands in a file of flags, in the environment and on the command line: no crash, and
// what was accepted, dumped as -dumpConfig does and read again, is the same.
#include <string>
#include <vector>

#include "base/assert.h"
#include "config/checks.h"
#include "config/environment.h"
#include "config/flag_file.h"
#include "config/flag_texts.h"
#include "config/go_flags.h"
#include "config/httptp_flags.h"
#include "config/load.h"
#include "fuzz_input.h"

namespace httpteleport::fuzz {
namespace {

using namespace config;  // NOLINT(google-build-using-namespace): all names here are of it

// Up to a line "---" is the file, up to the next one argument a line, then one variable a line.
std::string_view take_part(std::string_view& rest) {
  constexpr std::string_view kMark = "\n---\n";
  const size_t end = std::min(rest.find(kMark), rest.size());
  const std::string_view part = rest.substr(0, end);
  rest.remove_prefix(std::min(end + kMark.size(), rest.size()));
  return part;
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

// Flags and what they are bound to. Made once, because that takes longer than most inputs.
class Values {
 public:
  Values() { add_httptp_flags(options_, flags_); }

  // Every flag at its default again.
  void reset() {
    options_ = {};
    flags_.forget_origins();
    errors.clear();
    warnings.clear();
  }
  GoFlags& flags() { return flags_; }
  const HttptpOptions& options() const { return options_; }
  std::vector<FlagValue> given() const {
    std::vector<FlagValue> values;
    for (const GoFlags::Flag& flag : flags_.all()) {
      if (flag.origin.layer == Layer::kDefault) continue;
      values.push_back({.name = flag.info.name,
                        .text = flag.text(),
                        .origin = flag.origin,
                        .marks = flag.info.marks});
    }
    return values;
  }

  std::vector<std::string> errors;
  std::vector<std::string> warnings;

 private:
  HttptpOptions options_;
  GoFlags flags_;
};

void check_dump(const std::vector<FlagValue>& given) {
  static Values again;
  again.reset();
  read_flag_lines(dump_text(given), "dump", again.flags(), again.errors);
  HT_ASSERT(again.errors.empty());
  for (const FlagValue& value : given) {
    // A dump does not have those.
    if (value.is(FlagInfo::kSecret) || value.is(FlagInfo::kCommandLineOnly) ||
        value.name == "config")
      continue;
    const GoFlags::Flag* flag = again.flags().find(value.name);
    HT_ASSERT(flag->text() == value.text);
    HT_ASSERT(flag->origin.layer == Layer::kFile);
  }
}

void run(Input input) {
  std::string_view rest = input.rest();
  const std::string_view file = take_part(rest);
  const std::vector<std::string> arguments = lines_of(take_part(rest));
  const std::vector<std::string> environment = lines_of(rest);

  static Values values;
  values.reset();
  if (values.flags().parse(arguments) != GoFlags::Outcome::kOk) return;
  read_environment(environment, "HTTPTP_", values.flags(), values.errors, values.warnings);
  const ExactBytes exact(file);
  read_flag_lines(exact.view(), "file", values.flags(), values.errors);
  const std::vector<FlagValue> given = values.given();
  check_dump(given);
  Problems problems(given);
  check_options(values.options(), problems);
}

}  // namespace
}  // namespace httpteleport::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  httpteleport::fuzz::run({data, size});
  return 0;
}
