// WebSocket (RFC 6455) for tests: one end of a connection, and an origin that sends every frame
// back. No extensions and no fragments; what a peer of this kind must not send ends the connection.
#pragma once

#include <atomic>
#include <cstdint>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "support/socket.h"

namespace httpteleport::test {

// The Sec-WebSocket-Accept that answers this Sec-WebSocket-Key (section 4.2.2), by OpenSSL.
std::string websocket_accept(std::string_view key);

// A request for an upgrade to WebSocket with `key`.
std::string websocket_request(std::string_view key, std::string_view target = "/chat");
// Its answer.
std::string websocket_answer(std::string_view key);
// The example of section 1.3.
inline constexpr std::string_view kWebSocketKey = "dGhlIHNhbXBsZSBub25jZQ==";

// One end, after the handshake. Owned by one thread at a time.
class WebSocket {
 public:
  enum class Role : uint8_t { kClient, kServer };
  static constexpr uint64_t kPayloadBytesMax = uint64_t{4} << 20;

  WebSocket(Socket socket, Role role) : socket_(std::move(socket)), role_(role) {}

  // Connects, asks for the upgrade and checks the answer. On failure the result is empty and
  // `error` says why. `receive_buffer_bytes`: as of Socket::connect().
  static std::optional<WebSocket> open(const Address& address, std::string& error,
                                       int receive_buffer_bytes = 0);

  // A binary frame; a client's is masked.
  IoStatus send_frame(std::string_view payload, Deadline deadline = after());
  // The payload of the next frame. A frame that is malformed shows as kTooLong.
  Received read_frame(Deadline deadline = after());

  Socket& socket() { return socket_; }

 private:
  Socket socket_;
  Role role_;
};

// A frame as that end sends it.
std::string websocket_frame(std::string_view payload, WebSocket::Role role);

// Listens from construction on, with one thread for each connection. Frames go back as they come;
// one with the payload "reset" makes it reset the connection. FIN is answered by FIN. GET
// /bytes/N?seed=S without an upgrade is answered as origin.h does.
class WebSocketEcho {
 public:
  WebSocketEcho();
  ~WebSocketEcho();
  WebSocketEcho(const WebSocketEcho&) = delete;
  WebSocketEcho& operator=(const WebSocketEcho&) = delete;

  Address address() const { return listener_.address(); }
  // Connections so far that switched, that ended in order, and that the peer reset.
  int opened() const { return opened_; }
  int ended() const { return ended_; }
  int resets() const { return resets_; }

 private:
  void accept_all();
  void serve(Socket& socket);
  // Answers requests up to one for an upgrade. False when none came.
  static bool shake_hands(Socket& socket);

  Listener listener_;
  std::atomic<int> opened_{0};
  std::atomic<int> ended_{0};
  std::atomic<int> resets_{0};
  std::mutex mutex_;  // guards the closing of sockets
  std::list<Socket> sockets_;
  std::list<std::thread> threads_;
  std::thread acceptor_;
};

}  // namespace httpteleport::test
