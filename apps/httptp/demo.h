// httptp -demo: what a link saves, shown with processes of this program on this host alone.
#pragma once

namespace httpteleport {

// An origin, a far end, a near end and a load of a few thousand requests through them, on loopback
// ports; then what that cost, on standard output. The ends are children of this process. Ends by
// itself within a minute. Returns the exit code: 0 if every answer was what the origin had sent.
int run_demo();

}  // namespace httpteleport
