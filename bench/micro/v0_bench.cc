// The link's wire. An operation is one message; 16 of them go with each flush.
#include <memory>
#include <string>
#include <vector>

#include "micro/codings.h"
#include "micro/costs.h"
#include "micro/samples.h"
#include "teleport/v0/batch_writer.h"
#include "teleport/v0/frame_reader.h"

namespace httpteleport::bench {
namespace {

using teleport::v0::BatchWriter;
using teleport::v0::OutgoingFrame;

// Writes all messages, 16 a flush, as the two ends do.
class Writing {
 public:
  Writing(const compress::Settings& settings, size_t message_bytes)
      : messages_(messages(message_bytes)), writer_(settings, pool_), wire(pool_) {
    for (size_t i = 0; i < kBatchMessages; ++i)
      frames_.push_back(std::make_unique<OutgoingFrame>(pool_));
  }

  // As the near end: text that stands elsewhere.
  void write_texts() {
    for (const auto& frame : frames_) {
      frame->id = ++id_;
      frame->text = next();
      writer_.add(*frame);
    }
    encode();
  }
  // As the far end: messages that were put together in a buffer.
  void write_messages() {
    for (size_t i = 0; i < kBatchMessages; ++i) {
      BufferChain message(pool_);
      message.append(next());
      writer_.add_message(++id_, std::move(message));
    }
    encode();
  }

 private:
  std::string_view next() {
    const std::string& message = messages_[next_];
    next_ = (next_ + 1) % messages_.size();
    return message;
  }
  void encode() {
    IntrusiveList<OutgoingFrame> begun;
    writer_.encode(wire, begun);
    check(!writer_.has_work(), "a batch was written in part");
    while (!begun.empty())
      begun.pop_front();
  }

  const std::vector<std::string>& messages_;
  BlockPool pool_;
  BatchWriter writer_;
  std::vector<std::unique_ptr<OutgoingFrame>> frames_;
  size_t next_ = 0;
  uint32_t id_ = 0;

 public:
  BufferChain wire;
};

template <void (Writing::*kWrite)()>
void BM_V0Write(benchmark::State& state) {
  const auto bytes = static_cast<size_t>(state.range(1));
  Writing writing(coding_of(state), bytes);
  Costs costs(state);
  while (state.KeepRunningBatch(kBatchMessages)) {
    (writing.*kWrite)();
    writing.wire.clear();
  }
  costs.done(bytes);
}
BENCHMARK(BM_V0Write<&Writing::write_texts>)->Name("BM_V0WriteTexts")->Apply(codings_and_sizes);
BENCHMARK(BM_V0Write<&Writing::write_messages>)
    ->Name("BM_V0WriteMessages")
    ->Apply(codings_and_sizes);

class Reading final : public teleport::v0::RequestEvents {
 public:
  void on_request_frame(uint32_t, http::RequestHead& head, std::string_view) override {
    benchmark::DoNotOptimize(head.target);
  }
  void on_request_frame_body(std::string_view bytes) override { body_bytes += bytes.size(); }
  void on_request_frame_end(const http::Fields&) override { ++frames; }

  uint64_t body_bytes = 0;
  uint64_t frames = 0;
};

// Reads the same flushes again and again, as BM_Decode does.
void BM_V0Read(benchmark::State& state) {
  const auto bytes = static_cast<size_t>(state.range(1));
  const compress::Settings& settings = coding_of(state);
  std::vector<std::string> wires;
  {
    Writing writing(settings, bytes);
    for (size_t i = 0; i < messages(bytes).size() / kBatchMessages; ++i) {
      writing.write_texts();
      wires.push_back(writing.wire.to_string());
      writing.wire.clear();
    }
  }
  Reading reading;
  teleport::v0::RequestReader reader(settings.method, {}, reading);
  size_t next = 0;
  Costs costs(state);
  while (state.KeepRunningBatch(kBatchMessages)) {
    check(bool(reader.feed(wires[next])), "a batch was refused");
    if (++next == wires.size()) next = 0;
  }
  costs.done(bytes);
  check(reading.frames == static_cast<uint64_t>(state.iterations()), "frames are missing");
}
BENCHMARK(BM_V0Read)->Apply(codings_and_sizes);

}  // namespace
}  // namespace httpteleport::bench
