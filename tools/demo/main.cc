// The main job, shown on real traffic: clients -> httptp =link=> httptp -> origin.
//
// Starts an origin server and both ends of a link, sends JSON requests from many clients at once,
// compares every body with what was sent, and prints what it cost. Exit code 0 only when nothing
// went wrong. `demo [REQUESTS]`; the programs are taken from the folder this one is in.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>

#include "requests.h"
#include "support/httptp_process.h"
#include "support/load_client.h"
#include "support/origin.h"

namespace httpteleport::demo {
namespace {

using test::HttptpProcess;
using test::LoadReport;

constexpr uint64_t kRequests = 6000;
constexpr uint64_t kRequestsMin = 5000;
constexpr size_t kClients = 128;
constexpr std::chrono::seconds kTimeLimit{120};

// What one end of the link counted.
struct LinkCounters {
  int64_t raw_sent = 0;
  int64_t wire_sent = 0;
  int64_t raw_received = 0;
  int64_t wire_received = 0;
  int64_t batches_sent = 0;
};

// Collects the reasons why the demo fails, and prints each at once.
class Checks {
 public:
  void require(bool holds, const std::string& otherwise) {
    if (holds) return;
    ++failed_;
    std::printf("FAILED: %s\n", otherwise.c_str());
  }
  int exit_code() const { return failed_ == 0 ? 0 : 1; }

