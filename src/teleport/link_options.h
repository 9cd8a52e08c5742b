// What one end of a link speaks and how it compresses what it sends: the same at both ends.
#pragma once

#include <string>
#include <vector>

#include "compress/stream.h"
#include "teleport/handshake.h"
#include "teleport/v2/multiplexer.h"

namespace httpteleport::teleport {

// Of links that speak v2.
struct V2Options {
  v2::EncoderOptions::Method method = v2::EncoderOptions::Method::kZstd;
  int level = 1;
  bool adaptive = false;  // the level follows what is short, from `level` on; of kZstd
  std::vector<std::string> secret_fields = v2::EncoderOptions{}.secret_fields;
  v2::Hello hello;  // what we have room for

  friend bool operator==(const V2Options&, const V2Options&) = default;
};

struct LinkOptions {
  // A near end asks for v2 first; with both, a peer that does not know it gets v0.
  AcceptedVersions versions{.v0 = true, .v2 = true};
  compress::Settings compression{};  // over v0
  V2Options v2{};

  friend bool operator==(const LinkOptions&, const LinkOptions&) = default;
};

// `own` is what the peer was told.
inline v2::Multiplexer::Options multiplexer_options(v2::Multiplexer::End end,
                                                    const V2Options& options,
                                                    const v2::Hello& own) {
  return {.end = end,
          .method = options.method,
          .level = options.level,
          .secret_fields = options.secret_fields,
          .own = own};
}

}  // namespace httpteleport::teleport
