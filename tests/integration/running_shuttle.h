// One shuttle for the length of a test: where it listens, its admin API, and the check that it ends
// well.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "support/http_message.h"
#include "support/httptp_process.h"
#include "support/origin.h"
#include "support/paths.h"
#include "support/process.h"
#include "support/temporary_folder.h"
#include "topology.h"

namespace httpteleport::test {

// The numbers of the ports on which that process takes connections, or datagrams if `kind` is
// "udp": the sockets that it has open, looked up in the kernel's tables.
inline std::set<uint16_t> listening_ports(pid_t pid, const std::string& kind = "tcp") {
  std::set<std::string> inodes;
  std::error_code gone;
  for (const auto& entry :
       std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/fd", gone)) {
    const std::string target = std::filesystem::read_symlink(entry.path(), gone).string();
    if (target.starts_with("socket:[")) inodes.insert(target.substr(8, target.size() - 9));
  }
  // Of the states of TCP that of a listener; UDP has only this one for sockets without a peer.
  const std::string wanted = kind == "tcp" ? "0A" : "07";
  std::set<uint16_t> ports;
  for (const std::string& table : {kind, kind + "6"}) {
    std::ifstream file("/proc/net/" + table);
    for (std::string line; std::getline(file, line);) {
      std::istringstream words(line);
      std::vector<std::string> row;
      for (std::string word; words >> word;)
        row.push_back(word);
      if (row.size() < 10 || row[3] != wanted || !inodes.contains(row[9])) continue;
      const std::string port = row[1].substr(row[1].rfind(':') + 1);
      uint16_t number = 0;
      std::from_chars(port.data(), port.data() + port.size(), number, 16);
      ports.insert(number);
    }
  }
  return ports;
}

// A listener's address in JSON: the kernel chooses the port, which listening_ports() tells.
inline constexpr const char* kAnyPort = "127.0.0.1:0";

class RunningShuttle {
 public:
  // `flags` may name -admin, -http and -certs; if not, the first two are on ports that the kernel
  // chooses, and there are no certificates. One worker, so that balancing has one order.
  explicit RunningShuttle(const Flags& flags = {}) {
    const auto has = [&](const std::string& name) {
      return std::any_of(flags.begin(), flags.end(),
                         [&](const std::string& flag) { return flag.starts_with(name + "="); });
    };
    std::vector<std::string> argv = {bin_dir() + "/shuttle"};
    if (!has("-admin")) argv.emplace_back("-admin=127.0.0.1:0");
    if (!has("-http")) argv.emplace_back("-http=127.0.0.1:0");
    if (!has("-certs")) argv.emplace_back("-certs=" + certificates_.path());
    if (!has("-workers")) argv.emplace_back("-workers=1");
    argv.insert(argv.end(), flags.begin(), flags.end());
    process_ = std::make_unique<Process>(argv);
    const bool ready = find_address("Admin server listening on ", admin_) &&
                       (has("-http") || find_address("HTTP server listening on ", http_)) &&
                       (!has("-https") || find_address("HTTPS server listening on ", https_));
    if (!ready) {
      ADD_FAILURE() << "shuttle is not ready; it printed:\n" << process_->output();
      process_.reset();
    }
  }
  ~RunningShuttle() {
    if (process_ != nullptr) stop();
  }
  RunningShuttle(const RunningShuttle&) = delete;
  RunningShuttle& operator=(const RunningShuttle&) = delete;

  bool started() const { return process_ != nullptr; }
  // Good only when started().
  Process& process() { return *process_; }
  Address admin() const { return admin_; }
  Address http() const { return http_; }
  Address https() const { return https_; }

  // Ends it now and checks how.
  void stop() {
    const ExitStatus status = process_->terminate(3 * kPatience);
    EXPECT_EQ(status.code, 0) << "shuttle: " << status.text() << "\n" << process_->output();
    process_.reset();
  }
  // Ends it without a word, as a crash would.
  void kill() {
    process_->signal(SIGKILL);
    process_->wait_exit();
    process_.reset();
  }

  // Of the admin API. `fields`: whole lines of the request's head.
  Message ask(std::string_view method, const std::string& path, const std::string& body = {},
              const std::string& fields = {}) const {
    HttpConnection connection(admin_);
    const bool has_body = method == "PUT" || method == "POST" || !body.empty();
    std::string text = std::string(method) + " " + path + " HTTP/1.1\r\nHost: localhost\r\n" +
                       fields + "Connection: close\r\n";
    if (has_body) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    connection.send(text + "\r\n" + body);
    return connection.read_final_response(method == "HEAD");
  }
  Message get(const std::string& path, const std::string& fields = {}) const {
    return ask("GET", path, {}, fields);
  }
  Message put(const std::string& path, const std::string& body) const {
    return ask("PUT", path, body);
  }
  // A change that must be made.
  void change(const std::string& path, const std::string& body,
              std::string_view method = "PUT") const {
    const Message answer = ask(method, path, body);
    EXPECT_EQ(answer.head.status, 200)
        << method << " " << path << " " << body << ": " << answer.body;
  }
  // The same; where it has begun to listen by that.
  Address listen(const std::string& path, const std::string& body,
                 const std::string& kind = "tcp") const {
    const std::set<uint16_t> before = listening_ports(process_->pid(), kind);
    change(path, body);
    for (const uint16_t port : listening_ports(process_->pid(), kind)) {
      if (!before.contains(port)) return {.port = port};
    }
    ADD_FAILURE() << body << ": nothing new listens\n" << process_->output();
    return dead_address();
  }

  // The first number of that name in what GET of that path answers; -1: there is none.
  int64_t number(const std::string& path, std::string_view name) const {
    return json_number(get(path).body, name).value_or(-1);
  }
  // Whether that backend takes what is new, "web/a".
  bool is_up(const std::string& backend) const {
    return get("/" + backend).body.find("\"up\": true") != std::string::npos;
  }
  bool wait_up(const std::string& backend, bool up = true) const {
    return wait_until([&] { return is_up(backend) == up; });
  }

  // Of -http: GET of `target` at that host, on a connection of its own.
  Message fetch(const std::string& host, const std::string& target,
                const std::string& fields = {}) const {
    return fetch_from(http_, host, target, fields);
  }
  static Message fetch_from(const Address& address, const std::string& host,
                            const std::string& target, const std::string& fields = {}) {
    return test::exchange(address, "GET " + target + " HTTP/1.1\r\nHost: " + host + "\r\n" +
                                       fields + "Connection: close\r\n\r\n");
  }

 private:
  bool find_address(std::string_view marker, Address& address) {
    const auto line = process_->wait_line(marker);
    const auto found = line ? Address::parse(*line) : std::nullopt;
    if (found) address = *found;
    return found.has_value();
  }

  TemporaryFolder certificates_;
  std::unique_ptr<Process> process_;
  Address admin_ = dead_address();
  Address http_ = dead_address();
  Address https_ = dead_address();
};

// A backend's object in JSON; `more` is what stands behind its address, `, "weight": 2`.
inline std::string backend_json(const std::string& name, const Address& address,
                                const std::string& more = {}) {
  return R"({"name": ")" + name + R"(", "address": ")" + address.text() + "\"" + more + "}";
}

// A service of one virtual host; `backends` are objects in JSON.
inline std::string host_json(const std::string& host, const std::string& backends,
                             const std::string& more = {}) {
  return R"({"virtual_hosts": [")" + host + R"("], "backends": [)" + backends + "]" + more + "}";
}

}  // namespace httpteleport::test
