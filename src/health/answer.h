// Whether what a target has sent is a good answer. No I/O.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "health/target.h"

namespace httpteleport::health {

struct Verdict {
  enum class Kind : uint8_t {
    kGood,
    kBad,
    kUnknown,  // it could not be asked, which is not its fault
  };
  Kind kind = Kind::kGood;
  std::string reason;  // one line; empty when good

  static Verdict bad(std::string reason) { return {Kind::kBad, std::move(reason)}; }
};

// Reads one answer, for as long as it may still turn out either way: with `expect` that is 64 KiB
// of a body, or of an exchange, and no more than so many of its bytes as `expect` has are kept.
class Answer {
 public:
  static constexpr size_t kSearchedBytesMax = 64 * 1024;
  static constexpr size_t kHeadBytesMax = 16 * 1024;  // of http, each
  static constexpr int kInformationalMax = 8;         // heads with a status of 1xx

  struct Step {
    size_t used = 0;                 // bytes; the rest is to be offered again with more behind it
    std::optional<Verdict> verdict;  // nothing more is to be read
  };

  virtual ~Answer() = default;
  virtual Step read(std::string_view bytes) = 0;
  // The target has ended the connection properly.
  virtual Verdict end() = 0;
};

// Null for types that want no answer. `options` outlive it.
std::unique_ptr<Answer> make_answer(const CheckOptions& options);

// What is sent first; may be empty.
std::string make_question(const CheckOptions& options, std::string_view host);

}  // namespace httpteleport::health
