// nginx as a TLS server that is not ours.
#pragma once

#include <memory>
#include <string>

#include "support/certificates.h"
#include "support/process.h"
#include "support/socket.h"
#include "support/temporary_folder.h"

namespace httpteleport::test {

// One nginx in the foreground with one server; serves when the constructor is done and ends with
// the object. Aborts when it does not start.
class Nginx {
 public:
  struct Options {
    Pem certificate{};
    // What stands in `server { }` besides the address and the certificate: locations, mostly.
    // Relative paths are those of folder().
    std::string server{};
  };

  explicit Nginx(const Options& options);

  Address address() const { return address_; }
  const TemporaryFolder& folder() const { return folder_; }
  // What it has written so far.
  std::string output() const { return process_->output(); }
  // Ends it: connections are refused from here on.
  ExitStatus stop() { return process_->terminate(); }

 private:
  bool try_start(const Options& options);

  TemporaryFolder folder_;
  Address address_;
  std::unique_ptr<Process> process_;
};

}  // namespace httpteleport::test
