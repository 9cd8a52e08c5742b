// The HTTP/1.1 codec: heads, chunked bodies, names.
#include <array>
#include <string>

#include "http/h1/body_decoder.h"
#include "http/h1/encoder.h"
#include "http/h1/head_parser.h"
#include "micro/costs.h"
#include "micro/samples.h"

namespace httpteleport::bench {
namespace {

using http::h1::HeadLimits;

constexpr HeadLimits kLimits{.head_bytes_max = 16 * 1024, .fields_max = 200};

// The first argument of a benchmark of heads.
HeadSize size_of(const benchmark::State& state) {
  return static_cast<HeadSize>(state.range(0));
}

void all_sizes(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgName("size");
  for (const HeadSize size : {HeadSize::kSmall, HeadSize::kTypical, HeadSize::kLarge})
    benchmark->Arg(static_cast<int>(size));
}

void BM_ParseRequestHead(benchmark::State& state) {
  const std::string_view bytes = request_head(size_of(state));
  http::RequestHead head;
  Costs costs(state);
  for (auto _ : state) {
    head.clear();
    const auto size = http::h1::parse_request_head(bytes, kLimits, head);
    check(size && *size == bytes.size() && !head.refusal, "a request head was refused");
    benchmark::DoNotOptimize(head);
  }
  costs.done(bytes.size());
}
BENCHMARK(BM_ParseRequestHead)->Apply(all_sizes);

void BM_ParseResponseHead(benchmark::State& state) {
  const std::string_view bytes = response_head(size_of(state));
  http::ResponseHead head;
  Costs costs(state);
  for (auto _ : state) {
    head.clear();
    const auto size = http::h1::parse_response_head(bytes, kLimits, http::Method::kGet, head);
    check(size && *size == bytes.size() && !head.refusal, "a response head was refused");
    benchmark::DoNotOptimize(head);
  }
  costs.done(bytes.size());
}
BENCHMARK(BM_ParseResponseHead)->Apply(all_sizes);

void BM_EncodeRequestHead(benchmark::State& state) {
  http::RequestHead head;
  check(bool(http::h1::parse_request_head(request_head(size_of(state)), kLimits, head)), "parse");
  BlockPool pool;
  BufferChain out(pool);
  size_t bytes = 0;
  Costs costs(state);
  for (auto _ : state) {
    http::h1::encode_request_head(head, http::h1::framing_of(head), out);
    bytes = out.size();
    out.clear();
  }
  costs.done(bytes);
}
BENCHMARK(BM_EncodeRequestHead)->Apply(all_sizes);

void BM_EncodeResponseHead(benchmark::State& state) {
  http::ResponseHead head;
  check(bool(http::h1::parse_response_head(response_head(size_of(state)), kLimits,
                                           http::Method::kGet, head)),
        "parse");
  BlockPool pool;
  BufferChain out(pool);
  size_t bytes = 0;
  Costs costs(state);
  for (auto _ : state) {
    http::h1::encode_response_head(head, {.content_length = head.declared_length},
                                   "Tue, 04 Nov 2025 10:11:12 GMT", out);
    bytes = out.size();
    out.clear();
  }
  costs.done(bytes);
}
BENCHMARK(BM_EncodeResponseHead)->Apply(all_sizes);

// A head that comes in pieces of so many bytes, as far as it is scanned.
void BM_HeadScanner(benchmark::State& state) {
  const std::string_view bytes = request_head(HeadSize::kTypical);
  const auto piece = static_cast<size_t>(state.range(0));
  http::h1::HeadScanner scanner;
  Costs costs(state);
  for (auto _ : state) {
    scanner.reset();
    bool worth = false;
    for (size_t size = piece; size < bytes.size() + piece; size += piece)
      worth = scanner.worth_parsing(bytes.substr(0, size), kLimits);
    check(worth, "a complete head was held back");
  }
  costs.done(bytes.size());
}
BENCHMARK(BM_HeadScanner)->ArgName("piece")->Arg(1)->Arg(64)->Arg(1460);

// 16 KiB in chunks of so many bytes.
void BM_DecodeChunked(benchmark::State& state) {
  constexpr size_t kBodyBytes = 16 * 1024;
  const auto chunk = static_cast<size_t>(state.range(0));
  std::string wire;
  for (size_t sent = 0; sent < kBodyBytes; sent += chunk)
    wire += std::string(http::h1::make_chunk_head(chunk).view()) + std::string(chunk, 'x') + "\r\n";
  wire += "0\r\n\r\n";
  http::h1::BodyDecoder decoder(Source::kDownstream, {});
  Costs costs(state);
  for (auto _ : state) {
    decoder.start(http::h1::BodyFraming::kChunked);
    std::string_view rest = wire;
    while (!decoder.is_done()) {
      const auto step = decoder.decode(rest);
      check(step && step->consumed > 0, "a chunked body was refused");
      benchmark::DoNotOptimize(step->body);
      rest.remove_prefix(step->consumed);
    }
  }
  costs.done(wire.size());
}
BENCHMARK(BM_DecodeChunked)->ArgName("chunk")->Arg(64)->Arg(1024)->Arg(16 * 1024);

// An operation is one name.
void BM_FieldIdOf(benchmark::State& state) {
  static constexpr std::array<std::string_view, 8> kNames{
      "Host",           "User-Agent",        "Accept",          "Connection",
      "Content-Length", "transfer-encoding", "X-Forwarded-For", "Sec-Fetch-Mode"};
  Costs costs(state);
  while (state.KeepRunningBatch(kNames.size())) {
    for (std::string_view name : kNames) {
      benchmark::DoNotOptimize(name);
      benchmark::DoNotOptimize(http::field_id_of(name));
    }
  }
  costs.done();
}
BENCHMARK(BM_FieldIdOf);

void BM_EqualsIgnoringCase(benchmark::State& state) {
  const std::string a(static_cast<size_t>(state.range(0)), 'a');
  const std::string b(a.size(), 'A');
  Costs costs(state);
  for (auto _ : state) {
    std::string_view left = a;
    benchmark::DoNotOptimize(left);
    check(http::equals_ignoring_case(left, b), "a name differs from itself");
  }
  costs.done(a.size());
}
BENCHMARK(BM_EqualsIgnoringCase)->ArgName("bytes")->Arg(4)->Arg(12)->Arg(25);

}  // namespace
}  // namespace httpteleport::bench
