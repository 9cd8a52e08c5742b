#include "support/httptp_process.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "support/http_message.h"
#include "support/paths.h"

namespace httpteleport::test {
namespace {

// Waits for the line with `marker` and reads the address behind it.
std::optional<Address> wait_address(Process& process, std::string_view marker, Deadline deadline) {
  const auto line = process.wait_line(marker, deadline);
  if (!line) return {};
  return Address::parse(line->substr(0, line->find_first_of(" \t\r")));
}

}  // namespace

std::unique_ptr<HttptpProcess> HttptpProcess::start(const Options& options, std::string& error) {
  std::vector<std::string> argv;
  argv.push_back(options.binary.empty() ? bin_dir() + "/httptp" : options.binary);
  argv.insert(argv.end(), options.flags.begin(), options.flags.end());
  const bool has_metrics = std::any_of(argv.begin(), argv.end(), [](const std::string& flag) {
    return flag.find("-expvarAddr") != std::string::npos;
  });
  if (options.adds_metrics && !has_metrics) argv.emplace_back("-expvarAddr=127.0.0.1:0");
  const Deadline deadline = after();
  std::unique_ptr<HttptpProcess> started(new HttptpProcess(argv, options.environment));
  const auto address = wait_address(started->process_, "listening on ", deadline);
  const auto metrics = wait_address(started->process_, "metrics on ", deadline);
  if (!address || !metrics) {
    error = argv[0] + ": not ready; it printed:\n" + started->process_.output();
    return nullptr;
  }
  started->address_ = *address;
  started->metrics_address_ = *metrics;
  return started;
}

HttptpProcess::~HttptpProcess() {
  stop();
}

std::string HttptpProcess::expvar_json() const {
  const Message message = get(metrics_address_, "/expvar");
  const bool good = message.outcome == Outcome::kComplete && message.head.status == 200;
  return good ? message.body : std::string();
}

std::optional<int64_t> HttptpProcess::expvar(std::string_view name) const {
  return json_number(expvar_json(), name);
}

std::optional<int64_t> json_number(std::string_view json, std::string_view name) {
  std::string key = "\"";
  key.append(name).append("\"");
  const size_t at = json.find(key);
  if (at == std::string_view::npos) return {};
  const size_t colon = json.find_first_not_of(" \t\r\n", at + key.size());
  if (colon == std::string_view::npos || json[colon] != ':') return {};
  const std::string rest(json.substr(colon + 1, 64));
  char* end = nullptr;
  const double value = std::strtod(rest.c_str(), &end);
  if (end == rest.c_str() || !std::isfinite(value)) return {};
  return static_cast<int64_t>(value);
}

}  // namespace httpteleport::test
