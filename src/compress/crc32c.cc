#include "compress/crc32c.h"

#include <isa-l/crc.h>

namespace httpteleport::compress {

uint32_t crc32c(std::string_view bytes) {
  // ISA-L only reads; its declaration does not say so.
  auto* begin = const_cast<unsigned char*>(reinterpret_cast<const unsigned char*>(bytes.data()));
  return ~crc32_iscsi(begin, static_cast<int>(bytes.size()), ~0U);
}

}  // namespace httpteleport::compress
