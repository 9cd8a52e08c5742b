#include "proxy/request_id.h"

#include <sys/random.h>

#include <algorithm>

#include "base/assert.h"
#include "http/h1/chars.h"

namespace httpteleport::proxy {

namespace {

std::mt19937_64 seeded() {
  std::array<uint32_t, 8> seed{};
  const ssize_t got = getrandom(seed.data(), sizeof seed, 0);
  HT_ASSERT(got == sizeof seed);
  std::seed_seq sequence(seed.begin(), seed.end());
  return std::mt19937_64(sequence);
}

bool is_usable(std::string_view id) {
  return !id.empty() && id.size() <= kRequestIdBytesMax &&
         std::all_of(id.begin(), id.end(),
                     [](char byte) { return http::h1::is_char(byte, http::h1::kTokenChar); });
}

}  // namespace

RequestIds::RequestIds() : random_(seeded()) {}

std::array<char, RequestIds::kIdBytes> RequestIds::next() {
  std::array<char, kIdBytes> id;
  size_t at = 0;
  for (int half = 0; half < 2; ++half) {
    const uint64_t bits = random_();
    for (int shift = 60; shift >= 0; shift -= 4)
      id[at++] = "0123456789abcdef"[(bits >> shift) & 0xF];
  }
  return id;
}

std::string_view choose_request_id(http::Fields& fields, std::string_view field_name,
                                   RequestIds& ids, Arena& arena) {
  size_t found = 0;
  const http::Field* first = nullptr;
  if (!field_name.empty()) {
    for (const http::Field& field : fields) {
      if (field.dropped || !http::equals_ignoring_case(field.name, field_name)) continue;
      if (found++ == 0) first = &field;
    }
  }
  if (found == 1 && is_usable(first->value)) return arena.copy(first->value);
  const auto made = ids.next();
  const std::string_view id = arena.copy({made.data(), made.size()});
  if (field_name.empty()) return id;
  for (http::Field& field : fields) {
    if (http::equals_ignoring_case(field.name, field_name)) field.dropped = true;
  }
  fields.add(field_name, id);
  return id;
}

}  // namespace httpteleport::proxy
