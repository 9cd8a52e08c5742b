// The relays that are compared: programs with their configuration, each with one thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "support/process.h"
#include "support/temporary_folder.h"

namespace httpteleport::bench {

// Where a relay listens and where it sends to, all on 127.0.0.1.
struct Ports {
  uint16_t tcp = 0;
  uint16_t udp = 0;
  uint16_t tcp_backend = 0;
  uint16_t udp_backend = 0;
};

struct ProxySpec {
  std::string name;
  // The program and its arguments, in which {tcp} {udp} {tcp_backend} {udp_backend} stand for
  // addresses and {nginx} {haproxy} {haproxy-splice} {shuttle} for the path of a file with such a
  // configuration.
  std::vector<std::string> command;
  bool udp = true;
};

// "name=program argument ..." as on the command line; nothing if it is not of that form.
std::optional<ProxySpec> parse_proxy(const std::string& text);
ProxySpec nginx();
ProxySpec haproxy();
ProxySpec haproxy_splice();

class Proxy {
 public:
  // Starts it and waits until it takes connections; ends the program if it does not.
  Proxy(const ProxySpec& spec, uint16_t tcp_backend, uint16_t udp_backend);

  const ProxySpec& spec() const { return spec_; }
  const Ports& ports() const { return ports_; }
  // User and system time of all its threads so far.
  double cpu_seconds() const;
  uint64_t rss_bytes() const { return process_->rss_bytes(); }

 private:
  std::string fill_in(std::string text);
  std::string write(const std::string& name, const std::string& text);

  ProxySpec spec_;
  Ports ports_;
  test::TemporaryFolder folder_;
  std::unique_ptr<test::Process> process_;
};

}  // namespace httpteleport::bench
