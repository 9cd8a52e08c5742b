// Whatever a link's other end sends: no crash, and the same frames wherever the network cuts them.
#include "frames.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace httpteleport;  // NOLINT(google-build-using-namespace): a program of one function
  fuzz::check_frames<teleport::v0::RequestReader, teleport::v0::Journal>({data, size});
  return 0;
}
