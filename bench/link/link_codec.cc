// link_codec FILE... [-batch MESSAGES] [-only NAME]...: recorded traffic through each codec alone.
//
// Prints, for both directions together, raw over wire bytes, wire bytes of a request and of a
// response, and processor time of a message for compressing and decompressing, also as a part of
// zlib's at level 6. FILE is as bench/load/pairs.h says, perhaps compressed by zstd; messages
// are taken as they stand there.
#include <zstd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <iostream>
#include <iterator>
#include <set>

#include "link/codec.h"

namespace httpteleport::bench {

namespace {

[[noreturn]] void die(const std::string& why) {
  std::cerr << "link_codec: " << why << "\n";
  std::exit(2);
}

std::string decompress(const std::string& bytes) {
  const unsigned long long size = ZSTD_getFrameContentSize(bytes.data(), bytes.size());
  if (size == ZSTD_CONTENTSIZE_ERROR) return bytes;
  if (size == ZSTD_CONTENTSIZE_UNKNOWN) die("a zstd file that does not say its size");
  std::string plain(size, '\0');
  ZSTD_DCtx* context = ZSTD_createDCtx();
  ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, 27);
  const size_t done =
      ZSTD_decompressDCtx(context, plain.data(), plain.size(), bytes.data(), bytes.size());
  ZSTD_freeDCtx(context);
  if (done != size) die("a zstd file that is broken");
  return plain;
}

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

using Messages = std::vector<std::string_view>;

bool read_pairs(std::string_view file, Messages& up, Messages& down) {
  constexpr std::string_view kMagic = "HTPAIRS1";
  if (!file.starts_with(kMagic)) return false;
  file.remove_prefix(kMagic.size());
  while (file.size() >= 8) {
    uint32_t lengths[2];
    std::memcpy(lengths, file.data(), sizeof lengths);
    file.remove_prefix(sizeof lengths);
    if (file.size() < size_t{lengths[0]} + lengths[1]) return false;
    up.push_back(file.substr(0, lengths[0]));
    down.push_back(file.substr(lengths[0], lengths[1]));
    file.remove_prefix(size_t{lengths[0]} + lengths[1]);
  }
  return file.empty() && !up.empty();
}

struct Figures {
  uint64_t raw = 0;
  uint64_t wire_up = 0;
  uint64_t wire_down = 0;
  double encode_s = 0;
  double decode_s = 0;
};

uint64_t play(const NamedCodec& named, const Messages& messages, size_t batch, Figures& figures) {
  const std::unique_ptr<Codec> codec = named.make();
  for (size_t at = 0; at < messages.size(); at += batch) {
    const Messages some(
        messages.begin() + static_cast<ptrdiff_t>(at),
        messages.begin() + static_cast<ptrdiff_t>(std::min(at + batch, messages.size())));
    for (const std::string_view message : some)
      figures.raw += message.size();
    const double begin = cpu_seconds();
    codec->encode(some);
    const double middle = cpu_seconds();
    if (!codec->decode()) die(std::string(named.name) + " does not decode what it encoded");
    figures.encode_s += middle - begin;
    figures.decode_s += cpu_seconds() - middle;
  }
  return codec->wire_bytes();
}

void run(const std::string& path, size_t batch, const std::set<std::string>& only) {
  std::ifstream in(path, std::ios::binary);
  if (!in) die("cannot read " + path);
  const std::string file =
      decompress({std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()});
  Messages up;
  Messages down;
  if (!read_pairs(file, up, down)) die(path + " is no file of recorded traffic");
  const auto count = static_cast<double>(up.size());
  std::printf("%s: %zu requests, %zu messages a batch\n", path.c_str(), up.size(), batch);
  std::printf("%-14s %7s %10s %10s %9s %9s %9s\n", "codec", "ratio", "request B", "response B",
              "encode us", "decode us", "of zlib6");
  double zlib = 0;
  for (const NamedCodec& codec : codecs()) {
    const bool first = &codec == &codecs().front();
    if (!first && !only.empty() && !only.contains(codec.name)) continue;
    Figures figures;
    figures.wire_up = play(codec, up, batch, figures);
    figures.wire_down = play(codec, down, batch, figures);
    const double total = figures.encode_s + figures.decode_s;
    if (first) zlib = total;
    const auto wire_up = static_cast<double>(figures.wire_up);
    const auto wire_down = static_cast<double>(figures.wire_down);
    std::printf("%-14s %7.2f %10.1f %10.1f %9.2f %9.2f %9.2f\n", codec.name,
                static_cast<double>(figures.raw) / (wire_up + wire_down), wire_up / count,
                wire_down / count, figures.encode_s * 1e6 / count / 2,
                figures.decode_s * 1e6 / count / 2, total / zlib);
  }
}

}  // namespace

}  // namespace httpteleport::bench

int main(int argc, char** argv) {
  size_t batch = 16;
  std::set<std::string> only;
  std::vector<std::string> files;
  for (int i = 1; i < argc; ++i) {
    const std::string arg = argv[i];
    const bool has_value = i + 1 < argc;
    if (arg == "-batch" && has_value) {
      batch = std::max(1UL, std::strtoul(argv[++i], nullptr, 10));
    } else if (arg == "-only" && has_value) {
      only.insert(argv[++i]);
    } else if (arg.starts_with('-')) {
      httpteleport::bench::die("unknown option " + arg + "; -batch N and -only NAME are known");
    } else {
      files.push_back(arg);
    }
  }
  if (files.empty()) httpteleport::bench::die("no file of recorded traffic is named");
  for (const std::string& file : files)
    httpteleport::bench::run(file, batch, only);
}
