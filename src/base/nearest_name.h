// Proposals for names that were written wrong.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace httpteleport {

// The one of `names` most like `name`, upper and lower case alike; empty when none is near. O(names
// * length^2), and no names that are much longer or shorter are looked at.
std::string nearest_name(std::string_view name, const std::vector<std::string>& names);

// "; did you mean X?" with `prefix` before the name, or nothing.
std::string did_you_mean(std::string_view name, const std::vector<std::string>& names,
                         std::string_view prefix = "");

}  // namespace httpteleport
