// An origin that answers each request as the test has laid down for its target: any bytes, in any
// pieces, begun and ended at any point.
#pragma once

#include <atomic>
#include <condition_variable>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "support/http_message.h"
#include "support/socket.h"

namespace httpteleport::test {

// What becomes of a connection behind the bytes of a play.
enum class End : uint8_t {
  kKeep,   // the next request is read
  kClose,  // FIN
  kReset,  // RST
  kHang,   // nothing more, until the peer ends the connection
  kDrip,   // a byte of 'x' every 20 ms, until the peer ends the connection
};
const char* end_name(End end);

// One answer. It begins as soon as so many bytes of the request's body have come, or all of it.
struct Play {
  std::string bytes{};
  End end = End::kKeep;
  size_t piece_bytes = 0;  // > 0: sent in pieces of that size
  size_t body_bytes_first = SIZE_MAX;
  std::string behind_gate{};  // sent behind `bytes`, but not before open_gate()
};

// Thread-safe. Every connection has a thread of its own; the destructor ends all of them.
//
// Targets: those of add(); "/good/..." is answered with 200 and the target as body; so is
// "/held/...", but not before open_gate().
class PlayOrigin {
 public:
  PlayOrigin();
  ~PlayOrigin();
  PlayOrigin(const PlayOrigin&) = delete;
  PlayOrigin& operator=(const PlayOrigin&) = delete;

  Address address() const { return listener_.address(); }
  // The target that is answered like that.
  std::string add(Play play);

  // What has come for a target, however often.
  struct Seen {
    size_t begun = 0;  // heads
    size_t whole = 0;  // complete requests
    size_t ended = 0;  // connections that have ended since, from either side
  };
  Seen seen(const std::string& target) const;
  bool wait_for_begun(const std::string& target, size_t count, Deadline deadline = after());
  // Waits until every connection that has carried such a request has ended.
  bool wait_for_ended(const std::string& target, Deadline deadline = after());
  // The most often that one target of those beginning like that has been whole.
  size_t most_whole(std::string_view prefix) const;

  void open_gate();
  void close_gate();

  // From now on each connection ends after so many bytes from the peer, whatever they are.
  struct Ambush {
    size_t after_bytes = 0;
    End end = End::kClose;
  };
  void set_ambush(std::optional<Ambush> ambush);
  size_t ambushed() const { return ambushed_; }
  // FIN to every connection there is, and the time until each peer has followed.
  bool drop_connections(Deadline deadline = after());

 private:
  struct Connection {
    Socket socket;
    std::string rest{};    // read, but not of the last request
    std::string target{};  // of the request under way
    std::list<std::string> carried{};
    size_t bytes_read = 0;
  };

  void accept_all();
  void serve(Connection& connection);
  // Reads a request and plays its answer; false when the connection is over.
  bool serve_request(Connection& connection);
  // Reads up to the point where the answer begins; false when the peer has gone.
  bool read_request(Connection& connection, MessageParser& parser, Play& play);
  bool perform(Connection& connection, const Play& play);
  bool send_pieces(Connection& connection, const Play& play);
  // False when the origin is being destroyed.
  bool wait_for_gate();
  void wait_for_peer(Connection& connection, bool drips);
  void end(Connection& connection, End end);
  Play begin(Connection& connection, const std::string& target);
  bool is_ambushed(Connection& connection);

  Listener listener_;
  std::atomic<size_t> ambushed_{0};
  mutable std::mutex mutex_;  // guards what follows, but for acceptor_
  std::condition_variable changed_;
  std::map<std::string, Play> plays_;
  std::map<std::string, Seen, std::less<>> seen_;
  std::optional<Ambush> ambush_;
  std::list<Connection> connections_;
  bool gate_open_ = false;
  bool ending_ = false;
  std::thread acceptor_;
};

}  // namespace httpteleport::test
