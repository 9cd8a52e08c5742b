// Whatever a link's other end sends: no crash, and the same frames wherever the network cuts them.
#include "frames.h"

namespace httpteleport::fuzz {
namespace {

// Every fourth request was a HEAD.
class Responses final : public teleport::v0::Journal {
 public:
  http::Method method_of_request(uint32_t id) override {
    return id % 4 == 3 ? http::Method::kHead : http::Method::kGet;
  }
};

}  // namespace
}  // namespace httpteleport::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace httpteleport;  // NOLINT(google-build-using-namespace): a program of one function
  fuzz::check_frames<teleport::v0::ResponseReader, fuzz::Responses>({data, size});
  return 0;
}
