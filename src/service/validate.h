// What is wrong with a configuration, as far as that can be seen without opening anything. Each
// problem is one line: the field, its value, and what is accepted. Names of hosts are not resolved.
#pragma once

#include <string>
#include <vector>

#include "service/config.h"

namespace httpteleport::service {

inline constexpr int64_t kWeightMax = 256;
inline constexpr int64_t kDurationMaxMs = int64_t{31} * 24 * 3600 * 1000;

std::vector<std::string> validate(const Globals& globals);
// Begins with the service's name: "service web: balance=\"XX\": RR, LC, ... are accepted".
std::vector<std::string> validate(const ServiceConfig& service);

// Of what may be given by hand: "" up down drain maint.
bool is_backend_state(std::string_view text);

}  // namespace httpteleport::service
