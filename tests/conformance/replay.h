// Links of v2 that are recorded, changed and replayed: what is asked on them, the bytes of either
// end, and who reads them.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "conformance/recording_origin.h"
#include "support/http_message.h"
#include "teleport/v2/batch_decoder.h"
#include "teleport/v2/hello.h"

namespace httpteleport::test {

// A request to RecordingOrigin.
struct Asked {
  std::string method = "GET";
  std::string target{};
  std::string fields{};  // whole lines
  std::string body{};
  bool chunked = false;

  std::string text() const;
  // Whether `answer` is the body of the answer to it.
  bool is_answered_by(std::string_view answer) const;
  bool operator<(const Asked& other) const;
};

// One for each stream of a recording, the first on stream 1. All parts of the wire have something
// of them: lines that come again, identifiers, secrets, bodies that come again, chunks, trailers.
const std::vector<Asked>& asked_requests();

struct Recording {
  std::string near;  // all that the near end has sent
  std::string far;
};
// Asks all of that through a near and a far end of v2 with -linkMemory=small, one after the other.
Recording record_link(const RecordingOrigin& origin);

// One change of a wire.
struct Damage {
  enum class Kind : uint8_t { kNone, kFlip, kCut };
  Kind kind = Kind::kNone;
  size_t at = 0;

  std::string apply(std::string wire) const;
  std::string text() const;
};
// A bit of every `step`-th byte is changed, and the wire ends before it.
std::vector<Damage> damages(std::string_view wire, size_t step);

// Handshake and hello, as the far end or the near end has sent them, and what they mean.
struct Greeting {
  size_t bytes = 0;  // 0: they are not right, or not complete
  teleport::v2::Hello hello;
};
Greeting read_greeting(std::string_view wire);

// Reads what one end has sent, batch by batch, as far as it is there.
class LinkReader {
 public:
  struct Message {
    std::string head;  // the last one
    std::string body;
    bool ended = false;
    bool reset = false;
  };

  // `hello` is what the sender of the batches was told.
  explicit LinkReader(const teleport::v2::Hello& hello)
      : decoder_(hello.tables, Source::kUpstream) {}

  // False: what came makes no sense.
  bool read(std::string_view bytes);
  // By stream.
  const std::map<uint32_t, Message>& messages() const { return messages_; }

 private:
  void take(const teleport::v2::Frame& frame);

  teleport::v2::BatchDecoder decoder_;
  std::string rest_;
  std::map<uint32_t, Message> messages_;
};

// Somebody else, who asks all the time from construction to stop(), over connections of its own,
// and must get every byte right.
class Neighbour {
 public:
  // `fields` go into every request.
  explicit Neighbour(const Address& address, std::string fields = {});
  ~Neighbour();
  Neighbour(const Neighbour&) = delete;
  Neighbour& operator=(const Neighbour&) = delete;

  // Ends it, and checks what it got.
  void stop();

 private:
  void run(const Address& address, const std::string& fields);

  std::atomic<bool> stopping_{false};
  uint64_t answers_ = 0;
  std::vector<std::string> faults_;
  std::thread thread_;
};

// What came to the origin since the last call is what `asked_requests()` or a neighbour has asked,
// byte for byte.
void expect_only_asked(RecordingOrigin& origin);

}  // namespace httpteleport::test
