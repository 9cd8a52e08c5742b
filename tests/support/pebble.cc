#include "support/pebble.h"

#include <fstream>

#include "support/fd.h"

namespace httpteleport::test {
namespace {

constexpr int kStartsMax = 5;

std::string local(uint16_t port) {
  return Address{.port = port}.text();
}

std::string quoted_list(const std::vector<std::string>& values) {
  std::string text;
  for (const std::string& value : values) {
    if (!text.empty()) text += ", ";
    text.append("\"").append(value).append("\"");
  }
  return "[" + text + "]";
}

// What a command writes; aborts when it fails.
std::string output_of(std::vector<std::string> argv) {
  Process command(std::move(argv));
  const auto status = command.wait_exit();
  // The marker never comes: waits for the end of the output.
  command.wait_line("\n\n\n");
  if (!status || status->code != 0) die("a command that pebble needs");
  return command.output();
}

// Listens, or has ended.
bool listens(Process& process, uint16_t port) {
  bool connected = false;
  wait_until([&] {
    connected = Socket::connect(Address{.port = port}).has_value();
    return connected || !process.is_running();
  });
  return connected && process.is_running();
}

}  // namespace

Pebble::Pebble(const Options& options) {
  write_server_certificate();
  // They take ports, not sockets: another process may have taken one that was free a moment ago.
  for (int start = 0; start < kStartsMax; ++start) {
    if (try_start(options)) return;
  }
  die("pebble does not start");
}

bool Pebble::try_start(const Options& options) {
  acme_port_ = dead_address().port;
  management_port_ = dead_address().port;
  dns_port_ = dead_address().port;
  const uint16_t dns_management_port = dead_address().port;
  write_configuration(options);
  dns_ = std::make_unique<Process>(std::vector<std::string>{
      "/usr/bin/pebble-challtestsrv", "-dns01", local(dns_port_), "-http01", "", "-https01", "",
      "-tlsalpn01", "", "-management", local(dns_management_port), "-defaultIPv6", ""});
  pebble_ = std::make_unique<Process>(
      std::vector<std::string>{"/usr/bin/pebble", "-strict", "-config", folder_.file("pebble.json"),
                               "-dnsserver", local(dns_port_)},
      Process::Environment{{"PEBBLE_VA_NOSLEEP", "1"},
                           {"PEBBLE_WFE_NONCEREJECT", std::to_string(options.nonce_reject_percent)},
                           {"GODEBUG", "netdns=go"}});
  return listens(*dns_, dns_management_port) && listens(*pebble_, acme_port_) &&
         listens(*pebble_, management_port_);
}

std::string Pebble::directory_url() const {
  return "https://" + local(acme_port_) + "/dir";
}

std::string Pebble::issuing_root() const {
  return output_of({"/usr/bin/curl", "-s", "-S", "--noproxy", "*", "--cacert", ca_file(),
                    "https://" + local(management_port_) + "/roots/0"});
}

void Pebble::write_server_certificate() {
  output_of({"/usr/bin/openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:P-256", "-nodes", "-keyout", folder_.file("key.pem"), "-out",
             folder_.file("cert.pem"), "-days", "30", "-subj", "/CN=localhost", "-addext",
             "subjectAltName=DNS:localhost,IP:127.0.0.1"});
}

void Pebble::write_configuration(const Options& options) {
  std::ofstream file(folder_.file("pebble.json"));
  file << "{\"pebble\": {\"listenAddress\": \"" << local(acme_port_)
       << "\", \"managementListenAddress\": \"" << local(management_port_)
       << "\", \"certificate\": \"" << folder_.file("cert.pem") << "\", \"privateKey\": \""
       << folder_.file("key.pem") << "\", \"httpPort\": " << options.http_port
       << ", \"tlsPort\": " << options.tls_port
       << ", \"ocspResponderURL\": \"\", \"externalAccountBindingRequired\": false"
       << ", \"domainBlocklist\": " << quoted_list(options.blocked_names)
       << ", \"certificateValidityPeriod\": " << options.lifetime.count() << "}}\n";
}

}  // namespace httpteleport::test
