// A server that does exactly what a test tells it to, right or wrong: the peer for everything a
// well-behaved server cannot show.
#pragma once

#include <condition_variable>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "support/http_message.h"
#include "support/socket.h"

namespace httpteleport::test {

// Listens from construction on. The first connection runs the first script given to add_script(),
// the second the second, and so on, each in a thread of its own; a connection without a script is
// closed at once and counted. What goes wrong inside a script ends that script and is reported as a
// failure of the running test by join(), in the thread that calls it. The destructor releases what
// stalls, and joins too.
class ScriptedPeer {
 public:
  // The connection as a script sees it. After its first failure every call does nothing.
  class Connection {
   public:
    // Reads up to and including `text`, which must come, and returns everything read.
    std::string expect(std::string_view text);
    // The next bytes must be exactly these.
    void expect_bytes(std::string_view bytes);
    // Reads one request; it must be complete.
    Message expect_request();
    // The peer must end the connection, in order or not, without sending more.
    void expect_end();
    void send(std::string_view bytes);
    // Ends the connection with FIN, or with RST.
    void close();
    void reset();
    // Does nothing until the test calls release().
    void stall();
    bool failed() const { return failed_; }

   private:
    friend class ScriptedPeer;
    Connection(ScriptedPeer& peer, Socket socket) : peer_(peer), http_(std::move(socket)) {}
    void fail(std::string what);

    ScriptedPeer& peer_;
    HttpConnection http_;
    bool failed_ = false;
  };
  using Script = std::function<void(Connection&)>;

  explicit ScriptedPeer(bool ipv6 = false);
  ~ScriptedPeer();
  ScriptedPeer(const ScriptedPeer&) = delete;
  ScriptedPeer& operator=(const ScriptedPeer&) = delete;

  Address address() const { return listener_.address(); }
  void add_script(Script script);
  // Lets every stall() return, now and later.
  void release();
  // Waits until every script has begun and ended, and reports their failures.
  void join(Deadline deadline = after());
  // How many connections came for which there was no script.
  size_t extra_connections() const;

 private:
  void accept_all();
  void run(size_t index, Connection& connection);

  Listener listener_;
  mutable std::mutex mutex_;  // guards what follows, but for acceptor_
  std::condition_variable changed_;
  std::vector<Script> scripts_;
  size_t begun_ = 0;
  size_t ended_ = 0;
  size_t extra_ = 0;
  bool released_ = false;
  std::vector<std::string> failures_;
  std::list<std::unique_ptr<Connection>> connections_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

}  // namespace httpteleport::test
