// Asks a hello_server for greetings: hello_client ADDRESS NAME...
#include <chrono>
#include <iostream>
#include <string>

#include "httpteleport/client.h"

int main(int argc, char** argv) {
  if (argc < 3) {
    std::cerr << "usage: hello_client ADDRESS NAME...\n";
    return 2;
  }
  httpteleport::StatusOr<httpteleport::Client> client =
      httpteleport::Client::create({.address = argv[1]});
  if (!client.ok()) {
    std::cerr << "hello_client: " << client.status().to_string() << "\n";
    return 1;
  }
  // Both keep their memory from call to call.
  httpteleport::Request request;
  httpteleport::Response response;
  for (int i = 2; i < argc; ++i) {
    request.set_target("/" + std::string(argv[i]));
    const httpteleport::Status status = client->call(request, response, std::chrono::seconds(5));
    if (!status.ok()) {
      std::cerr << "hello_client: " << status.to_string()
                << (status.is_retry_safe() ? "; it may be sent again\n" : "\n");
      return 1;
    }
    std::cout << response.status() << " " << response.body();
  }
  return 0;
}
