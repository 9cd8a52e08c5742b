#include "compress/stream.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/assert.h"
#include "compress/flate.h"
#include "compress/snappy_framing.h"

namespace httpteleport::compress {
namespace {

class CopyEncoder final : public Encoder {
 public:
  void encode(std::string_view plain, BufferChain& wire) override { wire.append(plain); }
  void encode_all(BufferChain&& plain, BufferChain& wire) override {
    wire.append(std::move(plain));
  }
  void flush(BufferChain&) override {}
};

class CopyDecoder final : public Decoder {
 public:
  Result<Step> decode(std::string_view wire, std::span<char> plain) override {
    const size_t count = std::min(wire.size(), plain.size());
    if (count > 0) std::memcpy(plain.data(), wire.data(), count);
    return Step{.consumed = count, .produced = count};
  }
};

}  // namespace

void Encoder::encode_all(BufferChain&& plain, BufferChain& wire) {
  plain.for_each_run([&](std::string_view run) {
    encode(run, wire);
    return true;
  });
  plain.clear();
}

std::unique_ptr<Encoder> make_encoder(const Settings& settings) {
  switch (settings.method) {
    case Method::kNone:
      return std::make_unique<CopyEncoder>();
    case Method::kFlate:
      return make_flate_encoder(settings.level);
    case Method::kSnappy:
      return make_snappy_encoder();
  }
  HT_ASSERT(false);
}

std::unique_ptr<Decoder> make_decoder(Method method, Source peer) {
  switch (method) {
    case Method::kNone:
      return std::make_unique<CopyDecoder>();
    case Method::kFlate:
      return make_flate_decoder(peer);
    case Method::kSnappy:
      return make_snappy_decoder(peer);
  }
  HT_ASSERT(false);
}

}  // namespace httpteleport::compress
