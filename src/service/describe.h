// Changes in words, for people: one line each.
#pragma once

#include <string>
#include <vector>

#include "service/config.h"

namespace httpteleport::service {

// Appends what is other in `after`: "service web: fall 2 -> 3", "service web: backend b1 added
// (127.0.0.1:80)". A null is a service that is not there.
void describe(const ServiceConfig* before, const ServiceConfig* after,
              std::vector<std::string>& lines);
void describe(const Globals& before, const Globals& after, std::vector<std::string>& lines);

// All in one line: the first one, and how many there are behind it.
std::string summary(const std::vector<std::string>& lines);

// Problems in one line; those beyond the first few are only counted.
std::string joined(const std::vector<std::string>& problems);

}  // namespace httpteleport::service
