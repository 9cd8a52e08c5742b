// All of the library.
#ifndef HTTPTELEPORT_HTTPTELEPORT_H_
#define HTTPTELEPORT_HTTPTELEPORT_H_

#include "httpteleport/client.h"   // IWYU pragma: export
#include "httpteleport/message.h"  // IWYU pragma: export
#include "httpteleport/options.h"  // IWYU pragma: export
#include "httpteleport/server.h"   // IWYU pragma: export
#include "httpteleport/status.h"   // IWYU pragma: export

#endif  // HTTPTELEPORT_HTTPTELEPORT_H_
