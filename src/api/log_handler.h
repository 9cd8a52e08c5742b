// The library says nothing on standard error: what it logs goes to the program's handler.
#pragma once

namespace httpteleport::api {

// Any thread. Before anything of the library runs; does nothing the second time.
void take_over_log();

}  // namespace httpteleport::api
