#include "support/nginx.h"

#include <sstream>

#include "support/fd.h"

namespace httpteleport::test {
namespace {

constexpr int kStartsMax = 5;

// One process, whose files are all in its folder.
std::string configuration(const Address& address, const std::string& server) {
  std::ostringstream text;
  text << "daemon off; master_process off; pid nginx.pid; error_log stderr warn;\n"
       << "events { worker_connections 256; }\n"
       << "http {\n"
       << "  access_log off;\n"
       << "  client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3;\n"
       << "  uwsgi_temp_path t4; scgi_temp_path t5;\n"
       << "  server {\n"
       << "    listen " << address.text() << " ssl;\n"
       << "    ssl_certificate nginx.crt; ssl_certificate_key nginx.key;\n"
       << server << "  }\n}\n";
  return text.str();
}

}  // namespace

Nginx::Nginx(const Options& options) {
  folder_.write("nginx.crt", options.certificate.certificate);
  folder_.write("nginx.key", options.certificate.key);
  // It takes a port, not a socket: another process may have taken one that was free a moment ago.
  for (int start = 0; start < kStartsMax; ++start) {
    if (try_start(options)) return;
  }
  die(("nginx does not start: " + output()).c_str());
}

bool Nginx::try_start(const Options& options) {
  address_ = dead_address();
  const std::string file = folder_.write("nginx.conf", configuration(address_, options.server));
  process_ = std::make_unique<Process>(std::vector<std::string>{
      "/usr/sbin/nginx", "-e", "stderr", "-p", folder_.path() + "/", "-c", file});
  bool connected = false;
  wait_until([&] {
    connected = Socket::connect(address_).has_value();
    return connected || !process_->is_running();
  });
  return connected && process_->is_running();
}

}  // namespace httpteleport::test
