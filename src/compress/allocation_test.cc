// No call of an encoder or a decoder takes memory once the stream has warmed up.
#include <gtest/gtest.h>

#include "compress/stream.h"
#include "compress/test_streams.h"
#include "support/allocations.h"

namespace httpteleport::compress {
namespace {

// One batch there and back; `room` is where it is decoded to.
void pass_batch(Encoder& encoder, Decoder& decoder, std::string_view plain, BufferChain& wire,
                std::vector<char>& room) {
  encoder.encode(plain.substr(0, plain.size() / 3), wire);
  encoder.encode(plain.substr(plain.size() / 3), wire);
  encoder.flush(wire);
  size_t total = 0;
  for (;;) {
    // Half a run at a time, so that the decoder sees chunks in pieces too.
    const std::string_view run = wire.front();
    const auto step = decoder.decode(run.substr(0, (run.size() + 1) / 2), room);
    ASSERT_TRUE(step);
    wire.consume(step->consumed);
    total += step->produced;
    if (step->consumed == 0 && step->produced == 0) break;
  }
  ASSERT_EQ(total, plain.size());
}

TEST(Allocation, NoneInTheSteadyState) {
  for (const Settings settings :
       {Settings{.method = Method::kNone}, Settings{.level = 1}, Settings{.level = 3},
        Settings{.level = 6}, Settings{.method = Method::kSnappy}}) {
    for (const size_t bytes : {200U, 5000U, 60'000U, 300'000U}) {
      BlockPool pool;
      BufferChain wire(pool);
      const auto encoder = make_encoder(settings);
      const auto decoder = make_decoder(settings.method, Source::kUpstream);
      const std::string plain = text_of(bytes / 2) + noise_of(bytes / 2);
      std::vector<char> room(5000);
      for (int i = 0; i < 3; ++i)
        pass_batch(*encoder, *decoder, plain, wire, room);

      constexpr size_t kBatches = 10;
      const size_t before = test::allocations();
      for (size_t i = 0; i < kBatches; ++i)
        pass_batch(*encoder, *decoder, plain, wire, room);
      const size_t taken = test::allocations() - before;

      // libsnappy's own hash table, once for each chunk; there is no interface to lend it one.
      const size_t chunks = kBatches * ((bytes + 65'535) / 65'536 + 1);
      const size_t allowed = settings.method == Method::kSnappy ? chunks : 0;
      EXPECT_LE(taken, allowed) << static_cast<int>(settings.method) << ' ' << bytes;
    }
  }
}

}  // namespace
}  // namespace httpteleport::compress
