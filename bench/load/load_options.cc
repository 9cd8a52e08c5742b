#include "load_options.h"

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace httpteleport::bench {

namespace {

constexpr const char* kUsage =
    "usage: http_load --port=N [--target=/PATH --body=BYTES | --pairs=FILE] [--connections=N]\n"
    "  [--seconds=N] [--requests=N | --rate=N] [--margin-ms=N] [--tls=12|13 [--resume] "
    "[--handshake-only]]\n"
    "  [--close-each] [--hold] [--counters=FILE]\n";

[[noreturn]] void refuse(std::string_view argument) {
  std::fprintf(stderr, "http_load: bad argument %.*s\n%s", static_cast<int>(argument.size()),
               argument.data(), kUsage);
  std::exit(2);
}

struct Number {
  std::string_view name;
  uint64_t LoadOptions::*place;
  uint64_t least, most;
};
constexpr Number kNumbers[] = {
    {"--port", &LoadOptions::port, 1, 65535},
    {"--body", &LoadOptions::body_bytes, 0, uint64_t{1} << 30},
    {"--connections", &LoadOptions::connections, 1, 20000},
    {"--seconds", &LoadOptions::seconds, 1, 600},
    {"--requests", &LoadOptions::requests, 1, 1'000'000},
    {"--rate", &LoadOptions::rate, 1, 10'000'000},
    {"--margin-ms", &LoadOptions::margin_ms, 0, 10'000},
    {"--tls", &LoadOptions::tls, 12, 13},
};
struct Text {
  std::string_view name;
  std::string LoadOptions::*place;
};
constexpr Text kTexts[] = {{"--target", &LoadOptions::target},
                           {"--pairs", &LoadOptions::pairs},
                           {"--counters", &LoadOptions::counters}};
struct Switch {
  std::string_view name;
  bool LoadOptions::*place;
};
constexpr Switch kSwitches[] = {{"--resume", &LoadOptions::resume},
                                {"--close-each", &LoadOptions::close_each},
                                {"--handshake-only", &LoadOptions::handshake_only},
                                {"--hold", &LoadOptions::hold}};

bool take(LoadOptions& options, std::string_view name, std::string_view value) {
  for (const Number& number : kNumbers) {
    if (number.name != name) continue;
    uint64_t& place = options.*number.place;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), place);
    return error == std::errc{} && end == value.data() + value.size() && place >= number.least &&
           place <= number.most;
  }
  for (const Text& text : kTexts) {
    if (text.name != name) continue;
    options.*text.place = value;
    return !value.empty();
  }
  for (const Switch& one : kSwitches) {
    if (one.name != name) continue;
    options.*one.place = true;
    return value.empty();
  }
  return false;
}

}  // namespace

LoadOptions parse_load_options(int argc, char** argv) {
  LoadOptions options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    const size_t equals = argument.find('=');
    const std::string_view value =
        equals == std::string_view::npos ? "" : argument.substr(equals + 1);
    if (!take(options, argument.substr(0, equals), value)) refuse(argument);
  }
  if (options.port == 0) refuse("(no --port)");
  if (options.handshake_only && options.tls == 0) refuse("--handshake-only without --tls");
  if (options.requests != 0 && (options.rate != 0 || options.hold))
    refuse("--requests with --rate or --hold");
  if (options.seconds * 1000 <= 2 * options.margin_ms) refuse("--margin-ms: nothing is left");
  return options;
}

}  // namespace httpteleport::bench