 private:
  int failed_ = 0;
};

std::unique_ptr<HttptpProcess> start(const std::string& binary, const char* end,
                                     std::vector<std::string> flags) {
  std::string error;
  auto process = HttptpProcess::start({.binary = binary, .flags = std::move(flags)}, error);
  if (process == nullptr) {
    std::printf("FAILED: the %s end does not start: %s\n", end, error.c_str());
    return nullptr;
  }
  std::printf("%-10s pid %d, listening on %s, metrics on %s\n", end, process->process().pid(),
              process->address().text().c_str(), process->metrics_address().text().c_str());
  return process;
}

LinkCounters read_counters(const HttptpProcess& process, const char* end, Checks& checks) {
  const std::string json = process.expvar_json();
  const auto number = [&](const char* name) {
    const auto value = test::json_number(json, name);
    checks.require(value.has_value(), std::string(end) + " end: no " + name + " at /expvar");
    return value.value_or(0);
  };
  return {.raw_sent = number("linkBytesRawSent"),
          .wire_sent = number("linkBytesWireSent"),
          .raw_received = number("linkBytesRawReceived"),
          .wire_received = number("linkBytesWireReceived"),
          .batches_sent = number("linkBatchesSent")};
}

double ratio(int64_t raw, int64_t wire) {
  return wire > 0 ? static_cast<double>(raw) / static_cast<double>(wire) : 0;
}

double megabytes(int64_t bytes) {
  return static_cast<double>(bytes) / 1e6;
}

void print_direction(const char* name, int64_t raw, int64_t wire) {
  std::printf("%-18s %9.2f MB raw  %9.2f MB on the wire   ratio %.2f\n", name, megabytes(raw),
              megabytes(wire), ratio(raw, wire));
}

void print_report(const LoadReport& report, uint64_t requests, const LinkCounters& near) {
  const double seconds = static_cast<double>(report.elapsed.count()) / 1e6;
  const auto milliseconds = [](std::chrono::microseconds time) {
    return static_cast<double>(time.count()) / 1e3;
  };
  const auto a_batch = near.batches_sent > 0
                           ? static_cast<double>(requests) / static_cast<double>(near.batches_sent)
                           : 0.0;
  std::printf("\nrequests           %llu from %zu clients, every body compared\n",
              static_cast<unsigned long long>(requests), kClients);
  std::printf("errors             %llu\n", static_cast<unsigned long long>(report.errors()));
  print_direction("requests, link", near.raw_sent, near.wire_sent);
  print_direction("answers, link", near.raw_received, near.wire_received);
  const auto raw = static_cast<double>(near.raw_sent + near.raw_received);
  const auto wire = static_cast<double>(near.wire_sent + near.wire_received);
  std::printf("saved              %.2f MB of %.2f, %.0f %%\n", (raw - wire) / 1e6, raw / 1e6,
              raw > 0 ? 100 * (raw - wire) / raw : 0.0);
  std::printf("requests a batch   %.1f\n", a_batch);
  std::printf("latency            p50 %.1f ms, p99 %.1f ms\n", milliseconds(report.p50),
              milliseconds(report.p99));
  std::printf("elapsed            %.2f s, %.0f requests/s\n\n", seconds,
              seconds > 0 ? static_cast<double>(requests) / seconds : 0.0);
}

// Both ends count the same bytes. Something on the way to the other end when one is read may
// differ.
bool about_equal(int64_t a, int64_t b) {
  return std::abs(a - b) <= std::max(a, b) / 100;
}

void check_counters(const LoadReport& report, uint64_t requests, const LinkCounters& near,
                    const LinkCounters& far, Checks& checks) {
  const auto sent = static_cast<int64_t>(report.body_bytes_sent);
  const auto received = static_cast<int64_t>(report.body_bytes_received);
  checks.require(near.raw_sent > sent, "the near end counted less than the bodies sent");
  checks.require(near.raw_received > received,
                 "the near end counted less than the bodies answered");
  checks.require(near.wire_sent > 0 && near.wire_sent < near.raw_sent,
                 "requests were not compressed on the link");
  checks.require(near.wire_received > 0 && near.wire_received < near.raw_received,
                 "answers were not compressed on the link");
  checks.require(about_equal(near.raw_sent, far.raw_received) &&
                     about_equal(near.wire_sent, far.wire_received) &&
                     about_equal(near.raw_received, far.raw_sent) &&
                     about_equal(near.wire_received, far.wire_sent),
                 "the two ends disagree on the bytes of the link");
  checks.require(near.batches_sent > 0 && near.batches_sent < static_cast<int64_t>(requests),
                 "requests were not batched");
  checks.require(far.batches_sent > 0, "the far end counted no batches");
}

int run(uint64_t requests) {
  const std::string binary =
      (std::filesystem::read_symlink("/proc/self/exe").parent_path() / "httptp").string();
  test::raise_file_limit();
  std::printf("clients -> httptp (near) =link=> httptp (far) -> origin\n\n");
  const test::Origin origin;
  std::printf("%-10s in this process, listening on %s\n", "origin",
              origin.address().text().c_str());
  const auto far =
      start(binary, "far",
            {"-inType=teleport", "-in=127.0.0.1:0", "-outType=http",
             "-out=" + origin.address().text(), "-inDelay=1ms", "-expvarAddr=127.0.0.1:0"});
  if (far == nullptr) return 1;
  const auto near =
      start(binary, "near",
            {"-inType=http", "-in=127.0.0.1:0", "-outType=teleport",
             "-out=" + far->address().text(), "-outDelay=1ms", "-expvarAddr=127.0.0.1:0"});
  if (near == nullptr) return 1;

  test::LoadClient client({.address = near->address(),
                           .connections = kClients,
                           .requests = requests,
                           .make = make_request,
                           .time_limit = kTimeLimit});
  std::printf("\nsending %llu requests ...\n", static_cast<unsigned long long>(requests));
  std::fflush(stdout);
  const LoadReport report = client.run();

  Checks checks;
  const LinkCounters near_counters = read_counters(*near, "near", checks);
  const LinkCounters far_counters = read_counters(*far, "far", checks);
  print_report(report, requests, near_counters);
  checks.require(report.errors() == 0, "wrong or missing answers: " + report.text());
  checks.require(report.good() == requests && requests >= kRequestsMin, "too few requests");
  checks.require(origin.counters().requests == requests,
                 "the origin saw " + std::to_string(origin.counters().requests) + " requests");
  check_counters(report, requests, near_counters, far_counters, checks);
  for (const auto& [name, process] : {std::pair{"near", near.get()}, {"far", far.get()}}) {
    const test::ExitStatus status = process->stop();
    checks.require(status.code == 0, std::string(name) + " end: " + status.text() + "\n" +
                                         process->process().output());
  }
  if (checks.exit_code() == 0) std::printf("OK\n");
  return checks.exit_code();
}

}  // namespace
}  // namespace httpteleport::demo

int main(int argc, char** argv) {
  uint64_t requests = httpteleport::demo::kRequests;
  if (argc == 2) requests = std::strtoull(argv[1], nullptr, 10);
  if (argc > 2 || requests == 0) {
    std::fprintf(stderr, "usage: demo [REQUESTS]\n");
    return 2;
  }
  try {
    return httpteleport::demo::run(requests);
  } catch (const std::system_error& error) {  // of the standard library: threads, file names
    std::fprintf(stderr, "demo: %s\n", error.what());
    return 1;
  }
}
