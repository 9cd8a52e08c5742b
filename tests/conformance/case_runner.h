// Plays one request case to an arrangement and compares what happens with what is allowed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "conformance/recording_origin.h"
#include "conformance/request_case.h"
#include "conformance/setups.h"

namespace httpteleport::test {

// How the bytes of a case are sent.
enum class Cut : uint8_t {
  kWhole,   // at once
  kBytes,   // one by one, or in pieces where they are many
  kPieces,  // in a few pieces, by chance; the seed is the case's name
};
const char* cut_name(Cut cut);

// Fails the running test when the outcome is not among the allowed ones, when the origin has got
// anything malformed or ambiguous, or when an answer is not that of the request it stands for.
void run_case(Stage<RecordingOrigin>& stage, const RequestCase& request_case, Cut cut);

// For the messages of failed tests.
std::string readable(std::string_view bytes);

}  // namespace httpteleport::test
