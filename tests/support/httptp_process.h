// The program under test as a child process, ready to take connections.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "support/process.h"
#include "support/socket.h"

namespace httpteleport::test {

// Owns one `httptp`. start() adds `-expvarAddr=127.0.0.1:0` when the flags do not name one and
// `adds_metrics` is set, so that several can run side by side; `-in` should have port 0. The
// destructor sends SIGTERM and waits, so that a sanitizer can report what it found; who wants to
// know the outcome calls stop() before.
class HttptpProcess {
 public:
  struct Options {
    std::string binary{};  // empty: bin_dir()/httptp
    std::vector<std::string> flags{};
    Process::Environment environment{};
    bool adds_metrics = true;  // false: `-expvarAddr` stands elsewhere
  };

  // Starts it and waits until it says where it listens, at most 10 s. On failure the result is null
  // and `error` says why, with what the program printed.
  static std::unique_ptr<HttptpProcess> start(const Options& options, std::string& error);
  ~HttptpProcess();

  // Where it takes connections, and where it serves its metrics.
  Address address() const { return address_; }
  Address metrics_address() const { return metrics_address_; }

  // The number of that name at /expvar; empty when it cannot be had.
  std::optional<int64_t> expvar(std::string_view name) const;
  // All of /expvar as it came, empty when it cannot be had.
  std::string expvar_json() const;

  Process& process() { return process_; }
  // SIGTERM and the end of the process.
  ExitStatus stop() { return process_.terminate(); }

 private:
  HttptpProcess(std::vector<std::string> argv, const Process::Environment& environment)
      : process_(std::move(argv), environment) {}

  Process process_;
  Address address_;
  Address metrics_address_;
};

// The number behind "name": in a JSON text, wherever it stands.
std::optional<int64_t> json_number(std::string_view json, std::string_view name);

}  // namespace httpteleport::test
