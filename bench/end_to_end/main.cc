// end_to_end_bench [-json] [-transport tcp|pipe] [-ms N] [-cert FILE -key FILE] [name part...]
//
// Runs the benchmarks whose names contain one of the parts (default: all) with client and server in
// this process, on one core, and prints a line for each. `PingPong` is the floor of a lone request.
#include <sched.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "benchmarks.h"
#include "ping_pong.h"

namespace {

struct Arguments {
  RunOptions run;
  bool json = false;
  std::vector<std::string_view> parts;
};

[[noreturn]] void usage() {
  std::fprintf(stderr,
               "usage: end_to_end_bench [-json] [-transport tcp|pipe] [-ms N] [-cert FILE -key "
               "FILE] [name part...]\n");
  std::exit(2);
}

Arguments parse(int count, char** words) {
  Arguments to;
  for (int i = 1; i < count; ++i) {
    const std::string_view word = words[i];
    const auto value = [&]() -> std::string_view {
      if (++i == count) usage();
      return words[i];
    };
    if (word == "-json") {
      to.json = true;
    } else if (word == "-transport") {
      to.run.transport = value() == "pipe" ? Transport::kPipe : Transport::kTcp;
    } else if (word == "-ms") {
      const std::string_view text = value();
      int ms = 0;
      if (std::from_chars(text.data(), text.data() + text.size(), ms).ec != std::errc{} || ms < 1)
        usage();
      to.run.duration = std::chrono::milliseconds(ms);
    } else if (word == "-cert") {
      to.run.certificate_file = value();
    } else if (word == "-key") {
      to.run.key_file = value();
    } else if (word.starts_with('-')) {
      usage();
    } else {
      to.parts.push_back(word);
    }
  }
  return to;
}

bool is_wanted(const Arguments& arguments, std::string_view name) {
  for (const std::string_view part : arguments.parts) {
    if (name.find(part) != std::string_view::npos) return true;
  }
  return arguments.parts.empty();
}

// All threads on the core that this one is on.
void stay_on_one_core() {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(sched_getcpu(), &set);
  sched_setaffinity(0, sizeof set, &set);
}

void print(const Arguments& arguments, std::string_view name, const Measurement& measured) {
  const char* const transport = arguments.run.transport == Transport::kTcp ? "tcp" : "pipe";
  const int width = static_cast<int>(name.size());
  if (arguments.json) {
    std::printf(
        "{\"name\": \"%.*s\", \"transport\": \"%s\", \"requests\": %llu, \"ns\": %.1f, "
        "\"cpu_ns\": %.1f, \"allocations\": %.4f, \"wire_bytes\": %.1f, \"p50_us\": %.2f, "
        "\"p99_us\": %.2f}\n",
        width, name.data(), transport, static_cast<unsigned long long>(measured.requests),
        measured.wall_ns, measured.cpu_ns, measured.allocations, measured.wire_bytes,
        measured.p50_us, measured.p99_us);
  } else {
    std::printf("%-30.*s %-4s %9llu %9.0f ns/op %9.0f cpu-ns/op %8.2f MB/s %8.4f allocs/op", width,
                name.data(), transport, static_cast<unsigned long long>(measured.requests),
                measured.wall_ns, measured.cpu_ns, kBodyBytes * 1e3 / measured.wall_ns,
                measured.allocations);
    if (measured.p99_us > 0)
      std::printf("  p50 %.1f us p99 %.1f us", measured.p50_us, measured.p99_us);
    std::printf("\n");
  }
  std::fflush(stdout);
}

}  // namespace

int main(int count, char** words) {
  const Arguments arguments = parse(count, words);
  stay_on_one_core();
  if (is_wanted(arguments, "PingPong"))
    print(arguments, "PingPong", run_ping_pong(arguments.run.transport, arguments.run.duration));
  for (const Benchmark& benchmark : all_benchmarks()) {
    if (!is_wanted(arguments, benchmark.name)) continue;
    if (benchmark.tls && arguments.run.certificate_file.empty()) {
      std::fprintf(stderr, "end_to_end_bench: %.*s needs -cert and -key\n",
                   static_cast<int>(benchmark.name.size()), benchmark.name.data());
      return 2;
    }
    print(arguments, benchmark.name, run(benchmark, arguments.run));
  }
  return 0;
}
