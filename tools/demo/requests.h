// The traffic of the demo: JSON requests as a web or phone application would send them.
#pragma once

#include <cstdint>

#include "support/load_client.h"

namespace httpteleport::demo {

// The request of that number; the same every time. GET and POST; bodies mostly between 100 bytes
// and 20 KB, about one in a hundred between 500 KB and 1 MB; a tenth streamed chunked both ways.
test::LoadRequest make_request(uint64_t index);

}  // namespace httpteleport::demo
