// A server that greets: hello_server ADDRESS, as 127.0.0.1:8043, :8043 or unix:/run/hello.sock.
// Ends on SIGINT and SIGTERM, after what it has begun.
#include <signal.h>

#include <chrono>
#include <iostream>
#include <string>

#include "httpteleport/server.h"

namespace {

// On a worker's thread. Must not block; a server whose answers take their time is made with
// create_async().
void greet(const httpteleport::Request& request, httpteleport::Response& response) {
  if (request.method() != "GET") {
    response.set_status(405);
    response.set_field("Allow", "GET");
    return;
  }
  response.set_body("hello, " + std::string(request.target().substr(1)) + "\n", "text/plain");
}

// Threads that are made later inherit the mask, so that only wait_for_signal() gets these signals.
sigset_t block_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: hello_server ADDRESS\n";
    return 2;
  }
  const sigset_t signals = block_signals();
  httpteleport::StatusOr<httpteleport::Server> server = httpteleport::Server::create(greet);
  if (!server.ok()) {
    std::cerr << "hello_server: " << server.status().to_string() << "\n";
    return 1;
  }
  if (const httpteleport::Status status = server->listen(argv[1]); !status.ok()) {
    std::cerr << "hello_server: " << argv[1] << ": " << status.to_string() << "\n";
    return 1;
  }
  std::cout << "listening on " << server->addresses().front() << std::endl;

  int signal = 0;
  sigwait(&signals, &signal);
  server->stop(std::chrono::seconds(5));
  std::cout << server->stats().requests << " requests\n";
  return 0;
}
