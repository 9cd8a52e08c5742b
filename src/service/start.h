// What a live proxy begins with.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "service/config.h"
#include "service/listen_index.h"

namespace httpteleport::service {

struct StartFiles {
  std::string state;    // -state; empty: none
  std::string initial;  // -config; empty: none
  std::vector<ReservedAddress> reserved;
};

struct StartConfig {
  enum class From { kNothing, kState, kInitial };

  Config config;  // validated
  From from = From::kNothing;
  uint64_t version = 1;
  // The state file is there, but could not be used: it must be kept (StateFile::keep_broken()).
  bool state_is_broken = false;
  // Nothing can be begun with, as nothing of it is at fault: the state is good, but a flag has an
  // address of one of its services.
  bool is_fatal = false;
  std::vector<std::string> problems;  // one line each, with the file's name
  std::vector<std::string> warnings;
};

// The state wins over the initial configuration; if it is not there or is broken, the initial one
// is used. Reads files: not on a loop that carries traffic.
StartConfig read_start_config(const StartFiles& files);

// The same for one text: what `-check` and `shuttle-cli check` do. Problems have no file's name.
StartConfig check_config_text(std::string_view text, const std::vector<ReservedAddress>& reserved);

}  // namespace httpteleport::service
